//! The contract of a log.

use std::borrow::Cow;
use std::num::NonZeroUsize;

use bytes::Bytes;
use flowmill_model::history::LogIdentity;
use flowmill_model::{Offset, Queue, ShardId};
use futures::future::BoxFuture;

use crate::topic::{Partition, Survival, Topic, TopicSpec};

/// A future of the log that borrows nothing.
pub type LogFuture<T> = BoxFuture<'static, T>;

/// The outcome of an append, to be awaited.
pub type Append = LogFuture<Result<Offset, AppendError>>;

/// Append-only partitions of records.
///
/// # Contract
/// * **Order.** Records of one partition appended by one process have the order of the calls to
///   [`append`](Log::append), whenever their futures are polled. Offsets of a partition rise; a
///   later record has a higher offset. Gaps are allowed, repeats are not. An append answered
///   [`AppendError::Unknown`], or never, has no place: it may land after later ones.
/// * **Durability.** When an append of a [`Survival::Durable`] topic answers with an offset, the
///   record is there for every later reader, after a crash of the process, too. When it answers
///   [`AppendError::NotWritten`], the record is not there and never will be. When it answers
///   [`AppendError::Unknown`], or never, either may be true, also later.
/// * **Atomicity.** A record is there whole or not at all, whatever fails.
/// * **Reading.** A reader sees each record from its start on once, in order, including those
///   that others append later. Everything acknowledged before a read began is found by reading on
///   from any position below it. Reads do not block appends.
/// * **Cancellation.** Dropping an [`Append`] does not withdraw the record; dropping a future of
///   [`Reader::read`] loses no record.
/// * **Retention.** A durable record stays until its topic's retention lets it go. A reader below
///   the first kept record gets [`ReadError::OutOfRange`], never a silent jump. Compaction does
///   not move the start of a partition; a reader passes what it took as it passes any gap. A
///   derivable record may also go once every group that joined its topic has committed a
///   position above it.
/// * **Full.** A full disk gives [`AppendError::NotWritten`] with [`NotWritten::Full`], keeps all
///   that was acknowledged, and clears by itself.
///
/// An implementation MUST NOT acknowledge before it can keep the promise, merge or split
/// records, reorder within a partition, or fail an append because a reader is slow.
pub trait Log: Send + Sync + 'static {
    /// Which log this is; a log made anew has another identity.
    fn identity(&self) -> LogIdentity;

    /// What carries its records, as traces name it (`messaging.system`), such as `kafka`.
    fn system(&self) -> &'static str {
        "flowmill"
    }

    /// The name that a topic has in it, for those who look at it from outside.
    fn name_of(&self, topic: &Topic) -> String {
        topic.to_string()
    }

    /// The same for a group.
    fn name_of_group(&self, group: &str) -> String {
        group.to_owned()
    }

    /// Makes the topic unless it is there. A topic that is there with another number of
    /// partitions is an error, except that a larger number may be asked for. The retention asked
    /// for last counts, but a topic is compacted for ever or never.
    fn ensure(&self, spec: TopicSpec) -> LogFuture<Result<(), ReadError>>;

    /// How many partitions the topic has; `None` when there is no such topic.
    fn partitions(&self, topic: &Topic) -> Option<u16>;

    /// What the log promises for the topic: at least what its spec asked for.
    fn survival(&self, topic: &Topic) -> Survival;

    /// Appends a record. The call fixes the record's place among this process's appends to the
    /// partition; the future gives its offset once it is safe.
    fn append(&self, to: &Partition, record: Record) -> Append;

    /// Opens a reader that starts with the first record at or above `from`.
    fn reader(&self, of: &Partition, from: Offset) -> Box<dyn Reader>;

    /// The first kept offset and the offset after the last record. In a cluster the answer may be
    /// that of a broker which does not know yet that another one leads: the end is then one of
    /// before, and may be below what others were acknowledged since.
    fn bounds(&self, of: &Partition) -> LogFuture<Result<Bounds, ReadError>>;

    /// Lets go of the records below `before`, or of all there are if that is beyond the end. Once
    /// it answers, the partition starts there; the room may come back later, and a crash may
    /// bring the records back. A log may refuse it for a compacted topic.
    fn trim(&self, of: &Partition, before: Offset) -> LogFuture<Result<(), ReadError>>;

    /// Joins the group of members that share the topic's partitions. A hint, never a lock: two
    /// members may believe they hold the same partition. A topic that is not there yet has none
    /// to share until it is made.
    fn join(&self, group: &str, topic: &Topic) -> Box<dyn Member>;

    /// The position the group has committed for a partition: everything below it was picked up
    /// by a member. `None` when nothing was committed.
    fn committed(
        &self,
        group: &str,
        of: &Partition,
    ) -> LogFuture<Result<Option<Offset>, ReadError>>;
}

/// Reads one partition from a position on.
pub trait Reader: Send {
    /// Waits until there is a record, then gives at least one and at most `limit`. Cancel safe.
    fn read(&mut self, limit: ReadLimit) -> BoxFuture<'_, Result<Vec<Fetched>, ReadError>>;

    /// The offset the next read starts at.
    fn position(&self) -> Offset;
}

/// A member of a group. Dropping it leaves the group.
pub trait Member: Send {
    /// Waits for a change of what is assigned to this member, then gives all that is; the first
    /// call gives the first assignment. Cancel safe.
    fn assigned(&mut self) -> BoxFuture<'_, Result<Vec<u16>, ReadError>>;

