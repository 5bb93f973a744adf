//! Roles in one process: log, store, orchestrator, worker, gateway, put together and taken apart in
//! order. All of them on embedded data, or some of them as a node of a cluster.
//!
//! Executions decide on a runtime of their own; everything else runs on the one that
//! [`Engine::start`] is called from. **Invariant:** whatever ends, ends in this order: the gateway
//! takes nothing more, the worker drains, the orchestrator finishes its batch and checkpoints, the
//! files are closed. So everything a later part needs is there until the last.

mod deciders;
mod options;
mod queues;
mod storage;
mod worker_role;

use std::sync::Arc;
use std::time::Duration;

use flowmill_catalog::Catalogue;
use flowmill_gateway::triggers::{TriggerParts, Triggers};
use flowmill_gateway::{Balance, Gateway, QueueFigures, TokenKey};
use flowmill_log::Log;
use flowmill_model::{ShardId, Timestamp, limits};
use flowmill_orchestrator::{Orchestrator, ensure_topics};
use flowmill_routing::{ClusterToken, Directory, Owners, Peers, ShardState, ShardStatus};
use flowmill_runtime::{Clock, Entropy};
use flowmill_telemetry::{Metrics, ShardFigures};
use tokio::time::{Instant, sleep, timeout};

use self::deciders::Deciders;
pub(crate) use self::options::{NodeOptions, Roles, WorkerOptions};
use self::queues::QueueWatch;
pub(crate) use self::storage::{DataFolder, Storage};
use self::worker_role::WorkerRole;
pub(crate) use flowmill_log::embedded::Durability;

/// How long the orchestrator may take to finish its batch and to checkpoint, once nobody is waited
/// for who has its shards next.
const ORCHESTRATOR_WITHIN: Duration = Duration::from_secs(3);

/// How long the files may take to close, or clients to leave their groups.
const FILES_WITHIN: Duration = Duration::from_secs(4);

/// How often readiness is looked for.
const LOOK_AGAIN: Duration = Duration::from_millis(5);

/// What an embedded engine is told.
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

