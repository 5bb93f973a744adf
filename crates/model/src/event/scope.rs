//! Events of nodes that own blocks: a block is run in frames, one after the other or several at
//! the same time.

use bincode::{Decode, Encode};

use super::node::{Emission, TimerSet, Value};
use crate::ids::{Activation, BlockIndex, ConnectionIndex, FrameId, TimerId};
use crate::payload::Payload;
use crate::problem::Problem;
use crate::time::Timestamp;

/// A node that owns blocks took a token.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct ScopeEntered {
    /// The run.
    pub activation: Activation,
    /// The run of the block that the node itself is in.
    pub frame: FrameId,
    /// The connections from each of which it took one token.
    pub consumed: Vec<ConnectionIndex>,
    /// What it is about to do.
    pub work: ScopeWork,
    /// When.
    pub at: Timestamp,
}

/// What a node does with its blocks.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum ScopeWork {
    /// Runs its body for each of these.
    Items(Vec<Payload>),
    /// Runs its body again and again, each time on what the time before gave, beginning with its
    /// token.
    Rounds,
    /// Runs its body on its token, again if that fails.
    Attempts,
}

/// A run of a block begins.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct FrameOpened {
    /// The run of the node that owns the block.
    pub activation: Activation,
    /// The run of the block.
    pub frame: FrameId,
    /// The block.
    pub block: BlockIndex,
    /// Which item, round or attempt it is for, from 0.
    pub index: u32,
    /// Which run of the latest attempt it undoes, from 0 in the order in which they ended; nothing
    /// if it undoes none.
    pub undoes: Option<u32>,
    /// Timers that are no longer pending.
    pub cleared: Vec<TimerId>,
}

/// A run of a block ended. What was still running in it is abandoned.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct FrameClosed {
    /// The run of the node that owns the block.
    pub activation: Activation,
    /// The run of the block.
    pub frame: FrameId,
    /// How it ended.
    pub outcome: FrameOutcome,
    /// Timers that are no longer pending.
    pub cleared: Vec<TimerId>,
}

/// How a run of a block ended.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum FrameOutcome {
    /// With its output; [`Value::Same`] means the one value that reached its end.
    Completed(Value),
    /// By an error.
    Failed {
        /// The error.
        problem: Problem,
        /// The run that failed, if one did.
        run: Option<Activation>,
        /// What counts as its output all the same.
        instead: Option<Payload>,
    },
}

/// A node that owns blocks opens no further frame before a time.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct ScopeDelayed {
    /// The run.
    pub activation: Activation,
    /// When it goes on.
    pub timer: TimerSet,
}

/// A node that owns blocks is done.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct ScopeCompleted {
    /// The run.
    pub activation: Activation,
    /// Timers that are no longer pending.
    pub cleared: Vec<TimerId>,
    /// What it put out; [`Value::Same`] means what its last run of a body gave, or its token if
    /// there was none.
    pub emission: Emission,
}

impl FrameClosed {
    /// The run in it that failed, if it ended by that.
    pub const fn failed_run(&self) -> Option<Activation> {
        match &self.outcome {
            FrameOutcome::Failed { run, .. } => *run,
            FrameOutcome::Completed(_) => None,
        }
    }

    /// The error by which it ended, if it did.
    pub const fn problem(&self) -> Option<&Problem> {
        match &self.outcome {
            FrameOutcome::Failed { problem, .. } => Some(problem),
            FrameOutcome::Completed(_) => None,
        }
    }
}
