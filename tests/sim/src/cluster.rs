//! The nodes and workers of a run: started, ended, killed, made to stand still.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use flowmill_log::Log;
use flowmill_log::memory::{InFlight, MemoryLog};
use flowmill_orchestrator::Settings;
use flowmill_runtime::{Clock, ClockError, spawn};
use flowmill_telemetry::Metrics;
use parking_lot::Mutex;
use tokio::task::JoinHandle;

use crate::caller::Doors;
use crate::chance::Chance;
use crate::gate::{Gate, GatedLog};
use crate::journal::Journal;
use crate::nemesis::Plan;
use crate::node::{Node, Start, settings};
use crate::servers::{NodeStore, Servers};
use crate::trace::Trace;
use crate::worker::{Answers, work};

/// By how much a clock is wrong at most, in milliseconds.
const CLOCK_ERROR: u64 = 5 * 60 * 1_000;

/// The nodes that run, and what they stand on.
pub struct Cluster {
    /// The seed's choices about nodes.
    pub chance: Chance,
    /// What may go wrong.
    pub plan: Plan,
    /// What happens.
    pub trace: Trace,
    /// What nodes do.
    pub journal: Journal,
    /// The first session of the log; no node crashes it but the first one.
    pub log: MemoryLog,
    /// The store.
    pub servers: Servers,
    /// The nodes that run.
    pub nodes: Vec<Running>,
    /// Where callers ask and write.
    pub doors: Doors,
    /// The figures of all nodes there were.
    pub metrics: Vec<Metrics>,
    /// What workers sent.
    pub answers: Answers,
    seed: u64,
    clock: Clock,
    mutate: Arc<dyn Fn(Settings) -> Settings + Send + Sync>,
    faulty: Arc<AtomicBool>,
    started: u64,
    sessions: Vec<MemoryLog>,
    workers: Vec<Worker>,
    leaving: Vec<JoinHandle<()>>,
}

/// A node that runs.
pub struct Running {
    node: Node,
    name: String,
    log: GatedLog,
    gate: Gate,
    clock_error: &'static ClockError,
    /// Ends a rest that the node takes.
    resting: Option<JoinHandle<()>>,
}

struct Worker {
    session: MemoryLog,
    task: JoinHandle<()>,
}

/// What a cluster stands on.
pub struct Ground {
    /// The run's seed.
    pub seed: u64,
    /// What may go wrong.
    pub plan: Plan,
    /// The right clock.
    pub clock: Clock,
    /// What happens.
    pub trace: Trace,
    /// An empty log.
    pub log: MemoryLog,
    /// An empty store.
    pub servers: Servers,
    /// Whether anything goes wrong at all.
    pub faulty: Arc<AtomicBool>,
    /// What is changed in a node's settings.
    pub mutate: Arc<dyn Fn(Settings) -> Settings + Send + Sync>,
}

impl Cluster {
    /// A cluster without nodes.
    pub fn on(ground: Ground) -> Self {
        let Ground { seed, plan, clock, trace, log, servers, faulty, mutate } = ground;
        let shared: Arc<dyn Log> = Arc::new(log.clone());
        Self {
            chance: Chance::new(seed, 2),
            plan,
            trace,
            journal: Journal::default(),
            doors: Doors { log: Arc::new(Mutex::new(shared)), owners: Arc::default() },
            log,
            servers,
            nodes: vec![],
            metrics: vec![],
            answers: Answers::default(),
            seed,
            clock,
            mutate,
            faulty,
            started: 0,
            sessions: vec![],
            workers: vec![],
            leaving: vec![],
        }
    }

    /// Starts a node, with a worker unless workers have processes of their own.
    ///
    /// # Errors
    /// The node does not start.
    pub async fn start_node(&mut self) -> anyhow::Result<()> {
        self.started += 1;
        let number = self.started;
        let session = if number == 1 { self.log.clone() } else { self.log.session() };
        let (name, gate) = (format!("node-{number}"), Gate::default());
        self.trace.note(format!("start {name}"));
        let log = GatedLog::new(session.clone(), gate.clone(), self.journal.clone());
        let store = NodeStore::new(&self.servers, number, gate.clone(), self.journal.clone());
        let clock_error: &'static ClockError = Box::leak(Box::default());
        if self.plan.clocks && self.is_faulty() {
            clock_error.set(wrong(&self.chance));
        }
        let passivate_after = Duration::from_millis(self.plan.passivate_after);
        let settings = settings(name.clone(), self.plan.shards);
        let node = Node::start(Start {
            session: session.clone(),
            log: Arc::new(log.clone()),
            store: Arc::new(store),
            clock: self.clock.wrong_by(clock_error),
            seed: self.chance.bits(),
            settings: (self.mutate)(Settings { passivate_after, ..settings }),
        });
        let node = node.await?;
        self.disturb(&session, 1_000 + number);
        self.metrics.push(node.metrics.clone());
        if !self.plan.is_cluster() {
            self.log = session.clone();
            *self.doors.log.lock() = Arc::new(session.clone());
            self.employ(session);
        }
        self.nodes.push(Running { node, name, log, gate, clock_error, resting: None });
        self.tell_doors();
        Ok(())
    }

    /// Gives callers and workers processes of their own. For a log whose topics outlive processes.
    pub fn start_others(&mut self) {
        let callers = self.log.session();
        self.disturb(&callers, 900);
        *self.doors.log.lock() = Arc::new(callers);
        self.hire();
        self.hire();
    }

