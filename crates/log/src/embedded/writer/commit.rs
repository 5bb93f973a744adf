//! Writing and syncing a group, then showing it.

use std::time::Instant;

use super::stage::{Group, Staged};
use super::{Failure, LAZY_SYNC, Writer};
use crate::contract::NotWritten;
use crate::embedded::disk::{PartialWrite, is_full};
use crate::embedded::entry::put_closed;
use crate::embedded::frame::{self, Place};
use crate::embedded::index::Location;
use crate::embedded::settings::Durability;

impl Writer {
    /// Writes the group and answers everybody in it.
    pub(super) fn commit(&mut self) {
        let mut group = std::mem::take(&mut self.group);
        match self.write(&group) {
            Ok(()) => {
                self.publish(&mut group);
                self.note_full(false);
            }
            Err(Failure::Full) => {
                group.refuse(&NotWritten::Full);
                self.note_full(true);
            }
            Err(Failure::Broken(reason)) => {
                self.parts.shared.close(&reason);
                group.give_up(&reason);
            }
        }
        group.clear();
        self.group = group;
    }

    fn write(&mut self, group: &Group) -> Result<(), Failure> {
        if group.buffer.is_empty() {
            return Ok(());
        }
        let tail = &self.parts.tail;
        if let Err(error) = self.parts.disk.write(&tail.segment.file, &group.buffer, tail.at) {
            return Err(self.undo(error));
        }
        self.parts.tail.at += u32::try_from(group.bytes()).expect("a group fits a segment");
        let sync = match self.parts.durability {
            Durability::Fsync => group.awaited,
            Durability::Os => self.last_sync.elapsed() >= LAZY_SYNC,
        };
        if sync {
            self.sync()?;
        }
        self.want_spare();
        Ok(())
    }

    /// Takes back the part of a write that reached the file: it would be found at the next
    /// opening, and must not be.
    fn undo(&self, failed: PartialWrite) -> Failure {
        let PartialWrite { written, error } = failed;
        let tail = &self.parts.tail;
        let what = format!("a write to {} failed: {error}", tail.segment.path.display());
        if !is_full(&error) {
            return Failure::Broken(what);
        }
        match self.parts.disk.erase(&tail.segment.file, tail.at, written) {
            Ok(()) => Failure::Full,
            Err(error) => Failure::Broken(format!("{what}; and it cannot be taken back: {error}")),
        }
    }

    /// Waits until the disk has everything. When that fails, nobody can know what it has, now or
    /// after another try.
    pub(super) fn sync(&mut self) -> Result<(), Failure> {
        let tail = &mut self.parts.tail;
        match self.parts.disk.sync(&tail.segment.file) {
            Ok(()) => {
                tail.synced = tail.at;
                self.last_sync = Instant::now();
                Ok(())
            }
            Err(error) => {
                let file = tail.segment.path.display();
                Err(Failure::Broken(format!("a sync of {file} failed: {error}; start again")))
            }
        }
    }

    /// Syncs what nobody waits for, when it has waited long enough.
    pub(super) fn sync_lazily(&mut self) {
        let unsynced = self.parts.tail.synced < self.parts.tail.at;
        if unsynced && self.last_sync.elapsed() >= LAZY_SYNC {
            self.sync_or_close();
        }
    }

    /// Syncs; closes the log when that fails.
    pub(super) fn sync_or_close(&mut self) {
        match self.sync() {
            Ok(()) | Err(Failure::Full) => {}
            Err(Failure::Broken(reason)) => self.parts.shared.close(&reason),
        }
    }

    /// Shows what is on disk to readers, then answers.
    fn publish(&mut self, group: &mut Group) {
        let segment = std::sync::Arc::clone(&self.parts.tail.segment);
        let mut acknowledgements = Vec::with_capacity(group.staged.len());
        for staged in group.staged.drain(..) {
            match staged {
                Staged::Record(staged) => {
                    let location = Location::new(&segment, staged.at, staged.bytes);
                    let (offset, written) = (staged.offset, staged.written);
                    let (partition, record, acknowledgement) = staged.split();
                    self.cache.add(&partition, offset, &record);
                    partition.publish(offset, written, record, location);
                    partition.notify();
                    acknowledgements.push(acknowledgement);
                }
                Staged::Topic { entry, answer } => {
                    self.parts.shared.make_durable(&entry);
                    answer.send(Ok(())).ok();
                }
                Staged::Trim(job) => {
                    job.partition.trim(job.before);
                    job.done();
                }
                Staged::Moved { partition, offset, at, bytes } => {
                    partition.relocate(offset, Location::new(&segment, at, bytes));
                }
            }
        }
        self.cache.evict();
        acknowledgements.into_iter().for_each(super::stage::Acknowledgement::send);
    }

    /// Says in the file that the log was closed in good order: then even its last entries are
    /// known to have been on disk.
    pub(super) fn finish(&mut self) {
        if self.parts.shared.is_closed() {
            return;
        }
        let tail = &self.parts.tail;
        let mut buffer = Vec::new();
        let place = Place { salt: tail.segment.salt, at: tail.at };
        let bytes = frame::put(&mut buffer, place, tail.synced, put_closed);
        let room = tail.at + bytes <= tail.segment.bytes;
        if room && self.parts.disk.write(&tail.segment.file, &buffer, tail.at).is_ok() {
            self.parts.tail.at += bytes;
        }
        self.sync_or_close();
    }
}
