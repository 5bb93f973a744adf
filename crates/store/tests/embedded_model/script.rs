//! Random scripts.

use flowmill_model::history::LogIdentity;
use flowmill_model::{
    BatchNumber, Epoch, ExecutionId, FlowVersion, Offset, Sequence, ShardId, TimerId, Timestamp,
    Version,
};
use flowmill_store::{
    ExecutionWrite, HistoryRow, Listing, Purge, RowVersion, Status, Store, TimerKey, TimerRow,
    Watermark, Write,
};
use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;

/// The shards that scripts use: 0 to this, exclusive.
pub(crate) const SHARDS: u16 = 2;

/// One step of a script.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// A change of the store.
    Change(Change),
    /// The process ends well and starts again.
    Restart,
    /// The process is killed and starts again.
    Crash,
}

/// One change.
#[derive(Clone, Debug)]
pub(crate) enum Change {
    Write(ShardId, Vec<(u128, Entry)>),
    Watermark(ShardId, u64),
    Purge(ShardId, u64),
}

/// What an entry is made from. The version is also its number of events, and versions are drawn
/// at random, so that many entries are late.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    version: u64,
    /// Where new history begins, counted back from the version.
    history: Option<u64>,
    flow: usize,
    status: usize,
    started_at: u64,
    ended_at: Option<u64>,
    purge_at: Option<u64>,
    set: Vec<(u64, u32)>,
    cleared: Vec<(u64, u32)>,
}

/// Any script.
pub(crate) fn script() -> impl Strategy<Value = Vec<Step>> {
    let shard = || (0..SHARDS).prop_map(ShardId::new);
    let write = (shard(), btree_map(0..5_u128, entry(), 1..4))
        .prop_map(|(shard, entries)| Change::Write(shard, entries.into_iter().collect()));
    let watermark = (shard(), 0..50_u64).prop_map(|(shard, at)| Change::Watermark(shard, at));
    let purge = (shard(), 0..20_u64).prop_map(|(shard, before)| Change::Purge(shard, before));
    let step = prop_oneof![
        12 => write.prop_map(Step::Change),
        3 => watermark.prop_map(Step::Change),
        1 => purge.prop_map(Step::Change),
        1 => Just(Step::Restart),
        2 => Just(Step::Crash),
    ];
    vec(step, 1..40)
}

fn entry() -> impl Strategy<Value = Entry> {
    let timers = || vec((0..3_u64, 0..3_u32), 0..3);
    let ends = (option::of(0..20_u64), option::of(0..20_u64));
    let listing = (0..3_usize, 0..7_usize, 0..4_u64, ends);
    (0..12_u64, option::of(1..6_u64), listing, timers(), timers()).prop_map(
        |(version, history, (flow, status, started_at, ends), set, cleared)| Entry {
            version,
            history,
            flow,
            status,
            started_at,
            ended_at: ends.0,
            purge_at: ends.1,
            set,
            cleared,
        },
    )
}

impl Entry {
    fn of(&self, id: ExecutionId) -> ExecutionWrite {
        let key = |&(due, number): &(u64, u32)| TimerKey {
            due: Timestamp::from_millis(due),
            execution: id,
            timer: TimerId::new(number),
        };
        let row = |timer: &(u64, u32)| TimerRow { key: key(timer), task: timer.1 == 1 };
        ExecutionWrite {
            id,
            version: RowVersion::from_raw(self.version),
            sequence: Sequence::new(self.version),
            checkpoint: format!("{id} {} {}", self.version, self.status).into(),
            history: self.history(id),
            listing: self.listing(),
            purge_at: self.purge_at.map(Timestamp::from_millis),
            timers_set: self.set.iter().map(row).collect(),
            timers_cleared: self.cleared.iter().map(key).collect(),
        }
    }

    fn history(&self, id: ExecutionId) -> Option<HistoryRow> {
        let count = self.history?.min(self.version);
        let first = self.version - count;
        let blob = (first..self.version).map(|n| n as u8 ^ id.to_bits() as u8).collect();
        let row = HistoryRow { first: Sequence::new(first), count: count as u32, blob };
        (count > 0).then_some(row)
    }

    fn listing(&self) -> Listing {
        let flow = ["a/b", "a/c", "ab/c"][self.flow].parse().expect("a flow's name");
        Listing {
            flow: FlowVersion { flow, version: Version::new("1.0.0").expect("a version") },
            status: Status::ALL[self.status],
            started_at: Timestamp::from_millis(self.started_at),
            ended_at: self.ended_at.map(Timestamp::from_millis),
        }
    }
}

/// Makes a change, which must be acknowledged.
pub(crate) async fn apply(store: &dyn Store, change: &Change) {
    let done = match change {
        Change::Write(shard, entries) => {
            let entry = |(n, entry): &(u128, Entry)| entry.of(ExecutionId::new(*shard, *n));
            let executions = entries.iter().map(entry).collect();
            store.write(*shard, Write { executions }).await
        }
        Change::Watermark(shard, at) => store.set_watermark(*shard, watermark(*at)).await,
        Change::Purge(shard, before) => {
            let before = Timestamp::from_millis(*before);
            let purge = Purge { shard: *shard, before, limit: 3 };
            store.purge(purge).await.map(drop)
        }
    };
    done.expect("the change is acknowledged");
}

fn watermark(at: u64) -> Watermark {
    Watermark {
        log: LogIdentity::default(),
        offset: Offset::new(at),
        epoch: Epoch::new(at),
        batch: BatchNumber::new(at),
        positions: Default::default(),
        mark: BatchNumber::new(at),
        timer_cursor: Timestamp::from_millis(at),
    }
}
