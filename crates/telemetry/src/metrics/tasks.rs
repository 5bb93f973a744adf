//! Tasks: what was decided on, what workers did, what waits in the queues.

use std::sync::Arc;
use std::time::Duration;

use prometheus::{Histogram, HistogramVec, IntCounter, IntCounterVec, IntGaugeVec};

use super::Metrics;
use super::known::Known;
use super::maker::Maker;
use crate::names;

/// The metrics of tasks.
pub(super) struct Tasks {
    scheduled: IntCounterVec,
    retries: IntCounter,
    redispatched: IntCounter,
    duration: HistogramVec,
    active: IntGaugeVec,
    queue_depth: IntGaugeVec,
    worker_answers: IntCounterVec,
    outgoing_duration: HistogramVec,
    types: Known<TypeFigures>,
}

/// The figures of one task type.
#[derive(Clone)]
struct TypeFigures {
    scheduled: IntCounter,
    duration: Histogram,
}

impl Tasks {
    pub(super) fn new(make: &Maker<'_>) -> Self {
        Self {
            scheduled: make.counters(names::TASKS_SCHEDULED),
            retries: make.counter(names::TASK_RETRIES),
            redispatched: make.counter(names::TASKS_REDISPATCHED),
            duration: make.histograms(names::TASK_DURATION),
            active: make.gauges(names::TASKS_ACTIVE),
            queue_depth: make.gauges(names::QUEUE_DEPTH),
            worker_answers: make.counters(names::WORKER_ANSWERS),
            outgoing_duration: make.histograms(names::OUTGOING_DURATION),
            types: Known::default(),
        }
    }

    fn of_type(&self, name: &str) -> Arc<TypeFigures> {
        self.types.get(name, |kind| TypeFigures {
            scheduled: self.scheduled.with_label_values(&[kind]),
            duration: self.duration.with_label_values(&[kind]),
        })
    }
}

impl Metrics {
    /// A task of this type was decided on.
    pub fn task_scheduled(&self, task_type: &str) {
        self.0.tasks.of_type(task_type).scheduled.inc();
    }

    /// An attempt failed and is followed by another one.
    pub fn task_retried(&self) {
        self.0.tasks.retries.inc();
    }

    /// Tasks were sent once more.
    pub fn tasks_redispatched(&self, count: usize) {
        self.0.tasks.redispatched.inc_by(count as u64);
    }

    /// An attempt at a task of this type took so long here.
    pub fn task_took(&self, task_type: &str, took: Duration) {
        self.0.tasks.of_type(task_type).duration.observe(took.as_secs_f64());
    }

    /// A worker said `what` of a task to the worker gateway; what became of it.
    pub fn worker_answer(&self, what: &'static str, outcome: &'static str) {
        self.0.tasks.worker_answers.with_label_values(&[what, outcome]).inc();
    }

    /// An outgoing call took so long; `status` is `None` when no answer was had.
    pub fn outgoing(&self, status: Option<u16>, took: Duration) {
        let class = match status.map(|status| status / 100) {
            Some(2) => "2xx",
            Some(3) => "3xx",
            Some(4) => "4xx",
            Some(5) => "5xx",
            Some(_) | None => "none",
        };
        let duration = &self.0.tasks.outgoing_duration;
        duration.with_label_values(&[class]).observe(took.as_secs_f64());
    }

    /// How a queue of tasks stands now; `waiting` is `None` while nobody has looked.
    pub fn set_queue(&self, queue: &str, active: u64, waiting: Option<u64>) {
        let set = |gauge: &IntGaugeVec, value: u64| {
            gauge.with_label_values(&[queue]).set(i64::try_from(value).unwrap_or(i64::MAX));
        };
        set(&self.0.tasks.active, active);
        if let Some(waiting) = waiting {
            set(&self.0.tasks.queue_depth, waiting);
        }
    }
}
