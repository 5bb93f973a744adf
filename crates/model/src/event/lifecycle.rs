//! Events of an execution as a whole.

use bincode::{Decode, Encode};

use super::node::{TimerSet, Value};
use crate::history::Blob;
use crate::ids::{Activation, CommandId, ContentHash, TimerId};
use crate::name::{FlowVersion, Queue};
use crate::payload::Payload;
use crate::problem::Problem;
use crate::time::Timestamp;
use crate::trace::TraceContext;

/// The execution exists.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Started {
    /// The version it runs.
    pub flow: FlowVersion,
    /// That version's content.
    pub hash: ContentHash,
    /// Its input.
    pub input: Payload,
    /// The trace it belongs to.
    pub trace: Option<TraceContext>,
    /// When the caller's request was accepted, by the gateway's clock.
    pub sent_at: Timestamp,
    /// When it was decided.
    pub at: Timestamp,
    /// When it has taken too long, if ever.
    pub deadline: Option<TimerSet>,
}

/// A signal came that no node waits for yet.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct SignalBuffered {
    /// The command that brought it.
    pub command: CommandId,
    /// Its name.
    pub name: Queue,
    /// Its content.
    pub payload: Payload,
}

/// A timer fired while the execution was suspended; it acts when that ends.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct TimerHeld {
    /// The timer.
    pub timer: TimerId,
}

/// The execution stands still: running tasks finish, nothing starts.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Suspended {
    /// The command that asked for it.
    pub command: CommandId,
    /// Why, in the caller's words.
    pub reason: Option<String>,
    /// When.
    pub at: Timestamp,
}

/// The execution goes on. Inputs kept by a quarantine are no longer in the state: whoever
/// decided this decides them next.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Resumed {
    /// The command that asked for it.
    pub command: CommandId,
    /// Why, in the caller's words.
    pub reason: Option<String>,
}

/// The engine could not decide an input; the execution stands still until it is resumed.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Quarantined {
    /// What went wrong.
    pub problem: Problem,
    /// The input, as it was read, unless it was one that comes again by itself.
    pub input: Option<Blob>,
    /// When.
    pub at: Timestamp,
}

/// An input came while the execution was quarantined.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct InputKept {
    /// The input, as it was read.
    pub input: Blob,
}

/// The execution ended with its output.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Completed {
    /// Its output; [`Value::Same`] means the one value that reached an end.
    pub output: Value,
    /// Timers that are no longer pending.
    pub cleared: Vec<TimerId>,
    /// When.
    pub at: Timestamp,
}

/// The execution ended by an error. What was running is abandoned.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Faulted {
    /// The error.
    pub problem: Problem,
    /// The run that failed, if one did.
    pub activation: Option<Activation>,
    /// Timers that are no longer pending.
    pub cleared: Vec<TimerId>,
    /// When.
    pub at: Timestamp,
}

/// The execution was ended by a caller. What was running is abandoned.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Cancelled {
    /// The command that asked for it.
    pub command: CommandId,
    /// Why, in the caller's words.
    pub reason: Option<String>,
    /// Timers that are no longer pending.
    pub cleared: Vec<TimerId>,
    /// When.
    pub at: Timestamp,
}
