//! Compares a store with what the log says.

use flowmill_engine::{Execution, evolve};
use flowmill_model::event::Event;
use flowmill_model::history::RecordedTransition;
use flowmill_model::{ExecutionId, Sequence, ShardId, envelope};
use flowmill_store::{Store, Watermark};
use futures::{StreamExt, stream};

use super::History;

/// History rows asked for at once.
const ROWS: usize = 10_000;

/// Executions compared at the same time.
const AT_ONCE: usize = 16;

/// Says where a store that has caught up differs from the history of a shard: executions that it
/// does not hold to the byte, histories that are not whole, marks that stand on no valid batch.
pub async fn compare(store: &dyn Store, shard: ShardId, history: &History) -> Vec<String> {
    let each = stream::iter(&history.executions)
        .map(|(id, execution)| check_execution(store, *id, execution))
        .buffered(AT_ONCE);
    let mut violations = each.collect::<Vec<_>>().await.concat();
    match store.watermarks(shard).await {
        Ok(marks) => {
            let marks = marks.into_iter().flat_map(|m| [Some(m.watermark), m.margin]);
            let wrong = marks.flatten().filter(|mark| !stands(mark, history));
            violations.extend(wrong.map(|mark| format!("I4: {mark:?} stands on no valid batch")));
        }
        Err(error) => violations.push(format!("I4: the marks of shard {shard}: {error}")),
    }
    violations
}

async fn check_execution(store: &dyn Store, id: ExecutionId, execution: &Execution) -> Vec<String> {
    let state = check_state(store, id, execution).await;
    let history = check_history(store, id, execution).await;
    let state = state.err().map(|why| format!("I4: {id} {why}"));
    let history = history.err().map(|why| format!("I4: history of {id}: {why}"));
    state.into_iter().chain(history).collect()
}

/// Whether a mark is what the log gives at its offset, and not above the dispatched mark that any
/// valid batch records.
fn stands(mark: &Watermark, history: &History) -> bool {
    let found = history.batches.binary_search_by_key(&mark.offset, |(offset, _)| *offset);
    let Some((_, batch)) = found.ok().and_then(|at| history.batches.get(at)) else { return false };
    let dispatched = history.batches.last().is_some_and(|(_, last)| mark.batch <= last.mark);
    let given = (batch.epoch, batch.number, batch.mark, batch.positions);
    dispatched && given == (mark.epoch, mark.batch, mark.mark, mark.positions)
}

async fn check_state(
    store: &dyn Store,
    id: ExecutionId,
    execution: &Execution,
) -> Result<(), String> {
    match store.load(id).await {
        Ok(Some(row)) if row.state[..] == execution.encode()[..] => Ok(()),
        Ok(Some(row)) => {
            Err(format!("is stored at {}, logged at {}", row.sequence, execution.sequence()))
        }
        Ok(None) => Err("is not in the store".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

async fn check_history(
    store: &dyn Store,
    id: ExecutionId,
    execution: &Execution,
) -> Result<(), String> {
    let mut next = Sequence::new(0);
    let rows = store.history(id, next, ROWS).await.map_err(|error| error.to_string())?;
    let mut refolded = Execution::new(id);
    for row in rows {
        let mut rest = &row.blob[..];
        while !rest.is_empty() {
            let frame = envelope::read(&mut rest).map_err(|error| error.to_string())?;
            let recorded: RecordedTransition = frame.decode().map_err(|error| error.to_string())?;
            let events = Event::decode_all(&recorded.transition.events.0);
            let events = events.map_err(|error| error.to_string())?;
            for (at, event) in (recorded.transition.first.get()..).zip(events) {
                if at == next.get() {
                    evolve(&mut refolded, &event);
                    next = next.next();
                }
            }
        }
    }
    if refolded.encode() == execution.encode() { Ok(()) } else { Err(format!("ends at {next}")) }
}
