//! Shards: how each stands, and what their owners did.

use std::time::Duration;

use prometheus::{GaugeVec, Histogram, IntCounter, IntCounterVec, IntGaugeVec};

use super::Metrics;
use super::maker::Maker;
use crate::names;

/// The metrics of shards.
pub(super) struct Shards {
    commit_latency: Histogram,
    batch_decisions: Histogram,
    batch_bytes: Histogram,
    timer_lateness: Histogram,
    inputs_ignored: IntCounterVec,
    inputs_rejected: IntCounter,
    quarantined: IntCounter,
    claims: IntCounter,
    takeover_duration: Histogram,
    replay_duration: Histogram,
    replayed_batches: IntCounter,
    reclaims: IntCounter,
    history_gaps: IntCounter,
    lifecycle_late: IntCounter,
    lifecycle_lost: IntCounter,
    gauges: Gauges,
}

/// What is set by shard.
struct Gauges {
    owned: IntGaugeVec,
    halted: IntGaugeVec,
    projection_lag: IntGaugeVec,
    projection_age: GaugeVec,
    commands_waiting: IntGaugeVec,
    commands_lag: IntGaugeVec,
    deferred_inputs: IntGaugeVec,
    actors_live: IntGaugeVec,
    credits_left: IntGaugeVec,
    tasks_in_flight: IntGaugeVec,
}

/// How a shard stands, for the gauges.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ShardFigures {
    /// Whether it is served here.
    pub owned: bool,
    /// Whether it is here and stopped.
    pub halted: bool,
    /// Committed batches that are not in the store.
    pub projection_lag: u64,
    /// How long ago the oldest batch was committed that is not wholly in the store.
    pub projection_age: Duration,
    /// Commands in the log that are not in a batch.
    pub commands_waiting: u64,
    /// How long the oldest of them has waited.
    pub commands_lag: Duration,
    /// Inputs that cannot be decided yet.
    pub deferred: usize,
    /// Actors in memory.
    pub actors: usize,
    /// Commands that may still be read.
    pub credits: usize,
    /// Tasks whose result is awaited.
    pub tasks_in_flight: usize,
}

impl Shards {
    pub(super) fn new(make: &Maker<'_>) -> Self {
        Self {
            commit_latency: make.histogram(names::COMMIT_LATENCY),
            batch_decisions: make.histogram(names::BATCH_DECISIONS),
            batch_bytes: make.histogram(names::BATCH_BYTES),
            timer_lateness: make.histogram(names::TIMER_LATENESS),
            inputs_ignored: make.counters(names::INPUTS_IGNORED),
            inputs_rejected: make.counter(names::INPUTS_REJECTED),
            quarantined: make.counter(names::EXECUTIONS_QUARANTINED),
            claims: make.counter(names::SHARD_CLAIMS),
            takeover_duration: make.histogram(names::TAKEOVER_DURATION),
            replay_duration: make.histogram(names::REPLAY_DURATION),
            replayed_batches: make.counter(names::REPLAYED_BATCHES),
            reclaims: make.counter(names::SHARD_RECLAIMS),
            history_gaps: make.counter(names::HISTORY_GAPS),
            lifecycle_late: make.counter(names::LIFECYCLE_LATE),
            lifecycle_lost: make.counter(names::LIFECYCLE_LOST),
            gauges: Gauges::new(make),
        }
    }
}

impl Gauges {
    fn new(make: &Maker<'_>) -> Self {
        Self {
            owned: make.gauges(names::SHARD_OWNED),
            halted: make.gauges(names::SHARD_HALTED),
            projection_lag: make.gauges(names::PROJECTION_LAG),
            projection_age: make.fractions(names::PROJECTION_AGE),
            commands_waiting: make.gauges(names::COMMANDS_WAITING),
            commands_lag: make.gauges(names::COMMANDS_LAG),
            deferred_inputs: make.gauges(names::DEFERRED_INPUTS),
            actors_live: make.gauges(names::ACTORS_LIVE),
            credits_left: make.gauges(names::CREDITS_LEFT),
            tasks_in_flight: make.gauges(names::TASKS_IN_FLIGHT),
        }
    }
}

impl Metrics {
    /// A batch went into the log.
    pub fn batch(&self, decisions: usize, bytes: usize) {
        self.0.shards.batch_decisions.observe(decisions as f64);
        self.0.shards.batch_bytes.observe(bytes as f64);
    }

    /// The log acknowledged a batch after so long.
    pub fn committed(&self, after: Duration) {
        self.0.shards.commit_latency.observe(after.as_secs_f64());
    }

    /// A timer fired so late.
    pub fn timer_fired(&self, late: Duration) {
        self.0.shards.timer_lateness.observe(late.as_secs_f64());
    }

    /// An input changed nothing.
    pub fn input_ignored(&self, reason: &'static str) {
        self.0.shards.inputs_ignored.with_label_values(&[reason]).inc();
    }

    /// A record was no input.
    pub fn input_rejected(&self) {
        self.0.shards.inputs_rejected.inc();
    }

    /// An execution was quarantined.
    pub fn quarantined(&self) {
        self.0.shards.quarantined.inc();
    }

    /// A claim held, after so many batches of history were read again in so long.
    pub fn shard_claimed(&self, replayed: usize, replay: Duration) {
        self.0.shards.claims.inc();
        self.0.shards.replayed_batches.inc_by(replayed as u64);
        self.0.shards.replay_duration.observe(replay.as_secs_f64());
    }

    /// A shard is served, so long after it became this process's turn.
    pub fn shard_taken_over(&self, after: Duration) {
        self.0.shards.takeover_duration.observe(after.as_secs_f64());
    }

    /// A term of ownership ended early.
    pub fn shard_reclaimed(&self) {
        self.0.shards.reclaims.inc();
    }

    /// The gap before an own batch was read.
    pub fn history_gap(&self) {
        self.0.shards.history_gaps.inc();
    }

    /// So many lifecycle events could not be sent in time, and so many of them will not be.
    pub fn lifecycle_late(&self, late: usize, lost: usize) {
        self.0.shards.lifecycle_late.inc_by(late as u64);
        self.0.shards.lifecycle_lost.inc_by(lost as u64);
    }

    /// How a shard stands now.
    pub fn set_shard(&self, shard: u16, figures: ShardFigures) {
        let shard = shard.to_string();
        let gauges = &self.0.shards.gauges;
        let set = |gauge: &IntGaugeVec, value: usize| {
            gauge
                .with_label_values(&[shard.as_str()])
                .set(i64::try_from(value).unwrap_or(i64::MAX));
        };
        let large = |value: u64| usize::try_from(value).unwrap_or(usize::MAX);
        let age = gauges.projection_age.with_label_values(&[shard.as_str()]);
        age.set(figures.projection_age.as_secs_f64());
        set(&gauges.owned, usize::from(figures.owned));
        set(&gauges.halted, usize::from(figures.halted));
        set(&gauges.projection_lag, large(figures.projection_lag));
        set(&gauges.commands_waiting, large(figures.commands_waiting));
        set(&gauges.commands_lag, large(figures.commands_lag.as_secs()));
        set(&gauges.deferred_inputs, figures.deferred);
        set(&gauges.actors_live, figures.actors);
        set(&gauges.credits_left, figures.credits);
        set(&gauges.tasks_in_flight, figures.tasks_in_flight);
    }
}
