//! The file operations that tests can make fail.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use super::settings::{DiskFaults, DiskOperation};

/// Bytes of zeros written at once.
const ZEROS: &[u8] = &[0; 256 * 1024];

/// Writes, syncs and makes files.
#[derive(Clone)]
pub(super) struct Disk {
    faults: Option<DiskFaults>,
}

/// A write that failed after some bytes.
#[derive(Debug)]
pub(super) struct PartialWrite {
    pub(super) written: usize,
    pub(super) error: io::Error,
}

/// Whether the error says that there is no room, as opposed to something being broken.
pub(super) fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

impl Disk {
    pub(super) fn new(faults: Option<DiskFaults>) -> Self {
        Self { faults }
    }

    fn fault(&self, operation: DiskOperation) -> Option<(usize, io::Error)> {
        let fault = self.faults.as_ref().and_then(|faults| faults(operation))?;
        Some((fault.written, io::Error::new(fault.error, "a fault made by a test")))
    }

    /// Writes all of `bytes`.
    pub(super) fn write(&self, file: &File, bytes: &[u8], at: u32) -> Result<(), PartialWrite> {
        if let Some((written, error)) = self.fault(DiskOperation::Write { bytes: bytes.len() }) {
            let written = written.min(bytes.len());
            write_all(file, &bytes[..written], at)?;
            return Err(PartialWrite { written, error });
        }
        write_all(file, bytes, at)
    }

    /// Overwrites with zeros, and waits until the disk has them.
    pub(super) fn erase(&self, file: &File, at: u32, bytes: usize) -> io::Result<()> {
        fill(file, at.into(), bytes)?;
        self.sync(file)
    }

    /// Waits until the disk has what was written within a file.
    pub(super) fn sync(&self, file: &File) -> io::Result<()> {
        match self.fault(DiskOperation::Sync) {
            Some((_, error)) => Err(error),
            None => file.sync_data(),
        }
    }

    /// Makes a file of zeros, all of them written: writing within it later neither needs room nor
    /// changes anything about the file that a sync would have to store.
    pub(super) fn allocate(&self, path: &Path, bytes: u32) -> io::Result<File> {
        let made = self.try_allocate(path, bytes);
        if made.is_err() {
            // What is left would only take room; the error is the one to report.
            fs::remove_file(path).ok();
        }
        made
    }

    fn try_allocate(&self, path: &Path, bytes: u32) -> io::Result<File> {
        if let Some((_, error)) = self.fault(DiskOperation::Allocate { bytes }) {
            return Err(error);
        }
        let file =
            OpenOptions::new().read(true).write(true).create(true).truncate(true).open(path)?;
        fill(&file, 0, bytes as usize)?;
        file.sync_all()?;
        Ok(file)
    }
}

fn write_all(file: &File, bytes: &[u8], at: u32) -> Result<(), PartialWrite> {
    let mut written = 0;
    while written < bytes.len() {
        match file.write_at(&bytes[written..], u64::from(at) + written as u64) {
            Ok(0) => {
                return Err(PartialWrite { written, error: io::ErrorKind::WriteZero.into() });
            }
            Ok(more) => written += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(PartialWrite { written, error }),
        }
    }
    Ok(())
}

fn fill(file: &File, at: u64, bytes: usize) -> io::Result<()> {
    let mut done = 0;
    while done < bytes {
        let zeros = &ZEROS[..ZEROS.len().min(bytes - done)];
        file.write_all_at(zeros, at + done as u64)?;
        done += zeros.len();
    }
    Ok(())
}
