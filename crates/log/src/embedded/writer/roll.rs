//! Beginning a new segment.

use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::sync::Arc;

use super::{Failure, Tail, Writer};
use crate::embedded::disk::{Disk, is_full};
use crate::embedded::entry::{TopicState, put_state};
use crate::embedded::folder::Folder;
use crate::embedded::frame::{self, Place};
use crate::embedded::segment::{FIRST_ENTRY, Segment, SegmentHead};

/// Sizes of segment files are multiples of this.
const PAGE: usize = 4096;

impl Writer {
    /// Begins a segment with room for an entry of `frame_bytes`.
    pub(super) fn roll(&mut self, frame_bytes: usize) -> Result<(), Failure> {
        if self.parts.tail.synced < self.parts.tail.at {
            self.sync()?;
        }
        let number = self.parts.tail.segment.number + 1;
        let (cluster, previous_end) = (self.parts.meta.cluster, self.parts.tail.at);
        let head = SegmentHead { number, cluster, previous_end };
        let begun = self.begin(head, frame_bytes);
        self.note_full(begun.as_ref().is_err_and(is_full));
        let tail = begun.map_err(|error| match is_full(&error) {
            true => Failure::Full,
            false => Failure::Broken(format!("segment {number} cannot be begun: {error}")),
        })?;
        let sealed = std::mem::replace(&mut self.parts.tail, tail);
        self.parts.sealed.push_back(sealed.segment);
        self.note_newest(number)?;
        self.tidy_up();
        Ok(())
    }

    fn note_newest(&mut self, number: u32) -> Result<(), Failure> {
        self.parts.meta.newest_segment = number;
        match self.parts.meta.save(&self.parts.folder) {
            // The segment is there; that it is noted only finds out more should it be lost.
            Err(error) if !is_full(&error) => {
                Err(Failure::Broken(format!("the meta file cannot be written: {error}")))
            }
            Ok(()) | Err(_) => Ok(()),
        }
    }

    fn begin(&self, head: SegmentHead, frame_bytes: usize) -> io::Result<Tail> {
        let first = FirstBytes::new(head, &self.parts.shared.topics.state());
        let needed = first.bytes.len() + frame_bytes;
        // Room for the part that only trims may use, and for one entry that ends the segment.
        let needed = (needed + needed / 32 + PAGE).next_multiple_of(PAGE);
        let (folder, disk) = (&self.parts.folder, &self.parts.disk);
        if needed > self.parts.segment_bytes as usize {
            let bytes = u32::try_from(needed).expect("an entry is far below 4 GiB");
            let file = disk.allocate(&folder.large(), bytes)?;
            return first.begin(folder, disk, &folder.large(), file).map_err(|(_, error)| error);
        }
        let file = self.parts.spares.take()?;
        match first.begin(folder, disk, &folder.spare(), file) {
            Ok(tail) => {
                self.parts.spares.used();
                Ok(tail)
            }
            Err((file, error)) => {
                self.parts.spares.give_back(file);
                Err(error)
            }
        }
    }
}

/// What a new segment begins with: its head and all positions.
pub(in crate::embedded) struct FirstBytes {
    head: SegmentHead,
    bytes: Vec<u8>,
}

impl FirstBytes {
    pub(in crate::embedded) fn new(head: SegmentHead, topics: &[TopicState]) -> Self {
        let mut bytes = head.encode();
        let salt = frame::salt(head.cluster, head.number);
        let place = Place { salt, at: FIRST_ENTRY };
        frame::put(&mut bytes, place, FIRST_ENTRY, |out| put_state(out, topics));
        Self { head, bytes }
    }

    /// Makes a segment of a file that has another name. Under its own name it always begins as it
    /// must, whatever happens. Gives the file back when that fails.
    pub(in crate::embedded) fn begin(
        &self,
        folder: &Folder,
        disk: &Disk,
        from: &Path,
        file: File,
    ) -> Result<Tail, (File, io::Error)> {
        match self.try_begin(folder, disk, from, &file) {
            Ok(bytes) => {
                let path = folder.segment(self.head.number);
                let segment = Arc::new(Segment::new(self.head, path, file, bytes));
                let at = u32::try_from(self.bytes.len()).expect("the positions fit a segment");
                Ok(Tail::new(segment, at))
            }
            Err(error) => Err((file, error)),
        }
    }

    fn try_begin(&self, folder: &Folder, disk: &Disk, from: &Path, file: &File) -> io::Result<u32> {
        let bytes = u32::try_from(file.metadata()?.len()).map_err(io::Error::other)?;
        disk.write(file, &self.bytes, 0).map_err(|failed| failed.error)?;
        disk.sync(file)?;
        fs::rename(from, folder.segment(self.head.number))?;
        folder.sync()?;
        Ok(bytes)
    }
}
