//! The figures a shard keeps, in the words of its own code.

use std::time::Duration;

use flowmill_engine::Execution;
use flowmill_model::event::Event;
use flowmill_telemetry::Metrics;

/// Keeps figures. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Measure(Metrics);

impl Measure {
    /// Keeps figures in `metrics`.
    pub const fn new(metrics: Metrics) -> Self {
        Self(metrics)
    }
    pub(crate) fn input_rejected(&self) {}
    pub(crate) fn timer_fired(&self, _late: Duration) {}
    pub(crate) fn quarantined(&self) {}
    pub(crate) fn fenced(&self) {}
    pub(crate) fn redispatched(&self, _tasks: usize) {}
    pub(crate) fn batch(&self, _decisions: usize, _bytes: usize) {}
    pub(crate) fn committed(&self, _took: Duration) {}
    pub(crate) fn gap_checked(&self) {}
    pub(crate) fn ignored(&self, _reason: &'static str) {}
    pub(crate) fn observe(&self, _events: &[Event], _after: &Execution) {}
}
