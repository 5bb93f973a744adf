//! The gateway without HTTP: what every way in uses.

use std::sync::Arc;
use std::time::Duration;

use flowmill_catalog::Catalogue;
use flowmill_log::{Log, Topic};
use flowmill_model::{ErrorCode, ExecutionId, ShardId, limits};
use flowmill_routing::{AskError, Owners};
use flowmill_runtime::{Clock, Entropy};
use flowmill_store::Store;
use tokio::sync::Semaphore;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::Refusal;
use crate::acknowledged::Acknowledged;
use crate::room::Room;
use crate::settings::Settings;
use crate::workers::Workers;

/// How long a question waits before it is asked again, when the shard moves.
const ASK_AGAIN: Duration = Duration::from_millis(50);

/// What a gateway works with.
#[derive(Clone)]
pub struct Parts {
    /// Where commands go.
    pub log: Arc<dyn Log>,
    /// Where lists come from, and executions whose owner is away.
    pub store: Arc<dyn Store>,
    /// The deployed flows.
    pub catalogue: Catalogue,
    /// The way to the owners of shards.
    pub owners: Owners,
    /// The time.
    pub clock: Clock,
    /// For ids.
    pub entropy: Entropy,
    /// Everything else.
    pub settings: Settings,
}

/// Accepts what callers ask: deploys, starts, commands, reads. Cheap to clone.
///
/// A method answers with success only for what is durable in the log. Dropping its future takes
/// nothing back.
#[derive(Clone)]
pub struct Gateway(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) parts: Parts,
    pub(crate) acknowledged: Acknowledged,
    /// Places for checks that take a thread.
    checks: Arc<Semaphore>,
    /// Whether the log lately had no room.
    pub(crate) room: Room,
    /// Workers that this gateway lends tasks to.
    pub(crate) workers: Workers,
    /// Cancelled when the gateway is to come to an end.
    pub(crate) draining: CancellationToken,
}

impl Gateway {
    /// Makes a gateway. Nothing runs until something is asked.
    pub fn new(parts: Parts) -> Self {
        let workers = Workers::new(&parts);
        Self(Arc::new(Inner {
            parts,
            acknowledged: Acknowledged::default(),
            room: Room::default(),
            workers,
            checks: Arc::new(Semaphore::new(limits::CHECKS_AT_ONCE)),
            draining: CancellationToken::new(),
        }))
    }

    /// Says that no more requests come: whoever waits for an execution's end is answered now.
    pub fn drain(&self) {
        self.0.draining.cancel();
    }

    pub(crate) fn parts(&self) -> &Parts {
        &self.0.parts
    }

    /// How many shards there are; 0 when the log has no topics yet.
    pub(crate) fn shards(&self) -> u16 {
        self.parts().log.partitions(&Topic::Commands).unwrap_or_default()
    }

    /// Refuses an id of a shard that does not exist: no execution has it.
    pub(crate) fn check_shard(&self, id: ExecutionId) -> Result<ShardId, Refusal> {
        let shard = id.shard();
        if shard.get() < self.shards() { Ok(shard) } else { Err(no_such_execution(id)) }
    }

    /// Does work that takes the time of `bytes` of JSON: a little in place, more on a thread.
    pub(crate) async fn compute<T: Send + 'static>(
        &self,
        bytes: usize,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Refusal> {
        if bytes <= limits::INLINE_JSON_BYTES {
            return Ok(work());
        }
        self.compute_aside(work).await
    }

    /// Does work on a thread.
    pub(crate) async fn compute_aside<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Refusal> {
        let place = Arc::clone(&self.0.checks).acquire_owned().await;
        let place = place.map_err(|_| Refusal::unavailable("the gateway is shutting down"))?;
        let working = tokio::task::spawn_blocking(move || {
            let result = work();
            drop(place);
            result
        });
        working.await.map_err(|error| {
            tracing::error!(%error, "a check did not end");
            Refusal::new(ErrorCode::Internal, "the request could not be checked; please report it")
        })
    }
}

/// Asks a shard's owner until it answers, `within` is over, or nobody is there to ask. `again`
/// says which errors are worth another try.
pub(crate) async fn ask<T, F>(
    within: Duration,
    again: impl Fn(AskError) -> bool,
    question: impl Fn(Duration) -> F,
) -> Result<T, AskError>
where
    F: Future<Output = Result<T, AskError>>,
{
    let deadline = Instant::now() + within;
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        match question(left).await {
            Err(error) if again(error) && left > ASK_AGAIN => tokio::time::sleep(ASK_AGAIN).await,
            answer => return answer,
        }
    }
}

/// The shard has moved: its new owner knows the answer.
pub(crate) const fn has_moved(error: AskError) -> bool {
    matches!(error, AskError::Moved(_))
}

pub(crate) fn no_such_execution(id: ExecutionId) -> Refusal {
    Refusal::not_found(format!("there is no execution {id}"))
}
