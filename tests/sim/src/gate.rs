//! A node's way to the log, which can be shut: then the node stands still.
//!
//! In one thread nothing can stop a process in the middle, as a signal or a machine does that is
//! short of time. What others see of one that stands still is that nothing comes from it, and then,
//! when it goes on, what it had decided long ago. So its way to the log waits: appends, in their
//! order, reads, answers, and what it hears of its groups.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use flowmill_log::memory::MemoryLog;
use flowmill_log::{
    Append, AppendError, Bounds, Fetched, Log, LogFuture, Member, Partition, ReadError, ReadLimit,
    Reader, Record, Survival, Topic, TopicSpec,
};
use flowmill_model::Offset;
use flowmill_model::history::LogIdentity;
use futures::FutureExt;
use futures::future::BoxFuture;
use parking_lot::Mutex;
use tokio::sync::{Notify, oneshot};

use crate::journal::Journal;

/// What a node's calls wait at while it stands still. Clones are the same.
#[derive(Clone, Debug, Default)]
pub struct Gate(Arc<Doors>);

#[derive(Debug, Default)]
struct Doors {
    shut: AtomicBool,
    changed: Notify,
}

impl Gate {
    /// Has every call wait from now on.
    pub fn shut(&self) {
        self.0.shut.store(true, Ordering::Relaxed);
    }

    /// Lets every call pass, those that wait first.
    pub fn open(&self) {
        self.0.shut.store(false, Ordering::Relaxed);
        self.0.changed.notify_waiters();
    }

    /// Whether calls pass.
    pub fn is_open(&self) -> bool {
        !self.0.shut.load(Ordering::Relaxed)
    }

    /// Waits until calls pass.
    pub async fn pass(&self) {
        loop {
            let changed = self.0.changed.notified();
            if self.is_open() {
                return;
            }
            changed.await;
        }
    }
}

/// A session of the log behind a gate. Clones are the same.
#[derive(Clone)]
pub struct GatedLog {
    log: MemoryLog,
    gate: Gate,
    /// Appends that wait for the gate, in the order of their calls.
    waiting: Arc<Mutex<VecDeque<Waiting>>>,
    journal: Journal,
}

struct Waiting {
    to: Partition,
    record: Record,
    begun: oneshot::Sender<Append>,
}

impl GatedLog {
    /// Puts a session behind a gate.
    pub fn new(log: MemoryLog, gate: Gate, journal: Journal) -> Self {
        Self { log, gate, waiting: Arc::default(), journal }
    }

    /// The session itself.
    pub const fn session(&self) -> &MemoryLog {
        &self.log
    }

    /// Opens the gate: what the node appended while it was shut goes first.
    pub fn open(&self) {
        for Waiting { to, record, begun } in self.waiting.lock().drain(..) {
            // Whoever has dropped the append does not withdraw the record.
            begun.send(self.log.append(&to, record)).ok();
        }
        self.gate.open();
    }

    fn begin(&self, to: &Partition, record: Record) -> Append {
        if self.gate.is_open() {
            return self.log.append(to, record);
        }
        let (begun, append) = oneshot::channel();
        self.waiting.lock().push_back(Waiting { to: to.clone(), record, begun });
        async move {
            match append.await {
                Ok(append) => append.await,
                Err(_) => Err(AppendError::Unknown("the node has ended".to_owned())),
            }
        }
        .boxed()
    }

    /// A call that passes the gate before it is made and after it was answered.
    fn gated<T: Send + 'static>(
        &self,
        call: impl FnOnce(MemoryLog) -> LogFuture<T> + Send + 'static,
    ) -> LogFuture<T> {
        let (log, gate) = (self.log.clone(), self.gate.clone());
        async move {
            gate.pass().await;
            let answer = call(log).await;
            gate.pass().await;
            answer
        }
        .boxed()
    }
}

impl Log for GatedLog {
    fn identity(&self) -> LogIdentity {
        self.log.identity()
    }

