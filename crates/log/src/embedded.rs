//! A log for one process with a disk.
//!
//! Durable topics share one sequence of segment files, which is the write-ahead log and the only
//! copy: everything that waits is written with one write and made safe with one sync, whatever
//! partitions it belongs to. An index in memory says where each kept record lies (16 bytes a
//! record); recent records are in memory, too, older ones are read from the files.
//!
//! Derivable topics are in memory only and gone after a restart; their offsets go on above all
//! given out before.
//!
//! It deliberately has neither replicas nor access by several processes.

mod ages;
mod disk;
mod entry;
mod error;
mod folder;
mod frame;
mod index;
mod meta;
mod partition;
mod queue;
mod reader;
mod recovery;
mod scan;
mod segment;
mod settings;
mod spares;
mod topics;
mod volatile;
mod writer;

use std::fs;
use std::io;
use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::thread::{self, JoinHandle};

use flowmill_model::history::LogIdentity;
use flowmill_model::{Offset, Timestamp, limits};
use futures::FutureExt;
use futures::future::ready;
use tokio::sync::oneshot;

pub use error::OpenError;
pub use settings::{DiskFault, DiskFaults, DiskOperation, Durability, Settings};

use self::disk::Disk;
use self::entry::TopicEntry;
use self::folder::Folder;
use self::meta::Meta;
use self::queue::{AppendJob, EnsureJob, Job, Queue, TrimAnswer, TrimJob};
use self::reader::EmbeddedReader;
use self::recovery::Recovered;
use self::segment::SegmentHead;
use self::spares::Spares;
use self::topics::{Kept, Topics};
use self::volatile::Budget;
use self::writer::{FirstBytes, Parts, Tail, Writer};
use crate::contract::{
    Append, AppendError, Bounds, Log, LogFuture, Member, NotWritten, ReadError, Reader, Record,
};
use crate::groups::{Groups, Release};
use crate::topic::{Partition, Survival, Topic, TopicSpec};

/// A log in a folder. Dropping it writes everything that waits and closes it in good order.
pub struct EmbeddedLog {
    shared: Arc<Shared>,
    spares: Arc<Spares>,
    writer: Option<JoinHandle<()>>,
    maker: Option<JoinHandle<()>>,
    /// Keeps the lock until everything else is gone.
    _folder: Arc<Folder>,
}

/// What the log, its readers and its writer share.
struct Shared {
    identity: LogIdentity,
    topics: Topics,
    queue: Queue,
    groups: Groups,
    now: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    closed: OnceLock<String>,
}

impl Shared {
    fn is_closed(&self) -> bool {
        self.closed.get().is_some()
    }

    fn closed_reason(&self) -> String {
        self.closed.get().cloned().unwrap_or_else(|| "the log is closed".to_owned())
    }

    fn check_open(&self) -> Result<(), ReadError> {
        match self.closed.get() {
            None => Ok(()),
            Some(reason) => Err(ReadError::Closed(reason.clone())),
        }
    }

    /// Ends everything, for the reason given first.
    fn close(&self, reason: &str) {
        if self.closed.set(reason.to_owned()).is_ok() {
            self.queue.close(reason);
            self.groups.close(reason);
            self.topics.notify_all();
        }
    }

    fn make_volatile(&self, spec: TopicSpec) {
        let (topic, partitions) = (spec.topic.clone(), spec.partitions);
        self.topics.apply_volatile(spec);
        self.groups.set_partitions(&topic, partitions);
    }

    fn make_durable(&self, entry: &TopicEntry) {
        self.topics.apply_durable(entry, &[]);
        self.groups.set_partitions(&entry.topic, entry.partitions);
    }
}

