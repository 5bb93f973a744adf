//! Acknowledged rows that are not durable yet.
//!
//! They are in the database, but opening its file anew takes it back to the last durable commit,
//! while the process, and everybody who was told that the rows are written, lives on. So they are
//! kept here until they are durable, and written again after the file was opened.

use flowmill_model::ShardId;

use crate::row::{ExecutionWrite, Write};

/// Bytes of a row beside its blobs, roughly.
const ROW_BYTES: usize = 256;

/// Acknowledged rows that are not durable yet, in their order.
#[derive(Debug, Default)]
pub(super) struct Unsynced {
    writes: Vec<(ShardId, Write)>,
    bytes: usize,
    /// Whether a purge was acknowledged; it is not repeated.
    purged: bool,
}

impl Unsynced {
    /// Keeps a write that was committed.
    pub(super) fn push(&mut self, shard: ShardId, write: Write) {
        self.bytes += bytes(&write);
        self.writes.push((shard, write));
    }

    /// Notes that a purge was committed.
    pub(super) const fn purge(&mut self) {
        self.purged = true;
    }

    /// The writes, in their order.
    pub(super) fn writes(&self) -> &[(ShardId, Write)] {
        &self.writes
    }

    /// Their size in memory, roughly.
    pub(super) const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether a durable commit would change nothing.
    pub(super) const fn is_empty(&self) -> bool {
        self.writes.is_empty() && !self.purged
    }

    /// Forgets everything: it is durable.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }
}

/// The size of a write in memory, roughly.
pub(super) fn bytes(write: &Write) -> usize {
    write.executions.iter().map(entry_bytes).sum()
}

fn entry_bytes(entry: &ExecutionWrite) -> usize {
    let history = entry.history.as_ref().map_or(0, |row| row.blob.len());
    ROW_BYTES + entry.checkpoint.len() + history
}
