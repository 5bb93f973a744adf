//! Rows, and purges, that were acknowledged so recently that a crash of a server may lose them.
//!
//! They are kept until they are old enough and no server has restarted since they were sent; then
//! their bytes are let go, and the margin mark may pass them. A restart in between makes all of
//! them due to be written again, with the same timestamps. Their bytes are bounded: beyond it a
//! write waits.
//!
//! No I/O here; `keeper.rs` does what follows.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use flowmill_model::{ExecutionId, ShardId};
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

use super::cells::Shown;
use super::packed::Packed;
use crate::contract::StoreError;
use crate::row::{Checkpoint, RowVersion, Watermark};

/// How long a write waits for room before its caller is told.
const ROOM_WAIT: Duration = Duration::from_secs(5);

/// What a purged execution takes in memory, in bytes.
const PURGED_BYTES: usize = 256;

/// Watermarks of one shard that wait to become the margin mark. Beyond it the last is replaced.
const WAITING_MARKS: usize = 128;

/// Counts restarts. Rows sent in an earlier epoch may be lost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct LossEpoch(u64);

/// What may have to be done again.
#[derive(Clone, Debug)]
pub(super) enum Work {
    /// Rows that were written.
    Write(Arc<Packed>),
    /// Executions that were purged, as lists showed them.
    Purge(Arc<Vec<(ExecutionId, Shown)>>),
}

/// Something that is kept: a flush, most often.
#[derive(Debug)]
struct Kept {
    shard: ShardId,
    work: Work,
    epoch: LossEpoch,
    acknowledged: Instant,
    bytes: usize,
}

/// Something that is due to be done again.
pub(super) struct Due {
    /// Its number.
    pub(super) number: u64,
    /// The epoch now.
    pub(super) epoch: LossEpoch,
    /// Its shard.
    pub(super) shard: ShardId,
    /// What it is.
    pub(super) work: Work,
}

/// The flushes that are kept, and the watermarks behind them.
#[derive(Debug)]
pub(super) struct Unproven {
    state: Mutex<State>,
    room: Notify,
    most: usize,
    margin: Duration,
}

#[derive(Debug, Default)]
struct State {
    epoch: LossEpoch,
    kept: VecDeque<Kept>,
    /// Number of the first in `kept`.
    first: u64,
    bytes: usize,
    /// The latest version of each execution, and the flush that holds it.
    latest: HashMap<ExecutionId, (RowVersion, u64)>,
    /// Watermarks, each with the number of the first flush that was acknowledged after it.
    marks: BTreeMap<ShardId, VecDeque<(u64, Watermark)>>,
}

impl Unproven {
    /// Keeps at most `most` bytes, each for at least `margin`.
    pub(super) fn new(most: usize, margin: Duration) -> Self {
        Self { state: Mutex::default(), room: Notify::new(), most, margin }
    }

    /// Waits until there is room for so many bytes.
    pub(super) async fn admit(&self, bytes: usize) -> Result<(), StoreError> {
        let give_up = Instant::now() + ROOM_WAIT;
        loop {
            let made = self.room.notified();
            if self.has_room(bytes) {
                return Ok(());
            }
            if timeout_at(give_up, made).await.is_err() {
                let why = "too many rows wait to be safe from a crash of a server";
                return Err(StoreError::Unavailable(why.into()));
            }
        }
    }

    fn has_room(&self, bytes: usize) -> bool {
        let state = self.state.lock();
        state.bytes == 0 || state.bytes + bytes <= self.most
    }

    /// The epoch that rows sent from now on belong to.
    pub(super) fn epoch(&self) -> LossEpoch {
        self.state.lock().epoch
    }

    /// Keeps a purge that was acknowledged just now, and sent in `epoch`: where its deletions were
    /// lost the executions are there again, and nothing says when they may be purged.
    pub(super) fn keep_purge(
        &self,
        shard: ShardId,
        purged: Vec<(ExecutionId, Shown)>,
        epoch: LossEpoch,
    ) {
        if purged.is_empty() {
            return;
        }
        let bytes = purged.len() * PURGED_BYTES;
        let mut state = self.state.lock();
        for (id, _) in &purged {
            state.latest.remove(id);
        }
        state.push(shard, Work::Purge(Arc::new(purged)), epoch, bytes);
    }

    /// Keeps a flush that was acknowledged just now, and sent in `epoch`.
    pub(super) fn keep(&self, shard: ShardId, packed: Packed, epoch: LossEpoch) {
        let bytes = packed.bytes();
        let mut state = self.state.lock();
        let number = state.next();
        for entry in packed.entries() {
            let latest = state.latest.entry(entry.id).or_insert((entry.version, number));
            if latest.0 <= entry.version {
                *latest = (entry.version, number);
            }
        }
        state.push(shard, Work::Write(Arc::new(packed)), epoch, bytes);
    }

