//! Rows for the tests.

use flowmill_model::history::LogIdentity;
use flowmill_model::{
    BatchNumber, Epoch, ExecutionId, FlowVersion, Offset, Sequence, ShardId, TimerId, Timestamp,
    Version,
};
use flowmill_store::{
    ExecutionWrite, HistoryRow, ListQuery, Listing, RowVersion, Status, Store, TimerKey, TimerRow,
    Watermark, Write,
};

pub(crate) const SHARD: ShardId = ShardId::new(3);

pub(crate) const fn at(millis: u64) -> Timestamp {
    Timestamp::from_millis(millis)
}

pub(crate) fn id(n: u64) -> ExecutionId {
    ExecutionId::new(SHARD, u128::from(n))
}

/// Execution `n` at `version`, running since `started_at`, with its first events.
pub(crate) fn entry(n: u64, version: u64, started_at: u64) -> ExecutionWrite {
    let flow = "shop/orders".parse().expect("a flow's name");
    ExecutionWrite {
        id: id(n),
        version: RowVersion::from_raw(version),
        sequence: Sequence::new(3),
        checkpoint: format!("state of {n} at {version}").into(),
        history: Some(HistoryRow {
            first: Sequence::new(0),
            count: 3,
            blob: vec![n as u8; 60].into(),
        }),
        listing: Listing {
            flow: FlowVersion { flow, version: Version::new("1.0.0").expect("a version") },
            status: Status::Running,
            started_at: at(started_at),
            ended_at: None,
        },
        purge_at: None,
        timers_set: vec![],
        timers_cleared: vec![],
    }
}

/// The same, ended, to be purged at a time.
pub(crate) fn ended(mut entry: ExecutionWrite, status: Status, purge_at: u64) -> ExecutionWrite {
    entry.listing.status = status;
    entry.listing.ended_at = Some(entry.listing.started_at);
    entry.purge_at = Some(at(purge_at));
    entry
}

pub(crate) fn timer(n: u64, due: u64) -> TimerRow {
    let key = TimerKey { due: at(due), execution: id(n), timer: TimerId::new(1) };
    TimerRow { key, task: false }
}

pub(crate) fn watermark(offset: u64) -> Watermark {
    Watermark {
        log: LogIdentity { cluster: 1, generation: 0 },
        offset: Offset::new(offset),
        epoch: Epoch::new(1),
        batch: BatchNumber::new(offset),
        positions: Default::default(),
        mark: BatchNumber::new(offset),
        timer_cursor: at(0),
    }
}

pub(crate) async fn write(store: &dyn Store, executions: Vec<ExecutionWrite>) {
    store.write(SHARD, Write { executions }).await.expect("the write is acknowledged");
}

/// Ids of one page of a list, by their number.
pub(crate) async fn page(store: &dyn Store, query: ListQuery) -> Vec<u64> {
    let found = store.list(query).await.expect("the list is answered");
    let number = |id: ExecutionId| (id.to_bits() & u128::from(u64::MAX)) as u64;
    found.into_iter().map(|(position, _)| number(position.execution)).collect()
}
