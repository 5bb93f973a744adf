//! Turning jobs into one group of entries.

use std::collections::VecDeque;
use std::sync::Arc;

use flowmill_model::{Offset, Timestamp};
use tokio::sync::oneshot;

use super::Writer;
use super::tidy::Chore;
use crate::contract::{AppendError, NotWritten, ReadError, Record};
use crate::embedded::entry::{
    TOPIC_BYTES_MAX, TRIM_BYTES, TopicEntry, put_record, put_topic, put_trim, record_bytes,
};
use crate::embedded::frame::{self, Place, frame_bytes};
use crate::embedded::partition::DurablePartition;
use crate::embedded::queue::{AppendJob, EnsureJob, Job, TrimJob};
use crate::embedded::topics::Change;

/// Bytes of moved records that one group takes along, so that moving holds nobody up for long.
const MOVED_BYTES: usize = 256 * 1024;

/// Entries that are written and synced together.
#[derive(Default)]
pub(super) struct Group {
    pub(super) buffer: Vec<u8>,
    pub(super) staged: Vec<Staged>,
    /// When its records were written, as they will say.
    pub(super) at: Option<Timestamp>,
    /// Somebody waits for it to be on disk.
    pub(super) awaited: bool,
    /// It makes a topic; what comes next may depend on it.
    complete: bool,
}

/// An entry in a group, and what to do once it is on disk.
pub(super) enum Staged {
    Record(StagedRecord),
    Topic { entry: TopicEntry, answer: oneshot::Sender<Result<(), ReadError>> },
    Trim(TrimJob),
    Moved { partition: Arc<DurablePartition>, offset: u64, at: u32, bytes: u32 },
}

pub(super) struct StagedRecord {
    pub(super) job: AppendJob,
    pub(super) offset: u64,
    pub(super) written: Timestamp,
    pub(super) at: u32,
    pub(super) bytes: u32,
}

impl Group {
    pub(super) fn is_empty(&self) -> bool {
        self.staged.is_empty()
    }

    pub(super) fn bytes(&self) -> usize {
        self.buffer.len()
    }

    pub(super) const fn is_complete(&self) -> bool {
        self.complete
    }

    /// Answers that nothing of it was written, and gives its offsets back.
    pub(super) fn refuse(&mut self, why: &NotWritten) {
        for staged in self.staged.drain(..) {
            match staged {
                Staged::Record(StagedRecord { job, .. }) => {
                    job.partition.give_back_offsets();
                    job.answer.send(Err(AppendError::NotWritten(why.clone()))).ok();
                }
                Staged::Topic { entry, answer } => {
                    let refused = ReadError::Refused { topic: entry.topic, why: why.to_string() };
                    answer.send(Err(refused)).ok();
                }
                Staged::Trim(job) => job.refuse(why),
                Staged::Moved { .. } => {}
            }
        }
    }

    /// Answers that nobody knows whether it was written. The log is closed.
    pub(super) fn give_up(&mut self, reason: &str) {
        for staged in self.staged.drain(..) {
            match staged {
                Staged::Record(StagedRecord { job, .. }) => {
                    job.answer.send(Err(AppendError::Unknown(reason.to_owned()))).ok();
                }
                Staged::Topic { answer, .. } => {
                    answer.send(Err(ReadError::Closed(reason.to_owned()))).ok();
                }
                Staged::Trim(job) => job.refuse(&NotWritten::Closed(reason.to_owned())),
                Staged::Moved { .. } => {}
            }
        }
    }

    /// Empties it, keeping its buffers.
    pub(super) fn clear(&mut self) {
        self.buffer.clear();
        self.staged.clear();
        (self.at, self.awaited, self.complete) = (None, false, false);
    }
}

/// Bytes of a job's entry; for a topic, at most.
pub(super) fn frame_bytes_of(job: &Job) -> usize {
    match job {
        Job::Append(job) => frame_bytes(record_bytes(&job.record)),
        Job::Ensure(_) => frame_bytes(TOPIC_BYTES_MAX),
        Job::Trim(_) => frame_bytes(TRIM_BYTES),
    }
}

impl Writer {
    /// Moves jobs into the group until one does not fit, then chores.
    pub(super) fn fill_group(&mut self, jobs: &mut VecDeque<Job>) {
        while let Some(job) = jobs.pop_front() {
            if let Err(job) = self.stage(job) {
                jobs.push_front(job);
                return;
            }
        }
        self.stage_chores();
    }

