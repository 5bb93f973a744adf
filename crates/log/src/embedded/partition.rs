//! A durable partition: its ends, its index, and its recent records in memory.
//!
//! Only the writer's thread changes it; readers look under a short lock.
//!
//! **Invariant:** everything in here is safely on disk as the durability setting means it: a
//! record enters after its sync.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use flowmill_model::{Offset, Timestamp};
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::sync::futures::OwnedNotified;

use super::ages::Ages;
use super::entry::{PartitionId, RecordHead};
use super::index::{Index, Location, Spot};
use super::segment::Segment;
use crate::contract::{Bounds, Fetched, ReadError, ReadLimit, Record};

/// Records taken from disk in one read: bounds how long one read keeps a thread busy.
const DISK_RECORDS: usize = 1_024;

pub(super) struct DurablePartition {
    pub(super) id: PartitionId,
    /// The offset of the next record to be written, ahead of the state's while a group is under
    /// way.
    next_written: AtomicU64,
    state: Mutex<State>,
    changed: Arc<Notify>,
}

struct State {
    start: u64,
    next: u64,
    index: Index,
    ages: Ages,
    /// The newest records, without a gap up to the end.
    recent: VecDeque<(u64, Record)>,
}

/// What a read found.
pub(super) enum Found {
    Memory(Vec<Fetched>),
    Disk(Vec<Spot>),
    /// None yet; the notification was asked for before the look.
    Nothing(OwnedNotified),
}

impl DurablePartition {
    /// A partition whose records from `start` to `next` were not found yet.
    pub(super) fn new(id: PartitionId, compacted: bool, start: u64, next: u64) -> Self {
        let index = Index::new(compacted, next - start);
        let (ages, recent) = (Ages::default(), VecDeque::new());
        let state = State { start, next, index, ages, recent };
        let next_written = AtomicU64::new(next);
        Self { id, next_written, state: Mutex::new(state), changed: Arc::default() }
    }

    /// Takes the next offset for a record that is about to be written.
    pub(super) fn take_offset(&self) -> u64 {
        self.next_written.fetch_add(1, Ordering::Relaxed)
    }

    /// Gives back the offsets of records that were not written.
    pub(super) fn give_back_offsets(&self) {
        self.next_written.store(self.state.lock().next, Ordering::Relaxed);
    }

    /// Adds a record that is on disk since `at`.
    pub(super) fn publish(&self, offset: u64, at: Timestamp, record: Record, location: Location) {
        let mut state = self.state.lock();
        debug_assert_eq!(state.next, offset, "records are published in order");
        state.index.push(offset, &record.key, location);
        state.ages.note(offset, at);
        state.recent.push_back((offset, record));
        state.next = offset + 1;
    }

    /// Wakes the readers.
    pub(super) fn notify(&self) {
        self.changed.notify_waiters();
    }

    /// Forgets the oldest recent record, if that is the one at `offset`.
    pub(super) fn evict(&self, offset: u64) {
        self.state.lock().recent.pop_front_if(|(oldest, _)| *oldest == offset);
    }

    pub(super) fn bounds(&self) -> Bounds {
        let (start, next) = self.positions();
        Bounds { start: Offset::new(start), end: Offset::new(next) }
    }

    /// The first kept offset and the next one.
    pub(super) fn positions(&self) -> (u64, u64) {
        let state = self.state.lock();
        (state.start, state.next)
    }

    /// Lets go of the records below `before`.
    pub(super) fn trim(&self, before: u64) {
        let mut state = self.state.lock();
        let (start, before) = (state.start, before.min(state.next));
        if before > start {
            state.index.trim(start, before);
            state.ages.trim(before);
            state.start = before;
            let gone = state.recent.partition_point(|(offset, _)| *offset < before);
            state.recent.drain(..gone);
        }
    }

    /// Says that a record lies elsewhere now.
    pub(super) fn relocate(&self, offset: u64, location: Location) {
        let mut state = self.state.lock();
        let start = state.start;
        state.index.relocate(start, offset, location);
    }

