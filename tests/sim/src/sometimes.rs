//! The rare branches that seeds are for, counted by name.
//!
//! They are counted from what a run left behind, without a hook in the product: its history, its
//! log, what nodes did, what they logged, and their figures. A set of seeds that never reaches one
//! proves nothing about it.

use std::collections::{BTreeMap, BTreeSet};

use flowmill_events::decode_result;
use flowmill_log::{Partition, Topic};
use flowmill_model::history::HistoryRecord;
use flowmill_model::task::Outcome;
use flowmill_model::{BatchNumber, Epoch, Offset, ShardId};

use crate::checker::{History, Left};

/// How often a run, or several, went through each branch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counts(BTreeMap<&'static str, usize>);

/// The names of the branches.
pub const NAMES: [&str; 16] = [
    FENCED,
    ZOMBIE,
    LOST_RACE,
    REDISPATCHED,
    AFTER_THE_END,
    TIMER_RACE,
    ROLLED_BACK,
    QUARANTINED,
    PASSIVATED,
    REWRITTEN,
    SWEPT,
    UNKNOWN_LANDED,
    INHERITED,
    HANDED_OVER,
    REJECTED,
    EXPELLED,
];

const FENCED: &str = "an owner is fenced";
const ZOMBIE: &str = "a zombie's batch is skipped";
const LOST_RACE: &str = "of two claims one loses";
const REDISPATCHED: &str = "a task is sent again after a take-over";
const AFTER_THE_END: &str = "a result comes after the end";
const TIMER_RACE: &str = "a timer wins against a result";
const ROLLED_BACK: &str = "staged transitions are dropped";
const QUARANTINED: &str = "an execution is quarantined";
const PASSIVATED: &str = "an input comes as its execution is let go";
const REWRITTEN: &str = "rows are written again at a replay";
const SWEPT: &str = "a task is swept";
const UNKNOWN_LANDED: &str = "an unknown outcome had landed";
const INHERITED: &str = "a deferral is resolved after a take-over";
const HANDED_OVER: &str = "a shard is handed over";
const REJECTED: &str = "an input is rejected";
const EXPELLED: &str = "a node loses its group";

/// The branch that only a build with mutations can reach, where transitions can be made to panic.
pub const NEEDS_MUTATIONS: &str = QUARANTINED;

impl Default for Counts {
    fn default() -> Self {
        Self(NAMES.iter().map(|name| (*name, 0)).collect())
    }
}

impl Counts {
    /// Adds what another run counted.
    pub fn add(&mut self, other: &Self) {
        for (name, count) in &other.0 {
            *self.0.entry(name).or_default() += count;
        }
    }

    /// Every name with its count.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, usize)> {
        self.0.iter().map(|(name, count)| (*name, *count))
    }

    /// The branches that were never gone through, of those that this build can reach.
    pub fn never(&self) -> Vec<&'static str> {
        let can = |name: &str| cfg!(feature = "mutations") || name != NEEDS_MUTATIONS;
        self.iter().filter(|(name, count)| *count == 0 && can(name)).map(|(name, _)| name).collect()
    }

    fn note(&mut self, name: &'static str, count: usize) {
        *self.0.entry(name).or_default() += count;
    }
}

/// Counts the branches that a run went through.
pub fn count(left: &Left<'_>, histories: &BTreeMap<ShardId, History>) -> Counts {
    let mut counts = Counts::default();
    for (shard, history) in histories {
        of_history(history, &mut counts);
        of_results(left, *shard, history, &mut counts);
        let landed = left.pages.unknown.iter().filter(|name| is_valid(history, *shard, name));
        counts.note(UNKNOWN_LANDED, landed.count());
    }
    of_log_lines(&left.trace, &mut counts);
    let sent_again = left.pages.task_epochs.values().filter(|epochs| epochs.len() > 1);
    counts.note(REDISPATCHED, sent_again.count());
    counts.note(PASSIVATED, left.pages.reloaded);
    counts.note(REWRITTEN, left.pages.rewritten);
    counts.note(QUARANTINED, total(left, "flowmill_executions_quarantined_total "));
    counts
}

fn of_history(history: &History, counts: &mut Counts) {
    let valid: BTreeSet<(Epoch, BatchNumber)> =
        history.batches.iter().map(|(_, batch)| (batch.epoch, batch.number)).collect();
    let mut dropped = BTreeSet::new();
    for (_, record) in &history.skipped {
        match record {
            HistoryRecord::Claim(_) => counts.note(LOST_RACE, 1),
            HistoryRecord::Batch(batch) if valid.contains(&(batch.epoch, batch.number)) => {}
            HistoryRecord::Batch(batch) => {
                counts.note(ZOMBIE, 1);
                if !batch.transitions.is_empty() && dropped.insert((batch.epoch, batch.number)) {
                    counts.note(ROLLED_BACK, 1);
                }
            }
        }
    }
    let rejected = history.batches.iter().map(|(_, batch)| batch.rejected.len());
    counts.note(REJECTED, rejected.sum());
    counts.note(INHERITED, history.inherited);
    counts.note(SWEPT, history.events.get("task-redispatched").copied().unwrap_or_default());
}

/// Results that came too late, as the topic still has them.
fn of_results(left: &Left<'_>, shard: ShardId, history: &History, counts: &mut Counts) {
    let ends: Vec<(Offset, BatchNumber)> =
        history.batches.iter().map(|(_, b)| (b.positions.results, b.number)).collect();
    let mut raced = BTreeSet::new();
    for fetched in left.log.records(&Partition::of_shard(Topic::Results, shard)) {
        let Ok(result) = decode_result(&fetched.record) else { continue };
        let (id, is_done) = (result.id, matches!(result.outcome, Outcome::Completed(_)));
        let decided = ends.partition_point(|(end, _)| *end <= fetched.offset);
        let Some((_, decided)) = ends.get(decided).filter(|_| is_done) else { continue };
        let ended = history.ended.get(&id.execution).is_some_and(|ended| ended < decided);
        counts.note(AFTER_THE_END, usize::from(ended));
        let timed_out = history.tasks.get(&(id, result.token)).is_some_and(|life| life.timed_out);
        if timed_out && raced.insert((id, result.token)) {
            counts.note(TIMER_RACE, 1);
        }
    }
}

fn of_log_lines(trace: &[String], counts: &mut Counts) {
    for line in trace {
        let fenced =
            line.contains("the shard is claimed again") && line.contains("another node claimed");
        counts.note(FENCED, usize::from(fenced));
        counts.note(HANDED_OVER, usize::from(line.contains("the shard is left to its next owner")));
        counts.note(
            EXPELLED,
            usize::from(line.contains(" pause ") && line.contains("expelled true")),
        );
    }
}

fn is_valid(history: &History, shard: ShardId, name: &(ShardId, Epoch, BatchNumber)) -> bool {
    let (of, epoch, number) = name;
    let same =
        |batch: &flowmill_model::history::Batch| (batch.epoch, batch.number) == (*epoch, *number);
    *of == shard && history.batches.iter().any(|(_, batch)| same(batch))
}

/// The sum of a counter over all nodes.
fn total(left: &Left<'_>, name: &str) -> usize {
    let of_node = |metrics: &flowmill_telemetry::Metrics| {
        let text = metrics.render();
        let value = text.lines().find_map(|line| line.strip_prefix(name));
        value.and_then(|value| value.trim().parse().ok()).unwrap_or(0)
    };
    left.metrics.iter().map(of_node).sum()
}