    /// A caller's, a node's or a worker's session goes as wrong as planned, from now on.
    fn disturb(&mut self, session: &MemoryLog, stream: u64) {
        if self.is_faulty() {
            session.set_faults(self.plan.of_log(Chance::new(self.seed, stream)));
        }
        self.sessions.push(session.clone());
    }

    fn hire(&mut self) {
        let session = self.log.session();
        self.started += 1;
        self.disturb(&session, 1_000 + self.started);
        self.employ(session);
    }

    fn employ(&mut self, session: MemoryLog) {
        self.started += 1;
        let chance = Chance::new(self.seed, 2_000 + self.started);
        let (faulty, bad) = (Arc::clone(&self.faulty), self.plan.workers);
        let at_worst = move || bad && faulty.load(Ordering::Relaxed);
        let log: Arc<dyn Log> = Arc::new(session.clone());
        let working = work(log, chance, self.trace.clone(), self.answers.clone(), at_worst);
        self.workers.push(Worker { session, task: spawn("sim workers", working) });
    }

    /// A worker dies in the middle of what it does, and another one comes.
    pub fn replace_worker(&mut self) {
        if self.workers.is_empty() {
            return;
        }
        self.trace.note("a worker dies".into());
        let Worker { session, task } =
            self.workers.swap_remove(self.chance.index(self.workers.len()));
        task.abort();
        if self.plan.is_cluster() {
            session.crash(self.in_flight());
            self.hire();
        } else {
            self.employ(session);
        }
    }

    /// Kills a node.
    pub async fn kill(&mut self, which: usize) {
        let running = self.nodes.remove(which);
        let in_flight = self.in_flight();
        self.trace.note(format!("kill {} {in_flight:?}", running.name));
        self.tell_doors();
        running.gate.shut();
        if let Some(resting) = running.resting {
            resting.abort();
        }
        running.node.kill(in_flight).await;
        if !self.plan.is_cluster() {
            self.workers.drain(..).for_each(|worker| worker.task.abort());
        }
    }

    /// Has a node end in good order, while everything else goes on.
    pub async fn leave(&mut self, which: usize) {
        let running = self.nodes.remove(which);
        self.trace.note(format!("stop {}", running.name));
        self.tell_doors();
        if !self.plan.is_cluster() {
            self.workers.drain(..).for_each(|worker| worker.task.abort());
            return running.node.stop().await;
        }
        self.leaving.push(spawn("sim leaving", running.node.stop()));
    }

    /// Has a node stand still, or its group take it for gone, or both, for a while.
    pub fn pause(&mut self, which: usize) {
        let expelled = self.plan.is_cluster() && self.chance.percent(70);
        let still = !expelled || self.chance.percent(75);
        let lasting = self.chance.millis(if self.chance.percent(50) { 2_000 } else { 20_000 });
        let running = &mut self.nodes[which];
        if running.resting.as_ref().is_some_and(|resting| !resting.is_finished()) {
            return;
        }
        let name = running.name.clone();
        self.trace.note(format!("pause {name} {lasting:?} still {still} expelled {expelled}"));
        if still {
            running.gate.shut();
        }
        if expelled {
            running.node.log.expel();
        }
        let (log, trace) = (running.log.clone(), self.trace.clone());
        running.resting = Some(spawn("sim pause", async move {
            tokio::time::sleep(lasting).await;
            trace.note(format!("go on {name}"));
            log.open();
            log.session().readmit();
        }));
    }

    /// Has a node's clock jump.
    pub fn jump(&mut self, which: usize) {
        let (running, by) = (&self.nodes[which], wrong(&self.chance));
        self.trace.note(format!("the clock of {} is wrong by {by} ms", running.name));
        running.clock_error.set(by);
    }

    /// Ends whatever is wrong.
    pub fn heal(&mut self) {
        self.trace.note("heal".into());
        self.faulty.store(false, Ordering::Relaxed);
        self.servers.heal();
        self.sessions.iter().for_each(MemoryLog::clear_faults);
        for running in &mut self.nodes {
            running.clock_error.set(0);
            if let Some(resting) = running.resting.take() {
                resting.abort();
                running.log.open();
                running.node.log.readmit();
            }
        }
    }

    /// Ends every node in good order, one after the other.
    ///
    /// # Errors
    /// A node that left before ended badly.
    pub async fn stop(&mut self) -> anyhow::Result<()> {
        for running in std::mem::take(&mut self.nodes) {
            self.trace.note(format!("stop {}", running.name));
            running.node.stop().await;
        }
        for leaving in self.leaving.drain(..) {
            leaving.await?;
        }
        self.workers.drain(..).for_each(|worker| worker.task.abort());
        Ok(())
    }

    /// Some node.
    pub fn some_node(&self) -> usize {
        self.chance.index(self.nodes.len())
    }

    fn tell_doors(&self) {
        let owners = self.nodes.iter().map(|running| running.node.owners.clone());
        *self.doors.owners.lock() = owners.collect();
    }

    fn in_flight(&self) -> InFlight {
        if self.chance.percent(50) { InFlight::Lands } else { InFlight::Lost }
    }

    fn is_faulty(&self) -> bool {
        self.faulty.load(Ordering::Relaxed)
    }
}

/// By how many milliseconds a clock is wrong that is.
fn wrong(chance: &Chance) -> i64 {
    let error = i64::try_from(chance.below(CLOCK_ERROR)).unwrap_or(0);
    if chance.percent(50) { error } else { -error }
}
