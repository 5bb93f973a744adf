//! Reading a segment file from one frame to the next, and judging what is behind the last.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use super::frame::{ALIGN, HEAD_BYTES, Head, Place};

/// Bytes read at once.
const WINDOW_BYTES: usize = 1024 * 1024;

/// A part of a file in memory that follows the reading.
pub(super) struct Window<'a> {
    file: &'a File,
    file_bytes: u64,
    start: u64,
    part: Vec<u8>,
}

/// What is behind the last whole frame of the newest segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Behind {
    /// Nothing that could be taken for a frame.
    Nothing,
    /// Frames of a write that was cut short.
    Leftovers,
    /// A frame that was written after everything up to it had been synced: what is missing
    /// before it was once there.
    Synced,
}

impl<'a> Window<'a> {
    pub(super) const fn new(file: &'a File, file_bytes: u64) -> Self {
        Self { file, file_bytes, start: 0, part: Vec::new() }
    }

    /// The bytes at a position; `None` when the file is shorter.
    fn get(&mut self, at: u64, bytes: usize) -> io::Result<Option<&[u8]>> {
        let end = at + bytes as u64;
        if end > self.file_bytes {
            return Ok(None);
        }
        if at < self.start || end > self.start + self.part.len() as u64 {
            let left = usize::try_from(self.file_bytes - at).unwrap_or(usize::MAX);
            self.part.resize(bytes.max(WINDOW_BYTES).min(left), 0);
            self.file.read_exact_at(&mut self.part, at)?;
            self.start = at;
        }
        let first = usize::try_from(at - self.start).expect("a part of a window fits");
        Ok(Some(&self.part[first..first + bytes]))
    }

    /// The frame at a place; `None` when there is no whole one.
    pub(super) fn frame(&mut self, place: Place) -> io::Result<Option<(Head, &[u8])>> {
        let at = place.at.into();
        let Some(head) = self.get(at, HEAD_BYTES)?.and_then(|bytes| Head::decode(bytes, place))
        else {
            return Ok(None);
        };
        let Some(frame) = self.get(at, head.frame_bytes())? else {
            return Ok(None);
        };
        Ok(head.body(&frame[HEAD_BYTES..]).map(|body| (head, body)))
    }

    /// Judges what is behind `end`, where the last whole frame ends.
    pub(super) fn behind(&mut self, end: Place) -> io::Result<Behind> {
        let mut found = Behind::Nothing;
        let mut at = end.at;
        while let Some(bytes) = self.rest_of_part(at.into())? {
            let step = bytes.len() - HEAD_BYTES + ALIGN;
            if bytes.iter().any(|byte| *byte != 0) {
                match heads_in(bytes, Place { at, ..end }, end.at) {
                    Behind::Nothing => {}
                    Behind::Leftovers => found = Behind::Leftovers,
                    Behind::Synced => return Ok(Behind::Synced),
                }
            }
            at += u32::try_from(step).expect("a part of a window is small");
        }
        Ok(found)
    }

    /// At most a window of bytes from a position on, a multiple of [`ALIGN`]; `None` when no
    /// head fits any more.
    fn rest_of_part(&mut self, at: u64) -> io::Result<Option<&[u8]>> {
        let left = usize::try_from(self.file_bytes.saturating_sub(at)).unwrap_or(usize::MAX);
        let bytes = left.min(WINDOW_BYTES) / ALIGN * ALIGN;
        if bytes < HEAD_BYTES {
            return Ok(None);
        }
        self.get(at, bytes)
    }
}

/// Looks for heads at every place in `bytes`, the first of which is `from`.
fn heads_in(bytes: &[u8], from: Place, end: u32) -> Behind {
    let mut found = Behind::Nothing;
    let mut place = from;
    for candidate in bytes.windows(HEAD_BYTES).step_by(ALIGN) {
        if let Some(head) = Head::decode(candidate, place) {
            if head.synced > end {
                return Behind::Synced;
            }
            found = Behind::Leftovers;
        }
        place.at += ALIGN as u32;
    }
    found
}
