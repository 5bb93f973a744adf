//! Opening: what the segment files say is what the log is.
//!
//! Segments are numbered without a gap, and each says where the entries of the one before it end,
//! so every byte that was once safely written is checked. Only the newest one can have a torn
//! end: a group of entries whose write or sync was cut short. It was not acknowledged, and is
//! cut. A bad entry before something that was written after a sync is damage.

use std::collections::{BTreeMap, VecDeque};
use std::fs::OpenOptions;
use std::sync::Arc;

use super::disk::Disk;
use super::entry::{Entry, PartitionId, TopicEntry, TopicState};
use super::error::OpenError;
use super::folder::Folder;
use super::frame::Place;
use super::index::Location;
use super::meta::Meta;
use super::partition::DurablePartition;
use super::scan::{Behind, Window};
use super::segment::{BadHead, FIRST_ENTRY, Segment, SegmentHead, VERSION};
use super::topics::{Kept, Topics};
use crate::topic::Partition;

/// The segments as they were found.
pub(super) struct Recovered {
    /// All but the newest, oldest first.
    pub(super) sealed: VecDeque<Arc<Segment>>,
    /// The newest.
    pub(super) newest: Arc<Segment>,
    /// Where its entries end.
    pub(super) end: u32,
}

/// Reads all segments into `topics`, which must be empty, and cuts the torn end.
pub(super) fn recover(
    folder: &Folder,
    meta: Meta,
    topics: &Topics,
    disk: &Disk,
) -> Result<Recovered, OpenError> {
    let mut segments = open_segments(folder, meta)?;
    let mut replay = Replay { topics, partitions: BTreeMap::new() };
    for pair in segments.windows(2) {
        replay.sealed(&pair[0].0, pair[1].1.previous_end)?;
    }
    let (newest, _) = segments.pop().expect("a folder without segments is not opened");
    let (end, behind) = replay.newest(&newest)?;
    replay.check_whole(folder)?;
    cut(&newest, end, behind, disk)?;
    let sealed = segments.into_iter().map(|(segment, _)| segment).collect();
    Ok(Recovered { sealed, newest, end })
}

type Opened = Vec<(Arc<Segment>, SegmentHead)>;

fn open_segments(folder: &Folder, meta: Meta) -> Result<Opened, OpenError> {
    let path = folder.path().to_owned();
    let numbers = folder
        .segments()
        .map_err(OpenError::io(format!("list the files in {}", path.display())))?;
    let missing = |number: u32| {
        let file = folder.segment(number);
        let what = format!("the file {} is not there", file.display());
        OpenError::Missing { folder: path.clone(), what }
    };
    if let Some(gap) = numbers.windows(2).find(|pair| pair[0] + 1 != pair[1]) {
        return Err(missing(gap[0] + 1));
    }
    if numbers.last().is_none_or(|newest| *newest < meta.newest_segment) {
        return Err(missing(meta.newest_segment));
    }
    numbers.into_iter().map(|number| open_segment(folder, meta, number)).collect()
}

fn open_segment(
    folder: &Folder,
    meta: Meta,
    number: u32,
) -> Result<(Arc<Segment>, SegmentHead), OpenError> {
    let path = folder.segment(number);
    let doing = || OpenError::io(format!("open {}", path.display()));
    let file = OpenOptions::new().read(true).write(true).open(&path).map_err(doing())?;
    let bytes = file.metadata().map_err(doing())?.len();
    let damaged = |what: &str| damaged(&path, 0, what);
    let head = match SegmentHead::read(&file) {
        Ok(head) => head,
        Err(BadHead::Damaged) => return Err(damaged("it does not begin like a segment")),
        Err(BadHead::Newer(found)) => {
            return Err(OpenError::Newer { file: path, found, known: VERSION });
        }
        Err(BadHead::Io(error)) => return Err(doing()(error)),
    };
    if head.cluster != meta.cluster {
        return Err(OpenError::OtherLog { file: path });
    }
    if head.number != number {
        return Err(damaged("it has the name of another segment"));
    }
    let bytes = u32::try_from(bytes).map_err(|_| damaged("it is larger than a segment can be"))?;
    Ok((Arc::new(Segment::new(head, path, file, bytes)), head))
}

fn damaged(file: &std::path::Path, position: u32, what: &str) -> OpenError {
    OpenError::Damaged { file: file.to_owned(), position: position.into(), what: what.to_owned() }
}

/// Cuts what is behind the end of the newest segment. Only once nothing is wrong with the log: one
/// that cannot be opened stays as it is.
fn cut(segment: &Segment, end: u32, behind: Behind, disk: &Disk) -> Result<(), OpenError> {
    let doing = || OpenError::io(format!("write {}", segment.path.display()));
    if behind == Behind::Leftovers {
        tracing::warn!(
            file = %segment.path.display(), position = end,
            "cut what was being written when the process or machine stopped"
        );
        disk.erase(&segment.file, end, (segment.bytes - end) as usize).map_err(doing())?;
    }
    // What was read may have been in the operating system's memory only.
    disk.sync(&segment.file).map_err(doing())
}

