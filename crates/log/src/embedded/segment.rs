//! One segment file.
//!
//! It begins with a head of 64 bytes, little-endian: the magic `FLOWMLOG`, version `u32`, number
//! of the segment `u32`, cluster `u128`, where the entries of the segment before it end `u32`,
//! zeros, CRC32C of all that `u32`. Entries follow, the first of them all topics and positions;
//! what is behind the last entry has no meaning.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::{Buf, BufMut, Bytes};
use crc32c::crc32c;

use super::frame::{self, HEAD_BYTES, Head, Place};

const MAGIC: u64 = u64::from_le_bytes(*b"FLOWMLOG");
/// The version of the file format this build writes, and the highest it reads.
pub(super) const VERSION: u32 = 1;
/// Where entries begin.
pub(super) const FIRST_ENTRY: u32 = 64;

/// A segment that is part of the log.
pub(super) struct Segment {
    pub(super) number: u32,
    /// See [`frame::salt`].
    pub(super) salt: u32,
    pub(super) path: PathBuf,
    pub(super) file: File,
    /// Length of the file.
    pub(super) bytes: u32,
    /// Bytes of the frames in it whose records are kept; see [`Location`](super::index::Location).
    pub(super) live: AtomicU64,
}

impl Segment {
    pub(super) fn new(head: SegmentHead, path: PathBuf, file: File, bytes: u32) -> Self {
        let SegmentHead { number, cluster, previous_end: _ } = head;
        let salt = frame::salt(cluster, number);
        Self { number, salt, path, file, bytes, live: AtomicU64::new(0) }
    }

    /// Bytes of the frames in it whose records are kept.
    pub(super) fn live_bytes(&self) -> u64 {
        self.live.load(Ordering::Relaxed)
    }

    /// Reads the body of the frame at a position. Blocks.
    pub(super) fn read(&self, at: u32, frame_bytes: u32) -> Result<Bytes, String> {
        let mut frame = vec![0; frame_bytes as usize];
        let what = |what: &str| format!("{} at byte {at}: {what}", self.path.display());
        self.file.read_exact_at(&mut frame, at.into()).map_err(|error| what(&error.to_string()))?;
        let head = Head::decode(&frame, Place { salt: self.salt, at });
        let body = head.and_then(|head| head.body(&frame[HEAD_BYTES..]));
        let bytes = body.ok_or_else(|| what("the checksum does not match"))?.len();
        Ok(Bytes::from(frame).slice(HEAD_BYTES..HEAD_BYTES + bytes))
    }
}

/// What a segment file begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SegmentHead {
    /// The segment's number.
    pub(super) number: u32,
    /// The log it belongs to.
    pub(super) cluster: u128,
    /// Where the entries of the segment before it end.
    pub(super) previous_end: u32,
}

/// What is wrong with the head of a segment file.
#[derive(Debug)]
pub(super) enum BadHead {
    Damaged,
    Newer(u32),
    Io(io::Error),
}

impl SegmentHead {
    pub(super) fn encode(self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(FIRST_ENTRY as usize);
        bytes.put_u64_le(MAGIC);
        bytes.put_u32_le(VERSION);
        bytes.put_u32_le(self.number);
        bytes.put_u128_le(self.cluster);
        bytes.put_u32_le(self.previous_end);
        bytes.resize(FIRST_ENTRY as usize - 4, 0);
        bytes.put_u32_le(crc32c(&bytes));
        bytes
    }

    /// Reads the head of a file.
    pub(super) fn read(file: &File) -> Result<Self, BadHead> {
        let mut bytes = [0; FIRST_ENTRY as usize];
        match file.read_exact_at(&mut bytes, 0) {
            Ok(()) => Self::decode(&bytes),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Err(BadHead::Damaged),
            Err(error) => Err(BadHead::Io(error)),
        }
    }

    fn decode(bytes: &[u8; FIRST_ENTRY as usize]) -> Result<Self, BadHead> {
        let mut rest = &bytes[..];
        if rest.get_u64_le() != MAGIC {
            return Err(BadHead::Damaged);
        }
        let version = rest.get_u32_le();
        if version > VERSION {
            return Err(BadHead::Newer(version));
        }
        let crc = crc32c(&bytes[..bytes.len() - 4]);
        if version != VERSION || crc.to_le_bytes() != bytes[bytes.len() - 4..] {
            return Err(BadHead::Damaged);
        }
        let (number, cluster) = (rest.get_u32_le(), rest.get_u128_le());
        Ok(Self { number, cluster, previous_end: rest.get_u32_le() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_survives_its_bytes_and_every_flipped_bit_is_found() {
        let head = SegmentHead { number: 1, cluster: 2, previous_end: 3 };
        let bytes: [u8; 64] = head.encode().try_into().expect("a head has 64 bytes");
        assert!(matches!(SegmentHead::decode(&bytes), Ok(found) if found == head));
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes;
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(SegmentHead::decode(&flipped).is_err(), "bit {bit}");
        }
    }
}
