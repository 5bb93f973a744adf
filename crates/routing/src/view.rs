//! What an owner answers.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use flowmill_model::{
    ExecutionId, FlowVersion, Offset, Payload, Problem, Sequence, ShardId, Timestamp,
};
use flowmill_store::Status;

/// A write's place in its shard's commands. A read that carries it sees the write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// The shard.
    pub shard: ShardId,
    /// The command's offset.
    pub offset: Offset,
}

/// Text that no [`Position`] wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a position; send back the `Flowmill-Position` header as it came")]
pub struct InvalidPosition;

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04x}-{:016x}", self.shard.get(), self.offset.get())
    }
}

impl FromStr for Position {
    type Err = InvalidPosition;

    fn from_str(text: &str) -> Result<Self, InvalidPosition> {
        let (shard, offset) = text.split_once('-').ok_or(InvalidPosition)?;
        let shard = u16::from_str_radix(shard, 16).map_err(|_| InvalidPosition)?;
        let offset = u64::from_str_radix(offset, 16).map_err(|_| InvalidPosition)?;
        Ok(Self { shard: ShardId::new(shard), offset: Offset::new(offset) })
    }
}

/// An execution as its owner sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExecutionView {
    /// Its id.
    pub id: ExecutionId,
    /// Its flow and version.
    pub flow: FlowVersion,
    /// Its status.
    pub status: Status,
    /// Its input.
    pub input: Payload,
    /// Its output, once completed.
    pub output: Option<Payload>,
    /// Its fault, once faulted; or why it is quarantined.
    pub error: Option<Problem>,
    /// When it started.
    pub started_at: Timestamp,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// What it waits for.
    pub pending: Vec<PendingView>,
}

/// One thing an execution waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PendingView {
    /// The node's id.
    pub node: String,
    /// Why: `task`, `retry`, `wait` or `signal`.
    pub reason: Cow<'static, str>,
    /// The attempt, counted from 1; 0 where there are none.
    pub attempt: u32,
    /// Since when.
    pub since: Timestamp,
    /// Until when at most, if that is known.
    pub until: Option<Timestamp>,
}

/// A part of an execution's history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryPage {
    /// The events, in order.
    pub events: Vec<EventView>,
    /// Where the next page starts; `None` when there is no more for now.
    pub next: Option<Sequence>,
}

/// One event of an execution's history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventView {
    /// Its place.
    pub sequence: Sequence,
    /// When it was decided.
    pub at: Timestamp,
    /// Its kind's name.
    pub name: String,
    /// The node it is about, by id.
    pub node: Option<String>,
    /// Everything else about it, as a JSON object.
    pub detail: Payload,
}

/// What became of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CommandOutcome {
    /// It was applied, now or by an earlier command with the same id.
    Applied,
    /// A start whose id exists, with the same input: the caller's own.
    Exists,
    /// A start whose id exists with another input.
    KeyReused,
    /// There is no such execution.
    Unknown,
    /// It does not apply to the execution's state; why.
    Refused(String),
    /// It was decided, by an earlier owner or long ago, and this owner does not know how. The same
    /// command sent again is told.
    Forgotten,
    /// A deploy whose version exists with the same content.
    Unchanged,
    /// A deploy whose version exists with other content, or a placement that cannot change; why.
    Conflict(String),
}
