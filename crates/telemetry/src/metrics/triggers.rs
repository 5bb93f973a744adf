//! Triggers: the records they read, and what waits.

use prometheus::{IntCounterVec, IntGaugeVec};

use super::Metrics;
use super::maker::Maker;
use crate::names;

/// The metrics of triggers.
pub(super) struct Triggers {
    records: IntCounterVec,
    lag: IntGaugeVec,
    partitions: IntGaugeVec,
    paused: IntGaugeVec,
}

/// What a record that a trigger read came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TriggerResult {
    /// Its execution is started, now or earlier.
    Started,
    /// A filter passed it over.
    Filtered,
    /// It is among the dead letters.
    DeadLettered,
}

impl TriggerResult {
    const fn label(self) -> &'static str {
        match self {
            Self::Started => "started",
            Self::Filtered => "filtered",
            Self::DeadLettered => "dead-lettered",
        }
    }
}

/// How a trigger stands, for the gauges.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TriggerFigures {
    /// Records that wait, in the partitions that are read here.
    pub lag: u64,
    /// Partitions that are read here.
    pub partitions: usize,
    /// Those of them that are paused.
    pub paused: usize,
}

impl Triggers {
    pub(super) fn new(make: &Maker<'_>) -> Self {
        Self {
            records: make.counters(names::TRIGGER_RECORDS),
            lag: make.gauges(names::TRIGGER_LAG),
            partitions: make.gauges(names::TRIGGER_PARTITIONS),
            paused: make.gauges(names::TRIGGER_PAUSED),
        }
    }
}

impl Metrics {
    /// A trigger is done with a record.
    pub fn trigger_record(&self, flow: &str, topic: &str, result: TriggerResult) {
        self.0.triggers.records.with_label_values(&[flow, topic, result.label()]).inc();
    }

    /// How a trigger stands now.
    pub fn set_trigger(&self, flow: &str, topic: &str, figures: TriggerFigures) {
        let set = |gauge: &IntGaugeVec, value: u64| {
            let gauge = gauge.with_label_values(&[flow, topic]);
            gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
        };
        let triggers = &self.0.triggers;
        set(&triggers.lag, figures.lag);
        set(&triggers.partitions, figures.partitions as u64);
        set(&triggers.paused, figures.paused as u64);
    }
}
