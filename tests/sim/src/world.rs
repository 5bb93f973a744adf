//! One run: shards, their nodes and store, callers, workers, and a nemesis, from a seed.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use flowmill_log::memory::{Derivable, MemoryLog, MemorySettings};
use flowmill_log::{Partition, Record, Topic};
use flowmill_model::{ShardId, Timestamp};
use flowmill_orchestrator::Settings;
use flowmill_runtime::{Clock, spawn};
use parking_lot::Mutex;
use tokio::time::Instant;
use tracing_subscriber::layer::SubscriberExt;

use crate::caller::{Caller, Ledger};
use crate::chance::Chance;
use crate::checker::{self, Histories, Left, Report};
use crate::cluster::{Cluster, Ground};
use crate::hearing::Hearing;
use crate::nemesis::{Blow, Plan};
use crate::servers::Servers;
use crate::trace::Trace;

/// When simulated time begins: 2026-01-01T00:00:00Z.
const BEGINNING: Timestamp = Timestamp::from_millis(1_767_225_600_000);

/// Calls each of the callers makes.
const CALLS: u64 = 25;

/// Callers at the same time.
const CALLERS: u64 = 3;

/// How long everything may take to come to rest once all works again.
const PATIENCE: Duration = Duration::from_secs(900);

/// How often somebody looks after executions that were put aside.
const LOOK: Duration = Duration::from_secs(60);

/// Long enough for the mark, the projection and the watermark of what has ended.
const AFTERWARDS: Duration = Duration::from_secs(5);

/// What a run left behind.
pub struct Outcome {
    /// What the checker found.
    pub report: Report,
    /// What happened.
    pub trace: Vec<String>,
    /// Every byte of the log and the store, for comparing two runs.
    pub bytes: Vec<u8>,
    /// What went wrong on purpose.
    pub plan: Plan,
}

/// What is changed in the settings of every node of a run.
pub type Mutate = Arc<dyn Fn(Settings) -> Settings + Send + Sync>;

/// Plays the run of `seed`.
///
/// # Errors
/// The simulation itself cannot go on, such as a node that does not start.
pub fn run(seed: u64) -> anyhow::Result<Outcome> {
    run_with(seed, Arc::new(|settings| settings))
}

/// Plays the run of `seed` with nodes whose settings are changed.
///
/// # Errors
/// The simulation itself cannot go on, such as a node that does not start.
pub fn run_with(seed: u64, mutate: Mutate) -> anyhow::Result<Outcome> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build()?;
    runtime.block_on(async {
        let trace = Trace::beginning();
        let level = std::env::var("FLOWMILL_LOG").ok().and_then(|level| level.parse().ok());
        let hearing = Hearing::new(trace.clone(), level.unwrap_or(tracing::Level::INFO));
        let heard = tracing_subscriber::registry().with(hearing);
        let _heard = tracing::subscriber::set_default(heard);
        World::new(seed, trace, mutate).play().await
    })
}

struct World {
    seed: u64,
    chance: Chance,
    plan: Plan,
    clock: Clock,
    trace: Trace,
    cluster: Cluster,
    ledger: Arc<Mutex<Ledger>>,
}

impl World {
    fn new(seed: u64, trace: Trace, mutate: Mutate) -> Self {
        let chance = Chance::new(seed, 0);
        let plan = Plan::draw(&chance);
        let derivable = if plan.derivable_survives {
            Derivable::Survives
        } else {
            Derivable::LostByNextSession
        };
        let log = MemoryLog::with(MemorySettings { derivable, ..MemorySettings::default() });
        let faulty = Arc::new(AtomicBool::new(true));
        let active = Arc::clone(&faulty);
        let hook = plan.of_store(Chance::new(seed, 1), move || active.load(Ordering::Relaxed));
        let servers = Servers::new(hook, plan.forgetful);
        let clock = Clock::starting_at(BEGINNING);
        let ground =
            Ground { seed, plan, clock, trace: trace.clone(), log, servers, faulty, mutate };
        let cluster = Cluster::on(ground);
        Self { seed, chance, plan, clock, trace, cluster, ledger: Arc::default() }
    }

    async fn play(mut self) -> anyhow::Result<Outcome> {
        self.trace.note(format!("plan {:?}", self.plan));
        self.cluster.start_node().await?;
        if self.plan.is_cluster() {
            self.cluster.start_others();
        }
        self.caller(99).deploy_all().await;
        let calling: Vec<_> = (0..CALLERS)
            .map(|number| {
                let caller = self.caller(number);
                spawn("sim caller", async move { caller.call(CALLS).await })
            })
            .collect();
        self.torment().await?;
        self.cluster.heal();
        for caller in calling {
            caller.await?;
        }
        self.resume_all().await;
        let rested = self.rest().await;
        self.cluster.stop().await?;
        let report = self.check(rested).await;
        let bytes = self.bytes();
        Ok(Outcome { report, trace: self.trace.lines(), bytes, plan: self.plan })
    }

    fn caller(&self, number: u64) -> Caller {
        Caller {
            doors: self.cluster.doors.clone(),
            clock: self.clock,
            chance: Chance::new(self.seed, 100 + number),
            ledger: Arc::clone(&self.ledger),
            trace: self.trace.clone(),
            shards: self.plan.shards,
            panics: self.plan.panics,
        }
    }

