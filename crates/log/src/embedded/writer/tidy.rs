//! Letting go of segments, and of records in memory.
//!
//! Segments go from the oldest on, each as a whole, once no kept record is in it. So that a few
//! kept records (of an idle shard, of a compacted topic) do not hold up everything after them,
//! they are moved to the newest segment, at their offsets, a little with each group.

use std::collections::VecDeque;
use std::sync::Arc;

use super::Writer;
use crate::contract::Record;
use crate::embedded::entry::TRIM_BYTES;
use crate::embedded::frame::frame_bytes;
use crate::embedded::partition::DurablePartition;
use crate::embedded::queue::TrimJob;
use crate::embedded::segment::Segment;
use crate::topic::Retention;

/// A segment is emptied when at most one part in this many of it is kept: moving that costs
/// little of what is written anyway.
const SPARSE: u64 = 8;

/// Segments that may lie waiting for room to come back, beyond twice what is kept.
const WASTED_SEGMENTS: u64 = 4;

/// Something to do along with the next groups.
pub(super) enum Chore {
    /// Lets go of records that are too old.
    Trim(TrimJob),
    /// Writes a kept record again, at the end.
    Move { partition: Arc<DurablePartition>, offset: u64, from: Arc<Segment>, bytes: u32 },
}

impl Chore {
    /// Bytes of its entry.
    pub(super) fn frame_bytes(&self) -> usize {
        match self {
            Self::Trim(_) => frame_bytes(TRIM_BYTES),
            Self::Move { bytes, .. } => *bytes as usize,
        }
    }
}

impl Writer {
    /// Plans what a new segment is a good moment for.
    pub(super) fn tidy_up(&mut self) {
        if self.chores.is_empty() {
            self.expire();
            self.empty_oldest();
        }
    }

    /// Has the next file made when this one is half full.
    pub(super) fn want_spare(&mut self) {
        let tail = &mut self.parts.tail;
        if !tail.next_wanted && tail.at > tail.segment.bytes / 2 {
            tail.next_wanted = true;
            self.parts.spares.want();
        }
    }

    /// Plans to let go of records whose time is over.
    fn expire(&mut self) {
        let now = (self.parts.shared.now)();
        for (retention, partition) in self.parts.shared.topics.durable_partitions() {
            match retention {
                Retention::UntilTrimmed | Retention::Compacted => {}
                Retention::For(keep) => {
                    if let Some(before) = partition.older_than(keep, now) {
                        let job = TrimJob { partition, before, answer: None };
                        self.chores.push_back(Chore::Trim(job));
                    }
                }
            }
        }
    }

    /// Plans to move what is kept in the oldest segment, when that is worth it.
    fn empty_oldest(&mut self) {
        let Some(oldest) = self.parts.sealed.front() else {
            return;
        };
        let (bytes, live) = self.parts.sealed.iter().fold((0, 0), |(bytes, live), segment| {
            (bytes + u64::from(segment.bytes), live + segment.live_bytes())
        });
        let sparse = oldest.live_bytes() * SPARSE <= u64::from(oldest.bytes);
        let spare = WASTED_SEGMENTS * u64::from(self.parts.segment_bytes);
        if !sparse && bytes <= 2 * live + spare {
            return;
        }
        for (_, partition) in self.parts.shared.topics.durable_partitions() {
            for offset in partition.within(oldest) {
                let Some(spot) = partition.spot_in(offset, oldest) else {
                    continue;
                };
                let (partition, from) = (Arc::clone(&partition), Arc::clone(oldest));
                let chore = Chore::Move { partition, offset, from, bytes: spot.bytes };
                self.chores.push_back(chore);
            }
        }
    }

    /// Lets go of the oldest segments as long as nothing kept is in them.
    pub(super) fn release(&mut self) {
        while self.parts.sealed.front().is_some_and(|oldest| oldest.live_bytes() == 0) {
            if self.parts.tail.synced < self.parts.tail.at {
                // What let go of its records must be on disk first.
                self.sync_or_close();
            }
            if self.parts.shared.is_closed() {
                return;
            }
            if let Some(oldest) = self.parts.sealed.pop_front() {
                self.parts.spares.retire(oldest);
            }
        }
    }
}

/// Which recent records are in memory, oldest first, over all partitions.
pub(super) struct Cache {
    limit: usize,
    bytes: usize,
    records: VecDeque<(Arc<DurablePartition>, u64, u32)>,
}

/// Bytes a record takes beside its key and value.
const OVERHEAD_BYTES: usize = 128;

impl Cache {
    pub(super) const fn new(limit: usize) -> Self {
        Self { limit, bytes: 0, records: VecDeque::new() }
    }

    /// Notes a record that is about to be published.
    pub(super) fn add(&mut self, partition: &Arc<DurablePartition>, offset: u64, record: &Record) {
        let bytes = OVERHEAD_BYTES + record.bytes();
        self.bytes += bytes;
        let bytes = u32::try_from(bytes).expect("a record is far below 4 GiB");
        self.records.push_back((Arc::clone(partition), offset, bytes));
    }

    /// Lets go of the oldest records until the rest keeps the limit.
    pub(super) fn evict(&mut self) {
        while self.bytes > self.limit
            && let Some((partition, offset, bytes)) = self.records.pop_front()
        {
            partition.evict(offset);
            self.bytes -= bytes as usize;
        }
    }
}
