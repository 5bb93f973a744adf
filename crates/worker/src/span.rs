//! The spans of a task: that it is worked on, and that its result is sent.

use std::sync::Arc;
use std::time::SystemTime;

use flowmill_log::{Log, Topic, worker_group};
use flowmill_model::task::{Outcome, TaskRecord};
use flowmill_model::{ExecutionId, Queue, TraceContext};
use flowmill_telemetry::{Message, fields, trace};
use tracing::{Span, field};

use crate::slots::Place;

/// The span of an attempt; none unless its trace is sampled, which keeps the usual path short.
pub(crate) fn of(task: &TaskRecord, queue: &Queue, place: Place, log: &Arc<dyn Log>) -> Span {
    let Some(parent) = task.trace.filter(TraceContext::is_sampled) else {
        return Span::none();
    };
    let destination = log.name_of(&Topic::Tasks(queue.clone()));
    let span = tracing::info_span!(
        "task",
        otel.name = format_args!("process {destination}"),
        otel.kind = "consumer",
        { fields::SYSTEM } = log.system(),
        { fields::OPERATION_TYPE } = fields::PROCESS,
        { fields::OPERATION_NAME } = fields::PROCESS,
        { fields::DESTINATION } = destination,
        { fields::PARTITION } = %place.partition,
        { fields::OFFSET } = place.offset.get(),
        { fields::GROUP } = log.name_of_group(&worker_group(queue)),
        { fields::MESSAGE } = %task.id,
        { fields::CONVERSATION } = %task.id.execution,
        { fields::TASK_TYPE } = %task.task_type,
        { fields::FLOW } = %task.flow,
        { fields::TRACE } = %parent,
        { fields::ERROR } = field::Empty,
        otel.status_code = field::Empty,
    );
    trace::adopt(&span, &parent);
    span
}

/// Says in the attempt's span how it failed, if it did.
pub(crate) fn ended(outcome: &Outcome) {
    if let Outcome::Failed(failure) = outcome {
        let span = Span::current();
        span.record(fields::ERROR, failure.problem.kind.as_str());
        span.record("otel.status_code", "ERROR");
    }
}

/// Records within the attempt's span that its result was sent, from `from` until now.
pub(crate) fn result_sent(log: &Arc<dyn Log>, execution: ExecutionId, from: SystemTime) {
    let Some(place) = trace::place_of(&Span::current()) else { return };
    let message = Message {
        system: log.system(),
        destination: log.name_of(&Topic::Results),
        partition: execution.shard().get(),
        offset: None,
        execution: Some(execution),
    };
    message.sent("send", from, &place, []);
}
