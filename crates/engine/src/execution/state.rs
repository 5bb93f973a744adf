//! The parts of an execution's state, as they are stored.
//!
//! Ordered collections only: the same history always gives the same bytes.

use std::collections::VecDeque;

use bincode::{Decode, Encode};
use flowmill_model::event::ResultPlace;
use flowmill_model::history::Blob;
use flowmill_model::{
    Activation, CommandId, ContentHash, FlowVersion, NodeIndex, Payload, Problem, TaskToken,
    TimerId, Timestamp, TraceContext,
};

use super::frames::Owner;

/// What is fixed by the start.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Head {
    pub(crate) flow: FlowVersion,
    pub(crate) hash: ContentHash,
    pub(crate) input: Payload,
    pub(crate) trace: Option<TraceContext>,
    pub(crate) sent_at: Timestamp,
    pub(crate) started_at: Timestamp,
}

/// How it ended.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Ending {
    pub(crate) at: Timestamp,
    pub(crate) how: How,
}

#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub(crate) enum How {
    Completed(Payload),
    Faulted(Problem),
    Cancelled,
}

/// A time of standing still.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Suspension {
    pub(crate) at: Timestamp,
    /// What went wrong, if it was not a caller's wish.
    pub(crate) quarantine: Option<Problem>,
    /// Inputs to decide after it, as they were read.
    pub(crate) kept: Vec<Blob>,
}

/// An activation that a later command ends.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub(crate) enum Active {
    Task(Task),
    Wait(Wait),
    Signal(SignalWait),
    Owner(Owner),
}

/// A task, over all its attempts.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Task {
    pub(crate) task_type: flowmill_model::Queue,
    pub(crate) queue: flowmill_model::Queue,
    pub(crate) input: Payload,
    pub(crate) timeout_ms: u64,
    /// Counted from 1.
    pub(crate) attempt: u32,
    /// When this attempt was first to be sent.
    pub(crate) attempt_since: Timestamp,
    pub(crate) deadline: Option<TimerId>,
    pub(crate) phase: Phase,
}

/// What a task's attempt is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub(crate) enum Phase {
    /// Sent, or to be sent: a result with this token counts.
    Sent { token: TaskToken, timer: TimerId, started: Option<Timestamp> },
    /// It failed; the next attempt follows.
    Retrying { timer: TimerId },
    /// It was handed back; it is sent again later.
    Postponed { timer: TimerId },
}

#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Wait {
    /// The value that goes on afterwards.
    pub(crate) input: Payload,
    pub(crate) since: Timestamp,
    pub(crate) timer: TimerId,
}

#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub(crate) struct SignalWait {
    pub(crate) name: flowmill_model::Queue,
    pub(crate) since: Timestamp,
    pub(crate) timer: Option<TimerId>,
}

/// A value that reached an end.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Arrival {
    pub(crate) node: NodeIndex,
    pub(crate) place: ResultPlace,
    pub(crate) value: Payload,
}

/// A signal that no node waits for yet.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Buffered {
    pub(crate) name: flowmill_model::Queue,
    pub(crate) payload: Payload,
}

/// A pending timer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Timer {
    pub(crate) due: Timestamp,
    pub(crate) kind: TimerKind,
    pub(crate) activation: Option<Activation>,
    /// It fired during a suspension and acts after it.
    pub(crate) held: bool,
}

/// What a timer is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
pub enum TimerKind {
    /// Looks at a sent attempt: lost, queued, or too long with a worker.
    Attempt,
    /// Sends the next attempt, or one that was handed back.
    Retry,
    /// Ends a task that took too long, all its attempts together.
    TaskDeadline,
    /// Ends a wait.
    Wait,
    /// Gives up waiting for a signal.
    Signal,
    /// Ends an execution that took too long.
    Deadline,
    /// Has a node that owns blocks go on.
    Block,
}

/// The ids of the latest commands applied, oldest first.
pub(crate) type Remembered = VecDeque<CommandId>;