    /// Says that everything below `next` was picked up. Never moves back. Lazy: may be lost in a
    /// crash.
    fn commit(&self, partition: u16, next: Offset);

    /// Says that what is done with the assigned partitions goes on. A member that has said so once
    /// and then is silent for [`limits::PROGRESS_SILENCE`](flowmill_model::limits::PROGRESS_SILENCE)
    /// leaves the group, so that others get its partitions, and is assigned none until it says so
    /// again. One that never says so takes part for as long as it exists. A log of one process,
    /// where nobody else could take the partitions, need not look at it.
    fn progressed(&self) {}

    /// Whether what this member does not have any more was taken from it because the group had not
    /// heard of it: others may have had that for a while.
    fn is_lost(&self) -> bool {
        false
    }

    /// Leaves the group, as dropping the member does, and says whether others are in it, who are
    /// assigned now what this one had. A member that keeps its partitions while it is away, and one
    /// that does not get to know it, say no.
    fn leave(self: Box<Self>) -> BoxFuture<'static, bool>;
}

/// What is appended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Record {
    /// Decides which records replace each other in a compacted topic; may be empty elsewhere.
    pub key: Bytes,
    /// The content.
    pub value: Bytes,
    /// What is said beside the content, in order. A name may come more than once.
    pub headers: Vec<Header>,
}

impl Record {
    /// A record without key and headers.
    pub fn of(value: impl Into<Bytes>) -> Self {
        Self::keyed(Bytes::new(), value)
    }

    /// A record without headers.
    pub fn keyed(key: impl Into<Bytes>, value: impl Into<Bytes>) -> Self {
        Self { key: key.into(), value: value.into(), headers: Vec::new() }
    }

    /// Bytes of key, value, and the names and values of headers: what limits count.
    pub fn bytes(&self) -> usize {
        let headers = self.headers.iter().map(|header| header.name.len() + header.value.len());
        self.key.len() + self.value.len() + headers.sum::<usize>()
    }
}

/// A name and what it stands for, beside a record's content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// The name. A log may refuse one that holds a NUL.
    pub name: Cow<'static, str>,
    /// The value; often text.
    pub value: Bytes,
}

impl Header {
    /// A header.
    pub fn new(name: impl Into<Cow<'static, str>>, value: impl Into<Bytes>) -> Self {
        Self { name: name.into(), value: value.into() }
    }
}

/// What is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetched {
    /// The record's place.
    pub offset: Offset,
    /// The record.
    pub record: Record,
}

/// How much one read gives at most. The first record is always given, whatever its size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadLimit {
    /// Records.
    pub records: NonZeroUsize,
    /// Bytes, as [`Record::bytes`] counts them.
    pub bytes: usize,
}

/// A partition's ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// The first kept offset.
    pub start: Offset,
    /// The offset the next record will have or exceed.
    pub end: Offset,
}

/// Why an append was not acknowledged.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AppendError {
    /// The record is not in the log and never will be.
    #[error("the record was not written: {0}")]
    NotWritten(NotWritten),
    /// The record may or may not be in the log, now or later.
    #[error("it is unknown whether the record was written: {0}")]
    Unknown(String),
}

/// Why a record was not written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotWritten {
    /// There is no room for it now.
    #[error("the disk is full")]
    Full,
    /// It is larger than the log takes.
    #[error("it has {bytes} bytes, the log takes {limit}")]
    TooLarge {
        /// Its size in bytes.
        bytes: usize,
        /// The largest size in bytes.
        limit: usize,
    },
    /// There is no such partition.
    #[error("there is no partition {0}")]
    NoSuchPartition(Partition),
    /// The log is closed or broken.
    #[error("{0}")]
    Closed(String),
}

/// Why a read failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// The position is below the first kept record.
    #[error("the position is below the first kept record, {start}")]
    OutOfRange {
        /// The first kept offset.
        start: Offset,
    },
    /// There is no such partition.
    #[error("there is no partition {0}")]
    NoSuchPartition(Partition),
    /// The topic is there with another number of partitions.
    #[error("the topic {topic} has {found} partitions, {asked} were asked for")]
    PartitionCount {
        /// The topic.
        topic: Topic,
        /// How many there are.
        found: u16,
        /// How many were asked for.
        asked: u16,
    },
    /// The topic cannot be made, changed or trimmed as asked.
    #[error("what was asked of the topic {topic} cannot be done: {why}")]
    Refused {
        /// The topic.
        topic: Topic,
        /// The reason.
        why: String,
    },
    /// The log cannot be reached, or does not answer in time; repeat.
    #[error("the log is not available: {0}")]
    Unavailable(String),
    /// A kept record is damaged.
    #[error("a record is damaged: {0}")]
    Damaged(String),
    /// The log is closed or broken.
    #[error("the log is closed: {0}")]
    Closed(String),
}

/// The group of the workers of a queue. Its committed positions tell the owner of a task that it
/// was picked up, so the name is part of the worker contract.
pub fn worker_group(queue: &Queue) -> String {
    format!("workers.{queue}")
}

/// The group of the orchestrators, which share the shards.
pub const ORCHESTRATORS: &str = "orchestrators";

/// The partition of a task queue with `partitions` partitions that carries a shard's tasks.
pub const fn task_partition(shard: ShardId, partitions: u16) -> u16 {
    if partitions == 0 { 0 } else { shard.get() % partitions }
}
