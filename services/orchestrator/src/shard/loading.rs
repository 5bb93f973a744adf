//! Gets executions' states into memory: those that inputs are for, those above the watermark, and
//! those whose tasks a new owner must send again.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use flowmill_engine::{Execution, evolve};
use flowmill_log::{Survival, Topic};
use flowmill_model::event::Event;
use flowmill_model::history::{DefinitionRecord, RecordedTransition};
use flowmill_model::{BatchNumber, ExecutionId, Offset, limits};
use flowmill_store::{Store, StoreError, TimerRow};
use tokio::time::Instant;

use super::input::Input;
use super::live::{Live, Phase, weight_of};
use super::outputs::Output;
use super::serving::Serving;
use super::{LoadError, Next, ShardMessage};
use crate::projector::{Change, Projected};
use crate::takeover::TailBatch;

/// Pause before a state that could not be loaded is looked up again.
const LOAD_AGAIN: Duration = Duration::from_millis(200);

/// The executions above the watermark, which must be loaded before the projection goes on.
pub(super) struct Seeding {
    tails: BTreeMap<ExecutionId, Vec<(Offset, RecordedTransition)>>,
    batches: Vec<TailBatch>,
    /// Where history begins that may not have been sent, and the batch that holds the mark for it.
    unsent: Option<(Offset, BatchNumber)>,
    changes: Vec<Change>,
    /// What was committed in the meantime.
    pub(super) held: Vec<Projected>,
}

/// That a new owner sends an execution's pending tasks again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Resend {
    /// The batch that the mark stays below until that is done; `None` when a timer guards it.
    holds: Option<BatchNumber>,
}

/// The executions started lately.
#[derive(Debug, Default)]
pub(super) struct RecentStarts {
    ids: BTreeSet<ExecutionId>,
    in_order: VecDeque<(Instant, ExecutionId)>,
}

impl RecentStarts {
    /// Notes a start; forgets those that nobody repeats any more.
    pub(super) fn add(&mut self, now: Instant, id: ExecutionId) {
        self.ids.insert(id);
        self.in_order.push_back((now, id));
        let old =
            |entry: &(Instant, ExecutionId)| now.duration_since(entry.0) > limits::START_MEMORY;
        while let Some((_, id)) = self.in_order.pop_front_if(|entry| old(entry)) {
            self.ids.remove(&id);
        }
    }

    fn contains(&self, id: ExecutionId) -> bool {
        self.ids.contains(&id)
    }
}

impl Serving {
    /// Has every execution above the watermark loaded, for the projection and, above the mark,
    /// to send its tasks again.
    pub(super) fn seed(
        &mut self,
        tails: BTreeMap<ExecutionId, Vec<(Offset, RecordedTransition)>>,
        batches: Vec<TailBatch>,
        recorded: BatchNumber,
    ) {
        let first_unsent = batches.iter().find(|b| b.number > recorded).map(|b| b.offset);
        let derivable = self.tasks_are_derivable();
        for (id, tail) in &tails {
            let unsent = tail.last().is_some_and(|(at, _)| first_unsent.is_some_and(|f| *at >= f));
            if derivable || unsent {
                let holds = recorded.next();
                self.resend.insert(*id, Resend { holds: Some(holds) });
                self.mark.begin(holds);
            }
        }
        let ids: Vec<_> = tails.keys().copied().collect();
        let unsent = first_unsent.map(|offset| (offset, recorded.next()));
        self.seeding = Some(Seeding { tails, batches, unsent, changes: vec![], held: vec![] });
        ids.into_iter().for_each(|id| self.load(id));
        self.finish_seeding();
    }

    /// Whether a new owner must send every pending task again.
    pub(super) fn tasks_are_derivable(&self) -> bool {
        // Task queues are made on first use and as results are, which are there from the start.
        self.shared.log.survival(&Topic::Results) == Survival::Derivable
    }

