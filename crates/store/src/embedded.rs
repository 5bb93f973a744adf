//! A store in one file, for one process with a disk: redb under the contract.
//!
//! Rows are committed without waiting for the disk, and become durable with the next watermark,
//! at most once a second. A crash takes the file back to a durable commit: a prefix of all that
//! was written, with the watermark that belongs to it. So nothing below a watermark is ever
//! missing, and the margin mark is the watermark.
//!
//! One thread writes (redb has one writer): it gathers what several shards wait for into one
//! transaction. Reads run beside it on the runtime's blocking threads. Every table has a file of
//! its own here, with its keys, values and versions.
//!
//! It deliberately keeps no row in memory for long: the page cache is bounded by
//! [`Settings::cache_bytes`], so a million open executions cost the disk.

mod ends;
mod executions;
mod failure;
mod file;
mod flows;
mod history;
mod lists;
mod query;
mod room;
mod rows;
mod seal;
mod shared;
mod timers;
mod unsynced;
mod watermarks;
mod writer;

#[cfg(test)]
mod golden;
#[cfg(test)]
mod trouble;

use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use flowmill_model::{ExecutionId, Sequence, ShardId, Timestamp, limits};
use futures::{FutureExt, TryFutureExt};
use redb::ReadTransaction;
use tokio::sync::Semaphore;

pub use file::OpenError;

use crate::contract::{Store, StoreError, StoreFuture};
use crate::row::{
    Checkpoint, HistoryRow, ListPosition, ListQuery, Listing, Purge, TimerKey, TimerRow, Watermark,
    Watermarks, Write,
};
use failure::Failure;
use file::Opener;
use shared::Shared;
use writer::{Change, Request, Requests};

/// How an [`EmbeddedStore`] uses memory and disk.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Bytes of pages kept in memory, read and unwritten ones together.
    pub cache_bytes: usize,
    /// The least time between two waits for the disk, and between two attempts to open a file
    /// that failed. A watermark may take so long to answer.
    pub sync_interval: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self { cache_bytes: 64 * 1024 * 1024, sync_interval: Duration::from_secs(1) }
    }
}

/// A store in one file. Dropping it makes everything durable and lets go of the file.
#[derive(Debug)]
pub struct EmbeddedStore {
    shared: Arc<Shared>,
    requests: Requests,
    reads: Arc<Semaphore>,
    writer: Option<JoinHandle<()>>,
}

impl EmbeddedStore {
    /// Opens `file`, and makes it when there is none. Waits for the disk; a file that was not
    /// closed well is repaired first.
    pub fn open(file: impl AsRef<Path>, settings: Settings) -> Result<Self, OpenError> {
        let file = file.as_ref().to_owned();
        Self::start(Opener {
            file,
            settings,
            #[cfg(test)]
            trouble: trouble::Trouble::default(),
        })
    }

    fn start(opener: Opener) -> Result<Self, OpenError> {
        let shared = Arc::new(Shared::open(opener)?);
        let started = writer::start(Arc::clone(&shared));
        let (requests, writer) = started.map_err(|source| shared.opener().disk(source))?;
        let reads = Arc::new(Semaphore::new(limits::STORE_READS));
        Ok(Self { shared, requests, reads, writer: Some(writer) })
    }

    fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&ReadTransaction) -> Result<T, Failure> + Send + 'static,
    ) -> StoreFuture<T> {
        let (shared, reads) = (Arc::clone(&self.shared), Arc::clone(&self.reads));
        let requests = self.requests.clone();
        async move {
            let _permit = reads.acquire_owned().await.map_err(|_| closed())?;
            let done = tokio::task::spawn_blocking(move || shared.read(read)).await;
            let failure = match done {
                Ok(Ok(found)) => return Ok(found),
                Ok(Err(failure)) => failure,
                Err(_) => return Err(closed()),
            };
            if failure.needs_reopening() {
                requests.check();
            }
            Err(failure.answer())
        }
        .boxed()
    }
}

fn closed() -> StoreError {
    StoreError::Unavailable("the store is closed".into())
}

impl Drop for EmbeddedStore {
    fn drop(&mut self) {
        self.requests.close();
        if let Some(writer) = self.writer.take() {
            // A writer that panicked has answered nobody, and there is nobody left to tell.
            drop(writer.join());
        }
    }
}

impl Store for EmbeddedStore {
    fn write(&self, shard: ShardId, write: Write) -> StoreFuture<()> {
        self.requests.ask(Request::Change(Change::Write(shard, write))).map_ok(drop).boxed()
    }

    fn set_watermark(&self, shard: ShardId, watermark: Watermark) -> StoreFuture<()> {
        self.requests.ask(Request::Watermark(shard, watermark)).map_ok(drop).boxed()
    }

    fn watermarks(&self, shard: ShardId) -> StoreFuture<Option<Watermarks>> {
        self.read(move |transaction| query::watermarks(transaction, shard))
    }

    fn load(&self, id: ExecutionId) -> StoreFuture<Option<Checkpoint>> {
        self.read(move |transaction| query::load(transaction, id))
    }

    fn history(
        &self,
        id: ExecutionId,
        from: Sequence,
        limit: usize,
    ) -> StoreFuture<Vec<HistoryRow>> {
        self.read(move |transaction| {
            history::read(&transaction.open_table(history::TABLE)?, id, from, limit)
        })
    }

    fn timers(
        &self,
        shard: ShardId,
        after: Option<TimerKey>,
        until: Timestamp,
        limit: usize,
    ) -> StoreFuture<Vec<TimerRow>> {
        self.read(move |transaction| {
            timers::read(&transaction.open_table(timers::TABLE)?, shard, after, until, limit)
        })
    }

    fn list(&self, query: ListQuery) -> StoreFuture<Vec<(ListPosition, Listing)>> {
        self.read(move |transaction| query::list(transaction, &query))
    }

    fn purge(&self, purge: Purge) -> StoreFuture<usize> {
        self.requests.ask(Request::Change(Change::Purge(purge)))
    }

    fn may_lose_acknowledged(&self) -> bool {
        false
    }
}
