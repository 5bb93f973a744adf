//! Events of nodes that run within the engine, and what they have in common with tasks: tokens
//! taken, timers set and cleared, tokens put out.

use bincode::{Decode, Encode};

use crate::ids::{Activation, CommandId, ConnectionIndex, FrameId, PortIndex, TimerId};
use crate::name::Queue;
use crate::payload::Payload;
use crate::time::Timestamp;

/// What a token carries, without writing the same value down twice.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Value {
    /// What the node took: its token's value; the execution's input for `start`; the buffered
    /// signal's for a signal.
    Same,
    /// A value of its own.
    New(Payload),
}

/// Tokens that a node puts out: the same value on each connection of one port.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Emission {
    /// The value.
    pub value: Value,
    /// The output port.
    pub port: PortIndex,
    /// Every connection of that port.
    pub connections: Vec<ConnectionIndex>,
    /// Whether later expressions read the value as `$nodes.<id>`.
    pub keep: bool,
    /// Whether the value belongs to the execution's output, and where it stands in it.
    pub result: Option<ResultPlace>,
}

/// The order of a value in an execution's output: that of the connection by which it reached
/// `end`; of a leaf, 0.
pub type ResultPlace = u16;

/// A timer that is pending from now on. Each number has exactly one due time, for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct TimerSet {
    /// Its number within the execution.
    pub id: TimerId,
    /// The earliest time at which it may fire.
    pub due: Timestamp,
}

/// A node ran within the engine.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct NodeCompleted {
    /// The run.
    pub activation: Activation,
    /// The connections from each of which it took one token.
    pub consumed: Vec<ConnectionIndex>,
    /// What it put out; `None` when the token ended there.
    pub emission: Option<Emission>,
    /// The run of the block that the node is in.
    pub frame: FrameId,
}

/// A node's `if` did not hold: its token went on as it was, by the port of its ordinary output.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct NodeSkipped {
    /// The run that was none.
    pub activation: Activation,
    /// The connections from each of which it took one token.
    pub consumed: Vec<ConnectionIndex>,
    /// The token; `None` when the node has no output port and the token ended there.
    pub emission: Option<Emission>,
    /// The run of the block that the node is in.
    pub frame: FrameId,
}

/// A node put its token out, as it was, on several ports.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct NodeBranched {
    /// The run.
    pub activation: Activation,
    /// The connections from each of which it took one token.
    pub consumed: Vec<ConnectionIndex>,
    /// The ports that were taken, two at least, in their order.
    pub branches: Vec<Branch>,
    /// Whether later expressions read the value as `$nodes.<id>`.
    pub keep: bool,
    /// Whether the value belongs to the execution's output, and where it stands in it.
    pub result: Option<ResultPlace>,
    /// The run of the block that the node is in.
    pub frame: FrameId,
}

/// A node changed the execution's context.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct ContextSet {
    /// The run.
    pub activation: Activation,
    /// The connections from each of which it took one token.
    pub consumed: Vec<ConnectionIndex>,
    /// The whole context from now on.
    pub context: Payload,
    /// The token that went in.
    pub emission: Emission,
    /// The run of the block that the node is in.
    pub frame: FrameId,
}

/// One of the ports on which a token went out.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Branch {
    /// The output port.
    pub port: PortIndex,
    /// Every connection of that port.
    pub connections: Vec<ConnectionIndex>,
}

/// A node failed and its `error` port is connected.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct NodeFailed {
    /// The run.
    pub activation: Activation,
    /// The connections from each of which it took one token, unless it had taken them before.
    pub consumed: Vec<ConnectionIndex>,
    /// Timers that are no longer pending.
    pub cleared: Vec<TimerId>,
    /// The problem, as JSON, on the `error` port.
    pub emission: Emission,
    /// The run of the block that the node is in.
    pub frame: FrameId,
}

/// A node waits for a time.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct WaitStarted {
    /// The run.
    pub activation: Activation,
    /// The connections from each of which it took one token.
    pub consumed: Vec<ConnectionIndex>,
    /// When it ends.
    pub timer: TimerSet,
    /// When it began.
    pub at: Timestamp,
    /// The run of the block that the node is in.
    pub frame: FrameId,
}

/// A wait is over; the token goes on.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct WaitCompleted {
    /// The run.
    pub activation: Activation,
    /// Timers that are no longer pending.
    pub cleared: Vec<TimerId>,
    /// The token that went in.
    pub emission: Emission,
}

/// A node waits for a signal.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct SignalAwaited {
    /// The run.
    pub activation: Activation,
    /// The connections from each of which it took one token.
    pub consumed: Vec<ConnectionIndex>,
    /// The signal's name.
    pub name: Queue,
    /// When it gives up, if ever.
    pub timer: Option<TimerSet>,
    /// When it began.
    pub at: Timestamp,
    /// The run of the block that the node is in.
    pub frame: FrameId,
}

/// A node took a signal. Its output is the signal's payload; [`Value::Same`] means that of the
/// first buffered signal of the name, which is no longer buffered.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct SignalDelivered {
    /// The run.
    pub activation: Activation,
    /// The command that brought the signal, unless it was buffered.
    pub command: Option<CommandId>,
    /// The signal's name.
    pub name: Queue,
    /// The connections from each of which it took one token, unless it had taken them before.
    pub consumed: Vec<ConnectionIndex>,
    /// Timers that are no longer pending.
    pub cleared: Vec<TimerId>,
    /// What it put out.
    pub emission: Emission,
    /// The run of the block that the node is in.
    pub frame: FrameId,
}
