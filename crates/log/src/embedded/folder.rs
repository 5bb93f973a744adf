//! The folder of a log: which files are ours, and the lock.
//!
//! Ours are `lock`, `meta`, `meta.tmp`, `spare.tmp`, `large.tmp` and ten digits with `.segment`.
//! Whatever else is there is left alone.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use super::error::OpenError;

/// The folder, locked as long as this lives.
pub(super) struct Folder {
    path: PathBuf,
    lock: File,
}

const SUFFIX: &str = ".segment";

impl Folder {
    /// Makes the folder unless it is there, and locks it.
    pub(super) fn lock(path: &Path) -> Result<Self, OpenError> {
        fs::create_dir_all(path)
            .map_err(OpenError::io(format!("make the folder {}", path.display())))?;
        let lock = path.join("lock");
        let doing = || OpenError::io(format!("lock {}", lock.display()));
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .open(&lock)
            .map_err(doing())?;
        match file.try_lock() {
            Ok(()) => Ok(Self { path: path.to_owned(), lock: file }),
            Err(TryLockError::WouldBlock) => Err(OpenError::InUse { folder: path.to_owned() }),
            Err(TryLockError::Error(error)) => Err(doing()(error)),
        }
    }

    /// The folder itself.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The file of the segment of that number.
    pub(super) fn segment(&self, number: u32) -> PathBuf {
        self.path.join(format!("{number:010}{SUFFIX}"))
    }

    /// The file that becomes the next segment.
    pub(super) fn spare(&self) -> PathBuf {
        self.path.join("spare.tmp")
    }

    /// The file that becomes the next segment when that must be larger than the others.
    pub(super) fn large(&self) -> PathBuf {
        self.path.join("large.tmp")
    }

    /// The file of [`Meta`](super::meta::Meta).
    pub(super) fn meta(&self) -> PathBuf {
        self.path.join("meta")
    }

    /// What becomes of the file of [`Meta`](super::meta::Meta).
    pub(super) fn new_meta(&self) -> PathBuf {
        self.path.join("meta.tmp")
    }

    /// The numbers of the segments that are there, in order.
    pub(super) fn segments(&self) -> io::Result<Vec<u32>> {
        let mut numbers = Vec::new();
        for entry in fs::read_dir(&self.path)? {
            numbers.extend(segment_number(&entry?.file_name().to_string_lossy()));
        }
        numbers.sort_unstable();
        Ok(numbers)
    }

    /// Waits until the disk has the folder's list of files.
    pub(super) fn sync(&self) -> io::Result<()> {
        File::open(&self.path)?.sync_all()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // Closing the file would do it, were there not a moment in which a process that is just
        // being started by this one has it open, too.
        if let Err(error) = self.lock.unlock() {
            tracing::warn!(%error, folder = %self.path.display(), "cannot unlock the log");
        }
    }
}

fn segment_number(name: &str) -> Option<u32> {
    let digits = name.strip_suffix(SUFFIX)?;
    let ours = digits.len() == 10 && digits.bytes().all(|b| b.is_ascii_digit());
    ours.then(|| digits.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_ten_digits_name_a_segment() {
        let check = |name, expect| assert_eq!(segment_number(name), expect, "{name}");
        check("0000000012.segment", Some(12));
        for name in ["12.segment", "0000000012.log", "000000001a.segment", "9999999999.segment"] {
            check(name, None);
        }
    }
}
