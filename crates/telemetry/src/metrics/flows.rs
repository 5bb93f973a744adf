//! What executions did, by flow.

use std::sync::Arc;
use std::time::Duration;

use prometheus::{Histogram, HistogramVec, IntCounter, IntCounterVec};

use super::Metrics;
use super::known::Known;
use super::maker::Maker;
use crate::names;

/// The metrics of flows.
pub(super) struct Flows {
    started: IntCounterVec,
    ended: IntCounterVec,
    duration: HistogramVec,
    known: Known<FlowFigures>,
}

/// How an execution ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// With an output.
    Completed,
    /// By an error.
    Faulted,
    /// Because somebody said so.
    Cancelled,
}

/// The figures of one flow.
#[derive(Clone)]
pub struct FlowFigures {
    started: IntCounter,
    completed: IntCounter,
    faulted: IntCounter,
    cancelled: IntCounter,
    duration: Histogram,
}

impl Flows {
    pub(super) fn new(make: &Maker<'_>) -> Self {
        Self {
            started: make.counters(names::EXECUTIONS_STARTED),
            ended: make.counters(names::EXECUTIONS_ENDED),
            duration: make.histograms(names::EXECUTION_DURATION),
            known: Known::default(),
        }
    }
}

impl FlowFigures {
    /// An execution has started.
    pub fn started(&self) {
        self.started.inc();
    }

    /// An execution has ended, `after` its start.
    pub fn ended(&self, how: Ending, after: Duration) {
        match how {
            Ending::Completed => self.completed.inc(),
            Ending::Faulted => self.faulted.inc(),
            Ending::Cancelled => self.cancelled.inc(),
        }
        self.duration.observe(after.as_secs_f64());
    }
}

impl Metrics {
    /// The figures of a flow, by its name.
    pub fn flow(&self, name: &str) -> Arc<FlowFigures> {
        let flows = &self.0.flows;
        let ended = |flow: &str, status| flows.ended.with_label_values(&[flow, status]);
        flows.known.get(name, |flow| FlowFigures {
            started: flows.started.with_label_values(&[flow]),
            completed: ended(flow, "completed"),
            faulted: ended(flow, "faulted"),
            cancelled: ended(flow, "cancelled"),
            duration: flows.duration.with_label_values(&[flow]),
        })
    }
}
