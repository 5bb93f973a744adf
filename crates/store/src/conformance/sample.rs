//! Rows for the checks.

use bytes::Bytes;
use flowmill_model::history::{InputPositions, LogIdentity};
use flowmill_model::{
    BatchNumber, Epoch, ExecutionId, FlowName, FlowVersion, Name, Offset, Sequence, ShardId,
    TimerId, Timestamp, Version,
};

use crate::contract::{Store, StoreError};
use crate::row::{
    ExecutionWrite, HistoryRow, ListPosition, ListQuery, Listing, Purge, RowVersion, Status,
    TimerKey, TimerRow, Watermark, Write,
};

pub(crate) const SHARD: ShardId = ShardId::new(3);
pub(crate) const OTHER_SHARD: ShardId = ShardId::new(4);

pub(crate) const fn at(millis: u64) -> Timestamp {
    Timestamp::from_millis(millis)
}

pub(crate) const fn id(n: u128) -> ExecutionId {
    ExecutionId::new(SHARD, n)
}

pub(crate) fn flow(name: &str) -> FlowName {
    name.parse().expect("a flow's name")
}

pub(crate) fn namespace(name: &str) -> Name {
    Name::new(name).expect("a name")
}

/// An entry of `id` at `version`: running since 1,000, no history, no timers.
pub(crate) fn entry(id: ExecutionId, version: u64) -> ExecutionWrite {
    ExecutionWrite {
        id,
        version: RowVersion::from_raw(version),
        sequence: Sequence::new(version),
        checkpoint: Bytes::from(format!("state of {id} at {version}")),
        history: None,
        listing: Listing {
            flow: FlowVersion {
                flow: flow("shop/orders"),
                version: Version::new("1.0.0").expect("a version"),
            },
            status: Status::Running,
            started_at: at(1_000),
            ended_at: None,
        },
        purge_at: None,
        timers_set: Vec::new(),
        timers_cleared: Vec::new(),
    }
}

/// The same entry, ended at `millis`, from when on it may be purged.
pub(crate) fn ended(mut entry: ExecutionWrite, millis: u64) -> ExecutionWrite {
    entry.listing.status = Status::Completed;
    entry.listing.ended_at = Some(at(millis));
    entry.purge_at = Some(at(millis));
    entry
}

/// The same entry with `count` events from `first` on.
pub(crate) fn with_events(mut entry: ExecutionWrite, first: u64, count: u32) -> ExecutionWrite {
    entry.history = Some(events(entry.id, first, count));
    entry
}

/// The row of `count` events from `first` on; each event is one byte that tells it apart.
pub(crate) fn events(id: ExecutionId, first: u64, count: u32) -> HistoryRow {
    let blob = (first..first + u64::from(count)).map(|n| event(id, n)).collect();
    HistoryRow { first: Sequence::new(first), count, blob }
}

/// The one byte that is event `n` of `id`.
pub(crate) const fn event(id: ExecutionId, n: u64) -> u8 {
    (n as u8).wrapping_mul(31).wrapping_add(id.to_bits() as u8)
}

pub(crate) const fn timer(id: ExecutionId, due: u64, number: u32) -> TimerRow {
    let key = TimerKey { due: at(due), execution: id, timer: TimerId::new(number) };
    TimerRow { key, task: number % 2 == 1 }
}

pub(crate) const fn watermark(offset: u64) -> Watermark {
    Watermark {
        log: LogIdentity { cluster: 77, generation: 1 },
        offset: Offset::new(offset),
        epoch: Epoch::new(offset + 1),
        batch: BatchNumber::new(offset + 2),
        positions: InputPositions {
            commands: Offset::new(offset + 3),
            results: Offset::new(offset + 4),
        },
        mark: BatchNumber::new(offset + 5),
        timer_cursor: at(offset + 6),
    }
}

/// Writes entries of [`SHARD`].
pub(crate) async fn write(store: &dyn Store, entries: impl IntoIterator<Item = ExecutionWrite>) {
    write_to(store, SHARD, entries).await.expect("the write is acknowledged");
}

/// Writes entries of `shard`.
pub(crate) async fn write_to(
    store: &dyn Store,
    shard: ShardId,
    entries: impl IntoIterator<Item = ExecutionWrite>,
) -> Result<(), StoreError> {
    store.write(shard, Write { executions: entries.into_iter().collect() }).await
}

/// The loaded state as text; `None` when there is none.
pub(crate) async fn state(store: &dyn Store, id: ExecutionId) -> Option<String> {
    let checkpoint = store.load(id).await.expect("the load is answered")?;
    Some(String::from_utf8_lossy(&checkpoint.state).into_owned())
}

pub(crate) async fn history(store: &dyn Store, id: ExecutionId) -> Vec<HistoryRow> {
    store.history(id, Sequence::new(0), usize::MAX).await.expect("the history is answered")
}

/// All pending timers of `shard`.
pub(crate) async fn timers(store: &dyn Store, shard: ShardId) -> Vec<TimerRow> {
    let all = store.timers(shard, None, at(u64::MAX), usize::MAX);
    all.await.expect("the timers are answered")
}

pub(crate) async fn list(store: &dyn Store, query: ListQuery) -> Vec<(ListPosition, Listing)> {
    store.list(query).await.expect("the list is answered")
}

/// A query without filters and without a bound.
pub(crate) fn everything() -> ListQuery {
    ListQuery { limit: usize::MAX, ..ListQuery::default() }
}

pub(crate) async fn purge(store: &dyn Store, before: u64, limit: usize) -> usize {
    let purge = Purge { shard: SHARD, before: at(before), limit };
    store.purge(purge).await.expect("the purge is answered")
}
