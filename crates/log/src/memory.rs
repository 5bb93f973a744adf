//! A log in memory, for tests and simulation.
//!
//! It keeps the contract as long as nobody asks it not to: [`Faults`] make an append late, lost,
//! refused, doubled or unanswered. Deterministic: no threads, no randomness, and no time but
//! tokio's, so a simulation owns all of it. Records live as long as any session does; a session
//! stands for one process, so a crashed one's appends can still land among those of its
//! successor.
//!
//! What a simulation proves is worth as much as this log behaves as the one on Kafka does. The
//! tests of that one run the same scripts on both; where the two may differ, and why, is a table
//! in their `differential::rules`, which `docs/reliability.md` repeats.

mod faults;
mod reader;
mod records;

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use flowmill_model::Offset;
use flowmill_model::history::LogIdentity;
use futures::FutureExt;
use futures::future::ready;
use parking_lot::Mutex;
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep_until};

pub use faults::{Fate, Faults, InFlight};
use reader::MemoryReader;
use records::{Records, Waiting};

use crate::contract::{
    Append, AppendError, Bounds, Fetched, Log, LogFuture, Member, ReadError, Reader, Record,
};
use crate::groups::Groups;
use crate::topic::{Partition, Survival, Topic, TopicSpec};

/// What a new session finds of its predecessors' derivable topics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Derivable {
    /// Everything, and group positions too, as in a cluster.
    #[default]
    Survives,
    /// Nothing, at higher offsets, and no group positions, as in one process with a disk. Only
    /// the newest session may be in use.
    LostByNextSession,
}

/// How a memory log behaves.
#[derive(Clone, Copy, Debug)]
pub struct MemorySettings {
    /// Which log it says it is.
    pub identity: LogIdentity,
    /// What becomes of derivable topics.
    pub derivable: Derivable,
}

impl Default for MemorySettings {
    fn default() -> Self {
        let identity = LogIdentity { cluster: 1, generation: 0 };
        Self { identity, derivable: Derivable::default() }
    }
}

/// One process's view of a log in memory. Clones are the same process.
#[derive(Clone)]
pub struct MemoryLog {
    session: Arc<Session>,
}

/// What all sessions share.
struct Shared {
    settings: MemorySettings,
    records: Mutex<Records>,
    groups: Groups,
}

struct Session {
    number: u64,
    /// The boot the session began with: its derivable records are lost by the next one.
    boot: u64,
    crashed: AtomicBool,
    tickets: AtomicU64,
    faults: Mutex<Option<Box<dyn Faults>>>,
    shared: Arc<Shared>,
}

impl Default for MemoryLog {
    fn default() -> Self {
        Self::new()
    }
}

impl MemoryLog {
    /// An empty log whose topics all survive restarts.
    pub fn new() -> Self {
        Self::with(MemorySettings::default())
    }

    /// An empty log.
    pub fn with(settings: MemorySettings) -> Self {
        let shared = Shared { settings, records: Mutex::default(), groups: Groups::default() };
        Self::open(&Arc::new(shared))
    }

    /// Another process on the same records: a second node, or a node started again.
    #[must_use]
    pub fn session(&self) -> Self {
        Self::open(&self.session.shared)
    }

    fn open(shared: &Arc<Shared>) -> Self {
        let mut records = shared.records.lock();
        records.sessions += 1;
        match shared.settings.derivable {
            Derivable::Survives => {}
            Derivable::LostByNextSession => {
                records.lose_derivable();
                shared.groups.forget();
            }
        }
        let session = Session {
            number: records.sessions,
            boot: records.boot,
            crashed: AtomicBool::new(false),
            tickets: AtomicU64::new(0),
            faults: Mutex::new(None),
            shared: Arc::clone(shared),
        };
        Self { session: Arc::new(session) }
    }

    /// Lets `faults` decide about the appends of this session from now on. Fates that take time
    /// need a tokio runtime.
    pub fn set_faults(&self, faults: impl Faults + 'static) {
        *self.session.faults.lock() = Some(Box::new(faults));
    }

    /// Lets every append of this session succeed from now on.
    pub fn clear_faults(&self) {
        *self.session.faults.lock() = None;
    }

    /// Ends the session as a crash does: it writes nothing more, gets no answer, reads nothing
    /// and leaves its groups. What it has under way still lands, or not.
    pub fn crash(&self, in_flight: InFlight) {
        self.session.crashed.store(true, Ordering::Relaxed);
        self.session.shared.groups.end_session(self.session.number);
        match in_flight {
            InFlight::Lands => {}
            InFlight::Lost => {
                self.session.shared.records.lock().lose_in_flight(self.session.number)
            }
        }
    }

    /// Takes this session's members for gone, as the groups of a cluster do with a process that they
    /// hear nothing of: others get what they hold. The session goes on, and is told nothing before
    /// [`readmit`](Self::readmit). For simulation alone.
    pub fn expel(&self) {
        self.session.shared.groups.expel(self.session.number);
    }

    /// Takes this session's expelled members in again. They are told that what they held is lost,
    /// and then what they are assigned. For simulation alone.
    pub fn readmit(&self) {
        self.session.shared.groups.readmit(self.session.number);
    }

    /// Every kept record of a partition, for checkers.
    pub fn records(&self, of: &Partition) -> Vec<Fetched> {
        self.session.shared.records.lock().all(of)
    }

    /// Every partition there is, in order, for checkers.
    pub fn all_partitions(&self) -> Vec<Partition> {
        self.session.shared.records.lock().partitions()
    }
}

impl Session {
    fn has_crashed(&self) -> bool {
        self.crashed.load(Ordering::Relaxed)
    }

