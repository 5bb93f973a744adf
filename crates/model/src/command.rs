//! Records of the `commands` topic: what callers ask of a shard.
//!
//! A command is written by a gateway, read by the shard's owner and decided there. It carries
//! everything the decision needs except the execution's state and the time.

use bincode::{Decode, Encode};

use crate::ids::{CommandId, ContentHash, ExecutionId};
use crate::name::{FlowVersion, Queue};
use crate::payload::Payload;
use crate::time::Timestamp;
use crate::trace::TraceContext;

/// One record of `commands`.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct CommandRecord {
    /// When the caller's request was accepted, by the gateway's clock.
    pub sent_at: Timestamp,
    /// The trace the command continues.
    pub trace: Option<TraceContext>,
    /// What is asked.
    pub command: Command,
}

/// What a caller asks.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Command {
    /// Start an execution.
    Start(Start),
    /// Deliver a signal.
    Signal(Signal),
    /// End the execution now; running tasks are abandoned.
    Cancel(Control),
    /// Let running tasks finish, keep their results, start nothing.
    Suspend(Control),
    /// Go on after a suspension or a quarantine.
    Resume(Control),
    /// Make a version of a flow known; a command of shard 0.
    Deploy(Deploy),
    /// Make a known version the flow's default; a command of shard 0.
    Activate(FlowVersion),
}

/// A start of an execution.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Start {
    /// The execution's id, made by whoever accepted the request.
    pub execution: ExecutionId,
    /// The version to run, as resolved by the gateway.
    pub flow: FlowVersion,
    /// The version's content, so that an owner cannot run another one by the same name.
    pub hash: ContentHash,
    /// The input.
    pub input: Payload,
    /// Whether the id was made from the caller's idempotency key. An unkeyed id is new by
    /// construction and needs no look into the store.
    pub keyed: bool,
}

/// A signal to an execution.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Signal {
    /// The execution.
    pub execution: ExecutionId,
    /// For deduplication.
    pub id: CommandId,
    /// The signal's name, as `signal` nodes wait for it.
    pub name: Queue,
    /// The signal's content: the output of the node that takes it.
    pub payload: Payload,
}

/// A command that has no content of its own.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Control {
    /// The execution.
    pub execution: ExecutionId,
    /// For deduplication.
    pub id: CommandId,
    /// Why, in the caller's words.
    pub reason: Option<String>,
}

/// A new version of a flow.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Deploy {
    /// The version.
    pub flow: FlowVersion,
    /// Hash of its canonical content.
    pub hash: ContentHash,
    /// Its canonical content, as JSON.
    pub source: Payload,
    /// How many shards carry the flow's executions; `None` means all. Only the first deploy of
    /// a flow's name sets it.
    pub spread: Option<u16>,
}

impl Command {
    /// The execution a command is for; `None` for those of shard 0's catalogue.
    pub const fn execution(&self) -> Option<ExecutionId> {
        match self {
            Self::Start(start) => Some(start.execution),
            Self::Signal(signal) => Some(signal.execution),
            Self::Cancel(control) | Self::Suspend(control) | Self::Resume(control) => {
                Some(control.execution)
            }
            Self::Deploy(_) | Self::Activate(_) => None,
        }
    }
}

crate::framed! { CommandRecord = 1, 1; }