    /// Makes sure an execution is in memory, or on its way there.
    pub(super) fn ensure(&mut self, id: ExecutionId, fresh: bool) {
        let now = self.shared.clock.now();
        if let Some(live) = self.executions.get_mut(id) {
            live.touched = now;
            return;
        }
        if fresh {
            self.executions.insert(id, Live::new(Phase::Idle, None, now));
        } else {
            self.load(id);
        }
    }

    /// Whether an input starts an execution that certainly is not there yet, so that no look
    /// into the store is needed: its id is new by construction, and this owner knows every such
    /// start of the time in which a gateway may repeat it.
    pub(super) fn is_fresh(&self, input: &Input) -> bool {
        let Some(sent_at) = input.unkeyed_start() else { return false };
        if broken!(self.shared.settings, DuplicateStart) {
            return true;
        }
        let now = self.shared.clock.now();
        let repeatable = now.since(sent_at) >= limits::START_REPEATS;
        let knows_all = self.since.elapsed() >= limits::START_MEMORY;
        knows_all && !repeatable && !self.recent.contains(input.execution)
    }

    /// Looks an execution's state up.
    pub(super) fn load(&mut self, id: ExecutionId) {
        let now = self.shared.clock.now();
        if self.executions.get(id).is_none() {
            self.executions.insert(id, Live::new(Phase::Loading, None, now));
        }
        let tail = self.seeding.as_ref().and_then(|seeding| seeding.tails.get(&id));
        let tail = tail.cloned().unwrap_or_default();
        let (store, loads) = (Arc::clone(&self.shared.store), Arc::clone(&self.loads));
        let incarnation = self.incarnation;
        self.beside("load", async move {
            let permit = loads.acquire_owned().await;
            let loaded = load(store.as_ref(), id, &tail).await;
            drop(permit);
            if matches!(loaded, Err(LoadError::Store(_))) {
                tokio::time::sleep(LOAD_AGAIN).await;
            }
            ShardMessage::Loaded(incarnation, id, loaded)
        });
    }

    pub(super) fn loaded(
        &mut self,
        id: ExecutionId,
        loaded: Result<Option<Arc<Execution>>, LoadError>,
    ) -> Next {
        let committed = match loaded {
            Ok(committed) => committed,
            Err(LoadError::Store(error @ StoreError::Damaged(_))) => {
                return Next::Halt(error.to_string());
            }
            Err(LoadError::Damaged(why)) => {
                return Next::Halt(format!("the state of execution {id} cannot be used: {why}"));
            }
            Err(LoadError::Store(error)) => {
                tracing::warn!(shard = %self.id, execution = %id, %error, "loading again");
                self.load(id);
                return Next::Serve;
            }
        };
        let Some(live) = self.executions.get_mut(id) else { return Next::Serve };
        live.phase = Phase::Idle;
        live.committed.clone_from(&committed);
        if let Some(execution) = &committed {
            self.seeded(id, execution);
            self.send_again(execution);
        }
        self.give_group(id);
        self.give_waiting(id);
        self.answer_readers(id);
        Next::Serve
    }

    /// Takes in an execution from above the watermark.
    fn seeded(&mut self, id: ExecutionId, execution: &Arc<Execution>) {
        let Some(seeding) = &mut self.seeding else { return };
        let Some(tail) = seeding.tails.remove(&id) else { return };
        let Some((offset, _)) = tail.last() else { return };
        let offset = *offset;
        let unsent = seeding.unsent;
        if let Some((first, holds)) = unsent {
            let above = tail.iter().filter(|(at, _)| *at >= first);
            let above: Vec<_> = above.map(|(_, recorded)| recorded.clone()).collect();
            self.tell_again(execution, &above, holds);
        }
        let Some(seeding) = &mut self.seeding else { return };
        let transitions: Vec<_> = tail.into_iter().map(|(_, recorded)| recorded).collect();
        if let Some(live) = self.executions.get_mut(id) {
            live.unflushed.extend(transitions.iter().cloned());
            self.unflushed += transitions.iter().map(weight_of).sum::<usize>();
        }
        for row in crate::projector::timer_rows(execution) {
            self.timers.set(row.key);
        }
        // The rows hold whatever earlier timers there were; each is checked when it is due.
        let after = Arc::clone(execution);
        seeding.changes.push(Change { id, offset, before: None, after, transitions });
        self.finish_seeding();
    }

