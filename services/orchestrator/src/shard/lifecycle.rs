//! Steps in executions' lives, told to the outside world as CloudEvents.
//!
//! A step is an output of the batch that decided it: derived from its events, sent after the
//! commit, below the mark until it is acknowledged. A new owner sends all of them above the mark
//! again, so listeners may see one twice. Its id is made of the execution and the sequence of the
//! event it comes from, which makes a repeat known as one.
//!
//! Payloads are not told: neither inputs nor outputs, which may be large and private. An error is.

use bytes::Bytes;
use flowmill_cloudevents::{Data, Event as CloudEvent, kafka};
use flowmill_engine::{Execution, Lifecycle, lifecycle};
use flowmill_flow::Json;
use flowmill_log::{Header, Record};
use flowmill_model::event::{Event, Faulted, NodeFailed, Quarantined, Value};
use flowmill_model::history::RecordedTransition;
use flowmill_model::{
    BatchNumber, ExecutionId, FlowVersion, NodeIndex, Sequence, Timestamp, TraceContext, limits,
};

use super::outputs::Output;
use super::serving::Serving;
use crate::execution::Staged;

/// Lifecycle events that could not be sent in time.
#[derive(Debug, Default)]
pub(super) struct Late {
    waiting: Vec<Output>,
    /// Whether some are on their way.
    pub(super) is_sending: bool,
}

impl Serving {
    /// The outputs that tell what a committed transition was.
    pub(super) fn told(&self, staged: &Staged, at: Timestamp) -> Vec<Output> {
        if !self.shared.settings.lifecycle {
            return Vec::new();
        }
        outputs(told(&staged.after, staged.transition.first, &staged.events, at))
    }

    /// Sends outputs of a batch; lifecycle events apart, so that nothing of a task waits for them.
    pub(super) fn deliver_apart(&mut self, batch: BatchNumber, mut outputs: Vec<Output>) {
        let told = outputs.extract_if(.., |output| matches!(output, Output::Lifecycle(_)));
        let told: Vec<_> = told.collect();
        self.deliver(batch, outputs);
        self.deliver(batch, told);
    }

    /// Tells again what history holds above the mark, on a take-over.
    pub(super) fn tell_again(
        &mut self,
        after: &Execution,
        above_the_mark: &[RecordedTransition],
        holds: BatchNumber,
    ) {
        if self.shared.settings.lifecycle {
            let again = above_the_mark.iter().flat_map(|recorded| told_again(after, recorded));
            let again = outputs(again.collect());
            self.deliver(holds, again);
        }
    }

    /// Goes on sending what could not be sent in time. What is over the bound is lost, and counted.
    pub(super) fn keep_on_telling(&mut self, mut late: Vec<Output>) {
        let room = limits::LATE_LIFECYCLE_EVENTS.saturating_sub(self.late.waiting.len());
        self.shared.metrics.lifecycle_late(late.len(), late.len().saturating_sub(room));
        late.truncate(room);
        self.late.waiting.append(&mut late);
        if !self.late.is_sending && !self.late.waiting.is_empty() {
            self.late.is_sending = true;
            let waiting = std::mem::take(&mut self.late.waiting);
            self.send(None, waiting);
        }
    }
}

fn outputs(told: Vec<LifecycleEvent>) -> Vec<Output> {
    told.into_iter().map(|event| Output::Lifecycle(Box::new(event))).collect()
}

/// One step that is told.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct LifecycleEvent {
    pub(crate) execution: ExecutionId,
    /// The event it comes from.
    sequence: Sequence,
    step: Lifecycle,
    kind: &'static str,
    flow: FlowVersion,
    at: Timestamp,
    trace: Option<TraceContext>,
    /// The problem as JSON, of a step that is a failure.
    error: Option<Bytes>,
}

/// The steps to tell of a transition's events. `after` is the state after them or any later one.
fn told(
    after: &Execution,
    first: Sequence,
    events: &[Event],
    at: Timestamp,
) -> Vec<LifecycleEvent> {
    let Some((flow, _)) = after.flow() else { return Vec::new() };
    let mut told = Vec::new();
    let mut sequence = first;
    for event in events {
        for step in lifecycle(event) {
            let Some(kind) = step.event_type() else { continue };
            let (execution, flow) = (after.id(), flow.clone());
            let (trace, error) = (after.trace().copied(), error(event));
            told.push(LifecycleEvent { execution, sequence, step, kind, flow, at, trace, error });
        }
        sequence = sequence.next();
    }
    told
}

/// The steps to tell of a transition found in history.
fn told_again(after: &Execution, recorded: &RecordedTransition) -> Vec<LifecycleEvent> {
    let RecordedTransition { at, transition } = recorded;
    // An event that cannot be read has stopped the loading of this execution before.
    let events = Event::decode_all(&transition.events.0).unwrap_or_default();
    told(after, transition.first, &events, *at)
}

fn error(event: &Event) -> Option<Bytes> {
    if let Event::NodeFailed(NodeFailed { emission, .. }) = event {
        return match &emission.value {
            Value::New(problem) => Some(problem.as_bytes().clone()),
            Value::Same => None,
        };
    }
    let (Event::Faulted(Faulted { problem, .. }) | Event::Quarantined(Quarantined { problem, .. })) =
        event
    else {
        return None;
    };
    serde_json::to_vec(problem).ok().map(Bytes::from)
}

impl LifecycleEvent {
    /// The record that tells it: a CloudEvent in binary mode, keyed by execution.
    pub(crate) fn record(&self) -> Record {
        let key = Bytes::from(self.execution.to_string());
        let kafka::Message { headers, value } = kafka::binary(&self.event());
        let headers = headers.into_iter().map(|(name, value)| Header::new(name, value)).collect();
        Record { key, value: value.unwrap_or_default(), headers }
    }

    fn event(&self) -> CloudEvent {
        let flow = &self.flow.flow;
        CloudEvent {
            id: self.id(),
            source: format!("/{flow}"),
            kind: self.kind.to_owned(),
            subject: Some(self.execution.to_string()),
            time: Some(self.at.to_string()),
            data_content_type: Some("application/json".to_owned()),
            data_schema: None,
            extensions: self.trace.iter().map(|t| ("traceparent".into(), t.to_string())).collect(),
            data: Some(Data::Json(self.data())),
        }
    }

    /// The same whoever sends it.
    fn id(&self) -> String {
        // One event can be two steps: a node's failure, and the end that it brings about.
        let of = if matches!(self.step, Lifecycle::TaskFaulted(_)) { "/task" } else { "" };
        format!("{}/{}{of}", self.execution, self.sequence)
    }

    fn data(&self) -> Json {
        let text = |text: &str| Json::string(text);
        let FlowVersion { flow, version } = &self.flow;
        let mut entries = vec![
            ("execution", text(&self.execution.to_string())),
            ("namespace", text(flow.namespace.as_str())),
            ("name", text(flow.name.as_str())),
            ("version", text(version.as_str())),
            ("sequence", Json::from(self.sequence.get())),
        ];
        if let Lifecycle::TaskFaulted(activation) = self.step {
            entries.push(("node", text(&reference(activation.node))));
            entries.push(("iteration", Json::from(u64::from(activation.iteration))));
        }
        let error = self.error.as_ref().and_then(|error| Json::parse(error).ok());
        entries.extend(error.map(|error| ("error", error)));
        Json::object(entries)
    }
}

/// Where a node stands in its definition, as a JSON pointer.
fn reference(node: NodeIndex) -> String {
    format!("/nodes/{node}")
}
