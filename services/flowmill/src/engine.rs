//! All roles in one process: log, store, orchestrator, worker, gateway, put together and taken
//! apart in order.
//!
//! Executions decide on a runtime of their own; everything else runs on the one that
//! [`Engine::start`] is called from. **Invariant:** whatever ends, ends in this order: the gateway
//! takes nothing more, the worker drains, the orchestrator finishes its batch and checkpoints, the
//! files are closed. So everything a later part needs is there until the last.

mod deciders;
mod queues;
mod storage;
mod worker_role;

use std::sync::Arc;
use std::time::Duration;

use flowmill_catalog::Catalogue;
use flowmill_gateway::{Gateway, QueueFigures, TokenKey};
use flowmill_log::Log;
use flowmill_orchestrator::{Orchestrator, ensure_topics};
use flowmill_routing::{Owners, ShardState, ShardStatus};
use flowmill_runtime::{Clock, Entropy};
use flowmill_telemetry::{Metrics, ShardFigures};
use tokio::time::{Instant, sleep, timeout};

use self::deciders::Deciders;
pub(crate) use self::storage::DataFolder;
use self::storage::Storage;
use self::worker_role::WorkerRole;
pub(crate) use flowmill_log::embedded::Durability;

/// How long the orchestrator may take to finish its batch and to checkpoint.
const ORCHESTRATOR_WITHIN: Duration = Duration::from_secs(3);

/// How long the files may take to close.
const FILES_WITHIN: Duration = Duration::from_secs(1);

/// How often readiness is looked for.
const LOOK_AGAIN: Duration = Duration::from_millis(5);

/// What an engine is told.
#[derive(Clone, Debug)]
pub(crate) struct EngineOptions {
    /// Where its data is.
    pub(crate) data: DataFolder,
    /// When an append counts as done.
    pub(crate) durability: Durability,
    /// How long ended executions are kept.
    pub(crate) retention: Duration,
    /// What task tokens are signed with; made from the log's id if none.
    pub(crate) task_token_key: Option<TokenKey>,
}

impl EngineOptions {
    /// Data there, everything else as it is by default.
    pub(crate) const fn with_data(data: DataFolder) -> Self {
        let (durability, retention) = (Durability::Fsync, flowmill_model::limits::RETENTION);
        Self { data, durability, retention, task_token_key: None }
    }
}

/// A running engine without HTTP.
pub(crate) struct Engine {
    gateway: Gateway,
    worker: WorkerRole,
    orchestrator: Orchestrator,
    storage: Storage,
    deciders: Deciders,
}

impl Engine {
    /// Opens the data and starts every role. Shards may still be claimed when it returns; see
    /// [`Engine::ready`].
    ///
    /// # Errors
    /// When the data cannot be opened or a role cannot start.
    pub(crate) async fn start(options: EngineOptions) -> anyhow::Result<Self> {
        let EngineOptions { data, durability, retention, task_token_key } = options;
        let storage = Storage::open(data, durability).await?;
        let settings = flowmill_orchestrator::Settings { retention, ..Default::default() };
        ensure_topics(storage.log().as_ref(), settings.shards).await?;
        let catalogue = Catalogue::follow(storage.log());
        catalogue.caught_up(storage.log()).await?;
        let owners = Owners::default();
        let (clock, entropy) = (Clock::system(), Entropy::system());
        let deciders = Deciders::start()?;
        let metrics = Metrics::default();
        let worker = WorkerRole::start(storage.log(), &catalogue, clock, metrics.clone())?;
        let parts = flowmill_orchestrator::Parts {
            log: Arc::clone(storage.log()),
            store: Arc::clone(storage.store()),
            catalogue: catalogue.clone(),
            owners: owners.clone(),
            clock,
            entropy: entropy.clone(),
            metrics: metrics.clone(),
            deciders: deciders.handle(),
        };
        let orchestrator = Orchestrator::start(parts, settings).await?;
        let gateway = Gateway::new(flowmill_gateway::Parts {
            log: Arc::clone(storage.log()),
            store: Arc::clone(storage.store()),
            catalogue,
            owners: owners.clone(),
            clock,
            entropy,
            settings: gateway_settings(&worker, metrics, owners, task_token_key),
        });
        Ok(Self { gateway, worker, orchestrator, storage, deciders })
    }

    /// The way in.
    pub(crate) const fn gateway(&self) -> &Gateway {
        &self.gateway
    }

    /// The log, for further workers in this process.
    pub(crate) fn log(&self) -> Arc<dyn Log> {
        Arc::clone(self.storage.log())
    }

    /// Waits until deploys, starts and reads work.
    ///
    /// # Errors
    /// Why they do not, after `within`.
    pub(crate) async fn ready(&self, within: Duration) -> Result<(), NotReady> {
        let deadline = Instant::now() + within;
        loop {
            let reasons = self.gateway.not_ready().await;
            if reasons.is_empty() {
                return Ok(());
            }
            if Instant::now() >= deadline {
                return Err(NotReady(reasons));
            }
            sleep(LOOK_AGAIN).await;
        }
    }

    /// Takes no more work, lets what runs finish within bounds, writes what is behind, and closes
    /// the data.
    pub(crate) async fn stop(self) {
        let Self { gateway, worker, orchestrator, storage, deciders } = self;
        gateway.drain();
        worker.stop().await;
        if timeout(ORCHESTRATOR_WITHIN, orchestrator.stop()).await.is_err() {
            tracing::warn!("the orchestrator did not stop in time; the next start catches up");
        }
        drop(gateway);
        drop(deciders);
        if timeout(FILES_WITHIN, storage.close()).await.is_err() {
            tracing::warn!("the data did not close in time; the next start checks it");
        }
    }

    /// Lets the worker finish what it runs and take nothing more, while the gateway drains.
    pub(crate) fn stop_taking(&self) {
        self.worker.stop_taking();
    }
}

fn gateway_settings(
    worker: &WorkerRole,
    metrics: Metrics,
    owners: Owners,
    task_token_key: Option<TokenKey>,
) -> flowmill_gateway::Settings {
    let watch = worker.watch();
    let (rendered, queues) = (metrics.clone(), watch.clone());
    let render = move || {
        for (shard, status) in owners.statuses() {
            rendered.set_shard(shard.get(), shard_figures(&status));
        }
        for QueueFigures { queue, active, waiting } in queues.figures() {
            rendered.set_queue(&queue, active, waiting);
        }
        rendered.render()
    };
    flowmill_gateway::Settings {
        metrics,
        render: Arc::new(render),
        roles: ["gateway", "orchestrator", "worker"].map(str::to_owned).to_vec(),
        queues: Arc::new(move || watch.figures()),
        task_token_key,
    }
}

fn shard_figures(status: &ShardStatus) -> ShardFigures {
    ShardFigures {
        owned: matches!(status.state, ShardState::Open | ShardState::Full),
        projection_lag: status.projection_lag,
        commands_waiting: status.commands_waiting,
        commands_lag: status.commands_lag,
        deferred: status.deferred,
        actors: status.actors,
        credits: status.credits,
        tasks_in_flight: status.tasks_in_flight,
    }
}

/// Why an engine cannot serve yet.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the engine is not ready: {}", .0.join("; "))]
pub(crate) struct NotReady(Vec<String>);
