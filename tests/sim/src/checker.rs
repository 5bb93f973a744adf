//! Looks at what a run left behind: the log, the store, and what callers were told.
//!
//! It applies the rule of validity in its own words, folds events itself, and compares. It shares
//! with the code under test only the decoders and `evolve`.

mod history;
mod projection;

use std::collections::{BTreeMap, BTreeSet};

use flowmill_engine::{Execution, evolve};
use flowmill_log::memory::MemoryLog;
use flowmill_model::event::Event;
use flowmill_model::history::{Batch, HistoryRecord, InputRef};
use flowmill_model::{ExecutionId, envelope};
use flowmill_store::Store;
use flowmill_store::memory::MemoryStore;

pub use self::history::History;
pub use self::projection::compare;

use crate::caller::Ledger;
use crate::world::history as history_partition;

/// What the checker found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// What must not be. Empty in a good run.
    pub violations: Vec<String>,
    /// Executions that exist.
    pub executions: usize,
    /// Transitions that count.
    pub transitions: usize,
    /// Batches that count.
    pub batches: usize,
    /// Records of history that do not count.
    pub skipped: usize,
    /// Inputs that were deferred.
    pub deferred: usize,
    /// Claims that are valid.
    pub claims: usize,
}

/// Checks a run. `rested` says whether everything came to rest in time.
pub async fn check(log: &MemoryLog, store: &MemoryStore, ledger: &Ledger, rested: bool) -> Report {
    let mut report = Report::default();
    if !rested {
        report.violations.push("I7: not every execution ended in time".into());
    }
    let batches = valid_batches(log, &mut report);
    check_inputs(&batches, &mut report);
    let folded = fold(&batches, &mut report);
    check_ledger(ledger, &folded, &mut report);
    check_store(store, &folded, &mut report).await;
    report.executions = folded.len();
    report
}

/// Whether every execution that callers know to exist has ended, by the log alone.
pub fn all_ended(log: &MemoryLog, ledger: &Ledger) -> bool {
    let batches = valid_batches(log, &mut Report::default());
    let folded = fold(&batches, &mut Report::default());
    let known = ledger.started.keys().all(|id| folded.contains_key(id));
    known && folded.values().all(Execution::is_ended)
}

/// The batches that count: epoch of the latest valid claim, number one more than the last.
fn valid_batches(log: &MemoryLog, report: &mut Report) -> Vec<Batch> {
    let (mut epoch, mut number, mut batches) = (0, 0, Vec::new());
    for fetched in log.records(&history_partition()) {
        let record = match HistoryRecord::decode(&fetched.record.value) {
            Ok(record) => record,
            Err(error) => {
                report.violations.push(format!("history {}: {error}", fetched.offset));
                continue;
            }
        };
        match record {
            HistoryRecord::Claim(claim) if claim.epoch.get() == epoch + 1 => {
                epoch += 1;
                report.claims += 1;
            }
            HistoryRecord::Batch(batch)
                if batch.epoch.get() == epoch && batch.number.get() == number + 1 =>
            {
                number += 1;
                batches.push(*batch);
            }
            HistoryRecord::Batch(batch)
                if batch.epoch.get() == epoch && batch.number.get() > number + 1 =>
            {
                report.violations.push(format!("I2: batch {} is missing", number + 1));
            }
            HistoryRecord::Claim(_) | HistoryRecord::Batch(_) => report.skipped += 1,
        }
    }
    report.batches = batches.len();
    batches
}

/// Prints batches for a look at a failing seed.
pub fn dump(log: &MemoryLog) -> Vec<String> {
    let line = |batch: &Batch| {
        let deferred: Vec<_> = batch.deferred.iter().map(|d| d.input).collect();
        format!(
            "{}/{} mark {} {:?} resolved {:?} deferred {deferred:?} transitions {:?}",
            batch.epoch,
            batch.number,
            batch.mark,
            batch.positions,
            batch.resolved,
            batch
                .transitions
                .iter()
                .map(|t| (t.execution.to_string(), t.first.get(), t.count))
                .collect::<Vec<_>>(),
        )
    };
    valid_batches(log, &mut Report::default()).iter().map(line).collect()
}

