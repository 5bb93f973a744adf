//! Events of nodes that workers run: attempts, their tokens, their timers.

use bincode::{Decode, Encode};

use super::node::{Emission, TimerSet};
use crate::ids::{Activation, ConnectionIndex, FrameId, TaskToken, TimerId};
use crate::name::Queue;
use crate::payload::Payload;
use crate::problem::Problem;
use crate::time::Timestamp;

/// A task's first attempt is to be sent.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct TaskScheduled {
    /// The run.
    pub activation: Activation,
    /// The connections from each of which it took one token.
    pub consumed: Vec<ConnectionIndex>,
    /// The attempt's token.
    pub token: TaskToken,
    /// Which handler runs it.
    pub task_type: Queue,
    /// The queue that carries it.
    pub queue: Queue,
    /// The handler's input, for all attempts.
    pub input: Payload,
    /// Start-to-close time of each attempt, in milliseconds.
    pub timeout_ms: u64,
    /// When the attempt is looked at.
    pub timer: TimerSet,
    /// When the task, all attempts together, has taken too long, if ever.
    pub deadline: Option<TimerSet>,
    /// When it was decided.
    pub at: Timestamp,
    /// The run of the block that the node is in.
    pub frame: FrameId,
}

/// A worker has picked the attempt up, or says that it still runs.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct TaskStarted {
    /// The run.
    pub activation: Activation,
    /// The attempt, from 1.
    pub attempt: u32,
    /// Whether this is the first word of it; later ones say that it is alive.
    pub first: bool,
    /// When its report was decided: its time counts from here.
    pub at: Timestamp,
}

/// The task succeeded.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct TaskCompleted {
    /// The run.
    pub activation: Activation,
    /// The attempt that succeeded.
    pub attempt: u32,
    /// Timers that are no longer pending.
    pub cleared: Vec<TimerId>,
    /// What it put out; `None` when the token ended there.
    pub emission: Option<Emission>,
}

/// An attempt failed, and another one follows when the timer fires.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct AttemptFailed {
    /// The run.
    pub activation: Activation,
    /// The attempt that failed.
    pub attempt: u32,
    /// How.
    pub problem: Problem,
    /// Timers that are no longer pending.
    pub cleared: Vec<TimerId>,
    /// When the next attempt is due.
    pub retry: TimerSet,
}

/// A worker handed the attempt back untried; it is sent again when the timer fires.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct TaskPostponed {
    /// The run.
    pub activation: Activation,
    /// The attempt, which stays the same.
    pub attempt: u32,
    /// Timers that are no longer pending.
    pub cleared: Vec<TimerId>,
    /// When it is sent again.
    pub until: TimerSet,
}

/// The next attempt, or one that was handed back, is to be sent.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct TaskRescheduled {
    /// The run.
    pub activation: Activation,
    /// The attempt.
    pub attempt: u32,
    /// Its token. Never that of an earlier sending, also of the same attempt.
    pub token: TaskToken,
    /// Timers that are no longer pending.
    pub cleared: Vec<TimerId>,
    /// When the attempt is looked at.
    pub timer: TimerSet,
    /// When it was decided.
    pub at: Timestamp,
}

/// The same attempt, with the same token, is to be sent once more: nobody knows it as sent.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct TaskRedispatched {
    /// The run.
    pub activation: Activation,
    /// The attempt.
    pub attempt: u32,
    /// Its token.
    pub token: TaskToken,
    /// Timers that are no longer pending.
    pub cleared: Vec<TimerId>,
    /// When the attempt is looked at again.
    pub timer: TimerSet,
}

/// The attempt waits in its queue or still has time; it is looked at again later.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct TaskTimerMoved {
    /// The run.
    pub activation: Activation,
    /// The attempt.
    pub attempt: u32,
    /// Since when it runs, if it was picked up.
    pub started: Option<Timestamp>,
    /// Timers that are no longer pending.
    pub cleared: Vec<TimerId>,
    /// When the attempt is looked at again.
    pub timer: TimerSet,
}
