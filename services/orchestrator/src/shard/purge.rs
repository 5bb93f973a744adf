//! Deletes the executions of one shard that have been kept long enough.
//!
//! Only the shard's owner does it, for as long as its term lasts. When an execution's time comes
//! was decided when it ended, and stands in its row.

use std::sync::Arc;
use std::time::Duration;

use flowmill_model::ShardId;
use flowmill_runtime::Clock;
use flowmill_store::{Purge, Store, StoreError};

use super::Shared;

/// How often ended executions are looked for that have been kept long enough.
const PURGE_EVERY: Duration = Duration::from_secs(10);

/// Ended executions deleted in one go.
const PURGE_AT_ONCE: usize = 1_000;

/// Purges now and then, until it is dropped.
pub(super) fn run(shard: ShardId, shared: &Shared) -> impl Future<Output = ()> + Send + use<> {
    let (store, clock) = (Arc::clone(&shared.store), shared.clock);
    async move {
        loop {
            tokio::time::sleep(PURGE_EVERY).await;
            if let Err(error) = purge(shard, store.as_ref(), clock).await {
                tracing::warn!(%shard, %error, "ended executions cannot be deleted");
            }
        }
    }
}

/// Deletes everything whose time has come.
async fn purge(shard: ShardId, store: &dyn Store, clock: Clock) -> Result<(), StoreError> {
    let purge = Purge { shard, before: clock.now(), limit: PURGE_AT_ONCE };
    while store.purge(purge).await? == PURGE_AT_ONCE {
        tokio::task::yield_now().await;
    }
    Ok(())
}