struct Replay<'a> {
    topics: &'a Topics,
    partitions: BTreeMap<PartitionId, (Partition, Arc<DurablePartition>)>,
}

impl Replay<'_> {
    /// Reads a segment whose end is known.
    fn sealed(&mut self, segment: &Arc<Segment>, end: u32) -> Result<(), OpenError> {
        let found = self.entries(segment, end)?;
        if found == end {
            return Ok(());
        }
        Err(damaged(&segment.path, found, "an entry's checksum does not match"))
    }

    /// Reads the newest segment, and gives where it ends and what is behind that.
    fn newest(&mut self, segment: &Arc<Segment>) -> Result<(u32, Behind), OpenError> {
        let doing = || OpenError::io(format!("read {}", segment.path.display()));
        let end = self.entries(segment, segment.bytes)?;
        if end == FIRST_ENTRY {
            return Err(damaged(&segment.path, end, "the positions are not there"));
        }
        let place = Place { salt: segment.salt, at: end };
        let mut window = Window::new(&segment.file, segment.bytes.into());
        match window.behind(place).map_err(doing())? {
            Behind::Synced => {
                Err(damaged(&segment.path, end, "an entry's checksum does not match"))
            }
            behind @ (Behind::Nothing | Behind::Leftovers) => Ok((end, behind)),
        }
    }

    /// Takes in every whole entry up to `end`, and gives where the last one ends.
    fn entries(&mut self, segment: &Arc<Segment>, end: u32) -> Result<u32, OpenError> {
        let doing = || OpenError::io(format!("read {}", segment.path.display()));
        let mut window = Window::new(&segment.file, segment.bytes.into());
        let mut at = FIRST_ENTRY;
        while at < end {
            let place = Place { salt: segment.salt, at };
            let Some((head, body)) = window.frame(place).map_err(doing())? else {
                return Ok(at);
            };
            let bytes = u32::try_from(head.frame_bytes()).expect("a frame is far below 4 GiB");
            let taken = Entry::decode(body)
                .map_err(|error| error.to_string())
                .and_then(|entry| self.take_in(&entry, segment, at, bytes));
            taken.map_err(|what| damaged(&segment.path, at, &what))?;
            at += bytes;
        }
        Ok(at)
    }

    fn take_in(
        &mut self,
        entry: &Entry<'_>,
        segment: &Arc<Segment>,
        at: u32,
        bytes: u32,
    ) -> Result<(), String> {
        match entry {
            Entry::Record { head, key } => {
                let (partition, kept) = self.partition(head.partition)?;
                if kept.recover(*head, key, Location::new(segment, at, bytes)) {
                    return Ok(());
                }
                Err(format!("the record before {} of {partition} is missing", head.offset))
            }
            Entry::Trim { partition, before } => {
                self.partition(*partition)?.1.trim(*before);
                Ok(())
            }
            Entry::Topic(topic) => {
                self.topic(topic, &[]);
                Ok(())
            }
            Entry::State(topics) if at == FIRST_ENTRY => {
                topics.iter().try_for_each(|t| self.state(t))
            }
            Entry::State(_) => Err("the positions are in the wrong place".to_owned()),
            Entry::Closed => Ok(()),
        }
    }

    fn partition(&self, id: PartitionId) -> Result<&(Partition, Arc<DurablePartition>), String> {
        let unknown = || format!("topic {} has no partition {}", id.topic, id.number);
        self.partitions.get(&id).ok_or_else(unknown)
    }

    fn topic(&mut self, topic: &TopicEntry, positions: &[(u64, u64)]) {
        self.topics.apply_durable(topic, positions);
        for number in 0..topic.partitions {
            let partition = Partition::new(topic.topic.clone(), number);
            match self.topics.find(&partition) {
                Some(Kept::Durable(kept)) => {
                    self.partitions.insert(kept.id, (partition, kept));
                }
                Some(Kept::Volatile(_)) | None => {}
            }
        }
    }

    /// Takes in or checks the positions a segment begins with.
    fn state(&mut self, state: &TopicState) -> Result<(), String> {
        self.topic(&state.entry, &state.positions);
        for (number, (start, next)) in (0..).zip(&state.positions) {
            let id = PartitionId { topic: state.entry.id, number };
            let (partition, kept) = self.partition(id)?;
            let found = kept.positions().1;
            if found != *next {
                return Err(format!("{partition} ends at {next}, {found} was found"));
            }
            kept.trim(*start);
        }
        Ok(())
    }

    /// Every kept record must have been found.
    fn check_whole(&self, folder: &Folder) -> Result<(), OpenError> {
        for (partition, kept) in self.partitions.values() {
            if let Some(offset) = kept.missing() {
                let what = format!("record {offset} of {partition} is in no segment");
                return Err(OpenError::Missing { folder: folder.path().to_owned(), what });
            }
        }
        Ok(())
    }
}