    /// Has things happen to the cluster for as long as the callers call.
    async fn torment(&mut self) -> anyhow::Result<()> {
        for _ in 1..self.plan.nodes {
            tokio::time::sleep(self.chance.millis(1_000)).await;
            self.cluster.start_node().await?;
        }
        for _ in 0..self.plan.blows {
            tokio::time::sleep(Duration::from_millis(200) + self.chance.millis(4_000)).await;
            if self.plan.poison {
                self.poison();
            }
            self.strike(Blow::draw(&self.plan, &self.chance)).await?;
        }
        tokio::time::sleep(Duration::from_secs(12)).await;
        if self.cluster.nodes.is_empty() {
            self.cluster.start_node().await?;
        }
        Ok(())
    }

    async fn strike(&mut self, blow: Blow) -> anyhow::Result<()> {
        let alone = self.cluster.nodes.len() == 1;
        let which = self.cluster.some_node();
        match blow {
            Blow::Kill => {
                self.cluster.kill(which).await;
                self.replace(alone).await?;
            }
            Blow::Leave => {
                self.cluster.leave(which).await;
                self.replace(alone).await?;
            }
            Blow::Join if self.cluster.nodes.len() < self.plan.nodes.max(2) => {
                self.cluster.start_node().await?;
            }
            Blow::Join | Blow::Pause => self.cluster.pause(which),
            Blow::StoreCrash => {
                self.trace.note("the store crashes".into());
                if self.chance.percent(60) {
                    self.cluster.kill(which).await;
                    self.cluster.servers.crash(&self.chance);
                    self.replace(alone).await?;
                } else {
                    self.cluster.servers.crash(&self.chance);
                }
            }
            Blow::StoreStill => {
                self.trace.note("the store stands still".into());
                self.cluster.servers.stand_still(self.chance.millis(15_000));
            }
            Blow::StoreFull => {
                self.trace.note("the store is full".into());
                self.cluster.servers.fill(self.chance.millis(15_000));
            }
            Blow::ClockJump => self.cluster.jump(which),
            Blow::WorkerDies => self.cluster.replace_worker(),
        }
        Ok(())
    }

    /// Starts a node for one that is gone: always for the last, and often for others.
    async fn replace(&mut self, alone: bool) -> anyhow::Result<()> {
        if alone || self.chance.percent(50) {
            tokio::time::sleep(self.chance.millis(1_000)).await;
            self.cluster.start_node().await?;
        }
        Ok(())
    }

    /// Puts a record into an input topic that is none.
    fn poison(&self) {
        let shard =
            ShardId::new(u16::try_from(self.chance.below(3)).unwrap_or(0) % self.plan.shards);
        let topic = if self.chance.percent(50) { Topic::Commands } else { Topic::Results };
        let record = Record::keyed("poison", format!("poison {}", self.chance.bits()));
        let to = Partition::of_shard(topic, shard);
        let append = self.cluster.doors.log.lock().append(&to, record);
        spawn("sim poison", append);
    }

    /// Nobody is left suspended.
    async fn resume_all(&self) {
        let known: Vec<_> = self.ledger.lock().tried.keys().copied().collect();
        let caller = self.caller(98);
        for execution in known {
            caller.resume(execution).await;
        }
    }

    /// Somebody looks after executions that were put aside. A resumption that came before that, or
    /// with the input that was the reason, is kept like any other input.
    async fn resume_quarantined(&self, histories: &Histories) {
        let caller = self.caller(97);
        for execution in histories.quarantined() {
            caller.resume(execution).await;
        }
    }

    /// Waits until every execution has ended; false when that takes too long.
    async fn rest(&self) -> bool {
        let mut histories = Histories::new(self.plan.shards);
        let (until, mut looked) = (Instant::now() + PATIENCE, Instant::now());
        while Instant::now() < until {
            tokio::time::sleep(Duration::from_secs(1)).await;
            histories.read_on(&self.cluster.log);
            if looked.elapsed() >= LOOK {
                looked = Instant::now();
                self.resume_quarantined(&histories).await;
            }
            if histories.all_ended(&self.ledger.lock()) {
                tokio::time::sleep(AFTERWARDS).await;
                return true;
            }
        }
        false
    }

    async fn check(&self, rested: bool) -> Report {
        let left = Left {
            log: &self.cluster.log,
            store: &self.cluster.servers.rows(),
            ledger: self.ledger.lock().clone(),
            pages: self.cluster.journal.pages(),
            answers: self.cluster.answers.clone(),
            trace: self.trace.lines(),
            metrics: &self.cluster.metrics,
            plan: self.plan,
            rested,
        };
        let (report, dump) = checker::check(left).await;
        dump.into_iter().for_each(|line| self.trace.note(line));
        report
    }

    fn bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for partition in self.cluster.log.all_partitions() {
            bytes.extend(partition.to_string().into_bytes());
            for fetched in self.cluster.log.records(&partition) {
                bytes.extend(fetched.offset.get().to_be_bytes());
                bytes.extend_from_slice(&fetched.record.value);
            }
        }
        for line in self.trace.lines() {
            bytes.extend(line.into_bytes());
        }
        bytes
    }
}

/// The partition that everything about a shard is checked against.
pub const fn history_of(shard: ShardId) -> Partition {
    Partition::of_shard(Topic::History, shard)
}
