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
use flowmill_telemetry::Metrics;
use tokio::runtime::Handle;
use tokio::time::timeout;

/// How long a node may take to end that is killed. One that stands still in the middle of
/// something does not hear of it, and is gone all the same.
const KILL: Duration = Duration::from_millis(100);

/// A running node.
pub struct Node {
    /// Its session of the log.
    pub log: MemoryLog,
    /// The way to its shards.
    pub owners: Owners,
    /// Its figures.
    pub metrics: Metrics,
    orchestrator: Orchestrator,
}

/// What a node is started with.
pub struct Start {
    /// Its session of the log.
    pub session: MemoryLog,
    /// The log as the node has it: the session, or something around it.
    pub log: Arc<dyn Log>,
    /// The store.
    pub store: Arc<dyn Store>,
    /// Its clock.
    pub clock: Clock,
    /// Seed of its decisions.
    pub seed: u64,
    /// Its settings.
    pub settings: Settings,
}

/// The settings of a node of that name in a cluster with so many shards. The checker reads the
/// whole history, so nothing of it is let go.
pub fn settings(name: String, shards: u16) -> Settings {
    Settings { node: name, shards, trim_every: Duration::MAX, ..Settings::default() }
}

impl Node {
    /// Starts an orchestrator.
    ///
    /// # Errors
    /// The orchestrator does not start.
    pub async fn start(start: Start) -> anyhow::Result<Self> {
        let Start { session, log, store, clock, seed, settings } = start;
        flowmill_orchestrator::ensure_topics(log.as_ref(), settings.shards).await?;
        let (owners, metrics) = (Owners::default(), Metrics::default());
        let parts = Parts {
            catalogue: Catalogue::follow(&log),
            directory: Directory::follow(&log),
            log,
            store,
            owners: owners.clone(),
            clock,
            entropy: Entropy::seeded(seed),
            metrics: metrics.clone(),
            deciders: Handle::current(),
        };
        let orchestrator = Orchestrator::start(parts, settings).await?;
        Ok(Self { log: session, owners, metrics, orchestrator })
    }

    /// Ends it as a crash would.
    pub async fn kill(self, in_flight: InFlight) {
        self.log.crash(in_flight);
        // Dropping it does the rest when it does not hear.
        drop(timeout(KILL, self.orchestrator.kill()).await);
    }

    /// Ends it in good order.
    pub async fn stop(self) {
        self.orchestrator.stop().await;
    }
}