    /// Notes a watermark that was acknowledged just now. Every row it covers was before.
    pub(super) fn mark(&self, shard: ShardId, watermark: Watermark) {
        let mut state = self.state.lock();
        let number = state.next();
        let marks = state.marks.entry(shard).or_default();
        if marks.back().is_some_and(|(_, last)| last.version() > watermark.version()) {
            return;
        }
        if marks.len() >= WAITING_MARKS {
            marks.pop_back();
        }
        marks.push_back((number, watermark));
    }

    /// The latest state of an execution among the rows kept.
    pub(super) fn latest(&self, id: ExecutionId) -> Option<Checkpoint> {
        let state = self.state.lock();
        let (version, number) = state.latest.get(&id).copied()?;
        let kept = state.kept.get(usize::try_from(number - state.first).ok()?)?;
        let Work::Write(packed) = &kept.work else { return None };
        let packed = Arc::clone(packed);
        drop(state);
        packed.checkpoint(id).filter(|checkpoint| checkpoint.version == version)
    }

    /// A server has restarted, or may have: everything kept is due again.
    pub(super) fn lost(&self) {
        let mut state = self.state.lock();
        state.epoch = LossEpoch(state.epoch.0 + 1);
    }

    /// The first flush that was sent before the last restart.
    pub(super) fn due(&self) -> Option<Due> {
        let state = self.state.lock();
        let epoch = state.epoch;
        let (number, kept) =
            (state.first..).zip(&state.kept).find(|(_, kept)| kept.epoch < epoch)?;
        Some(Due { number, epoch, shard: kept.shard, work: kept.work.clone() })
    }

    /// A flush was written again, having been sent in `epoch`.
    pub(super) fn written_again(&self, number: u64, epoch: LossEpoch) {
        let mut state = self.state.lock();
        let Some(place) = number.checked_sub(state.first) else { return };
        let place = usize::try_from(place).unwrap_or(usize::MAX);
        if let Some(kept) = state.kept.get_mut(place) {
            kept.epoch = epoch;
            kept.acknowledged = Instant::now();
        }
    }

    /// No server has restarted up to `seen`: lets go of what is old enough by then.
    pub(super) fn proven(&self, seen: Instant) {
        let mut state = self.state.lock();
        while let Some(kept) = state.kept.front() {
            if kept.epoch < state.epoch || kept.acknowledged + self.margin > seen {
                break;
            }
            state.let_go();
        }
        drop(state);
        self.room.notify_waiters();
    }

    /// The watermark of each shard that the margin mark may move to.
    pub(super) fn margins(&self) -> Vec<(ShardId, Watermark)> {
        let state = self.state.lock();
        let proven = |(number, _): &&(u64, Watermark)| *number <= state.first;
        let last = |marks: &VecDeque<(u64, Watermark)>| {
            marks.iter().take_while(proven).last().map(|(_, mark)| *mark)
        };
        state.marks.iter().filter_map(|(shard, marks)| Some((*shard, last(marks)?))).collect()
    }

    /// The margin mark of a shard was moved.
    pub(super) fn margin_moved(&self, shard: ShardId, to: Watermark) {
        let mut state = self.state.lock();
        let Some(marks) = state.marks.get_mut(&shard) else { return };
        while marks.front().is_some_and(|(_, mark)| mark.version() <= to.version()) {
            marks.pop_front();
        }
        if marks.is_empty() {
            state.marks.remove(&shard);
        }
    }
}

impl State {
    fn push(&mut self, shard: ShardId, work: Work, epoch: LossEpoch, bytes: usize) {
        self.bytes += bytes;
        let acknowledged = Instant::now();
        self.kept.push_back(Kept { shard, work, epoch, acknowledged, bytes });
    }

    /// The number that the next flush gets.
    fn next(&self) -> u64 {
        self.first + self.kept.len() as u64
    }

