//! One process of the simulation: an orchestrator with a session of the log of its own.

use std::sync::Arc;
use std::time::Duration;

use flowmill_catalog::Catalogue;
use flowmill_log::Log;
use flowmill_log::memory::{InFlight, MemoryLog};
use flowmill_orchestrator::{Orchestrator, Parts, Settings};
use flowmill_routing::{Directory, Owners};
use flowmill_runtime::{Clock, Entropy};
use flowmill_store::Store;
use flowmill_store::memory::MemoryStore;
use flowmill_telemetry::Metrics;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

/// A running node.
pub struct Node {
    /// Its session of the log.
    pub log: MemoryLog,
    /// The way to its shards.
    pub owners: Owners,
    orchestrator: Orchestrator,
    worker: Option<JoinHandle<()>>,
}

/// What a node is started with.
pub struct Start {
    /// Its session of the log.
    pub log: MemoryLog,
    /// The store.
    pub store: MemoryStore,
    /// The run's clock.
    pub clock: Clock,
    /// Seed of its decisions.
    pub seed: u64,
    /// Its name.
    pub name: String,
    /// Shards of the cluster.
    pub shards: u16,
}

impl Node {
    /// Starts an orchestrator.
    ///
    /// # Errors
    /// The orchestrator does not start.
    pub async fn start(start: Start) -> anyhow::Result<Self> {
        let Start { log, store, clock, seed, name, shards } = start;
        let shared: Arc<dyn Log> = Arc::new(log.clone());
        let store: Arc<dyn Store> = Arc::new(store);
        flowmill_orchestrator::ensure_topics(shared.as_ref(), shards).await?;
        let owners = Owners::default();
        let parts = Parts {
            catalogue: Catalogue::follow(&shared),
            directory: Directory::follow(&shared),
            log: shared,
            store,
            owners: owners.clone(),
            clock,
            entropy: Entropy::seeded(seed),
            metrics: Metrics::default(),
            deciders: Handle::current(),
        };
        // The checker reads the whole history, so nothing of it is let go.
        let trim_every = Duration::MAX;
        let settings = Settings { node: name, shards, trim_every, ..Settings::default() };
        let orchestrator = Orchestrator::start(parts, settings).await?;
        Ok(Self { log, owners, orchestrator, worker: None })
    }

    /// Gives it a worker, which ends with it.
    pub fn employ(&mut self, worker: JoinHandle<()>) {
        self.worker = Some(worker);
    }

    /// Ends it as a crash would.
    pub async fn kill(self, in_flight: InFlight) {
        self.log.crash(in_flight);
        if let Some(worker) = self.worker {
            worker.abort();
        }
        self.orchestrator.kill().await;
    }

    /// Ends it in good order.
    pub async fn stop(self) {
        if let Some(worker) = self.worker {
            worker.abort();
        }
        self.orchestrator.stop().await;
    }
}
