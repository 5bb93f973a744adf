//! The writer: one thread that puts everything durable into the segment files.
//!
//! It takes all that waits, turns it into one group of entries, writes that with one write, syncs
//! once, and only then shows it to readers and answers. While it syncs, the next group gathers.
//!
//! **Invariant:** it alone changes segments and durable partitions, so nothing here needs to be
//! undone but the offsets taken for a group that was not written. After an error it cannot
//! interpret, the log is closed: what is on disk then is for the next opening to say.

mod commit;
mod roll;
mod stage;
mod tidy;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use flowmill_model::limits;

pub(super) use self::roll::FirstBytes;
use self::stage::Group;
use self::tidy::{Cache, Chore};
use super::Shared;
use super::disk::Disk;
use super::folder::Folder;
use super::meta::Meta;
use super::queue::Job;
use super::segment::Segment;
use super::settings::Durability;
use super::spares::Spares;
use crate::contract::NotWritten;

/// How long what nobody waits for may stay unsynced: trims, and everything under
/// [`Durability::Os`].
const LAZY_SYNC: Duration = Duration::from_secs(1);

/// The newest segment.
pub(super) struct Tail {
    pub(super) segment: Arc<Segment>,
    /// Where the next entry goes.
    pub(super) at: u32,
    /// Everything before this is on disk.
    pub(super) synced: u32,
    /// The file of the next segment was asked for.
    next_wanted: bool,
}

impl Tail {
    /// A segment whose entries end at `at`, all of them on disk.
    pub(super) const fn new(segment: Arc<Segment>, at: u32) -> Self {
        Self { segment, at, synced: at, next_wanted: false }
    }
}

/// What the writer works with.
pub(super) struct Parts {
    pub(super) shared: Arc<Shared>,
    pub(super) folder: Arc<Folder>,
    pub(super) disk: Disk,
    pub(super) spares: Arc<Spares>,
    pub(super) meta: Meta,
    pub(super) tail: Tail,
    /// The other segments, oldest first.
    pub(super) sealed: VecDeque<Arc<Segment>>,
    pub(super) durability: Durability,
    pub(super) segment_bytes: u32,
    pub(super) cache_bytes: usize,
}

pub(super) struct Writer {
    parts: Parts,
    group: Group,
    cache: Cache,
    chores: VecDeque<Chore>,
    last_sync: Instant,
    /// The disk was full when last asked.
    full: bool,
}

/// Why something was not written.
enum Failure {
    /// There is no room; nothing was changed.
    Full,
    /// What is on disk is not known.
    Broken(String),
}

/// Closes the log when the writer ends, whatever ends it.
struct Closing(Arc<Shared>);

impl Drop for Closing {
    fn drop(&mut self) {
        let reason = self.0.queue.closed_reason();
        self.0.close(&reason.unwrap_or_else(|| "its writer has ended".to_owned()));
        while let Some(jobs) = self.0.queue.take(Some(Duration::ZERO)) {
            refuse(jobs, &self.0.closed_reason());
        }
    }
}

fn refuse(jobs: VecDeque<Job>, reason: &str) {
    let why = NotWritten::Closed(reason.to_owned());
    jobs.into_iter().for_each(|job| job.refuse(&why));
}

impl Writer {
    pub(super) fn new(parts: Parts) -> Self {
        let cache = Cache::new(parts.cache_bytes);
        Self {
            parts,
            group: Group::default(),
            cache,
            chores: VecDeque::new(),
            last_sync: Instant::now(),
            full: false,
        }
    }

    /// Works until the queue is closed and empty. Blocks: it has a thread of its own.
    pub(super) fn run(mut self) {
        let closing = Closing(Arc::clone(&self.parts.shared));
        self.release();
        while let Some(jobs) = self.parts.shared.queue.take(self.patience()) {
            self.serve(jobs);
            self.sync_lazily();
            self.release();
        }
        self.finish();
        drop(closing);
    }

    /// How long to wait for jobs before there is something else to do.
    fn patience(&self) -> Option<Duration> {
        if !self.chores.is_empty() {
            return Some(Duration::ZERO);
        }
        let unsynced = self.parts.tail.synced < self.parts.tail.at;
        unsynced.then(|| LAZY_SYNC.saturating_sub(self.last_sync.elapsed()))
    }

    /// Does all jobs, and some chores.
    fn serve(&mut self, mut jobs: VecDeque<Job>) {
        loop {
            self.fill_group(&mut jobs);
            if !self.group.is_empty() {
                self.commit();
            } else if let Some(job) = jobs.pop_front() {
                self.roll_for(job, &mut jobs);
            } else if let Some(chore) = self.chores.front() {
                let bytes = chore.frame_bytes();
                if self.roll(bytes).is_err() {
                    self.chores.clear();
                }
            }
            if self.parts.shared.is_closed() {
                return refuse(jobs, &self.parts.shared.closed_reason());
            }
            if jobs.is_empty() {
                return;
            }
        }
    }

    /// Makes room for a job that does not fit, and puts it back.
    fn roll_for(&mut self, job: Job, jobs: &mut VecDeque<Job>) {
        match self.roll(stage::frame_bytes_of(&job)) {
            Ok(()) => jobs.push_front(job),
            Err(Failure::Full) => job.refuse(&NotWritten::Full),
            Err(Failure::Broken(reason)) => {
                self.parts.shared.close(&reason);
                job.refuse(&NotWritten::Closed(reason));
            }
        }
    }

    /// Notes whether there was room, and says so once.
    fn note_full(&mut self, full: bool) {
        if full && !self.full {
            tracing::error!("the disk is full: appends are refused until there is room");
        }
        if !full && self.full {
            tracing::info!("there is room on the disk again");
        }
        self.full = full;
    }

    /// Bytes of a segment that only trims may use: without room for them, nothing could ever be
    /// let go of on a full disk.
    fn reserve(segment: &Segment) -> usize {
        segment.bytes as usize / 64
    }

    /// Whether an entry still belongs to this group and this segment.
    fn fits(&self, frame_bytes: usize, reserve: usize) -> bool {
        let gathered = self.group.bytes();
        let tail = &self.parts.tail;
        let room = tail.segment.bytes as usize - tail.at as usize - gathered;
        let small = gathered == 0 || gathered + frame_bytes <= limits::LOG_GROUP_BYTES;
        small && !self.group.is_complete() && frame_bytes + reserve <= room
    }
}