/// Deferred inputs are resolved once; the mark and the positions never fall.
fn check_inputs(batches: &[Batch], report: &mut Report) {
    let mut open: BTreeSet<InputRef> = BTreeSet::new();
    let (mut mark, mut commands) = (0, 0);
    for batch in batches {
        for input in &batch.resolved {
            if !open.remove(input) {
                let by = format!("batch {} of epoch {}", batch.number, batch.epoch);
                report.violations.push(format!("S8: {by} resolves {input:?}, not deferred"));
            }
        }
        for deferred in &batch.deferred {
            report.deferred += 1;
            if !open.insert(deferred.input) {
                report.violations.push(format!("S8: {:?} is deferred twice", deferred.input));
            }
        }
        if batch.mark.get() < mark || batch.mark >= batch.number {
            report.violations.push(format!("mark {} in batch {}", batch.mark, batch.number));
        }
        if batch.positions.commands.get() < commands {
            report.violations.push(format!("positions fall in batch {}", batch.number));
        }
        (mark, commands) = (batch.mark.get(), batch.positions.commands.get());
    }
    if !open.is_empty() {
        report.violations.push(format!("S1: {} inputs were never resolved", open.len()));
    }
}

/// Folds every execution; sequences must be contiguous from 0.
fn fold(batches: &[Batch], report: &mut Report) -> BTreeMap<ExecutionId, Execution> {
    let mut folded: BTreeMap<ExecutionId, Execution> = BTreeMap::new();
    for transition in batches.iter().flat_map(|batch| &batch.transitions) {
        report.transitions += 1;
        let id = transition.execution;
        let execution = folded.entry(id).or_insert_with(|| Execution::new(id));
        if transition.first != execution.sequence() {
            let (found, expected) = (transition.first, execution.sequence());
            report.violations.push(format!("I2: {id} has event {found} after {expected}"));
            continue;
        }
        match Event::decode_all(&transition.events.0) {
            Ok(events) => events.iter().for_each(|event| evolve(execution, event)),
            Err(error) => report.violations.push(format!("{id}: {error}")),
        }
    }
    folded
}

/// Every acknowledged start exists; nothing exists that nobody asked for.
fn check_ledger(ledger: &Ledger, folded: &BTreeMap<ExecutionId, Execution>, report: &mut Report) {
    for id in ledger.started.keys().filter(|id| !folded.contains_key(id)) {
        report.violations.push(format!("I1: the acknowledged start {id} is lost"));
    }
    for (id, execution) in folded {
        if !ledger.tried.contains_key(id) {
            report.violations.push(format!("I1: nobody started {id}"));
        }
        if !execution.is_ended() {
            report.violations.push(format!("I7: {id} has not ended"));
        }
    }
}

/// The store holds what the log says, to the byte, and its histories are whole.
async fn check_store(
    store: &MemoryStore,
    folded: &BTreeMap<ExecutionId, Execution>,
    report: &mut Report,
) {
    for (id, execution) in folded {
        match store.load(*id).await {
            Ok(Some(row)) if row.state[..] == execution.encode()[..] => {}
            Ok(Some(row)) => {
                let (stored, logged) = (row.sequence, execution.sequence());
                report
                    .violations
                    .push(format!("I4: {id} is stored at {stored}, logged at {logged}"));
            }
            Ok(None) => report.violations.push(format!("I4: {id} is not in the store")),
            Err(error) => report.violations.push(format!("I4: {id}: {error}")),
        }
        if let Err(why) = check_history(store, *id, execution).await {
            report.violations.push(format!("I4: history of {id}: {why}"));
        }
    }
}

async fn check_history(
    store: &MemoryStore,
    id: ExecutionId,
    execution: &Execution,
) -> Result<(), String> {
    let start = flowmill_model::Sequence::new(0);
    let rows = store.history(id, start, 10_000).await.map_err(|error| error.to_string())?;
    let mut next = start;
    let mut refolded = Execution::new(id);
    for row in rows {
        let mut rest = &row.blob[..];
        while !rest.is_empty() {
            let frame = envelope::read(&mut rest).map_err(|error| error.to_string())?;
            let recorded: flowmill_model::history::RecordedTransition =
                frame.decode().map_err(|error| error.to_string())?;
            let events = Event::decode_all(&recorded.transition.events.0);
            for (at, event) in
                (recorded.transition.first.get()..).zip(events.map_err(|e| e.to_string())?)
            {
                if at == next.get() {
                    evolve(&mut refolded, &event);
                    next = next.next();
                }
            }
        }
    }
    if refolded.encode() == execution.encode() { Ok(()) } else { Err(format!("ends at {next}")) }
}
