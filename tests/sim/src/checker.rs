//! Looks at what a run left behind: the log, the store, and what callers were told.
//!
//! It applies the rule of validity in its own words, folds events itself, and compares. It shares
//! with the code under test only the decoders and `evolve`.
//!
//! [`History`] and [`compare`] work on any log and any store, so clusters of real processes can be
//! looked at, too; [`check`] is the whole look at a simulated run.

mod history;
mod projection;

use std::collections::BTreeMap;

use flowmill_engine::Execution;
use flowmill_log::memory::MemoryLog;
use flowmill_model::history::Batch;
use flowmill_model::{ExecutionId, ShardId};
use flowmill_store::Store;

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

/// The shard that is simulated.
const SHARD: ShardId = ShardId::new(0);

/// Checks a run. `rested` says whether everything came to rest in time.
pub async fn check(log: &MemoryLog, store: &dyn Store, ledger: &Ledger, rested: bool) -> Report {
    let history = read(log);
    let mut report = Report {
        violations: history.violations.clone(),
        executions: history.executions.len(),
        transitions: history.transitions,
        batches: history.batches.len(),
        skipped: history.skipped.len(),
        deferred: history.deferred,
        claims: history.claims.len(),
    };
    report.violations.extend(history.early.iter().cloned());
    if !rested {
        report.violations.push("I7: not every execution ended in time".into());
    }
    if history.unresolved() > 0 {
        report.violations.push(format!("S1: {} inputs were never resolved", history.unresolved()));
    }
    report.violations.extend(check_ledger(ledger, &history.executions));
    report.violations.extend(compare(store, SHARD, &history).await);
    report
}

/// Whether every execution that callers know to exist has ended, by the log alone.
pub fn all_ended(log: &MemoryLog, ledger: &Ledger) -> bool {
    let folded = read(log).executions;
    let known = ledger.started.keys().all(|id| folded.contains_key(id));
    known && folded.values().all(Execution::is_ended)
}

fn read(log: &MemoryLog) -> History {
    let records = log.records(&history_partition()).into_iter();
    History::read(records.map(|fetched| (fetched.offset, fetched.record.value)))
}

/// Every acknowledged start exists, nothing exists that nobody asked for, and all has ended.
fn check_ledger(ledger: &Ledger, folded: &BTreeMap<ExecutionId, Execution>) -> Vec<String> {
    let lost = ledger.started.keys().filter(|id| !folded.contains_key(id));
    let lost = lost.map(|id| format!("I1: the acknowledged start {id} is lost"));
    let unasked = folded.keys().filter(|id| !ledger.tried.contains_key(id));
    let unasked = unasked.map(|id| format!("I1: nobody started {id}"));
    let open = folded.iter().filter(|(_, execution)| !execution.is_ended());
    let open = open.map(|(id, _)| format!("I7: {id} has not ended"));
    lost.chain(unasked).chain(open).collect()
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
    read(log).batches.iter().map(|(_, batch)| line(batch)).collect()
}