impl EmbeddedLog {
    /// Opens the log in a folder, or makes one there. Blocks while it reads all segment files.
    /// Files that are not the log's are left alone.
    pub fn open(folder: impl AsRef<Path>, settings: Settings) -> Result<Self, OpenError> {
        settings.check()?;
        let folder = Arc::new(Folder::lock(folder.as_ref())?);
        let disk = Disk::new(settings.disk_faults.clone());
        let doing = || OpenError::io(format!("write in {}", folder.path().display()));
        remove_leftover(&folder.large()).map_err(doing())?;
        let spares = Spares::new(Arc::clone(&folder), disk.clone(), settings.segment_bytes);
        let spares = Arc::new(spares.map_err(doing())?);
        let mut meta = load_or_make(&folder, &disk, settings.segment_bytes)?;
        meta.boots += 1;
        let topics = Topics::new(meta.boots << BOOT_SHIFT, Budget::new(settings.derivable_bytes));
        let Recovered { sealed, newest, end } = recovery::recover(&folder, meta, &topics, &disk)?;
        meta.newest_segment = newest.number;
        meta.save(&folder).map_err(doing())?;

        let shared = Arc::new(Shared {
            identity: LogIdentity { cluster: meta.cluster, generation: 0 },
            topics,
            queue: Queue::default(),
            groups: Groups::default(),
            now: settings.now,
            closed: OnceLock::new(),
        });
        for spec in shared.topics.specs() {
            shared.groups.set_partitions(&spec.topic, spec.partitions);
        }
        let writer = Writer::new(Parts {
            shared: Arc::clone(&shared),
            folder: Arc::clone(&folder),
            disk,
            spares: Arc::clone(&spares),
            meta,
            tail: Tail::new(newest, end),
            sealed,
            durability: settings.durability,
            segment_bytes: settings.segment_bytes,
            cache_bytes: settings.cache_bytes,
        });
        let making = Arc::clone(&spares);
        let mut log = Self { shared, spares, writer: None, maker: None, _folder: folder };
        log.maker = Some(start("flowmill-log-spares", move || making.run())?);
        log.writer = Some(start("flowmill-log-writer", move || writer.run())?);
        Ok(log)
    }
}

fn start(name: &str, run: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, OpenError> {
    let thread = thread::Builder::new().name(name.to_owned()).spawn(run);
    thread.map_err(OpenError::io("start a thread"))
}

fn join(thread: Option<JoinHandle<()>>) {
    if thread.is_some_and(|thread| thread.join().is_err()) {
        tracing::error!("a thread of the log has panicked");
    }
}

/// Offsets of derivable topics begin at the number of the boot, shifted by this: a boot can give
/// out 2^40 of them, and there can be 2^24 boots.
const BOOT_SHIFT: u32 = 40;

/// Reads what the folder says about the log, or makes a log there.
fn load_or_make(folder: &Folder, disk: &Disk, segment_bytes: u32) -> Result<Meta, OpenError> {
    let path = folder.path().display().to_string();
    let doing = || OpenError::io(format!("make a log in {path}"));
    let meta = match Meta::load(folder)? {
        Some(meta) => meta,
        None if !folder.segments().map_err(doing())?.is_empty() => {
            let what = format!("the file {} is not there", folder.meta().display());
            return Err(OpenError::Missing { folder: folder.path().to_owned(), what });
        }
        None => {
            let meta = Meta { cluster: random().map_err(doing())?, boots: 0, newest_segment: 0 };
            meta.save(folder).map_err(doing())?;
            meta
        }
    };
    if meta.boots == 0 {
        // Nothing can be in a log that was never opened: its making may have been cut short.
        let head = SegmentHead { number: 1, cluster: meta.cluster, previous_end: 0 };
        let file = disk.allocate(&folder.large(), segment_bytes).map_err(doing())?;
        let first = FirstBytes::new(head, &[]);
        first.begin(folder, disk, &folder.large(), file).map_err(|(_, error)| doing()(error))?;
    }
    Ok(meta)
}

/// Removes what a process that ended while it made a file has left.
fn remove_leftover(file: &Path) -> io::Result<()> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}

fn random() -> io::Result<u128> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(io::Error::other)?;
    Ok(u128::from_le_bytes(bytes))
}

impl Drop for EmbeddedLog {
    fn drop(&mut self) {
        self.shared.queue.close("the log is closed");
        join(self.writer.take());
        // Only now: the writer needs the spares until it has ended.
        self.spares.stop();
        join(self.maker.take());
        self.shared.close("the log is closed");
    }
}

/// The answer to a job, or what it means that there is none.
async fn answer<T, E>(
    answer: oneshot::Receiver<Result<T, E>>,
    none: impl FnOnce() -> E,
) -> Result<T, E> {
    answer.await.unwrap_or_else(|_| Err(none()))
}

