//! The orchestrator role of one node: joins the group, runs a shard actor for
//! every shard that is its turn.

mod running;

use std::sync::Arc;
use std::time::Duration;

use flowmill_catalog::Catalogue;
use flowmill_log::{Log, Member, ORCHESTRATORS, ReadError, Retention, Survival, Topic, TopicSpec};
use flowmill_model::ShardId;
use flowmill_routing::{Directory, Owners};
use flowmill_runtime::{Clock, Entropy, spawn, spawn_on};
use flowmill_store::Store;
use flowmill_telemetry::Metrics;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use self::running::Running;
use crate::measure::Measure;
use crate::pulse;
use crate::settings::Settings;
use crate::shard::Shared;
use crate::watch::Watch;

/// What an orchestrator is made of.
#[derive(Clone)]
pub struct Parts {
    /// The log.
    pub log: Arc<dyn Log>,
    /// The store.
    pub store: Arc<dyn Store>,
    /// The deployed flows.
    pub catalogue: Catalogue,
    /// What the owners of shards announce.
    pub directory: Directory,
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
    /// The group of orchestrators cannot be joined.
    #[error("the group of orchestrators cannot be joined")]
    Membership(#[from] ReadError),
    /// An actor cannot be started.
    #[error("shard {0} cannot be started: {1}")]
    Actor(ShardId, String),
}

/// How long inputs are kept in the log at least.
const INPUT_RETENTION: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// Partitions of the topic of lifecycle events, if there are as many shards.
const LIFECYCLE_PARTITIONS: u16 = 12;

/// How long dead letters are kept.
const DEAD_LETTER_RETENTION: Duration = Duration::from_secs(30 * 24 * 60 * 60);

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
        spec(Topic::Lifecycle, shards.min(LIFECYCLE_PARTITIONS), inputs, Survival::Durable),
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

/// A running orchestrator. Dropping it ends it at once.
pub struct Orchestrator {
    control: mpsc::Sender<Control>,
    watch: Arc<Watch>,
    tasks: Vec<JoinHandle<()>>,
}

/// How an orchestrator ends.
enum Control {
    /// Every shard is handed over, or finishes its batch and writes what is behind.
    Stop(oneshot::Sender<()>),
    /// As a crash would.
    Kill(oneshot::Sender<()>),
}

impl Orchestrator {
    /// Waits for the first assignment and starts its shards. The topics are there.
    ///
    /// # Errors
    /// The group cannot be joined, or an actor cannot be started.
    pub async fn start(parts: Parts, settings: Settings) -> Result<Self, StartError> {
        let mut member = parts.log.join(ORCHESTRATORS, &Topic::Commands);
        let assigned = member.assigned().await?;
        let owners = parts.owners.clone();
        let shared = Shared {
            log: parts.log,
            store: parts.store,
            catalogue: parts.catalogue,
            directory: parts.directory,
            clock: parts.clock,
            entropy: parts.entropy,
            metrics: Measure::new(parts.metrics),
            deciders: parts.deciders,
            settings: Arc::new(settings),
        };
        let watch = Watch::new();
        let deciders = shared.deciders.clone();
        let mut running = Running::new(shared, owners, Arc::clone(&watch));
        running.reassign(&assigned, false).await?;
        let (control, commands) = mpsc::channel(1);
        let watching = spawn_on(&deciders, "shard watch", Arc::clone(&watch).run());
        let membership = spawn("membership", follow(running, member, commands));
        Ok(Self { control, watch, tasks: vec![membership, watching] })
    }

    /// Waits until a shard's loop has been stuck and could not be stopped either, and says which:
    /// it holds what it has until the process ends. Whoever sees this drops the orchestrator, which
    /// leaves the group, so that others own the shards, and ends the process.
    pub async fn lost(&self) -> ShardId {
        self.watch.lost().await
    }

    /// Leaves the group and serves every shard until another node has claimed it, for at most
    /// [`HAND_OVER`](flowmill_model::limits::HAND_OVER). One that nobody claims, as when nobody else is there, finishes its
    /// batch, writes what is behind, and stops.
    pub async fn stop(self) {
        self.end(Control::Stop).await;
    }

    /// Ends every shard at once, as a crash would: nothing is finished, nothing is written.
    pub async fn kill(self) {
        self.end(Control::Kill).await;
    }

    async fn end(self, how: impl FnOnce(oneshot::Sender<()>) -> Control) {
        let (done, ended) = oneshot::channel();
        if self.control.send(how(done)).await.is_ok() && ended.await.is_err() {
            tracing::warn!("the orchestrator ended before it was told to");
        }
    }
}

impl Drop for Orchestrator {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

/// Runs the shards that membership says, until told to end.
async fn follow(
    mut running: Running,
    mut member: Box<dyn Member>,
    mut commands: mpsc::Receiver<Control>,
) {
    let mut turns = tokio::time::interval(pulse::EVERY);
    turns.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        let assigned = tokio::select! {
            biased;
            command = commands.recv() => return end(running, Some(member), command).await,
            assigned = member.assigned() => assigned,
            _ = turns.tick() => {
                match running.silent() {
                    None => member.progressed(),
                    Some(shard) => tracing::error!(%shard, "the shard's loop is stuck"),
                }
                continue;
            }
        };
        let reassigned = match assigned {
            Ok(assigned) => running.reassign(&assigned, member.is_lost()).await,
            Err(error) => Err(error.into()),
        };
        if let Err(error) = reassigned {
            tracing::error!(%error, "membership is lost; the shards here are stopped");
            running.stop_all().await;
            return end(running, None, commands.recv().await).await;
        }
    }
}

/// Ends every shard. In good order those that another node is to have are served until it has them.
async fn end(mut running: Running, member: Option<Box<dyn Member>>, command: Option<Control>) {
    let done = match command {
        None => return,
        Some(Control::Stop(done)) => {
            let has_heirs = match member {
                Some(member) => member.leave().await,
                None => false,
            };
            if has_heirs {
                running.hand_over_all().await;
            }
            running.stop_all().await;
            done
        }
        Some(Control::Kill(done)) => {
            running.kill_all().await;
            done
        }
    };
    if done.send(()).is_err() {
        tracing::debug!("nobody waits for the orchestrator's end any more");
    }
}
