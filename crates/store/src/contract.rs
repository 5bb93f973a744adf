//! The contract of a store.

use flowmill_model::{ExecutionId, Sequence, ShardId, Timestamp};
use futures::future::BoxFuture;

use crate::row::{
    Checkpoint, HistoryRow, ListPosition, ListQuery, Listing, Purge, TimerKey, TimerRow, Watermark,
    Watermarks, Write,
};

/// A future of the store that borrows nothing.
pub type StoreFuture<T> = BoxFuture<'static, Result<T, StoreError>>;

/// Checkpoints, histories, timers, listings and watermarks.
///
/// # Contract
/// * **Visibility.** What [`write`](Store::write) acknowledged is seen by every later read, until
///   a crash.
/// * **Order by version.** Of an entry with a lower version than the one stored for its execution,
///   the checkpoint, listing and timers are ignored, whole and silently: late and repeated writes
///   never win. The same version means the same checkpoint and listing; such an entry is applied
///   again. So that no timer is lost this way, a writer sends the next entry of an execution only
///   after the one before was acknowledged. Of entries that several writers send at once, timers
///   set by a lower version may stay: whoever fires a timer asks the state.
/// * **History.** Rows are keyed by their first sequence and kept whatever the entry's version.
///   Of two rows with the same key the one with more events stays; their common events are the
///   same. Rows may overlap when two writers cut them at different events; one that lies within
///   another one may be left out.
/// * **Idempotence.** The same write any number of times has the effect of once. Setting a timer
///   that is set, or clearing one that is not, is nothing.
/// * **Watermark.** When [`set_watermark`](Store::set_watermark) has answered, it and every write
///   acknowledged before it was called survive a crash of this process. A watermark with a lower
///   [version](Watermark::version) than the stored one is ignored.
/// * **Unknown.** After [`StoreError::Unavailable`] the write may or may not have happened, also
///   later; the caller repeats it. The same holds for a future dropped before it answered. After
///   [`StoreError::Full`] it has not happened.
/// * **Timers.** A timer that was set and not cleared is found by [`timers`](Store::timers) at
///   every position below it.
/// * **Shards.** A write, watermark, timer or purge of one shard never touches another one's.
///   Every id in a call belongs to the call's shard.
///
/// An implementation MUST NOT apply a checkpoint without the history and timers of the same
/// entry, once a watermark covers them, nor lose anything but by [`purge`](Store::purge). An
/// entry that comes after its execution was purged brings it back, if its version is higher than
/// any that was purged; else it may. Writers are long past it.
pub trait Store: Send + Sync + 'static {
    /// Writes the rows of one flush of one shard. Each execution appears at most once in it.
    fn write(&self, shard: ShardId, write: Write) -> StoreFuture<()>;

    /// Moves a shard's watermark. May take a second: a store may gather those of several shards.
    fn set_watermark(&self, shard: ShardId, watermark: Watermark) -> StoreFuture<()>;

    /// A shard's watermark row; `None` when it has none.
    fn watermarks(&self, shard: ShardId) -> StoreFuture<Option<Watermarks>>;

    /// The stored state of an execution; `None` when it is not known.
    fn load(&self, id: ExecutionId) -> StoreFuture<Option<Checkpoint>>;

    /// The history rows that hold events at or after `from`, in the order of their first
    /// sequence, at most `limit` rows. Only the first one may begin at or before `from`; a later
    /// one may begin before the end of the one before it: the caller skips what it has.
    fn history(
        &self,
        id: ExecutionId,
        from: Sequence,
        limit: usize,
    ) -> StoreFuture<Vec<HistoryRow>>;

    /// Pending timers of a shard with keys above `after` that are due before `until`, in the order
    /// of their keys, at most `limit`.
    fn timers(
        &self,
        shard: ShardId,
        after: Option<TimerKey>,
        until: Timestamp,
        limit: usize,
    ) -> StoreFuture<Vec<TimerRow>>;

    /// Executions of all shards that the query asks for, newest first. A page is no snapshot: an
    /// execution that changes between two pages appears in the one that holds its position then.
    fn list(&self, query: ListQuery) -> StoreFuture<Vec<(ListPosition, Listing)>>;

    /// Deletes executions whose time has come, with all their rows, the earliest time first;
    /// answers how many. Fewer than the limit means that none is left. Run by the shard's owner.
    /// A crash may bring some of them back, whole; a later purge finds them again.
    fn purge(&self, purge: Purge) -> StoreFuture<usize>;

    /// Whether a crash of the store may lose rows it acknowledged before a watermark that
    /// survives. Then a recovery starts at the margin mark.
    fn may_lose_acknowledged(&self) -> bool;
}

/// What a store is asked for: a method of [`Store`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Operation {
    /// [`Store::write`]
    Write,
    /// [`Store::set_watermark`]
    SetWatermark,
    /// [`Store::watermarks`]
    Watermarks,
    /// [`Store::load`]
    Load,
    /// [`Store::history`]
    History,
    /// [`Store::timers`]
    Timers,
    /// [`Store::list`]
    List,
    /// [`Store::purge`]
    Purge,
}

impl Operation {
    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Write => "write",
            Self::SetWatermark => "set-watermark",
            Self::Watermarks => "watermarks",
            Self::Load => "load",
            Self::History => "history",
            Self::Timers => "timers",
            Self::List => "list",
            Self::Purge => "purge",
        }
    }
}

/// Why the store did not answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// It cannot be reached, or does not answer in time; repeat.
    #[error("the store is not available: {0}")]
    Unavailable(String),
    /// There is no room; repeat later.
    #[error("the store's disk is full")]
    Full,
    /// What it holds is damaged or of a newer format; somebody must act.
    #[error("the store is damaged: {0}")]
    Damaged(String),
}