fn read_answer<T: Send + 'static>(
    receiver: oneshot::Receiver<Result<T, ReadError>>,
) -> LogFuture<Result<T, ReadError>> {
    answer(receiver, || ReadError::Closed("its writer has ended".to_owned())).boxed()
}

fn refused(why: NotWritten) -> Append {
    ready(Err(AppendError::NotWritten(why))).boxed()
}

impl Log for EmbeddedLog {
    fn identity(&self) -> LogIdentity {
        self.shared.identity
    }

    fn ensure(&self, spec: TopicSpec) -> LogFuture<Result<(), ReadError>> {
        let (sender, receiver) = oneshot::channel();
        self.shared.queue.push(Job::Ensure(EnsureJob { spec, answer: sender }));
        read_answer(receiver)
    }

    fn partitions(&self, topic: &Topic) -> Option<u16> {
        self.shared.topics.spec(topic).map(|spec| spec.partitions)
    }

    fn survival(&self, topic: &Topic) -> Survival {
        self.shared.topics.spec(topic).map_or(Survival::Durable, |spec| spec.survival)
    }

    fn append(&self, to: &Partition, record: Record) -> Append {
        let bytes = record.bytes();
        if bytes > limits::RECORD_BYTES {
            return refused(NotWritten::TooLarge { bytes, limit: limits::RECORD_BYTES });
        }
        // Headers with next to nothing in them are not bytes of a record, but they are of an entry.
        let (entry, limit) = (entry::record_bytes(&record), frame::MAX_BODY_BYTES);
        if entry > limit {
            return refused(NotWritten::TooLarge { bytes: entry, limit });
        }
        match self.shared.topics.find(to) {
            None => refused(NotWritten::NoSuchPartition(to.clone())),
            Some(Kept::Volatile(_)) if self.shared.is_closed() => {
                refused(NotWritten::Closed(self.shared.closed_reason()))
            }
            Some(Kept::Volatile(partition)) => {
                ready(partition.append(record).map_err(AppendError::NotWritten)).boxed()
            }
            Some(Kept::Durable(partition)) => {
                let (sender, receiver) = oneshot::channel();
                let job = AppendJob { partition, record, answer: sender };
                self.shared.queue.push(Job::Append(job));
                let unknown = || AppendError::Unknown("the log's writer has ended".to_owned());
                answer(receiver, unknown).boxed()
            }
        }
    }

    fn reader(&self, of: &Partition, from: Offset) -> Box<dyn Reader> {
        Box::new(EmbeddedReader::new(&self.shared, of, from))
    }

    fn bounds(&self, of: &Partition) -> LogFuture<Result<Bounds, ReadError>> {
        let found = self.shared.topics.find(of).map(|kept| kept.bounds());
        ready(found.ok_or_else(|| ReadError::NoSuchPartition(of.clone()))).boxed()
    }

    fn trim(&self, of: &Partition, before: Offset) -> LogFuture<Result<(), ReadError>> {
        match self.shared.topics.find(of) {
            None => ready(Err(ReadError::NoSuchPartition(of.clone()))).boxed(),
            Some(Kept::Volatile(partition)) => {
                partition.trim(before);
                ready(Ok(())).boxed()
            }
            Some(Kept::Durable(partition)) => {
                let (sender, receiver) = oneshot::channel();
                let answer = Some(TrimAnswer { topic: of.topic.clone(), sender });
                let job = TrimJob { partition, before: before.get(), answer };
                self.shared.queue.push(Job::Trim(job));
                read_answer(receiver)
            }
        }
    }

    fn join(&self, group: &str, topic: &Topic) -> Box<dyn Member> {
        let shared = Arc::clone(&self.shared);
        let release: Release =
            Arc::new(move |of: &Partition, below: Offset| match shared.topics.find(of) {
                Some(Kept::Volatile(partition)) => partition.trim(below),
                Some(Kept::Durable(_)) | None => {}
            });
        Box::new(self.shared.groups.join(group, topic, 0, release))
    }

    fn committed(
        &self,
        group: &str,
        of: &Partition,
    ) -> LogFuture<Result<Option<Offset>, ReadError>> {
        ready(Ok(self.shared.groups.committed(group, of))).boxed()
    }
}
