//! What each kind of node does with a token.
//!
//! A run either records one event that takes the token and puts something out, or records one
//! that leaves an activation behind, or gives a problem, with which the node fails.

mod end;
mod fail;
mod filter;
mod map;
mod merge;
mod set;
mod signal;
mod skip;
mod start;
mod switch;
mod task;
mod wait;

use flowmill_flow::{ExpressionFault, FaultKind, Json, JsonError, MergeMode, NodeKind};
use flowmill_model::event::{NodeCompleted, ScopeWork, Value};
use flowmill_model::{
    Activation, ConnectionIndex, ErrorCode, FrameId, Payload, PortIndex, Problem, limits,
};

use crate::blocks;
use crate::draft::Draft;

pub(crate) use merge::join;
pub(crate) use signal::missed;
pub(crate) use start::start;
pub(crate) use task::overdue;

/// A run of a node on one token.
pub(crate) struct Run {
    pub(crate) activation: Activation,
    /// The run of the block that the node is in.
    pub(crate) frame: FrameId,
    /// Where the token is.
    pub(crate) connection: ConnectionIndex,
    /// Its value.
    pub(crate) token: Payload,
}

/// Runs a node on one token, or lets the token go past it.
pub(crate) fn run(draft: &mut Draft<'_>, run: &Run) {
    let done = match skip::is_due(draft, run) {
        Ok(true) => skip::run(draft, run),
        Ok(false) => draft.check_taken(run).and_then(|()| act(draft, run)),
        Err(problem) => Err(problem),
    };
    if let Err(problem) = done {
        draft.fail_run(run.frame, run.activation, vec![run.connection], problem);
    }
}

/// Has a node do what it does.
fn act(draft: &mut Draft<'_>, run: &Run) -> Result<(), Problem> {
    let flow = draft.flow;
    match &flow.node(run.activation.node).kind {
        NodeKind::Start => start::again(draft, run),
        NodeKind::End => end::run(draft, run),
        NodeKind::Filter { condition } => filter::run(draft, run, condition),
        NodeKind::Set { context } => set::run(draft, run, context),
        NodeKind::Map { expression } => map::run(draft, run, expression),
        NodeKind::Switch { mode, cases, default } => {
            switch::run(draft, run, *mode, cases, *default)
        }
        // What comes after `any` has passed its value, or `join` has run.
        NodeKind::Merge { mode: MergeMode::Any | MergeMode::Count(_) } => {
            merge::pass_first(draft, run)
        }
        // `join` runs these; they take several tokens at once.
        NodeKind::Merge { mode: MergeMode::All } => Ok(()),
        NodeKind::Wait(wait) => wait::run(draft, run, wait),
        NodeKind::Signal { name, timeout } => signal::run(draft, run, name, *timeout),
        NodeKind::ForEach { items, .. } => {
            let work = blocks::items(draft, run, items.as_ref())?;
            blocks::enter(draft, run, work);
            Ok(())
        }
        NodeKind::While { .. } => {
            blocks::enter(draft, run, ScopeWork::Rounds);
            Ok(())
        }
        NodeKind::Try { .. } | NodeKind::Race { .. } => {
            blocks::enter(draft, run, ScopeWork::Attempts);
            Ok(())
        }
        NodeKind::Fail { error } => fail::run(draft, run, error),
        NodeKind::Task { task_type, input, queue } => {
            task::run(draft, run, task_type, queue, |value, scope| input.render(value, scope))
        }
        NodeKind::HttpRequest { request, queue } => {
            let task_type = task::http_request();
            task::run(draft, run, &task_type, queue, |value, scope| request.render(value, scope))
        }
        NodeKind::KafkaProduce { record, queue } => {
            let task_type = task::kafka_produce();
            task::run(draft, run, &task_type, queue, |value, scope| record.render(value, scope))
        }
    }
}

impl Draft<'_> {
    /// The port of a node's ordinary output.
    pub(crate) fn out(&self, activation: Activation) -> PortIndex {
        self.flow.node(activation.node).port("out").unwrap_or_default()
    }

    /// Ends a run whose token goes on as it is by `port`, or ends there.
    fn pass(&mut self, run: &Run, port: Option<PortIndex>) {
        let node = run.activation.node;
        let frame = run.frame;
        let emission = port.map(|port| self.emission(frame, node, port, Value::Same));
        let (activation, consumed) = (run.activation, vec![run.connection]);
        self.record(NodeCompleted { activation, consumed, emission, frame });
    }

    /// The value of a run's token.
    pub(crate) fn value(&mut self, run: &Run) -> Result<Json, Problem> {
        self.values.parse(&run.token).map_err(|error| unreadable(&error))
    }

    /// Text of a value that an expression gave.
    pub(crate) fn text(&mut self, value: Json) -> Result<Payload, Problem> {
        fitting(self.values.write(value))
    }
}

/// A value that may travel, or the problem that it is too large.
pub(crate) fn fitting(payload: Payload) -> Result<Payload, Problem> {
    if payload.len() > limits::PAYLOAD_BYTES {
        return Err(too_large(payload.len()));
    }
    Ok(payload)
}

/// The problem of a value that is larger than a value may be.
pub(crate) fn too_large(bytes: usize) -> Problem {
    let allowed = limits::PAYLOAD_BYTES;
    Problem::of(ErrorCode::TooLarge, format!("a value of {bytes} bytes; {allowed} are allowed"))
}

/// The problem of a value that cannot be read.
pub(crate) fn unreadable(error: &JsonError) -> Problem {
    Problem::of(ErrorCode::Expression, format!("a value is no JSON: {error}"))
}

/// The problem of an expression that gave no usable value.
pub(crate) fn faulty(fault: &ExpressionFault) -> Problem {
    let is_large = matches!(fault.kind, FaultKind::TooLarge);
    let code = if is_large { ErrorCode::TooLarge } else { ErrorCode::Expression };
    Problem::of(code, fault.to_string())
}