    /// Where a record lies, if it is kept and lies in `segment`.
    pub(super) fn spot_in(&self, offset: u64, segment: &Arc<Segment>) -> Option<Spot> {
        let state = self.state.lock();
        let spot = state.index.spot(state.start, offset);
        spot.filter(|spot| Arc::ptr_eq(&spot.segment, segment))
    }

    /// The offsets of the records that lie in a segment.
    pub(super) fn within(&self, segment: &Arc<Segment>) -> Vec<u64> {
        let state = self.state.lock();
        state.index.within(state.start, segment)
    }

    /// The offset below which every record was written longer than `keep` before `now`, if there
    /// is any.
    pub(super) fn older_than(&self, keep: Duration, now: Timestamp) -> Option<u64> {
        self.state.lock().ages.older_than(keep, now)
    }

    /// Looks for records at or above `from`.
    pub(super) fn find(&self, from: u64, limit: ReadLimit) -> Result<Found, ReadError> {
        let changed = Arc::clone(&self.changed).notified_owned();
        let state = self.state.lock();
        if from < state.start {
            return Err(ReadError::OutOfRange { start: Offset::new(state.start) });
        }
        if from >= state.next {
            return Ok(Found::Nothing(changed));
        }
        let memory_from = state.recent.front().map_or(u64::MAX, |(oldest, _)| *oldest);
        let spots = state.on_disk(from, memory_from, limit);
        if !spots.is_empty() {
            return Ok(Found::Disk(spots));
        }
        let fetched = state.in_memory(from, limit);
        Ok(if fetched.is_empty() { Found::Nothing(changed) } else { Found::Memory(fetched) })
    }
}

impl State {
    fn on_disk(&self, from: u64, before: u64, limit: ReadLimit) -> Vec<Spot> {
        if from >= before {
            return Vec::new();
        }
        let spots = self.index.spots(self.start, from).take_while(|spot| spot.offset < before);
        let mut left = Allowance::new(limit);
        spots.take(DISK_RECORDS).take_while(|spot| left.take(spot.bytes as usize)).collect()
    }

    fn in_memory(&self, from: u64, limit: ReadLimit) -> Vec<Fetched> {
        let first = self.recent.partition_point(|(offset, _)| *offset < from);
        let kept = self.recent.range(first..);
        let kept = kept.filter(|(offset, _)| self.index.holds(self.start, *offset));
        let fetched = kept.map(|(offset, record)| fetched(*offset, record.clone()));
        let mut left = Allowance::new(limit);
        fetched.take_while(|f| left.take(f.record.bytes())).collect()
    }
}

pub(super) fn fetched(offset: u64, record: Record) -> Fetched {
    Fetched { offset: Offset::new(offset), record }
}

/// What a read may still give.
pub(super) struct Allowance {
    limit: ReadLimit,
    records: usize,
    bytes: usize,
}

impl Allowance {
    pub(super) const fn new(limit: ReadLimit) -> Self {
        Self { limit, records: 0, bytes: 0 }
    }

    /// Whether a record of that size may be given, too. The first always may.
    pub(super) const fn take(&mut self, bytes: usize) -> bool {
        self.records += 1;
        self.bytes = self.bytes.saturating_add(bytes);
        self.records == 1
            || (self.records <= self.limit.records.get() && self.bytes <= self.limit.bytes)
    }
}

/// What happens only while the log is opened.
impl DurablePartition {
    /// Takes in a record found on disk. `false` when it cannot be there: a record before it is
    /// missing.
    pub(super) fn recover(&self, head: RecordHead, key: &[u8], location: Location) -> bool {
        let offset = head.offset;
        let mut state = self.state.lock();
        let key = if state.index.has_keys() { Bytes::copy_from_slice(key) } else { Bytes::new() };
        let (start, next) = (state.start, state.next);
        if offset == next {
            state.index.push(offset, &key, location);
            state.next += 1;
            self.next_written.store(state.next, Ordering::Relaxed);
        } else if offset >= start {
            state.index.restore(start, offset, &key, location);
        }
        if offset >= start {
            state.ages.note(offset, head.at);
        }
        offset <= next
    }

    /// The first offset whose record was not found.
    pub(super) fn missing(&self) -> Option<u64> {
        let state = self.state.lock();
        state.index.missing(state.start)
    }
}
