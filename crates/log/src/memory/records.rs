//! The records of a memory log, shared by its sessions.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use bytes::Bytes;
use flowmill_model::{Offset, limits};
use tokio::sync::{Notify, oneshot};
use tokio::time::Instant;

use crate::contract::{Bounds, Fetched, NotWritten, ReadError, ReadLimit, Record};
use crate::topic::{Partition, Retention, Survival, Topic, TopicSpec};

/// Everything the sessions share, behind one lock.
#[derive(Default)]
pub(super) struct Records {
    /// Counts the sessions so far.
    pub(super) sessions: u64,
    /// Bits above an offset's low ones in derivable topics, when restarts lose those.
    pub(super) boot: u64,
    topics: BTreeMap<Topic, TopicSpec>,
    partitions: BTreeMap<Partition, Kept>,
    waiting: BTreeMap<(u64, Partition), VecDeque<Waiting>>,
}

/// One partition's records.
struct Kept {
    start: u64,
    next: u64,
    records: BTreeMap<u64, (Instant, Record)>,
    last_of_key: BTreeMap<Bytes, u64>,
    changed: Arc<Notify>,
}

/// An append that has not landed and holds up the later ones of its session and partition.
pub(super) struct Waiting {
    pub(super) ticket: u64,
    pub(super) due: bool,
    pub(super) record: Record,
    pub(super) gap: u64,
    pub(super) landed: oneshot::Sender<(Offset, Instant)>,
}

/// What a read found.
pub(super) enum Found {
    /// At least one record.
    Records(Vec<Fetched>),
    /// None yet; the notification was asked for before the look.
    Nothing(tokio::sync::futures::OwnedNotified),
}

/// Where the offsets of boot `boot` begin in a topic whose records a restart loses.
fn base(boot: u64) -> u64 {
    boot << 40
}

impl Records {
    pub(super) fn ensure(&mut self, spec: TopicSpec) -> Result<(), ReadError> {
        let found = self.topics.get(&spec.topic).map_or(0, |found| found.partitions);
        if spec.partitions < found.max(1) {
            let (topic, asked) = (spec.topic, spec.partitions);
            return Err(ReadError::PartitionCount { topic, found, asked });
        }
        if self.topics.get(&spec.topic).is_some_and(|found| found.changes_compaction(&spec)) {
            let why = "a topic is compacted for ever or never".to_owned();
            return Err(ReadError::Refused { topic: spec.topic, why });
        }
        let first = if spec.survival == Survival::Derivable { base(self.boot) } else { 0 };
        for number in found..spec.partitions {
            self.partitions.insert(Partition::new(spec.topic.clone(), number), Kept::from(first));
        }
        self.topics.insert(spec.topic.clone(), spec);
        Ok(())
    }

    pub(super) fn spec(&self, topic: &Topic) -> Option<&TopicSpec> {
        self.topics.get(topic)
    }

    /// Refuses what no fault is needed to refuse.
    pub(super) fn check(&self, to: &Partition, record: &Record) -> Result<(), NotWritten> {
        let bytes = record.bytes();
        if bytes > limits::RECORD_BYTES {
            return Err(NotWritten::TooLarge { bytes, limit: limits::RECORD_BYTES });
        }
        if !self.partitions.contains_key(to) {
            return Err(NotWritten::NoSuchPartition(to.clone()));
        }
        // Kafka's client would cut the name there, so that the log on Kafka refuses it.
        if record.headers.iter().any(|header| header.name.contains('\0')) {
            return Err(NotWritten::Closed("a header's name holds a NUL".to_owned()));
        }
        Ok(())
    }

    /// Adds a record, leaving out `gap` offsets.
    pub(super) fn land(&mut self, to: &Partition, record: Record, gap: u64) -> Option<Offset> {
        let retention = self.topics.get(&to.topic)?.retention;
        let kept = self.partitions.get_mut(to)?;
        let offset = kept.next + gap;
        kept.next = offset + 1;
        kept.retain(&record, offset, retention);
        kept.records.insert(offset, (Instant::now(), record));
        kept.changed.notify_waiters();
        Some(Offset::new(offset))
    }

    /// Puts an append behind those of its session and partition that have not landed.
    pub(super) fn wait(&mut self, session: u64, to: &Partition, append: Waiting) {
        self.waiting.entry((session, to.clone())).or_default().push_back(append);
        self.land_due(session, to);
    }

    /// Marks an append as due, and lands all that nothing holds up any more.
    pub(super) fn due(&mut self, session: u64, to: &Partition, ticket: u64) {
        let waiting = self.waiting.get_mut(&(session, to.clone()));
        if let Some(append) = waiting.and_then(|w| w.iter_mut().find(|a| a.ticket == ticket)) {
            append.due = true;
        }
        self.land_due(session, to);
    }

