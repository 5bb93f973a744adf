//! A store on ScyllaDB, or on Apache Cassandra, which speaks its protocol.
//!
//! Order by version is the servers' own: every cell of an execution is written with its row's
//! version as the timestamp, so late and repeated writes lose without being compared. State and
//! listing are one cell each, always written together, with bytes that follow from the version.
//! What several executions share a partition for (lists, timers, ends) is written in batches; an
//! execution's state and history are one mutation. There is no read before a write but for an
//! execution of which this process does not know what is stored, and no lightweight transaction
//! but in [`init`].
//!
//! A server acknowledges before it has synced its commit log, so a crash of it loses what it
//! acknowledged last. Rows are therefore kept in memory until no crash can lose them
//! (`unproven.rs`), written again when a server restarts, and the margin mark follows
//! (`keeper.rs`). Loads look there, too: a row this process wrote is never read as an older one.
//!
//! **Invariant:** no statement deletes without a timestamp; none mixes timestamps with
//! conditions.
//!
//! It deliberately keeps no counters, no secondary indexes and no materialized views: the servers
//! differ in them.

mod calls;
mod cells;
mod client;
mod executions;
mod failure;
mod gate;
mod history;
mod init;
mod keeper;
mod keys;
mod known;
mod lists;
mod migrations;
mod packed;
mod plan;
mod purge;
mod request;
mod session;
mod settings;
mod statements;
mod timers;
mod together;
mod unproven;
mod watermarks;
mod writing;

#[cfg(test)]
mod reference;

use std::sync::Arc;

use flowmill_model::{ExecutionId, Sequence, ShardId, Timestamp};
use flowmill_runtime::spawn;
use futures::FutureExt;
use tokio::task::JoinHandle;

pub use calls::{Calls, Operation, Outcome};
pub use init::{InitError, InitPlan, InitReport, Server, examine, init};
pub use migrations::SchemaError;
pub use session::{ConnectError, OpenError};
pub use settings::{CqlSettings, CqlTuning, Credentials, Replication, Tls};

use crate::contract::{Store, StoreFuture};
use crate::row::{
    Checkpoint, HistoryRow, ListPosition, ListQuery, Listing, Purge, TimerKey, TimerRow, Watermark,
    Watermarks, Write,
};
use calls::Observer;
use client::Client;
use keeper::Keeper;
use known::Known;
use unproven::Unproven;

/// A store on ScyllaDB or Cassandra. Dropping it ends its background task.
#[derive(Debug)]
pub struct CqlStore {
    inner: Arc<Inner>,
    observer: Observer,
    keeper: JoinHandle<()>,
}

/// What the calls of a store share.
#[derive(Debug)]
struct Inner {
    client: Client,
    known: Known,
    unproven: Unproven,
    keeper: Keeper,
}

impl CqlStore {
    /// Connects to the cluster and checks that its keyspace has this build's schema.
    ///
    /// # Errors
    /// The cluster cannot be reached or refuses the user, or the keyspace is missing, older or
    /// newer; the message says what to do.
    pub async fn open(settings: &CqlSettings) -> Result<Self, OpenError> {
        let client = session::open(settings).await?;
        let keeper = Keeper::start(&client).await;
        let tuning = settings.tuning;
        let inner = Arc::new(Inner {
            client,
            known: Known::default(),
            unproven: Unproven::new(tuning.unproven_bytes, tuning.margin),
            keeper,
        });
        let kept = Arc::clone(&inner);
        let keeper = spawn("store keeper", async move { keeper::run(&kept, tuning).await });
        Ok(Self { inner, observer: Observer::default(), keeper })
    }

    /// The same store, which tells `sink` of its calls from now on.
    pub fn observed_by(mut self, sink: Arc<dyn Calls>) -> Self {
        self.observer = Observer::telling(sink);
        self
    }

    /// Runs `call` with what all calls share.
    fn call<T, F>(&self, operation: Operation, call: impl FnOnce(Arc<Inner>) -> F) -> StoreFuture<T>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, crate::StoreError>> + Send + 'static,
    {
        self.observer.clone().observe(operation, call(Arc::clone(&self.inner))).boxed()
    }
}

impl Drop for CqlStore {
    fn drop(&mut self) {
        self.keeper.abort();
    }
}

impl Store for CqlStore {
    fn write(&self, shard: ShardId, write: Write) -> StoreFuture<()> {
        self.call(
            Operation::Write,
            |inner| async move { writing::write(&inner, shard, write).await },
        )
    }

    fn set_watermark(&self, shard: ShardId, watermark: Watermark) -> StoreFuture<()> {
        self.call(Operation::SetWatermark, |inner| async move {
            watermarks::set(&inner, shard, watermark).await
        })
    }

    fn watermarks(&self, shard: ShardId) -> StoreFuture<Option<Watermarks>> {
        self.call(Operation::Watermarks, move |inner| async move {
            watermarks::read(&inner.client, shard).await
        })
    }

    fn load(&self, id: ExecutionId) -> StoreFuture<Option<Checkpoint>> {
        self.call(Operation::Load, move |inner| async move { executions::load(&inner, id).await })
    }

    fn history(
        &self,
        id: ExecutionId,
        from: Sequence,
        limit: usize,
    ) -> StoreFuture<Vec<HistoryRow>> {
        self.call(Operation::History, move |inner| async move {
            history::read(&inner.client, id, from, limit).await
        })
    }

    fn timers(
        &self,
        shard: ShardId,
        after: Option<TimerKey>,
        until: Timestamp,
        limit: usize,
    ) -> StoreFuture<Vec<TimerRow>> {
        let range = timers::Range { shard, after, until };
        self.call(Operation::Timers, move |inner| async move {
            timers::read(&inner, range, limit).await
        })
    }

    fn list(&self, query: ListQuery) -> StoreFuture<Vec<(ListPosition, Listing)>> {
        self.call(Operation::List, |inner| async move { lists::read(&inner.client, query).await })
    }

    fn purge(&self, purge: Purge) -> StoreFuture<usize> {
        self.call(Operation::Purge, move |inner| async move { purge::run(&inner, purge).await })
    }

    fn may_lose_acknowledged(&self) -> bool {
        true
    }
}
