//! Frames: how an entry lies in a segment file.
//!
//! A frame is a head of 16 bytes, the body, and zeros up to a multiple of 8 bytes. All numbers are
//! little-endian.
//!
//! | bytes | what |
//! |---|---|
//! | 0..4 | length of the body, never 0 |
//! | 4..8 | CRC32C of the body with its zeros |
//! | 8..12 | the position up to which the file was synced when the frame was written |
//! | 12..16 | CRC32C of the bytes before it, the segment's salt and the frame's position |
//!
//! **Invariant:** the head's checksum knows where the frame belongs, so neither the leftovers of
//! a segment whose file is used again nor bytes within a record's value are taken for a frame.
//! The salt is the CRC32C of the log's random identity and the segment's number.
//!
//! The synced position is what tells a torn write from damage: a bad frame below it was once
//! whole on disk; one at or above it may never have been.

use crc32c::{crc32c, crc32c_append};

/// Bytes of a frame's head.
pub(super) const HEAD_BYTES: usize = 16;

/// Frames begin at multiples of this.
pub(super) const ALIGN: usize = 8;

/// Bytes of the largest body. Far above the largest record and the positions of 100,000
/// partitions, far below what a damaged length could make a reader allocate.
pub(super) const MAX_BODY_BYTES: usize = 16 * 1024 * 1024;

/// Where a frame belongs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    /// The segment's [`salt`].
    pub(super) salt: u32,
    /// The frame's position in the segment's file.
    pub(super) at: u32,
}

/// What tells the frames of one segment from those of every other, also of another log.
pub(super) fn salt(cluster: u128, segment: u32) -> u32 {
    crc32c_append(crc32c(&cluster.to_le_bytes()), &segment.to_le_bytes())
}

/// A frame's head, as far as it is not derived from its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Head {
    body_bytes: u32,
    body_crc: u32,
    /// The position up to which the file was synced when the frame was written.
    pub(super) synced: u32,
}

/// Bytes of the frame of a body.
pub(super) const fn frame_bytes(body_bytes: usize) -> usize {
    HEAD_BYTES + body_bytes.next_multiple_of(ALIGN)
}

/// Adds a frame to `buffer`, with the body that `write` adds; gives the frame's length in bytes.
pub(super) fn put(
    buffer: &mut Vec<u8>,
    place: Place,
    synced: u32,
    write: impl FnOnce(&mut Vec<u8>),
) -> u32 {
    let first = buffer.len();
    buffer.resize(first + HEAD_BYTES, 0);
    write(buffer);
    let body_bytes = buffer.len() - first - HEAD_BYTES;
    let all_bytes = frame_bytes(body_bytes);
    buffer.resize(first + all_bytes, 0);
    let body_crc = crc32c(&buffer[first + HEAD_BYTES..]);
    let head = Head { body_bytes: small(body_bytes), body_crc, synced };
    buffer[first..first + HEAD_BYTES].copy_from_slice(&head.encode(place));
    small(all_bytes)
}

fn small(bytes: usize) -> u32 {
    u32::try_from(bytes).expect("a body is far below 4 GiB")
}

impl Head {
    fn encode(self, place: Place) -> [u8; HEAD_BYTES] {
        let mut head = [0; HEAD_BYTES];
        head[0..4].copy_from_slice(&self.body_bytes.to_le_bytes());
        head[4..8].copy_from_slice(&self.body_crc.to_le_bytes());
        head[8..12].copy_from_slice(&self.synced.to_le_bytes());
        let crc = head_crc(&head[..12], place);
        head[12..16].copy_from_slice(&crc.to_le_bytes());
        head
    }

    /// The head of the frame at `place`; `None` when these bytes are none.
    pub(super) fn decode(bytes: &[u8], place: Place) -> Option<Self> {
        let word = |n: usize| bytes.get(4 * n..)?.first_chunk().map(|w| u32::from_le_bytes(*w));
        let head = Self { body_bytes: word(0)?, body_crc: word(1)?, synced: word(2)? };
        // Checked first because it is cheap: a search for heads comes by here for every 8 bytes.
        let sound = head.body_bytes != 0 && head.body_bytes as usize <= MAX_BODY_BYTES;
        let sound = sound && head.synced <= place.at && word(3)? == head_crc(&bytes[..12], place);
        sound.then_some(head)
    }

    /// Bytes of the body.
    pub(super) const fn body_bytes(self) -> usize {
        self.body_bytes as usize
    }

    /// Bytes of the whole frame.
    pub(super) const fn frame_bytes(self) -> usize {
        frame_bytes(self.body_bytes())
    }

    /// The body, given everything after the head; `None` when it is damaged.
    pub(super) fn body(self, padded: &[u8]) -> Option<&[u8]> {
        let whole = padded.len() == self.frame_bytes() - HEAD_BYTES;
        (whole && crc32c(padded) == self.body_crc).then(|| &padded[..self.body_bytes()])
    }
}

fn head_crc(head: &[u8], place: Place) -> u32 {
    crc32c_append(crc32c_append(place.salt, head), &place.at.to_le_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLACE: Place = Place { salt: 7, at: 64 };

    fn framed(body: &[u8]) -> Vec<u8> {
        let mut buffer = Vec::new();
        let bytes = put(&mut buffer, PLACE, 64, |buffer| buffer.extend_from_slice(body));
        assert_eq!(bytes as usize, buffer.len());
        buffer
    }

    fn read(frame: &[u8], place: Place) -> Option<&[u8]> {
        Head::decode(frame, place)?.body(&frame[HEAD_BYTES..])
    }

    #[test]
    fn a_frame_gives_its_body_back() {
        for body in [&b"1"[..], b"12345678", b"123456789", &[0; 100]] {
            let frame = framed(body);
            assert!(frame.len().is_multiple_of(ALIGN));
            assert_eq!(read(&frame, PLACE), Some(body));
        }
    }

    #[test]
    fn every_flipped_bit_is_found_also_in_the_padding() {
        let frame = framed(b"123456789");
        for bit in 0..frame.len() * 8 {
            let mut flipped = frame.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(read(&flipped, PLACE), None, "bit {bit}");
        }
    }

    #[test]
    fn a_frame_counts_nowhere_but_in_its_place() {
        let frame = framed(b"body");
        assert_eq!(read(&frame, Place { salt: 8, ..PLACE }), None);
        assert_eq!(read(&frame, Place { at: 72, ..PLACE }), None);
    }

    #[test]
    fn the_bytes_of_a_frame_do_not_change() {
        let expected = [
            6, 0, 0, 0, 71, 176, 207, 245, 64, 0, 0, 0, 81, 168, 50, 74, b'g', b'o', b'l', b'd',
            b'e', b'n', 0, 0,
        ];
        assert_eq!(framed(b"golden"), expected);
    }
}
