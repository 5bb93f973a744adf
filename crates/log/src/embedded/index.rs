//! Where each kept record of a partition lies.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;

use super::segment::Segment;

/// The place of a kept record's frame: 16 bytes. As long as it lives, the frame counts as live in
/// its segment.
pub(super) struct Location {
    segment: Arc<Segment>,
    at: u32,
    bytes: u32,
}

/// A record's frame, to be read.
#[derive(Clone)]
pub(super) struct Spot {
    pub(super) offset: u64,
    pub(super) segment: Arc<Segment>,
    pub(super) at: u32,
    pub(super) bytes: u32,
}

impl Location {
    pub(super) fn new(segment: &Arc<Segment>, at: u32, bytes: u32) -> Self {
        segment.live.fetch_add(bytes.into(), Ordering::Relaxed);
        Self { segment: Arc::clone(segment), at, bytes }
    }

    fn spot(&self, offset: u64) -> Spot {
        Spot { offset, segment: Arc::clone(&self.segment), at: self.at, bytes: self.bytes }
    }
}

impl Drop for Location {
    fn drop(&mut self) {
        self.segment.live.fetch_sub(self.bytes.into(), Ordering::Relaxed);
    }
}

/// The kept records of one partition, by offset.
pub(super) enum Index {
    /// Every offset from the start on. `None` is a record that was not found yet, while the log
    /// is opened.
    Dense(VecDeque<Option<Location>>),
    /// The last record of each key.
    Compacted { by_offset: BTreeMap<u64, Location>, last_of_key: BTreeMap<Bytes, u64> },
}

impl Index {
    /// An index of `missing` records whose places are not known yet.
    pub(super) fn new(compacted: bool, missing: u64) -> Self {
        if compacted {
            return Self::Compacted { by_offset: BTreeMap::new(), last_of_key: BTreeMap::new() };
        }
        Self::Dense((0..missing).map(|_| None).collect())
    }

    /// Whether it needs the keys of records.
    pub(super) const fn has_keys(&self) -> bool {
        match self {
            Self::Dense(_) => false,
            Self::Compacted { .. } => true,
        }
    }

    /// Adds the next record. In a compacted topic the one before it with the same key goes.
    pub(super) fn push(&mut self, offset: u64, key: &Bytes, location: Location) {
        match self {
            Self::Dense(locations) => locations.push_back(Some(location)),
            Self::Compacted { by_offset, last_of_key } => {
                if let Some(earlier) = last_of_key.insert(key.clone(), offset) {
                    by_offset.remove(&earlier);
                }
                by_offset.insert(offset, location);
            }
        }
    }

    /// Says that a record lies elsewhere; nothing happens when it is not kept.
    pub(super) fn relocate(&mut self, start: u64, offset: u64, location: Location) {
        match self {
            Self::Dense(locations) => {
                if let Some(kept) = slot(start, offset).and_then(|slot| locations.get_mut(slot)) {
                    *kept = Some(location);
                }
            }
            Self::Compacted { by_offset, .. } => {
                if let Some(kept) = by_offset.get_mut(&offset) {
                    *kept = location;
                }
            }
        }
    }

    /// Puts back a record of a compacted topic that lies in a later segment than its offset says,
    /// while the log is opened.
    pub(super) fn restore(&mut self, start: u64, offset: u64, key: &Bytes, location: Location) {
        match self {
            Self::Dense(_) => self.relocate(start, offset, location),
            Self::Compacted { by_offset, last_of_key } => {
                let last = last_of_key.entry(key.clone()).or_insert(offset);
                if *last <= offset {
                    by_offset.remove(last);
                    *last = offset;
                    by_offset.insert(offset, location);
                }
            }
        }
    }

    /// Lets go of everything below `before`.
    pub(super) fn trim(&mut self, start: u64, before: u64) {
        match self {
            Self::Dense(locations) => {
                let gone = slot(start, before).unwrap_or(0).min(locations.len());
                locations.drain(..gone);
                if locations.capacity() > 4 * locations.len().max(1024) {
                    locations.shrink_to_fit();
                }
            }
            Self::Compacted { by_offset, last_of_key } => {
                *by_offset = by_offset.split_off(&before);
                last_of_key.retain(|_, offset| *offset >= before);
            }
        }
    }

    /// The kept records at or above `from`, in order.
    pub(super) fn spots(&self, start: u64, from: u64) -> Box<dyn Iterator<Item = Spot> + '_> {
        match self {
            Self::Dense(locations) => {
                let first = slot(start, from).unwrap_or(0).min(locations.len());
                let known = (first as u64..).zip(locations.range(first..));
                Box::new(known.filter_map(move |(n, l)| Some(l.as_ref()?.spot(start + n))))
            }
            Self::Compacted { by_offset, .. } => {
                Box::new(by_offset.range(from..).map(|(offset, location)| location.spot(*offset)))
            }
        }
    }

    /// Whether the record at an offset is kept.
    pub(super) fn holds(&self, start: u64, offset: u64) -> bool {
        match self {
            Self::Dense(locations) => {
                slot(start, offset).is_some_and(|slot| slot < locations.len())
            }
            Self::Compacted { by_offset, .. } => by_offset.contains_key(&offset),
        }
    }

    /// Where the record at an offset lies, if it is kept.
    pub(super) fn spot(&self, start: u64, offset: u64) -> Option<Spot> {
        let location = match self {
            Self::Dense(locations) => locations.get(slot(start, offset)?)?.as_ref()?,
            Self::Compacted { by_offset, .. } => by_offset.get(&offset)?,
        };
        Some(location.spot(offset))
    }

    /// The offsets of the records that lie in a segment.
    pub(super) fn within(&self, start: u64, segment: &Arc<Segment>) -> Vec<u64> {
        let there = |location: &Location| Arc::ptr_eq(&location.segment, segment);
        match self {
            Self::Dense(locations) => {
                let offsets = (start..).zip(locations);
                let there = offsets.filter(|(_, l)| l.as_ref().is_some_and(there));
                there.map(|(offset, _)| offset).collect()
            }
            Self::Compacted { by_offset, .. } => {
                by_offset.iter().filter(|(_, l)| there(l)).map(|(offset, _)| *offset).collect()
            }
        }
    }

    /// The first offset whose record was not found.
    pub(super) fn missing(&self, start: u64) -> Option<u64> {
        match self {
            Self::Dense(locations) => {
                (start..).zip(locations).find(|(_, l)| l.is_none()).map(|(offset, _)| offset)
            }
            Self::Compacted { .. } => None,
        }
    }
}

fn slot(start: u64, offset: u64) -> Option<usize> {
    usize::try_from(offset.checked_sub(start)?).ok()
}
