//! What the store holds, row by row.

use bincode::{Decode, Encode};
use bytes::Bytes;
use flowmill_model::history::InputPositions;
use flowmill_model::history::LogIdentity;
use flowmill_model::{
    BatchNumber, Epoch, ExecutionId, FlowName, FlowVersion, Name, Offset, Sequence, ShardId,
    TimerId, Timestamp,
};

/// Orders the writes to one row: the later history offset wins, whatever arrives last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
pub struct RowVersion(u64);

impl RowVersion {
    /// The version of a row last changed by the batch at `offset` of log generation
    /// `generation` (below 64): `generation << 44 | offset`.
    pub const fn of(generation: u8, offset: Offset) -> Self {
        Self(((generation as u64) << 44) | (offset.get() & ((1 << 44) - 1)))
    }

    /// The number itself.
    pub const fn get(self) -> u64 {
        self.0
    }

    /// Wraps a number that [`RowVersion::get`] gave.
    pub const fn from_raw(raw: u64) -> Self {
        Self(raw)
    }
}

/// An execution's status, as the Open Workflow Specification names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
pub enum Status {
    /// Accepted, nothing done yet.
    Pending,
    /// Something runs.
    Running,
    /// Only timers or signals can move it.
    Waiting,
    /// Told to stand still, or quarantined.
    Suspended,
    /// Ended by a caller.
    Cancelled,
    /// Ended by an error.
    Faulted,
    /// Ended with its output.
    Completed,
}

impl Status {
    /// Every status.
    pub const ALL: [Self; 7] = [
        Self::Pending,
        Self::Running,
        Self::Waiting,
        Self::Suspended,
        Self::Cancelled,
        Self::Faulted,
        Self::Completed,
    ];

    /// The status as the API writes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::Waiting => "waiting",
            Self::Suspended => "suspended",
            Self::Cancelled => "cancelled",
            Self::Faulted => "faulted",
            Self::Completed => "completed",
        }
    }

    /// Reads what [`Status::as_str`] wrote.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == text)
    }

    /// Whether nothing can change it any more.
    pub const fn is_ended(self) -> bool {
        matches!(self, Self::Cancelled | Self::Faulted | Self::Completed)
    }
}

/// Rows of one flush, of one shard.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Write {
    /// One entry per execution.
    pub executions: Vec<ExecutionWrite>,
}

/// What one flush writes of one execution.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExecutionWrite {
    /// The execution.
    pub id: ExecutionId,
    /// Of the batch that last changed it.
    pub version: RowVersion,
    /// The number of events the checkpoint contains.
    pub sequence: Sequence,
    /// The encoded state.
    pub checkpoint: Bytes,
    /// New history since the last flush, if any.
    pub history: Option<HistoryRow>,
    /// How lists show it; replaces what they showed.
    pub listing: Listing,
    /// When it may be purged: its end and the time that its namespace keeps what has ended;
    /// `None` while it runs. Part of the listing: the same version means the same time.
    pub purge_at: Option<Timestamp>,
    /// Timers that are pending now and were not at the last flush.
    pub timers_set: Vec<TimerRow>,
    /// Timers of earlier flushes that are no longer pending.
    pub timers_cleared: Vec<TimerKey>,
}

/// A run of events of one execution, as one blob. Never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryRow {
    /// Sequence of the first event; the row's key within the execution.
    pub first: Sequence,
    /// How many events there are.
    pub count: u32,
    /// The events. The store does not look inside.
    pub blob: Bytes,
}

impl HistoryRow {
    /// The sequence after its last event.
    pub const fn end(&self) -> Sequence {
        Sequence::new(self.first.get().saturating_add(self.count as u64))
    }
}

/// A stored state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// Of the batch that last changed it.
    pub version: RowVersion,
    /// The number of events it contains.
    pub sequence: Sequence,
    /// The encoded state.
    pub state: Bytes,
}

/// An execution as lists show it.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Listing {
    /// The flow and version.
    pub flow: FlowVersion,
    /// The status.
    pub status: Status,
    /// When it started.
    pub started_at: Timestamp,
    /// When it ended, if it has.
    pub ended_at: Option<Timestamp>,
}

impl Listing {
    /// The place in a list of the execution that this shows.
    pub const fn position(&self, execution: ExecutionId) -> ListPosition {
        ListPosition { started_at: self.started_at, execution }
    }
}

/// Where a pending timer stands in its shard's table: by due time, then execution, then number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
pub struct TimerKey {
    /// When it is due.
    pub due: Timestamp,
    /// Whose it is.
    pub execution: ExecutionId,
    /// Which of the execution's timers.
    pub timer: TimerId,
}

/// A pending timer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
pub struct TimerRow {
    /// Its place.
    pub key: TimerKey,
    /// Whether it guards a task: where task queues do not outlive the process, a new owner sends
    /// the tasks of these again.
    pub task: bool,
}

/// How far a shard's projection has come: everything the log says up to `offset` is in the
/// store. Exactly as the log gives it, never from the writer's own memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Watermark {
    /// The log.
    pub log: LogIdentity,
    /// Offset in history of the batch it stands on.
    pub offset: Offset,
    /// Epoch of that batch.
    pub epoch: Epoch,
    /// Number of that batch.
    pub batch: BatchNumber,
    /// Input positions after that batch.
    pub positions: InputPositions,
    /// The dispatched mark in that batch.
    pub mark: BatchNumber,
    /// No timer pending at that batch is due before this.
    pub timer_cursor: Timestamp,
}

impl Watermark {
    /// Orders the watermarks of a shard, also across generations of the log.
    pub const fn version(&self) -> RowVersion {
        RowVersion::of(self.log.generation, self.offset)
    }
}

/// The two cells of a shard's watermark row. Neither ever falls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Watermarks {
    /// The latest watermark.
    pub watermark: Watermark,
    /// Where a recovery starts: an earlier watermark whose rows are certainly durable. The same
    /// as `watermark` in a store that loses nothing it acknowledged. `None` while no rows are
    /// certain: a recovery starts at the beginning of the log.
    pub margin: Option<Watermark>,
}

/// Which executions to list. Filters narrow each other down.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListQuery {
    /// Only this namespace.
    pub namespace: Option<Name>,
    /// Only this flow.
    pub flow: Option<FlowName>,
    /// Only this status.
    pub status: Option<Status>,
    /// Only those started at or after this.
    pub since: Option<Timestamp>,
    /// Only those after (older than) this place; from the last entry of the page before.
    pub after: Option<ListPosition>,
    /// At most so many entries.
    pub limit: usize,
}

impl ListQuery {
    /// Whether the filters let a listing through; `after` and `limit` are not looked at.
    pub fn matches(&self, listing: &Listing) -> bool {
        let flow = &listing.flow.flow;
        self.namespace.as_ref().is_none_or(|namespace| *namespace == flow.namespace)
            && self.flow.as_ref().is_none_or(|wanted| wanted == flow)
            && self.status.is_none_or(|status| status == listing.status)
            && self.since.is_none_or(|since| listing.started_at >= since)
    }
}

/// An entry's place in a list: newest first, then by id, descending.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
pub struct ListPosition {
    /// When it started.
    pub started_at: Timestamp,
    /// Its id.
    pub execution: ExecutionId,
}

/// What [`crate::Store::purge`] asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Purge {
    /// The shard.
    pub shard: ShardId,
    /// Executions whose [`purge_at`](ExecutionWrite::purge_at) is before this.
    pub before: Timestamp,
    /// At most so many executions a call.
    pub limit: usize,
}