    fn finish_seeding(&mut self) {
        let done = self.seeding.as_ref().is_some_and(|seeding| seeding.tails.is_empty());
        if !done {
            return;
        }
        let Some(Seeding { batches, changes, held, .. }) = self.seeding.take() else { return };
        if !batches.is_empty() {
            self.project(Projected { batches, changes });
        }
        held.into_iter().for_each(|projected| self.project(projected));
    }

    /// Sends an execution's pending tasks again, if this term owes it.
    ///
    /// They are not sent as of the newest batch. Workers drop a task of a batch above the mark that a
    /// later owner has found, since that one sends it again; but it does so with what was decided
    /// above that mark, which these were long before. So they name a batch that no later owner finds
    /// a mark below without sending them again.
    fn send_again(&mut self, execution: &Arc<Execution>) {
        let Some(Resend { holds }) = self.resend.remove(&execution.id()) else { return };
        tracing::debug!(execution = %execution.id(), "sending pending tasks again");
        let (epoch, named) = (self.judge.epoch(), holds.unwrap_or(self.mark_found));
        #[cfg(feature = "mutations")]
        let named = if broken!(self.shared.settings, SentAgainAsNewest) {
            self.judge.number()
        } else {
            named
        };
        let task = |spec| Output::task(execution, spec, epoch, named);
        let outputs: Vec<_> = execution.tasks().filter_map(task).collect();
        self.shared.metrics.redispatched(outputs.len());
        self.deliver(holds.unwrap_or_else(|| self.judge.number().next()), outputs);
        if let Some(holds) = holds {
            self.mark.end(holds);
        }
    }

    /// Sends the tasks again that timers found in the table guard: their queues are gone.
    pub(super) fn resend_of(&mut self, rows: &[TimerRow]) {
        for row in rows.iter().filter(|row| row.task) {
            let id = row.key.execution;
            let known = self.sent.knows(id) || self.resend.contains_key(&id);
            if known || self.executions.get(id).is_some() {
                continue;
            }
            self.resend.insert(id, Resend { holds: None });
            self.load(id);
        }
    }

    pub(super) fn resend_definitions(
        &mut self,
        unsent: Vec<DefinitionRecord>,
        recorded: BatchNumber,
    ) {
        if !unsent.is_empty() {
            let outputs = unsent.into_iter().map(Output::Definition).collect();
            self.deliver(recorded.next(), outputs);
        }
    }
}

/// Looks a state up and brings it up to date with the events above the watermark.
async fn load(
    store: &dyn Store,
    id: ExecutionId,
    tail: &[(Offset, RecordedTransition)],
) -> Result<Option<Arc<Execution>>, LoadError> {
    let damaged = |why: String| LoadError::Damaged(why);
    let stored = store.load(id).await.map_err(LoadError::Store)?;
    if stored.is_none() && tail.is_empty() {
        return Ok(None);
    }
    let mut execution = match stored {
        Some(row) => Execution::decode(&row.state).map_err(|error| damaged(error.to_string()))?,
        None => Execution::new(id),
    };
    for (offset, RecordedTransition { transition, .. }) in tail {
        let events = Event::decode_all(&transition.events.0);
        let events =
            events.map_err(|error| damaged(format!("in the batch at offset {offset}: {error}")))?;
        let mut at = transition.first;
        for event in &events {
            if at > execution.sequence() {
                return Err(damaged(format!("events before {at} are missing")));
            }
            if at == execution.sequence() {
                evolve(&mut execution, event);
            }
            at = at.next();
        }
    }
    Ok(Some(Arc::new(execution)))
}