    fn stage(&mut self, job: Job) -> Result<(), Job> {
        let reserve = match &job {
            Job::Append(_) | Job::Ensure(_) => Self::reserve(&self.parts.tail.segment),
            Job::Trim(_) => 0,
        };
        if !self.fits(frame_bytes_of(&job), reserve) {
            return Err(job);
        }
        match job {
            Job::Append(job) => self.stage_record(job),
            Job::Ensure(job) => self.stage_topic(job),
            Job::Trim(job) => self.stage_trim(job),
        }
        Ok(())
    }

    fn stage_record(&mut self, job: AppendJob) {
        let written = *self.group.at.get_or_insert_with(|| (self.parts.shared.now)());
        let offset = job.partition.take_offset();
        let write =
            |out: &mut Vec<u8>| put_record(out, job.partition.id, offset, written, &job.record);
        let (at, bytes) = self.put(write);
        self.group.staged.push(Staged::Record(StagedRecord { job, offset, written, at, bytes }));
        self.group.awaited = true;
    }

    fn stage_topic(&mut self, job: EnsureJob) {
        match self.parts.shared.topics.change(&job.spec) {
            Ok(Change::None) => {
                job.answer.send(Ok(())).ok();
            }
            Ok(Change::InMemory) => {
                self.parts.shared.make_volatile(job.spec);
                job.answer.send(Ok(())).ok();
            }
            Ok(Change::OnDisk(entry)) => {
                self.put(|out| put_topic(out, &entry));
                self.group.staged.push(Staged::Topic { entry, answer: job.answer });
                (self.group.awaited, self.group.complete) = (true, true);
            }
            Err(refused) => {
                job.answer.send(Err(refused)).ok();
            }
        }
    }

    fn stage_trim(&mut self, job: TrimJob) {
        let (start, next) = job.partition.positions();
        let before = job.before.min(next);
        if before > start {
            self.put(|out| put_trim(out, job.partition.id, before));
        }
        self.group.staged.push(Staged::Trim(TrimJob { before, ..job }));
    }

    fn stage_chores(&mut self) {
        let limit = self.group.bytes() + MOVED_BYTES;
        while self.group.bytes() < limit
            && let Some(chore) = self.chores.front()
            && self.fits(chore.frame_bytes(), Self::reserve(&self.parts.tail.segment))
            && let Some(chore) = self.chores.pop_front()
        {
            match chore {
                Chore::Trim(job) => self.stage_trim(job),
                Chore::Move { partition, offset, from, bytes: _ } => {
                    let Some(spot) = partition.spot_in(offset, &from) else {
                        continue;
                    };
                    match from.read(spot.at, spot.bytes) {
                        Ok(body) => self.stage_moved(partition, offset, &body),
                        Err(error) => tracing::error!(error, "a kept record cannot be read"),
                    }
                }
            }
        }
    }

    fn stage_moved(&mut self, partition: Arc<DurablePartition>, offset: u64, body: &[u8]) {
        let (at, bytes) = self.put(|out| out.extend_from_slice(body));
        self.group.staged.push(Staged::Moved { partition, offset, at, bytes });
        self.group.awaited = true;
    }

    /// Adds an entry to the group; gives its position and length.
    fn put(&mut self, write: impl FnOnce(&mut Vec<u8>)) -> (u32, u32) {
        let tail = &self.parts.tail;
        let gathered = u32::try_from(self.group.bytes()).expect("a group fits a segment");
        let place = Place { salt: tail.segment.salt, at: tail.at + gathered };
        let bytes = frame::put(&mut self.group.buffer, place, tail.synced, write);
        (place.at, bytes)
    }
}

impl StagedRecord {
    /// The record's acknowledgement, to be sent when it can be read.
    pub(super) fn split(self) -> (Arc<DurablePartition>, Record, Acknowledgement) {
        let AppendJob { partition, record, answer } = self.job;
        (partition, record, Acknowledgement { offset: self.offset, answer })
    }
}

/// An answer that is due.
pub(super) struct Acknowledgement {
    offset: u64,
    answer: oneshot::Sender<Result<Offset, AppendError>>,
}

impl Acknowledgement {
    pub(super) fn send(self) {
        self.answer.send(Ok(Offset::new(self.offset))).ok();
    }
}
