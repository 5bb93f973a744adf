//! How an embedded log behaves.

use std::fmt;
use std::io;
use std::sync::Arc;

use flowmill_model::{Timestamp, limits};
use flowmill_runtime::Clock;

use super::error::OpenError;

/// When an append is acknowledged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// When the disk has it: it survives a loss of power.
    #[default]
    Fsync,
    /// When the operating system has it: it survives the end of the process. What was not synced
    /// before a loss of power, a second's worth at most, may be gone, with everything after the
    /// first gap.
    Os,
}

/// Settings of an embedded log.
#[derive(Clone)]
pub struct Settings {
    /// When an append is acknowledged.
    pub durability: Durability,
    /// Bytes of a segment file, between [`limits::LOG_SEGMENT_BYTES_MIN`] and
    /// [`limits::LOG_SEGMENT_BYTES_MAX`]. May change between two runs.
    pub segment_bytes: u32,
    /// Bytes of recent records kept in memory for readers.
    pub cache_bytes: usize,
    /// Bytes of records of derivable topics, all of which are in memory.
    pub derivable_bytes: usize,
    /// The time, for [`Retention::For`](crate::Retention::For).
    pub now: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    /// Makes the disk fail, in tests.
    pub disk_faults: Option<DiskFaults>,
}

impl Default for Settings {
    fn default() -> Self {
        let clock = Clock::system();
        Self {
            durability: Durability::default(),
            segment_bytes: limits::LOG_SEGMENT_BYTES,
            cache_bytes: limits::LOG_CACHE_BYTES,
            derivable_bytes: limits::LOG_DERIVABLE_BYTES,
            now: Arc::new(move || clock.now()),
            disk_faults: None,
        }
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("durability", &self.durability)
            .field("segment_bytes", &self.segment_bytes)
            .field("cache_bytes", &self.cache_bytes)
            .field("derivable_bytes", &self.derivable_bytes)
            .finish_non_exhaustive()
    }
}

impl Settings {
    /// Refuses settings that cannot work.
    pub(super) fn check(&self) -> Result<(), OpenError> {
        let (min, max) = (limits::LOG_SEGMENT_BYTES_MIN, limits::LOG_SEGMENT_BYTES_MAX);
        if (min..=max).contains(&self.segment_bytes) && self.segment_bytes.is_multiple_of(4096) {
            return Ok(());
        }
        let allowed = format!("a multiple of 4096 from {min} to {max}");
        let found = self.segment_bytes.into();
        Err(OpenError::Setting { name: "segment-bytes", found, allowed })
    }
}

/// Decides, before each operation on a file, whether and how it fails.
pub type DiskFaults = Arc<dyn Fn(DiskOperation) -> Option<DiskFault> + Send + Sync>;

/// What is about to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DiskOperation {
    /// A write of entries.
    Write {
        /// How many bytes.
        bytes: usize,
    },
    /// A sync of entries.
    Sync,
    /// The making of a segment file.
    Allocate {
        /// How many bytes.
        bytes: u32,
    },
}

/// How an operation fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DiskFault {
    /// How many bytes of a write reach the file all the same.
    pub written: usize,
    /// The error.
    pub error: io::ErrorKind,
}
