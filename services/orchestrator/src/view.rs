//! Executions and their histories as answers show them.

use flowmill_engine::Execution;
use flowmill_flow::Flow;
use flowmill_model::event::{Branch, Event};
use flowmill_model::history::RecordedTransition;
use flowmill_model::{
    ExecutionId, FrameId, NodeIndex, Payload, Problem, Sequence, Timestamp, envelope,
};
use flowmill_routing::{EventView, ExecutionView, HistoryPage, PendingView};
use flowmill_store::{Status, Store};
use serde::Serialize;
use serde_json::value::RawValue;

/// History rows taken in one look into the store.
const ROWS: usize = 64;

/// The status of an execution, as the store and the API name it.
pub fn status(execution: &Execution) -> Status {
    match execution.status() {
        flowmill_engine::Status::Pending => Status::Pending,
        flowmill_engine::Status::Running => Status::Running,
        flowmill_engine::Status::Waiting => Status::Waiting,
        flowmill_engine::Status::Suspended => Status::Suspended,
        flowmill_engine::Status::Cancelled => Status::Cancelled,
        flowmill_engine::Status::Faulted => Status::Faulted,
        flowmill_engine::Status::Completed => Status::Completed,
    }
}

/// An execution as the API shows it; `None` when it has not started.
pub fn execution(execution: &Execution, flow: Option<&Flow>) -> Option<ExecutionView> {
    let (version, _) = execution.flow()?;
    let pending = execution.pending().into_iter().map(|pending| PendingView {
        node: node_id(flow, pending.node),
        reason: pending.reason.as_str().into(),
        attempt: pending.attempt.unwrap_or(0),
        since: pending.since,
        until: pending.until,
    });
    Some(ExecutionView {
        id: execution.id(),
        flow: version.clone(),
        status: status(execution),
        input: execution.input().cloned()?,
        output: execution.output().cloned(),
        error: execution.error().cloned(),
        started_at: execution.started_at()?,
        ended_at: execution.ended_at(),
        pending: pending.collect(),
    })
}

/// A node's id; its number when the flow's version is not here.
fn node_id(flow: Option<&Flow>, node: NodeIndex) -> String {
    let known = flow.and_then(|flow| flow.nodes().get(node.index()));
    known.map_or_else(|| format!("#{node}"), |node| node.id.clone())
}

/// Which part of a history.
pub struct HistoryQuery {
    /// The execution.
    pub id: ExecutionId,
    /// The first event.
    pub from: Sequence,
    /// At most so many events.
    pub limit: usize,
}

/// A part of an execution's history: what the store has, then what is not there yet.
///
/// # Errors
/// Says why it cannot be read now.
pub async fn history(
    store: &dyn Store,
    query: &HistoryQuery,
    unflushed: &[RecordedTransition],
    flow: &Flow,
) -> Result<HistoryPage, String> {
    let mut page = Page { events: vec![], from: query.from, limit: query.limit, flow };
    while page.has_room() {
        let rows = store.history(query.id, page.from, ROWS).await.map_err(|e| e.to_string())?;
        let before = page.from;
        for row in &rows {
            let mut rest = &row.blob[..];
            while !rest.is_empty() {
                let frame = envelope::read(&mut rest).map_err(|error| error.to_string())?;
                page.add(&frame.decode().map_err(|error| error.to_string())?)?;
            }
        }
        if page.from == before {
            break;
        }
    }
    for recorded in unflushed {
        page.add(recorded)?;
    }
    let next = (!page.has_room()).then_some(page.from);
    Ok(HistoryPage { events: page.events, next })
}

struct Page<'a> {
    events: Vec<EventView>,
    from: Sequence,
    limit: usize,
    flow: &'a Flow,
}

impl Page<'_> {
    const fn has_room(&self) -> bool {
        self.events.len() < self.limit
    }

    /// Adds the events of a transition that are next; others are there already or come too early.
    fn add(&mut self, recorded: &RecordedTransition) -> Result<(), String> {
        let RecordedTransition { at, transition } = recorded;
        let events = Event::decode_all(&transition.events.0).map_err(|error| error.to_string())?;
        let mut sequence = transition.first;
        for event in events {
            if sequence == self.from && self.has_room() {
                self.events.push(event_view(sequence, *at, &event, self.flow));
                self.from = sequence.next();
            }
            sequence = sequence.next();
        }
        Ok(())
    }
}

/// An event with its details as a JSON object; what a kind does not have is left out.
fn event_view(sequence: Sequence, at: Timestamp, event: &Event, flow: &Flow) -> EventView {
    let seen = flowmill_engine::view(event, flow);
    let raw = |payload: &Payload| {
        let text = std::str::from_utf8(payload.as_bytes()).ok()?;
        RawValue::from_string(text.to_owned()).ok()
    };
    let node = seen.node.and_then(|id| Some(flow.node(flow.node_index(id)?)));
    let port = |branch: &Branch| Some(node?.ports.get(branch.port.index())?.name.as_str());
    let detail = Detail {
        iteration: seen.iteration.filter(|iteration| *iteration > 0),
        attempt: seen.attempt,
        port: seen.port,
        ports: seen.branches.iter().filter_map(port).collect(),
        input: seen.input.and_then(raw),
        output: seen.output.and_then(raw),
        context: seen.context.and_then(raw),
        error: seen.problem,
        queue: seen.queue,
        task_type: seen.task_type,
        signal: seen.signal,
        reason: seen.reason,
        until: seen.until,
        block: seen.block,
        index: seen.index,
        frame: seen.frame,
    };
    let detail = serde_json::to_vec(&detail).expect("plain data always has a JSON form");
    let node = seen.node.map(str::to_owned);
    EventView { sequence, at, name: seen.name.to_owned(), node, detail: Payload::from(detail) }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Detail<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    iteration: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    attempt: Option<u32>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    ports: Vec<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    port: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    input: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    output: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    context: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a Problem>,
    #[serde(skip_serializing_if = "Option::is_none")]
    queue: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    task_type: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    signal: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    block: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    index: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    frame: Option<FrameId>,
}