    fn land_due(&mut self, session: u64, to: &Partition) {
        let key = (session, to.clone());
        while let Some(append) = self.waiting.get_mut(&key).and_then(|w| w.pop_front_if(|a| a.due))
        {
            if let Some(offset) = self.land(to, append.record, append.gap) {
                // Nobody may be waiting for the answer; the record is there all the same.
                append.landed.send((offset, Instant::now())).ok();
            }
        }
        if self.waiting.get(&key).is_some_and(VecDeque::is_empty) {
            self.waiting.remove(&key);
        }
    }

    /// Loses what a session has under way.
    pub(super) fn lose_in_flight(&mut self, session: u64) {
        self.waiting.retain(|(of, _), _| *of != session);
    }

    /// Loses every derivable record, as the restart of a log does that keeps them in memory.
    pub(super) fn lose_derivable(&mut self) {
        self.boot += 1;
        let boot = self.boot;
        let topics = &self.topics;
        let derivable = |partition: &Partition| {
            topics.get(&partition.topic).is_some_and(|spec| spec.survival == Survival::Derivable)
        };
        self.waiting.retain(|(_, partition), _| !derivable(partition));
        for (_, kept) in self.partitions.iter_mut().filter(|(partition, _)| derivable(partition)) {
            kept.records.clear();
            kept.last_of_key.clear();
            (kept.start, kept.next) = (base(boot), base(boot));
            kept.changed.notify_waiters();
        }
    }

    pub(super) fn bounds(&self, of: &Partition) -> Result<Bounds, ReadError> {
        let kept = self.kept(of)?;
        Ok(Bounds { start: Offset::new(kept.start), end: Offset::new(kept.next) })
    }

    pub(super) fn trim(&mut self, of: &Partition, before: Offset) -> Result<(), ReadError> {
        let kept = self.partitions.get_mut(of).ok_or_else(|| no_such(of))?;
        let before = before.get().min(kept.next);
        if before <= kept.start {
            return Ok(());
        }
        let compacted = |spec: &TopicSpec| spec.retention == Retention::Compacted;
        if self.topics.get(&of.topic).is_some_and(compacted) {
            let why = "a compacted topic is not trimmed".to_owned();
            return Err(ReadError::Refused { topic: of.topic.clone(), why });
        }
        kept.trim(before);
        Ok(())
    }

    pub(super) fn read(
        &self,
        of: &Partition,
        from: Offset,
        limit: ReadLimit,
    ) -> Result<Found, ReadError> {
        let kept = self.kept(of)?;
        let changed = Arc::clone(&kept.changed).notified_owned();
        if from.get() < kept.start {
            return Err(ReadError::OutOfRange { start: Offset::new(kept.start) });
        }
        let found = kept.fetch(from.get(), limit);
        Ok(if found.is_empty() { Found::Nothing(changed) } else { Found::Records(found) })
    }

    /// Every record of a partition.
    pub(super) fn all(&self, of: &Partition) -> Vec<Fetched> {
        let kept = self.partitions.get(of).into_iter().flat_map(|kept| &kept.records);
        kept.map(|(offset, (_, record))| fetched(*offset, record)).collect()
    }

    /// Every partition there is.
    pub(super) fn partitions(&self) -> Vec<Partition> {
        self.partitions.keys().cloned().collect()
    }

    fn kept(&self, of: &Partition) -> Result<&Kept, ReadError> {
        self.partitions.get(of).ok_or_else(|| no_such(of))
    }
}

fn no_such(partition: &Partition) -> ReadError {
    ReadError::NoSuchPartition(partition.clone())
}

fn fetched(offset: u64, record: &Record) -> Fetched {
    Fetched { offset: Offset::new(offset), record: record.clone() }
}

impl Kept {
    fn from(first: u64) -> Self {
        Self {
            start: first,
            next: first,
            records: BTreeMap::new(),
            last_of_key: BTreeMap::new(),
            changed: Arc::default(),
        }
    }

    /// Lets go of what the topic's retention allows once `record` is there.
    fn retain(&mut self, record: &Record, offset: u64, retention: Retention) {
        match retention {
            Retention::UntilTrimmed => {}
            Retention::For(time) => self.expire(time),
            Retention::Compacted => {
                if let Some(earlier) = self.last_of_key.insert(record.key.clone(), offset) {
                    self.records.remove(&earlier);
                }
            }
        }
    }

    fn expire(&mut self, after: std::time::Duration) {
        while let Some(first) = self.records.first_entry()
            && first.get().0.elapsed() > after
        {
            self.start = first.key() + 1;
            first.remove();
        }
    }

    /// Lets go of the records below `before`, which lies above the start and not beyond the end.
    fn trim(&mut self, before: u64) {
        self.start = before;
        self.records = self.records.split_off(&before);
    }

    fn fetch(&self, from: u64, limit: ReadLimit) -> Vec<Fetched> {
        let mut found: Vec<Fetched> = Vec::new();
        let mut bytes = 0;
        for (offset, (_, record)) in self.records.range(from..).take(limit.records.get()) {
            bytes += record.bytes();
            if bytes > limit.bytes && !found.is_empty() {
                break;
            }
            found.push(fetched(*offset, record));
        }
        found
    }
}