    fn let_go(&mut self) {
        let Some(kept) = self.kept.pop_front() else { return };
        let number = self.first;
        self.first += 1;
        self.bytes -= kept.bytes;
        let Work::Write(packed) = kept.work else { return };
        for entry in packed.entries() {
            if self.latest.get(&entry.id).is_some_and(|latest| latest.1 == number) {
                self.latest.remove(&entry.id);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance::sample::{SHARD, entry, id, watermark};
    use crate::row::Write;
    use tokio::time::advance;

    const SECOND: Duration = Duration::from_secs(1);

    fn unproven() -> Unproven {
        Unproven::new(2 * packed(1, 1).bytes() + 20, 30 * SECOND)
    }

    fn keep(unproven: &Unproven, n: u128, version: u64, epoch: LossEpoch) {
        unproven.keep(SHARD, packed(n, version), epoch);
    }

    fn packed(n: u128, version: u64) -> Packed {
        Packed::of(Write { executions: vec![entry(id(n), version)] })
    }

    fn margin(unproven: &Unproven) -> Option<u64> {
        unproven.margins().first().map(|(_, mark)| mark.offset.get())
    }

    fn version(unproven: &Unproven, n: u128) -> Option<u64> {
        unproven.latest(id(n)).map(|checkpoint| checkpoint.version.get())
    }

    #[tokio::test(start_paused = true)]
    async fn the_margin_follows_a_watermark_once_every_row_before_it_is_old_enough() {
        let unproven = unproven();
        keep(&unproven, 1, 1, unproven.epoch());
        unproven.mark(SHARD, watermark(1));
        advance(20 * SECOND).await;
        keep(&unproven, 1, 2, unproven.epoch());
        unproven.mark(SHARD, watermark(2));
        unproven.proven(Instant::now());
        assert_eq!((margin(&unproven), version(&unproven, 1)), (None, Some(2)));
        advance(10 * SECOND).await;
        unproven.proven(Instant::now());
        assert_eq!(margin(&unproven), Some(1));
        unproven.margin_moved(SHARD, watermark(1));
        assert_eq!(margin(&unproven), None);
        advance(20 * SECOND).await;
        unproven.proven(Instant::now());
        assert_eq!((margin(&unproven), version(&unproven, 1)), (Some(2), None));
    }

    #[tokio::test(start_paused = true)]
    async fn after_a_restart_rows_are_due_again_and_the_margin_waits_for_them() {
        let unproven = unproven();
        let before = unproven.epoch();
        keep(&unproven, 1, 1, before);
        unproven.mark(SHARD, watermark(1));
        advance(40 * SECOND).await;
        unproven.lost();
        unproven.proven(Instant::now());
        assert_eq!(margin(&unproven), None, "its row may be lost");
        keep(&unproven, 2, 2, before);
        for _ in 0..2 {
            let due = unproven.due().expect("both were sent before the restart");
            unproven.written_again(due.number, due.epoch);
        }
        assert!(unproven.due().is_none());
        unproven.proven(Instant::now());
        assert_eq!(margin(&unproven), None, "it was acknowledged only now");
        advance(30 * SECOND).await;
        unproven.proven(Instant::now());
        assert_eq!(margin(&unproven), Some(1));
    }

    #[tokio::test(start_paused = true)]
    async fn a_restart_while_rows_are_written_again_makes_them_due_once_more() {
        let unproven = unproven();
        keep(&unproven, 1, 1, unproven.epoch());
        unproven.lost();
        let due = unproven.due().expect("it is due");
        unproven.lost();
        unproven.written_again(due.number, due.epoch);
        assert!(unproven.due().is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn a_late_row_does_not_stand_for_a_newer_one() {
        let unproven = unproven();
        keep(&unproven, 1, 5, unproven.epoch());
        keep(&unproven, 1, 4, unproven.epoch());
        assert_eq!(version(&unproven, 1), Some(5));
        let purged = vec![(id(1), Shown::of(&entry(id(1), 5)))];
        unproven.keep_purge(SHARD, purged, unproven.epoch());
        assert_eq!(version(&unproven, 1), None);
        unproven.lost();
        for done_again in ["a write", "a write", "a purge"] {
            let due = unproven.due().expect(done_again);
            assert_eq!(matches!(due.work, Work::Purge(_)), done_again == "a purge");
            unproven.written_again(due.number, due.epoch);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_write_waits_for_room() {
        let unproven = unproven();
        unproven.admit(1_000_000).await.expect("one is always taken");
        keep(&unproven, 1, 1, unproven.epoch());
        keep(&unproven, 2, 1, unproven.epoch());
        unproven.admit(20).await.expect("there is room");
        let start = Instant::now();
        unproven.admit(21).await.expect_err("there is none");
        assert_eq!(start.elapsed(), ROOM_WAIT);
        advance(30 * SECOND).await;
        unproven.proven(Instant::now());
        unproven.admit(21).await.expect("there is room again");
    }

    #[tokio::test(start_paused = true)]
    async fn waiting_watermarks_are_bounded_and_the_last_is_kept() {
        let unproven = unproven();
        for offset in 0..1_000 {
            unproven.mark(SHARD, watermark(offset));
        }
        assert_eq!(unproven.state.lock().marks[&SHARD].len(), WAITING_MARKS);
        assert_eq!(margin(&unproven), Some(999));
    }
}