    fn ensure(&self, spec: TopicSpec) -> LogFuture<Result<(), ReadError>> {
        self.gated(|log| log.ensure(spec))
    }

    fn partitions(&self, topic: &Topic) -> Option<u16> {
        self.log.partitions(topic)
    }

    fn survival(&self, topic: &Topic) -> Survival {
        self.log.survival(topic)
    }

    fn append(&self, to: &Partition, record: Record) -> Append {
        self.journal.append(to, &record);
        let append = self.begin(to, record.clone());
        let (gate, journal, to) = (self.gate.clone(), self.journal.clone(), to.clone());
        async move {
            let answer = append.await;
            gate.pass().await;
            match &answer {
                Ok(_) => journal.acknowledged(&to, &record),
                Err(AppendError::Unknown(_)) => journal.unknown(&to, &record),
                Err(AppendError::NotWritten(_)) => {}
            }
            answer
        }
        .boxed()
    }

    fn reader(&self, of: &Partition, from: Offset) -> Box<dyn Reader> {
        let (reader, gate) = (self.log.reader(of, from), self.gate.clone());
        Box::new(GatedReader { reader, gate, position: from, held: None })
    }

    fn bounds(&self, of: &Partition) -> LogFuture<Result<Bounds, ReadError>> {
        let of = of.clone();
        self.gated(move |log| log.bounds(&of))
    }

    fn trim(&self, of: &Partition, before: Offset) -> LogFuture<Result<(), ReadError>> {
        let of = of.clone();
        self.gated(move |log| log.trim(&of, before))
    }

    fn join(&self, group: &str, topic: &Topic) -> Box<dyn Member> {
        let member = self.log.join(group, topic);
        Box::new(GatedMember { member, gate: self.gate.clone(), held: None })
    }

    fn committed(
        &self,
        group: &str,
        of: &Partition,
    ) -> LogFuture<Result<Option<Offset>, ReadError>> {
        let (group, of) = (group.to_owned(), of.clone());
        self.gated(move |log| log.committed(&group, &of))
    }
}

struct GatedReader {
    reader: Box<dyn Reader>,
    gate: Gate,
    position: Offset,
    /// What was read and has not passed the gate yet: a dropped read loses nothing.
    held: Option<Vec<Fetched>>,
}

impl GatedReader {
    async fn next(&mut self, limit: ReadLimit) -> Result<Vec<Fetched>, ReadError> {
        self.gate.pass().await;
        if self.held.is_none() {
            self.held = Some(self.reader.read(limit).await?);
        }
        self.gate.pass().await;
        self.position = self.reader.position();
        Ok(self.held.take().unwrap_or_default())
    }
}

impl Reader for GatedReader {
    fn read(&mut self, limit: ReadLimit) -> BoxFuture<'_, Result<Vec<Fetched>, ReadError>> {
        self.next(limit).boxed()
    }

    fn position(&self) -> Offset {
        self.position
    }
}

struct GatedMember {
    member: Box<dyn Member>,
    gate: Gate,
    held: Option<Vec<u16>>,
}

impl GatedMember {
    async fn next(&mut self) -> Result<Vec<u16>, ReadError> {
        self.gate.pass().await;
        if self.held.is_none() {
            self.held = Some(self.member.assigned().await?);
        }
        self.gate.pass().await;
        Ok(self.held.take().unwrap_or_default())
    }
}

impl Member for GatedMember {
    fn assigned(&mut self) -> BoxFuture<'_, Result<Vec<u16>, ReadError>> {
        self.next().boxed()
    }

    fn commit(&self, partition: u16, next: Offset) {
        if self.gate.is_open() {
            self.member.commit(partition, next);
        }
    }

    fn progressed(&self) {
        self.member.progressed();
    }

    fn is_lost(&self) -> bool {
        self.member.is_lost()
    }

    fn leave(self: Box<Self>) -> BoxFuture<'static, bool> {
        self.member.leave()
    }
}
