//! Looks at what a run left behind: the log, the store, what callers were told, what nodes did.
//!
//! It applies the rule of validity in its own words, folds events itself, and compares. It shares
//! with the code under test only the decoders and `evolve`.
//!
//! [`History`] and [`compare`] work on any log and any store, so clusters of real processes can be
//! looked at, too; [`check`] is the whole look at a simulated run.

mod history;
mod order;
mod outputs;
mod projection;

use std::collections::BTreeMap;

use flowmill_engine::Execution;
use flowmill_log::memory::MemoryLog;
use flowmill_model::event::Event;
use flowmill_model::history::{Batch, Transition};
use flowmill_model::{ExecutionId, ShardId};
use flowmill_store::Store;
use flowmill_telemetry::Metrics;

pub use history::{History, TaskLife};
pub use projection::compare;

use crate::caller::Ledger;
use crate::journal::Pages;
use crate::nemesis::Plan;
use crate::sometimes::{self, Counts};
use crate::worker::Answers;
use crate::world::history_of;

/// What a run left behind.
pub struct Left<'a> {
    /// The log.
    pub log: &'a MemoryLog,
    /// The store.
    pub store: &'a dyn Store,
    /// What callers know.
    pub ledger: Ledger,
    /// What nodes did.
    pub pages: Pages,
    /// What workers sent.
    pub answers: Answers,
    /// What happened.
    pub trace: Vec<String>,
    /// The figures of every node there was.
    pub metrics: &'a [Metrics],
    /// What went wrong on purpose.
    pub plan: Plan,
    /// Whether everything came to rest in time.
    pub rested: bool,
}

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
    /// The rare branches that the run went through.
    pub sometimes: Counts,
}

/// Checks a run; also gives its batches, line by line, for a look at a failing seed.
pub async fn check(left: Left<'_>) -> (Report, Vec<String>) {
    let mut histories = Histories::new(left.plan.shards);
    histories.read_on(left.log);
    let mut report = Report { violations: of_callers(&left, &histories), ..Report::default() };
    for (shard, history) in &histories.0 {
        report.add(history);
        let violations = of_shard(&left, *shard, history).await;
        report
            .violations
            .extend(violations.into_iter().map(|line| format!("shard {shard}: {line}")));
    }
    report.sometimes = sometimes::count(&left, &histories.0);
    (report, histories.dump())
}

impl Report {
    fn add(&mut self, history: &History) {
        self.executions += history.executions.len();
        self.transitions += history.transitions;
        self.batches += history.batches.len();
        self.skipped += history.skipped.len();
        self.deferred += history.deferred;
        self.claims += history.claims.len();
    }
}

/// What must not be, of one shard.
async fn of_shard(left: &Left<'_>, shard: ShardId, history: &History) -> Vec<String> {
    let mut violations = history.violations.clone();
    if !left.plan.clocks {
        violations.extend(history.early.iter().cloned());
    }
    if history.unresolved() > 0 {
        violations.push(format!("S1: {} inputs were never resolved", history.unresolved()));
    }
    if left.ledger.last.get(&shard).is_some_and(|last| history.positions().commands <= *last) {
        violations.push("S1: the last acknowledged command was never read".into());
    }
    violations.extend(order::check(shard, history, &left.pages, &left.answers, left.plan.clocks));
    violations.extend(compare(left.store, shard, history).await);
    violations
}

/// What must not be, as callers see it: every acknowledged start exists, nothing exists that nobody
/// asked for, all has ended, and no node gave up.
fn of_callers(left: &Left<'_>, histories: &Histories) -> Vec<String> {
    let mut violations = left.ledger.violations.clone();
    if !left.rested {
        violations.push("I7: not every execution ended in time".into());
    }
    let ledger = &left.ledger;
    let lost = ledger.started.keys().filter(|id| histories.get(**id).is_none());
    violations.extend(lost.map(|id| format!("I1: the acknowledged start {id} is lost")));
    for (id, execution) in histories.executions() {
        if !ledger.tried.contains_key(id) {
            violations.push(format!("I1: nobody started {id}"));
        }
        if !execution.is_ended() {
            violations.push(format!("I7: {id} has not ended"));
        }
        violations.extend(outputs::check(execution).map(|wrong| format!("I2: {id}: {wrong}")));
    }
    let halted = left.trace.iter().filter(|line| line.contains("the shard is halted"));
    violations.extend(halted.map(|line| format!("I7: {}", line.trim())));
    violations
}

/// The histories of all shards of a simulated log.
pub struct Histories(BTreeMap<ShardId, History>);

impl Histories {
    /// Those of a log with so many shards, of which nothing is read yet.
    pub fn new(shards: u16) -> Self {
        Self((0..shards).map(|shard| (ShardId::new(shard), History::default())).collect())
    }

    /// Reads on to their ends.
    pub fn read_on(&mut self, log: &MemoryLog) {
        for (shard, history) in &mut self.0 {
            let records = log.records(&history_of(*shard)).into_iter();
            history.extend(records.map(|fetched| (fetched.offset, fetched.record.value)));
        }
    }

    /// Whether every execution that callers know to exist has ended.
    pub fn all_ended(&self, ledger: &Ledger) -> bool {
        let known = ledger.started.keys().all(|id| self.get(*id).is_some());
        known && self.executions().all(|(_, execution)| execution.is_ended())
    }

    /// The executions that are put aside.
    pub fn quarantined(&self) -> Vec<ExecutionId> {
        let quarantined = self.executions().filter(|(_, execution)| execution.is_quarantined());
        quarantined.map(|(id, _)| *id).collect()
    }

    fn get(&self, id: ExecutionId) -> Option<&Execution> {
        self.0.get(&id.shard())?.executions.get(&id)
    }

    fn executions(&self) -> impl Iterator<Item = (&ExecutionId, &Execution)> {
        self.0.values().flat_map(|history| &history.executions)
    }

    fn dump(&self) -> Vec<String> {
        let of_shard = |(shard, history): (&ShardId, &History)| {
            let lines = history.batches.iter().map(|(_, batch)| line(*shard, batch));
            lines.collect::<Vec<_>>()
        };
        self.0.iter().flat_map(of_shard).collect()
    }
}

fn line(shard: ShardId, batch: &Batch) -> String {
    let deferred: Vec<_> = batch.deferred.iter().map(|d| d.input).collect();
    let transitions = batch.transitions.iter();
    let transitions = transitions.map(|t| (t.execution.to_string(), t.first.get(), names(t)));
    format!(
        "shard {shard} {}/{} at {} mark {} {:?} resolved {:?} deferred {deferred:?} transitions {:?}",
        batch.epoch,
        batch.number,
        batch.at,
        batch.mark,
        batch.positions,
        batch.resolved,
        transitions.collect::<Vec<_>>(),
    )
}

/// The names of a transition's events.
fn names(transition: &Transition) -> Vec<&'static str> {
    let events = Event::decode_all(&transition.events.0).unwrap_or_default();
    events.iter().map(Event::name).collect()
}
