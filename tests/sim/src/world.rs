//! One run: a shard, its store, callers, workers, and a nemesis, from a seed.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use flowmill_log::memory::{Derivable, InFlight, MemoryLog, MemorySettings};
use flowmill_log::{Log, Partition, Topic};
use flowmill_model::Timestamp;
use flowmill_runtime::{Clock, spawn};
use flowmill_store::memory::{Faults as StoreFaults, MemoryStore};
use parking_lot::Mutex;
use tokio::time::Instant;

use crate::caller::{Caller, Current, Ledger};
use crate::chance::Chance;
use crate::checker::{self, Report};
use crate::nemesis::Plan;
use crate::node::{Node, Start};
use crate::worker::work;

/// When simulated time begins: 2026-01-01T00:00:00Z.
const BEGINNING: Timestamp = Timestamp::from_millis(1_767_225_600_000);

/// Calls each of the callers makes.
const CALLS: u64 = 25;

/// Callers at the same time.
const CALLERS: u64 = 3;

/// How long everything may take to come to rest once all works again.
const PATIENCE: Duration = Duration::from_secs(900);

/// What happened, line by line, with the simulated time.
#[derive(Clone, Default)]
pub struct Trace(Arc<Mutex<Vec<String>>>, Option<Instant>);

impl Trace {
    fn beginning() -> Self {
        Self(Arc::default(), Some(Instant::now()))
    }

    /// Adds a line.
    pub fn note(&self, line: String) {
        let at = self.1.map_or(Duration::ZERO, |beginning| beginning.elapsed());
        self.0.lock().push(format!("{:>10.3} {line}", at.as_secs_f64()));
    }

    fn lines(&self) -> Vec<String> {
        self.0.lock().clone()
    }
}

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

/// Plays the run of `seed`.
///
/// # Errors
/// The simulation itself cannot go on, such as a node that does not start.
pub fn run(seed: u64) -> anyhow::Result<Outcome> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build()?;
    runtime.block_on(async { World::new(seed).play().await })
}

struct World {
    seed: u64,
    chance: Chance,
    plan: Plan,
    clock: Clock,
    trace: Trace,
    log: MemoryLog,
    store: MemoryStore,
    current: Current,
    faulty: Arc<AtomicBool>,
    ledger: Arc<Mutex<Ledger>>,
    nodes: u64,
}

impl World {
    fn new(seed: u64) -> Self {
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
        let store = MemoryStore::with_faults(StoreFaults { hook: Some(hook), loss_window: None });
        let shared: Arc<dyn Log> = Arc::new(log.clone());
        Self {
            seed,
            chance,
            plan,
            clock: Clock::starting_at(BEGINNING),
            trace: Trace::beginning(),
            log,
            store,
            current: Arc::new(Mutex::new(shared)),
            faulty,
            ledger: Arc::default(),
            nodes: 0,
        }
    }

    async fn play(mut self) -> anyhow::Result<Outcome> {
        self.trace.note(format!("plan {:?}", self.plan));
        let mut node = self.start_node().await?;
        self.caller(99).deploy_all().await;
        let calling: Vec<_> = (0..CALLERS)
            .map(|number| {
                let caller = self.caller(number);
                spawn("sim caller", async move { caller.call(CALLS).await })
            })
            .collect();
        node = self.torment(node).await?;
        self.heal(&node);
        for caller in calling {
            caller.await?;
        }
        self.resume_all().await;
        let rested = self.rest().await;
        node.stop().await;
        let ledger = self.ledger.lock().clone();
        let report = checker::check(&self.log, &self.store, &ledger, rested).await;
        checker::dump(&self.log).into_iter().for_each(|line| self.trace.note(line));
        let bytes = self.bytes();
        Ok(Outcome { report, trace: self.trace.lines(), bytes, plan: self.plan })
    }

    fn caller(&self, number: u64) -> Caller {
        Caller {
            log: Arc::clone(&self.current),
            clock: self.clock,
            chance: Chance::new(self.seed, 100 + number),
            ledger: Arc::clone(&self.ledger),
            trace: self.trace.clone(),
        }
    }

    async fn start_node(&mut self) -> anyhow::Result<Node> {
        self.nodes += 1;
        let log = if self.nodes == 1 { self.log.clone() } else { self.log.session() };
        let name = format!("node-{}", self.nodes);
        self.trace.note(format!("start {name}"));
        let start = Start {
            log: log.clone(),
            store: self.store.clone(),
            clock: self.clock,
            seed: self.chance.bits(),
            name,
            shards: 1,
        };
        let mut node = Node::start(start).await?;
        if self.faulty.load(Ordering::Relaxed) {
            log.set_faults(self.plan.of_log(Chance::new(self.seed, 1_000 + self.nodes)));
        }
        self.log = log.clone();
        let shared: Arc<dyn Log> = Arc::new(log);
        *self.current.lock() = Arc::clone(&shared);
        let (faulty, chance) =
            (Arc::clone(&self.faulty), Chance::new(self.seed, 2_000 + self.nodes));
        let faulty = move || faulty.load(Ordering::Relaxed);
        let quiet = self.plan == self.plan.healed();
        let working = work(shared, chance, self.trace.clone(), move || !quiet && faulty());
        node.employ(spawn("sim workers", working));
        Ok(node)
    }

    /// Kills and starts nodes for as long as the callers call.
    async fn torment(&mut self, mut node: Node) -> anyhow::Result<Node> {
        for _ in 0..self.plan.kills {
            tokio::time::sleep(Duration::from_millis(200) + self.chance.millis(6_000)).await;
            let in_flight = if self.chance.percent(50) { InFlight::Lands } else { InFlight::Lost };
            if self.plan.rival && self.chance.percent(50) {
                let rival = self.start_node().await?;
                tokio::time::sleep(self.chance.millis(3_000)).await;
                if self.chance.percent(50) {
                    self.trace.note("stop the elder".into());
                    node.stop().await;
                } else {
                    self.trace.note("kill the elder".into());
                    node.kill(in_flight).await;
                }
                node = rival;
            } else {
                self.trace.note(format!("kill {in_flight:?}"));
                node.kill(in_flight).await;
                tokio::time::sleep(self.chance.millis(1_000)).await;
                node = self.start_node().await?;
            }
        }
        tokio::time::sleep(Duration::from_secs(12)).await;
        Ok(node)
    }

    fn heal(&self, node: &Node) {
        self.trace.note("heal".into());
        self.faulty.store(false, Ordering::Relaxed);
        node.log.clear_faults();
    }

    /// Nobody is left suspended.
    async fn resume_all(&self) {
        let known: Vec<_> = self.ledger.lock().tried.keys().copied().collect();
        let caller = self.caller(98);
        for execution in known {
            caller.resume(execution).await;
        }
    }

    /// Waits until every execution has ended; false when that takes too long.
    async fn rest(&self) -> bool {
        let until = Instant::now() + PATIENCE;
        while Instant::now() < until {
            tokio::time::sleep(Duration::from_secs(1)).await;
            if checker::all_ended(&self.log, &self.ledger.lock()) {
                // Long enough for the mark, the projection and the watermark.
                tokio::time::sleep(Duration::from_secs(5)).await;
                return true;
            }
        }
        false
    }

    fn bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for partition in self.log.all_partitions() {
            bytes.extend(partition.to_string().into_bytes());
            for fetched in self.log.records(&partition) {
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

/// The partition that everything is checked against.
pub fn history() -> Partition {
    Partition::new(Topic::History, 0)
}
