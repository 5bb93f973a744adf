//! The orchestrator role of one node: makes the topics, joins the group, runs a shard actor for
//! every shard that is its turn.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use flowmill_catalog::Catalogue;
use flowmill_log::{Log, ORCHESTRATORS, ReadError, Retention, Survival, Topic, TopicSpec};
use flowmill_model::ShardId;
use flowmill_routing::Owners;
use flowmill_runtime::{Clock, Entropy, spawn};
use flowmill_store::Store;
use flowmill_telemetry::Metrics;
use ractor::{Actor, ActorRef};
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::measure::Measure;
use crate::settings::Settings;
use crate::shard::{Arguments, Shard, ShardActor, ShardMessage, Shared};

/// What an orchestrator is made of.
#[derive(Clone)]
pub struct Parts {
    /// The log.
    pub log: Arc<dyn Log>,
    /// The store.
    pub store: Arc<dyn Store>,
    /// The deployed flows.
    pub catalogue: Catalogue,
    /// Where questions to shards come in.
    pub owners: Owners,
    /// The clock.
    pub clock: Clock,
    /// Randomness.
    pub entropy: Entropy,
    /// Figures.
    pub metrics: Metrics,
    /// The runtime that executions decide on. A runtime of its own, so that a slow expression
    /// delays no request and no heartbeat.
    pub deciders: Handle,
}

/// Why an orchestrator does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A topic cannot be made or does not fit.
    #[error("a topic cannot be used")]
    Topic(#[from] ReadError),
    /// An actor cannot be started.
    #[error("shard {0} cannot be started: {1}")]
    Actor(ShardId, String),
}

/// How long inputs are kept in the log at least.
const INPUT_RETENTION: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// How long dead letters are kept.
const DEAD_LETTER_RETENTION: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// How often ended executions are looked for that have been kept long enough.
const PURGE_EVERY: Duration = Duration::from_secs(10);

/// Ended executions deleted in one go.
const PURGE_AT_ONCE: usize = 1_000;

/// The topics an orchestrator needs, for `shards` shards. Task queues are made on first use.
pub fn topics(shards: u16) -> Vec<TopicSpec> {
    let spec = |topic, partitions, retention, survival| TopicSpec {
        topic,
        partitions,
        retention,
        survival,
    };
    let inputs = Retention::For(INPUT_RETENTION);
    vec![
        spec(Topic::Commands, shards, inputs, Survival::Durable),
        spec(Topic::Results, shards, inputs, Survival::Derivable),
        spec(Topic::History, shards, Retention::UntilTrimmed, Survival::Durable),
        spec(Topic::Definitions, 1, Retention::Compacted, Survival::Durable),
        spec(Topic::Shards, 1, Retention::Compacted, Survival::Derivable),
        spec(Topic::DeadLetters, 1, Retention::For(DEAD_LETTER_RETENTION), Survival::Durable),
    ]
}

/// Makes the topics unless they are there.
///
/// # Errors
/// A topic is there and does not fit, or the log cannot be reached.
pub async fn ensure_topics(log: &dyn Log, shards: u16) -> Result<(), ReadError> {
    for spec in topics(shards) {
        log.ensure(spec).await?;
    }
    Ok(())
}

/// A running orchestrator.
pub struct Orchestrator {
    shards: BTreeMap<ShardId, (ActorRef<ShardMessage>, JoinHandle<()>)>,
    background: Vec<JoinHandle<()>>,
}

impl Orchestrator {
    /// Makes the topics, waits for the first assignment and starts its shards.
    ///
    /// # Errors
    /// A topic does not fit, or an actor cannot be started.
    pub async fn start(parts: Parts, settings: Settings) -> Result<Self, StartError> {
        ensure_topics(parts.log.as_ref(), settings.shards).await?;
        let mut member = parts.log.join(ORCHESTRATORS, &Topic::Commands);
        let assigned = member.assigned().await?;
        let owners = parts.owners.clone();
        let (retention, clock) = (settings.retention, parts.clock);
        let store = Arc::clone(&parts.store);
        let shared = Shared {
            log: parts.log,
            store: parts.store,
            catalogue: parts.catalogue,
            clock: parts.clock,
            entropy: parts.entropy,
            metrics: Measure::new(parts.metrics),
            deciders: parts.deciders,
            settings: Arc::new(settings),
        };
        let mut orchestrator = Self { shards: BTreeMap::new(), background: vec![] };
        for number in assigned {
            orchestrator.start_shard(ShardId::new(number), &shared, &owners).await?;
        }
        let shards: Vec<_> = orchestrator.shards.keys().copied().collect();
        let purge = purge(store, shards, clock, retention);
        orchestrator.background.push(spawn("purge", purge));
        // Membership ends when its member is dropped.
        orchestrator.background.push(spawn("membership", async move {
            let _member = member;
            std::future::pending::<()>().await;
        }));
        Ok(orchestrator)
    }

    async fn start_shard(
        &mut self,
        shard: ShardId,
        shared: &Shared,
        owners: &Owners,
    ) -> Result<(), StartError> {
        let arguments = Arguments { shard, shared: shared.clone(), inbox: owners.register(shard) };
        let started = Shard::start(arguments).await;
        let actor = started.map_err(|error| StartError::Actor(shard, error.to_string()))?;
        self.shards.insert(shard, actor);
        Ok(())
    }

    /// Lets every shard finish its batch, write what is behind, and stop.
    pub async fn stop(mut self) {
        let stopping = std::mem::take(&mut self.shards).into_values().map(|(actor, ended)| async move {
            let (done, finished) = oneshot::channel();
            if actor.cast(ShardMessage::Stop(done)).is_ok() {
                drop(finished.await);
            }
            drop(ended.await);
        });
        futures::future::join_all(stopping).await;
    }

    /// Ends every shard at once, as a crash would: nothing is finished, nothing is written.
    pub async fn kill(mut self) {
        for (actor, ended) in std::mem::take(&mut self.shards).into_values() {
            actor.kill();
            drop(ended.await);
        }
    }
}

impl Drop for Orchestrator {
    fn drop(&mut self) {
        self.background.iter().for_each(JoinHandle::abort);
        self.shards.values().for_each(|(actor, _)| actor.kill());
    }
}

impl Shard {
    async fn start(
        arguments: Arguments,
    ) -> Result<(ActorRef<ShardMessage>, JoinHandle<()>), ractor::SpawnErr> {
        ShardActor::spawn(None, ShardActor, arguments).await
    }
}

/// Deletes executions that ended longer ago than `retention`.
async fn purge(store: Arc<dyn Store>, shards: Vec<ShardId>, clock: Clock, retention: Duration) {
    loop {
        tokio::time::sleep(PURGE_EVERY).await;
        let kept = u64::try_from(retention.as_millis()).unwrap_or(u64::MAX);
        let oldest = clock.now().as_millis().saturating_sub(kept);
        for shard in &shards {
            let asked = flowmill_store::Purge {
                shard: *shard,
                ended_before: flowmill_model::Timestamp::from_millis(oldest),
                limit: PURGE_AT_ONCE,
            };
            if let Err(error) = store.purge(asked).await {
                tracing::warn!(%shard, %error, "ended executions cannot be deleted");
            }
        }
    }
}
