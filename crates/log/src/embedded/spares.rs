//! The next segment's file, made ahead of need by a thread of its own.
//!
//! Making one means writing it in full, so the files of segments that are let go of are used
//! again. What is in them has no meaning in their next life: a frame's checksum knows its segment.

use std::collections::VecDeque;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

use super::disk::Disk;
use super::folder::Folder;
use super::segment::Segment;

/// How long after a failure the next attempt may begin. A full disk is asked again soon, but not
/// for every append.
const RETRY: Duration = Duration::from_millis(200);

/// The least time between two lines in the log about failures.
const TELL_AGAIN: Duration = Duration::from_secs(10);

/// Makes and keeps at most one file ahead.
pub(super) struct Spares {
    folder: Arc<Folder>,
    disk: Disk,
    bytes: u32,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// When a failure was last told; a full disk fails several times a second.
    told: Option<Instant>,
    wanted: bool,
    spare: Option<File>,
    /// The spare was taken and still has its name, so there can be no other.
    lent: bool,
    /// Oldest first: the files that are left must always be numbered without a gap.
    retired: VecDeque<Retired>,
    failure: Option<(Instant, io::Error)>,
    stopping: bool,
}

/// A file that belongs to the log no more.
struct Retired {
    path: PathBuf,
    /// Nobody reads it any more, and it has the right size.
    reusable: bool,
}

enum Work {
    Make,
    Take(Retired),
    Stop,
}

impl Spares {
    /// Takes over the file that an earlier process left, if it can be used.
    pub(super) fn new(folder: Arc<Folder>, disk: Disk, bytes: u32) -> io::Result<Self> {
        let spare = match OpenOptions::new().read(true).write(true).open(folder.spare()) {
            Ok(file) if file.metadata()?.len() == u64::from(bytes) => Some(file),
            Ok(_) => fs::remove_file(folder.spare()).map(|()| None)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        let state = Mutex::new(State { spare, ..State::default() });
        Ok(Self { folder, disk, bytes, state, changed: Condvar::new() })
    }

    /// Asks for a file, to have it ready.
    pub(super) fn want(&self) {
        self.state.lock().wanted = true;
        self.changed.notify_all();
    }

    /// Takes the file at [`Folder::spare`], once there is one. Blocks. [`Spares::give_back`] or
    /// [`Spares::used`] must follow.
    pub(super) fn take(&self) -> io::Result<File> {
        let mut state = self.state.lock();
        if state.failure.as_ref().is_some_and(|(at, _)| at.elapsed() > RETRY) {
            state.failure = None;
        }
        loop {
            if let Some(spare) = state.spare.take() {
                state.lent = true;
                return Ok(spare);
            }
            if let Some((_, error)) = &state.failure {
                return Err(io::Error::new(error.kind(), error.to_string()));
            }
            state.wanted = true;
            self.changed.notify_all();
            self.changed.wait(&mut state);
        }
    }

    /// Gives back a file that was taken and not used.
    pub(super) fn give_back(&self, spare: File) {
        let mut state = self.state.lock();
        (state.spare, state.lent) = (Some(spare), false);
        self.changed.notify_all();
    }

    /// Says that the file that was taken has another name now.
    pub(super) fn used(&self) {
        self.state.lock().lent = false;
        self.changed.notify_all();
    }

    /// Lets go of a segment's file.
    pub(super) fn retire(&self, segment: Arc<Segment>) {
        let path = segment.path.clone();
        let bytes = segment.bytes;
        let reusable = Arc::into_inner(segment).is_some() && bytes == self.bytes;
        let mut state = self.state.lock();
        state.retired.push_back(Retired { path, reusable });
        state.failure = None;
        self.changed.notify_all();
    }

    /// Ends [`Spares::run`].
    pub(super) fn stop(&self) {
        self.state.lock().stopping = true;
        self.changed.notify_all();
    }

    /// Makes files until [`Spares::stop`]. Blocks: it has a thread of its own.
    pub(super) fn run(&self) {
        loop {
            let done = match self.next_work() {
                Work::Make => self.disk.allocate(&self.folder.spare(), self.bytes).map(Some),
                Work::Take(retired) => self.take_in(&retired),
                Work::Stop => return,
            };
            self.note(done);
        }
    }

    fn next_work(&self) -> Work {
        let mut state = self.state.lock();
        loop {
            if let Some(retired) = state.retired.pop_front() {
                let reusable = retired.reusable && state.spare.is_none() && !state.lent;
                return Work::Take(Retired { reusable, ..retired });
            }
            if state.stopping {
                return Work::Stop;
            }
            if state.wanted && state.spare.is_none() && !state.lent {
                state.wanted = false;
                return Work::Make;
            }
            self.changed.wait(&mut state);
        }
    }

    /// Makes a spare of a retired file, or removes it.
    fn take_in(&self, retired: &Retired) -> io::Result<Option<File>> {
        if !retired.reusable {
            fs::remove_file(&retired.path)?;
            return self.folder.sync().map(|()| None);
        }
        let spare = self.folder.spare();
        fs::rename(&retired.path, &spare)?;
        // Before it is written to: under its old name its old content must never change.
        self.folder.sync()?;
        OpenOptions::new().read(true).write(true).open(spare).map(Some)
    }

    fn note(&self, done: io::Result<Option<File>>) {
        let mut state = self.state.lock();
        match done {
            Ok(Some(file)) => {
                state.spare = Some(file);
                state.wanted = false;
            }
            Ok(None) => {}
            Err(error) => {
                let now = Instant::now();
                if state.told.is_none_or(|told| now.duration_since(told) >= TELL_AGAIN) {
                    state.told = Some(now);
                    tracing::warn!(%error, "cannot make room for the log");
                }
                state.failure = Some((now, error));
            }
        }
        self.changed.notify_all();
    }
}