    /// Passes an answer on, unless the session has crashed by then.
    async fn answer<T>(&self, at: Instant, answer: T) -> T {
        if at > Instant::now() {
            sleep_until(at).await;
        }
        if self.has_crashed() {
            pending::<()>().await;
        }
        answer
    }

    fn fate(&self, to: &Partition, record: &Record) -> (Fate, u64) {
        match self.faults.lock().as_mut() {
            Some(faults) => (faults.fate(to, record), faults.gap(to)),
            None => (Fate::AT_ONCE, 0),
        }
    }

    /// Lands copies of a record, each at its time, in order with nothing.
    fn land_later(self: &Arc<Self>, to: &Partition, record: &Record, times: &[Duration]) {
        for time in times {
            let (session, to, record) = (Arc::clone(self), to.clone(), record.clone());
            let at = Instant::now() + *time;
            flowmill_runtime::spawn("memory-log-copy", async move {
                sleep_until(at).await;
                session.land_copy(&to, record);
            });
        }
    }

    /// Lands a copy, unless it belongs to a topic that was lost in the meantime.
    fn land_copy(&self, to: &Partition, record: Record) {
        let mut records = self.shared.records.lock();
        let durable = records.spec(&to.topic).is_some_and(|s| s.survival == Survival::Durable);
        if durable || records.boot == self.boot {
            records.land(to, record, 0);
        }
    }

    /// Writes a record in order with the others of this session and partition.
    fn write(
        self: &Arc<Self>,
        to: &Partition,
        record: Record,
        gap: u64,
        lands: Duration,
    ) -> oneshot::Receiver<(Offset, Instant)> {
        let (landed, answer) = oneshot::channel();
        let ticket = self.tickets.fetch_add(1, Ordering::Relaxed);
        let append = Waiting { ticket, due: lands.is_zero(), record, gap, landed };
        self.shared.records.lock().wait(self.number, to, append);
        if !lands.is_zero() {
            let (session, to, at) = (Arc::clone(self), to.clone(), Instant::now() + lands);
            flowmill_runtime::spawn("memory-log-append", async move {
                sleep_until(at).await;
                session.shared.records.lock().due(session.number, &to, ticket);
            });
        }
        answer
    }
}

/// The answer to a written record, `after` it has landed; none when it is lost.
async fn acknowledged(
    session: Arc<Session>,
    landed: oneshot::Receiver<(Offset, Instant)>,
    after: Duration,
) -> Result<Offset, AppendError> {
    match landed.await {
        Ok((offset, at)) => session.answer(at + after, Ok(offset)).await,
        Err(oneshot::error::RecvError { .. }) => pending().await,
    }
}

impl Log for MemoryLog {
    fn identity(&self) -> LogIdentity {
        self.session.shared.settings.identity
    }

    fn ensure(&self, spec: TopicSpec) -> LogFuture<Result<(), ReadError>> {
        let shared = &self.session.shared;
        let (topic, partitions) = (spec.topic.clone(), spec.partitions);
        let ensured = shared.records.lock().ensure(spec);
        if ensured.is_ok() {
            shared.groups.set_partitions(&topic, partitions);
        }
        ready(ensured).boxed()
    }

    fn partitions(&self, topic: &Topic) -> Option<u16> {
        self.session.shared.records.lock().spec(topic).map(|spec| spec.partitions)
    }

    fn survival(&self, topic: &Topic) -> Survival {
        match self.session.shared.settings.derivable {
            Derivable::Survives => Survival::Durable,
            Derivable::LostByNextSession => {
                let records = self.session.shared.records.lock();
                records.spec(topic).map_or(Survival::Durable, |spec| spec.survival)
            }
        }
    }

    fn append(&self, to: &Partition, record: Record) -> Append {
        let session = Arc::clone(&self.session);
        if session.has_crashed() {
            return pending().boxed();
        }
        if let Err(refused) = session.shared.records.lock().check(to, &record) {
            return ready(Err(AppendError::NotWritten(refused))).boxed();
        }
        let (fate, gap) = session.fate(to, &record);
        let now = Instant::now();
        match fate {
            Fate::Written { lands, acknowledged: after, repeats } => {
                session.land_later(to, &record, &repeats);
                let landed = session.write(to, record, gap, lands);
                acknowledged(session, landed, after).boxed()
            }
            Fate::Refused { told, why } => {
                let answer = Err(AppendError::NotWritten(why));
                async move { session.answer(now + told, answer).await }.boxed()
            }
            Fate::Unknown { told, lands } => {
                session.land_later(to, &record, &lands);
                let answer = Err(AppendError::Unknown("no answer in time".to_owned()));
                async move { session.answer(now + told, answer).await }.boxed()
            }
            Fate::Silent { lands } => {
                session.land_later(to, &record, &lands);
                pending().boxed()
            }
        }
    }

    fn reader(&self, of: &Partition, from: Offset) -> Box<dyn Reader> {
        Box::new(MemoryReader::new(&self.session, of, from))
    }

    fn bounds(&self, of: &Partition) -> LogFuture<Result<Bounds, ReadError>> {
        ready(self.session.shared.records.lock().bounds(of)).boxed()
    }

    fn trim(&self, of: &Partition, before: Offset) -> LogFuture<Result<(), ReadError>> {
        ready(self.session.shared.records.lock().trim(of, before)).boxed()
    }

    fn join(&self, group: &str, topic: &Topic) -> Box<dyn Member> {
        let groups = &self.session.shared.groups;
        Box::new(groups.join(group, topic, self.session.number, Arc::new(|_, _| {})))
    }

    fn committed(
        &self,
        group: &str,
        of: &Partition,
    ) -> LogFuture<Result<Option<Offset>, ReadError>> {
        ready(Ok(self.session.shared.groups.committed(group, of))).boxed()
    }
}

#[cfg(test)]
mod tests;
