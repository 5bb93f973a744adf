//! The `meta` file: which log this is, and what must outlive every segment.
//!
//! Always replaced as a whole: written beside, synced, renamed. The bytes, little-endian: the
//! magic `FLOWMETA`, version `u32`, number of the newest segment `u32`, cluster `u128`, boots
//! `u64`, CRC32C of all that `u32`.

use std::fs::{self, File};
use std::io::{self, Write};

use bytes::{Buf, BufMut};
use crc32c::crc32c;

use super::error::OpenError;
use super::folder::Folder;

const MAGIC: u64 = u64::from_le_bytes(*b"FLOWMETA");
const VERSION: u32 = 1;
const BYTES: usize = 44;

/// What the file says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Meta {
    /// Random, made once.
    pub(super) cluster: u128,
    /// How often the log was opened; 0 until it was made in full.
    pub(super) boots: u64,
    /// There was a segment of this number, so it or a later one must be there.
    pub(super) newest_segment: u32,
}

impl Meta {
    /// Reads the file; `None` when there is none.
    pub(super) fn load(folder: &Folder) -> Result<Option<Self>, OpenError> {
        let file = folder.meta();
        let bytes = match fs::read(&file) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(OpenError::io(format!("read {}", file.display()))(error)),
        };
        match decode(&bytes) {
            Decoded::Meta(meta) => Ok(Some(meta)),
            Decoded::Newer(found) => Err(OpenError::Newer { file, found, known: VERSION }),
            Decoded::Damaged(what) => {
                Err(OpenError::Damaged { file, position: 0, what: what.to_owned() })
            }
        }
    }

    /// Replaces the file.
    pub(super) fn save(self, folder: &Folder) -> io::Result<()> {
        let mut file = File::create(folder.new_meta())?;
        file.write_all(&self.encode())?;
        file.sync_all()?;
        fs::rename(folder.new_meta(), folder.meta())?;
        folder.sync()
    }

    fn encode(self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(BYTES);
        bytes.put_u64_le(MAGIC);
        bytes.put_u32_le(VERSION);
        bytes.put_u32_le(self.newest_segment);
        bytes.put_u128_le(self.cluster);
        bytes.put_u64_le(self.boots);
        bytes.put_u32_le(crc32c(&bytes));
        bytes
    }
}

enum Decoded {
    Meta(Meta),
    Newer(u32),
    Damaged(&'static str),
}

fn decode(bytes: &[u8]) -> Decoded {
    let mut rest = bytes;
    if rest.try_get_u64_le() != Ok(MAGIC) {
        return Decoded::Damaged("it does not begin like a meta file");
    }
    match rest.try_get_u32_le() {
        Ok(VERSION) => {}
        Ok(newer) if newer > VERSION => return Decoded::Newer(newer),
        Ok(_) | Err(_) => return Decoded::Damaged("there never was such a version"),
    }
    if bytes.len() != BYTES || crc32c(&bytes[..BYTES - 4]).to_le_bytes() != bytes[BYTES - 4..] {
        return Decoded::Damaged("its checksum does not match");
    }
    let (newest_segment, cluster) = (rest.get_u32_le(), rest.get_u128_le());
    Decoded::Meta(Meta { cluster, boots: rest.get_u64_le(), newest_segment })
}

#[cfg(test)]
mod tests {
    use super::*;

    const META: Meta = Meta { cluster: 0x0102, boots: 3, newest_segment: 4 };

    #[test]
    fn the_file_survives_its_bytes_and_every_flipped_bit_is_found() {
        let bytes = META.encode();
        assert!(matches!(decode(&bytes), Decoded::Meta(meta) if meta == META));
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(!matches!(decode(&flipped), Decoded::Meta(_)), "bit {bit}");
        }
        for cut in 0..bytes.len() {
            assert!(matches!(decode(&bytes[..cut]), Decoded::Damaged(_)), "cut at {cut}");
        }
    }

    #[test]
    fn a_newer_version_is_named() {
        let mut bytes = META.encode();
        bytes[8] = 2;
        assert!(matches!(decode(&bytes), Decoded::Newer(2)));
    }
}
