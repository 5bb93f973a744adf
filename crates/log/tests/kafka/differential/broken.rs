//! Memory logs that are broken on purpose: a comparison that does not see it proves nothing.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use flowmill_log::{
    Append, Bounds, Fetched, Log, LogFuture, Member, Partition, ReadError, ReadLimit, Reader,
    Record, Survival, Topic, TopicSpec,
};
use flowmill_model::Offset;
use flowmill_model::history::LogIdentity;
use futures::FutureExt;
use futures::future::BoxFuture;
use parking_lot::Mutex;

/// A way to be broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mutation {
    /// Gives some offsets out twice.
    OffsetTwice,
    /// A trim moves the end, too.
    TrimMovesEnd,
    /// Writes an append when somebody waits for it.
    DroppedNotWritten,
    /// Acknowledges some appends and writes another record.
    ContentChanges,
    /// Writes some records twice.
    WrittenTwice,
    /// A reader below what is kept starts there without a word.
    SilentJump,
    /// A reader beyond the end starts at the end.
    StartsAtEnd,
    /// Readers pass some records.
    ReadsPass,
    /// Reads give more than they were asked for.
    LimitIgnored,
    /// A topic becomes smaller without an error.
    FewerPartitions,
    /// Every member has every partition.
    TwoOwners,
    /// Commits are forgotten.
    CommitsForgotten,
    /// Who leaves is told that others stay.
    OthersStay,
}

/// Those that scripts of records must show.
pub(crate) const OF_RECORDS: &[Mutation] = &[
    Mutation::OffsetTwice,
    Mutation::TrimMovesEnd,
    Mutation::DroppedNotWritten,
    Mutation::ContentChanges,
    Mutation::WrittenTwice,
    Mutation::SilentJump,
    Mutation::StartsAtEnd,
    Mutation::ReadsPass,
    Mutation::LimitIgnored,
    Mutation::FewerPartitions,
];

/// Those that scripts of members must show.
pub(crate) const OF_MEMBERS: &[Mutation] =
    &[Mutation::TwoOwners, Mutation::CommitsForgotten, Mutation::OthersStay];

/// A log that is broken in one way.
pub(crate) struct Broken {
    pub(crate) log: Arc<dyn Log>,
    pub(crate) mutation: Mutation,
    /// Counts appends.
    pub(crate) calls: Arc<AtomicU64>,
    /// Partitions that were trimmed.
    pub(crate) trimmed: Arc<Mutex<BTreeSet<Partition>>>,
}

impl Broken {
    fn is(&self, mutation: Mutation) -> bool {
        self.mutation == mutation
    }

    /// Every seventh append.
    fn strikes(&self) -> bool {
        self.calls.fetch_add(1, Ordering::Relaxed) % 7 == 6
    }
}

impl Log for Broken {
    fn identity(&self) -> LogIdentity {
        self.log.identity()
    }

    fn ensure(&self, spec: TopicSpec) -> LogFuture<Result<(), ReadError>> {
        let answer = self.log.ensure(spec);
        let forgives = self.is(Mutation::FewerPartitions);
        async move {
            match answer.await {
                Err(ReadError::PartitionCount { asked: 1.., .. }) if forgives => Ok(()),
                answer => answer,
            }
        }
        .boxed()
    }

    fn partitions(&self, topic: &Topic) -> Option<u16> {
        self.log.partitions(topic)
    }

    fn survival(&self, topic: &Topic) -> Survival {
        self.log.survival(topic)
    }

    fn append(&self, to: &Partition, mut record: Record) -> Append {
        if self.is(Mutation::DroppedNotWritten) {
            let (log, to) = (Arc::clone(&self.log), to.clone());
            return async move { log.append(&to, record).await }.boxed();
        }
        let strikes = self.strikes();
        if strikes && self.is(Mutation::ContentChanges) {
            record.value = [&record.value[..], b"?"].concat().into();
        }
        if strikes && self.is(Mutation::WrittenTwice) {
            drop(self.log.append(to, record.clone()));
        }
        let answer = self.log.append(to, record);
        if !(strikes && self.is(Mutation::OffsetTwice)) {
            return answer;
        }
        let before = |at: Offset| Offset::new(at.get().saturating_sub(1));
        async move { answer.await.map(before) }.boxed()
    }

    fn reader(&self, of: &Partition, from: Offset) -> Box<dyn Reader> {
        let bounds = self.log.bounds(of).now_or_never().and_then(Result::ok);
        let from = match (self.mutation, bounds) {
            (Mutation::SilentJump, Some(bounds)) => from.max(bounds.start),
            (Mutation::StartsAtEnd, Some(bounds)) => from.min(bounds.end),
            _ => from,
        };
        Box::new(BrokenReader { reader: self.log.reader(of, from), mutation: self.mutation })
    }

    fn bounds(&self, of: &Partition) -> LogFuture<Result<Bounds, ReadError>> {
        let moved = u64::from(self.trimmed.lock().contains(of));
        let moves = move |Bounds { start, end }: Bounds| Bounds {
            start,
            end: Offset::new(end.get() + moved),
        };
        let answer = self.log.bounds(of);
        async move { answer.await.map(moves) }.boxed()
    }

    fn trim(&self, of: &Partition, before: Offset) -> LogFuture<Result<(), ReadError>> {
        if self.is(Mutation::TrimMovesEnd) {
            self.trimmed.lock().insert(of.clone());
        }
        self.log.trim(of, before)
    }

    fn join(&self, group: &str, topic: &Topic) -> Box<dyn Member> {
        let all = self.log.partitions(topic).unwrap_or(0);
        let member = self.log.join(group, topic);
        Box::new(BrokenMember { member, mutation: self.mutation, all })
    }

    fn committed(
        &self,
        group: &str,
        of: &Partition,
    ) -> LogFuture<Result<Option<Offset>, ReadError>> {
        self.log.committed(group, of)
    }
}

struct BrokenReader {
    reader: Box<dyn Reader>,
    mutation: Mutation,
}

impl Reader for BrokenReader {
    fn read(&mut self, limit: ReadLimit) -> BoxFuture<'_, Result<Vec<Fetched>, ReadError>> {
        async move {
            let all = ReadLimit { records: std::num::NonZeroUsize::MAX, bytes: usize::MAX };
            let ignores = self.mutation == Mutation::LimitIgnored;
            let mut records = self.reader.read(if ignores { all } else { limit }).await?;
            if self.mutation == Mutation::ReadsPass && records.len() > 2 {
                records.remove(1);
            }
            Ok(records)
        }
        .boxed()
    }

    fn position(&self) -> Offset {
        self.reader.position()
    }
}

struct BrokenMember {
    member: Box<dyn Member>,
    mutation: Mutation,
    all: u16,
}

impl Member for BrokenMember {
    fn assigned(&mut self) -> BoxFuture<'_, Result<Vec<u16>, ReadError>> {
        let all = (self.mutation == Mutation::TwoOwners).then(|| (0..self.all).collect());
        let assigned = self.member.assigned();
        async move { assigned.await.map(|assigned| all.unwrap_or(assigned)) }.boxed()
    }

    fn commit(&self, partition: u16, next: Offset) {
        if self.mutation != Mutation::CommitsForgotten {
            self.member.commit(partition, next);
        }
    }

    fn leave(self: Box<Self>) -> BoxFuture<'static, bool> {
        let lies = self.mutation == Mutation::OthersStay;
        let answer = self.member.leave();
        async move { answer.await || lies }.boxed()
    }
}