/// Roles at work in this process, without what listens. One that is not asked for is not there,
/// but for the gateway, which does nothing unless it is asked.
pub(crate) struct Engine {
    gateway: Gateway,
    triggers: Option<Triggers>,
    owners: Owners,
    worker: Option<WorkerRole>,
    orchestrator: Option<Orchestrator>,
    peers: Peers,
    storage: Storage,
    deciders: Option<Deciders>,
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
        let options = NodeOptions { task_token_key, ..NodeOptions::embedded(retention) };
        ensure_topics(storage.log().as_ref(), options.orchestrator.shards).await?;
        Self::on(storage, options).await
    }

    /// Starts roles on a log and a store that are there.
    ///
    /// # Errors
    /// When a role cannot start.
    pub(crate) async fn on(storage: Storage, options: NodeOptions) -> anyhow::Result<Self> {
        let NodeOptions { roles, orchestrator: settings, worker, trust, metrics, .. } = options;
        let keys = (options.token, options.task_token_key);
        let catalogue = Catalogue::follow(storage.log());
        catalogue.caught_up(storage.log()).await?;
        let (owners, directory) = (Owners::default(), Directory::follow(storage.log()));
        let own = settings.address.clone();
        let peers = Peers::keep(owners.clone(), directory.clone(), own, trust);
        let (clock, entropy) = (Clock::system(), Entropy::system());
        let worker = match roles.worker {
            false => None,
            true => {
                Some(WorkerRole::start(storage.log(), &catalogue, worker, clock, metrics.clone())?)
            }
        };
        let deciders = roles.orchestrator.then(Deciders::start).transpose()?;
        let orchestrator = match &deciders {
            None => None,
            Some(deciders) => {
                let parts = flowmill_orchestrator::Parts {
                    log: Arc::clone(storage.log()),
                    store: Arc::clone(storage.store()),
                    catalogue: catalogue.clone(),
                    directory,
                    owners: owners.clone(),
                    clock,
                    entropy: entropy.clone(),
                    metrics: metrics.clone(),
                    deciders: deciders.handle(),
                };
                Some(Orchestrator::start(parts, settings).await?)
            }
        };
        let shown = Figures { metrics, owners: owners.clone(), clock };
        let settings = gateway_settings(roles, worker.as_ref(), shown, keys, options.balance);
        let gateway = Gateway::new(flowmill_gateway::Parts {
            log: Arc::clone(storage.log()),
            store: Arc::clone(storage.store()),
            catalogue,
            owners: owners.clone(),
            clock,
            entropy,
            settings,
        });
        let triggers = options
            .triggers
            .map(|clients| Triggers::start(TriggerParts { gateway: gateway.clone(), clients }));
        Ok(Self { gateway, triggers, owners, worker, orchestrator, peers, storage, deciders })
    }

    /// The way in.
    pub(crate) const fn gateway(&self) -> &Gateway {
        &self.gateway
    }

    /// The way to the owners of shards.
    pub(crate) const fn owners(&self) -> &Owners {
        &self.owners
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

    /// Waits until a shard neither turns nor stops, and says which. For ever where no shards run.
    pub(crate) async fn lost(&self) -> ShardId {
        match &self.orchestrator {
            Some(orchestrator) => orchestrator.lost().await,
            None => std::future::pending().await,
        }
    }

    /// Leaves the groups at once, finishing nothing, so that others get the shards before this
    /// process has ended.
    pub(crate) async fn leave(self) {
        drop((self.triggers, self.worker, self.orchestrator));
        self.storage.leave().await;
    }

    /// Takes no more work, lets what runs finish within bounds, writes what is behind, and closes
    /// the data.
    pub(crate) async fn stop(self) {
        self.stop_serving(std::future::ready(())).await;
    }

    /// As [`Engine::stop`], with something to be awaited once the shards are handed over: what holds
    /// the data as long as others may ask for them.
    pub(crate) async fn stop_serving(self, handed_over: impl Future<Output = ()>) {
        let Self { gateway, triggers, owners, worker, orchestrator, peers, storage, deciders } =
            self;
        if let Some(triggers) = triggers {
            triggers.stop().await;
        }
        gateway.drain();
        if let Some(worker) = worker {
            worker.stop().await;
        }
        if let Some(orchestrator) = orchestrator
            && timeout(limits::HAND_OVER + ORCHESTRATOR_WITHIN, orchestrator.stop()).await.is_err()
        {
            tracing::warn!("the orchestrator did not stop in time; the next start catches up");
        }
        handed_over.await;
        drop((gateway, owners, peers, deciders));
        if timeout(FILES_WITHIN, storage.close()).await.is_err() {
            tracing::warn!(
                "log and store did not close in time; the next start finds out what they hold"
            );
        }
    }

    /// Lets the worker finish what it runs and take nothing more, while the gateway drains.
    pub(crate) fn stop_taking(&self) {
        if let Some(worker) = &self.worker {
            worker.stop_taking();
        }
    }
}

fn gateway_settings(
    roles: Roles,
    worker: Option<&WorkerRole>,
    shown: Figures,
    (token, task_token_key): (Option<ClusterToken>, Option<TokenKey>),
    balance: Balance,
) -> flowmill_gateway::Settings {
    let watch = worker.map(WorkerRole::watch);
    let figures = move || watch.as_ref().map(QueueWatch::figures).unwrap_or_default();
    let (metrics, queues) = (shown.metrics.clone(), figures.clone());
    let render = move || shown.render(&figures());
    flowmill_gateway::Settings {
        metrics,
        token,
        readiness: roles.readiness(),
        render: Arc::new(render),
        roles: roles.names(),
        queues: Arc::new(queues),
        task_token_key,
        balance,
    }
}

/// The figures of the process, as they are shown.
struct Figures {
    metrics: Metrics,
    owners: Owners,
    clock: Clock,
}

impl Figures {
    /// Everything there is to show, gauges as they are now.
    fn render(&self, queues: &[QueueFigures]) -> String {
        let now = self.clock.now();
        for (shard, status) in self.owners.served() {
            // One that went elsewhere has no figures here any more.
            self.metrics.set_shard(shard.get(), shard_figures(&status.unwrap_or_default(), now));
        }
        for QueueFigures { queue, active, waiting } in queues {
            self.metrics.set_queue(queue, *active, *waiting);
        }
        self.metrics.render()
    }
}

fn shard_figures(status: &ShardStatus, now: Timestamp) -> ShardFigures {
    ShardFigures {
        owned: matches!(status.state, ShardState::Open | ShardState::Full),
        halted: status.is_halted(),
        projection_lag: status.projection_lag,
        projection_age: status.unstored_since.map_or(Duration::ZERO, |since| now.since(since)),
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
