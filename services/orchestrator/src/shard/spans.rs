//! The spans of a committed batch, each in the trace of its execution.
//!
//! An execution is one trace, in which what the shard did stands beside each other, below the span
//! that started it: `decide` and `commit` for every batch that changed it, `send` for every task,
//! and one from its start to its end. `decide` has links to what led to it.
//!
//! Spans are made once all is over, so that deciding knows nothing of them. An execution whose trace
//! is not recorded costs one comparison.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use flowmill_engine::{Command, Execution};
use flowmill_log::Topic;
use flowmill_model::task::Outcome;
use flowmill_model::{BatchNumber, ExecutionId, Offset, Timestamp, TraceContext};
use flowmill_telemetry::trace::{self, SpanKind, Stretch, attribute};
use flowmill_telemetry::{Message, fields};

use super::batch::Ready;
use super::input::Input;
use super::serving::Serving;
use crate::projector::Change;

/// When a batch was opened and closed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stages {
    pub(super) opened: SystemTime,
    pub(super) sealed: SystemTime,
}

/// A batch as its spans describe it.
pub(super) struct Committed {
    pub(super) number: BatchNumber,
    pub(super) offset: Offset,
    pub(super) stages: Stages,
    /// What its decisions followed from.
    pub(super) causes: Causes,
}

/// Places in traces, by the execution that follows from them.
pub(super) type Causes = BTreeMap<ExecutionId, Vec<TraceContext>>;

/// What decisions follow from: the spans of the workers that said how tasks ended.
pub(super) fn causes(decisions: &[Ready]) -> Causes {
    let mut causes = Causes::new();
    if trace::is_on() {
        for ready in decisions {
            let cause = cause(&ready.input).filter(trace::records);
            cause
                .into_iter()
                .for_each(|place| causes.entry(ready.execution).or_default().push(place));
        }
    }
    causes
}

fn cause(input: &Input) -> Option<TraceContext> {
    match &input.command {
        Command::Report(report) => match report.outcome {
            Outcome::Completed(_) | Outcome::Failed(_) | Outcome::Later(_) => report.trace,
            Outcome::Running => None,
        },
        // A start is what the whole trace follows from.
        Command::Start { .. }
        | Command::Signal(_)
        | Command::Cancel(_)
        | Command::Suspend(_)
        | Command::Resume(_)
        | Command::TimerFired { .. } => None,
    }
}

impl Serving {
    /// Records what a batch did, once an execution for all its inputs.
    pub(super) fn record_spans(&self, changes: &[Change], mut batch: Committed) {
        for change in changes {
            let parent = change.after.trace().filter(|parent| trace::records(parent));
            let Some(parent) = parent else { continue };
            let causes = batch.causes.remove(&change.id).unwrap_or_default();
            self.record_decision(change.id, &batch, causes, parent);
            self.record_commit(change.id, &batch, parent);
            if change.before.as_ref().is_none_or(|before| !before.is_ended()) {
                record_end(&change.after, parent);
            }
        }
    }

    fn record_decision(
        &self,
        execution: ExecutionId,
        batch: &Committed,
        links: Vec<TraceContext>,
        parent: &TraceContext,
    ) {
        let Stages { opened, sealed } = batch.stages;
        let stretch = Stretch::since(opened, SpanKind::Internal, "decide");
        let attributes = vec![
            attribute(fields::CONVERSATION, execution),
            attribute(fields::SHARD, self.id),
            attribute(fields::BATCH, batch.number),
        ];
        trace::record(Stretch { to: sealed, attributes, links, ..stretch }, parent);
    }

    fn record_commit(&self, execution: ExecutionId, batch: &Committed, parent: &TraceContext) {
        let log = &self.shared.log;
        let message = Message {
            system: log.system(),
            destination: log.name_of(&Topic::History),
            partition: self.id.get(),
            offset: Some(batch.offset),
            execution: Some(execution),
        };
        let shard = attribute(fields::SHARD, self.id);
        let number = attribute(fields::BATCH, batch.number);
        message.sent("commit", batch.stages.sealed, parent, [shard, number]);
    }
}

/// Records an execution from its start to its end, if it has ended.
fn record_end(execution: &Execution, parent: &TraceContext) {
    let (Some(from), Some(to)) = (execution.started_at(), execution.ended_at()) else { return };
    let Some((version, _)) = execution.flow() else { return };
    let name = format!("run {}", version.flow);
    let stretch = Stretch::since(time_of(from), SpanKind::Internal, name);
    let mut attributes = vec![
        attribute(fields::CONVERSATION, execution.id()),
        attribute(fields::FLOW, &version.flow),
        attribute(fields::VERSION, &version.version),
        attribute(fields::ENDING, format!("{:?}", execution.status()).to_lowercase()),
    ];
    let code = execution.error().map(|problem| problem.kind.clone());
    attributes.extend(code.iter().map(|code| attribute(fields::ERROR, code)));
    trace::record(Stretch { to: time_of(to), attributes, error: code, ..stretch }, parent);
}

fn time_of(at: Timestamp) -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(at.as_millis())
}
