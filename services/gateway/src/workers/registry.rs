//! The workers of this gateway, by name: what each may take, has, and has done.
//!
//! Workers of one name count as one. A worker is forgotten a while after it was last heard of.

use std::collections::{BTreeMap, BTreeSet};

use flowmill_model::{Queue, limits};
use tokio::time::Instant;

/// A worker as lists show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkerView {
    /// Its name; `anonymous` when it gave none.
    pub name: String,
    /// Whether it waits for tasks now.
    pub connected: bool,
    /// The queues it waits for.
    pub queues: Vec<String>,
    /// Tasks that it may have at the same time: those it has and those it still takes.
    pub capacity: usize,
    /// Tasks that it has.
    pub running: usize,
    /// Tasks that it has completed here.
    pub completed: u64,
    /// Attempts that it has reported as failed here.
    pub failed: u64,
    /// Milliseconds since it was last heard of.
    pub silent_ms: u64,
}

/// All of them.
#[derive(Default)]
pub(super) struct Registry(BTreeMap<String, Entry>);

struct Entry {
    seats: usize,
    queues: BTreeSet<Queue>,
    credits: usize,
    running: usize,
    completed: u64,
    failed: u64,
    seen: Instant,
}

impl Entry {
    fn is_forgotten(&self, now: Instant) -> bool {
        let idle = self.seats == 0 && self.running == 0;
        idle && now - self.seen > limits::GATEWAY_WORKER_MEMORY
    }
}

impl Registry {
    /// A worker waits for tasks of a queue. Answers whether there is room for it.
    pub(super) fn sit(&mut self, worker: &str, queue: &Queue) -> bool {
        let now = Instant::now();
        if !self.0.contains_key(worker) && self.0.len() >= limits::GATEWAY_WORKERS {
            self.0.retain(|_, entry| !entry.is_forgotten(now));
            if self.0.len() >= limits::GATEWAY_WORKERS {
                return false;
            }
        }
        let entry = self.0.entry(worker.to_owned()).or_insert(Entry {
            seats: 0,
            queues: BTreeSet::new(),
            credits: 0,
            running: 0,
            completed: 0,
            failed: 0,
            seen: now,
        });
        entry.seats += 1;
        entry.seen = now;
        if !entry.queues.contains(queue) {
            entry.queues.insert(queue.clone());
        }
        true
    }

    /// It no longer does; `queue` when it waits nowhere else in it.
    pub(super) fn leave(&mut self, worker: &str, queue: Option<&Queue>) {
        self.on(worker, |entry| {
            entry.seats = entry.seats.saturating_sub(1);
            queue.map(|queue| entry.queues.remove(queue));
        });
    }

    /// It has more credits, or fewer.
    pub(super) fn credits(&mut self, worker: &str, more: usize, fewer: usize) {
        self.on(worker, |entry| entry.credits = (entry.credits + more).saturating_sub(fewer));
    }

    /// It got a task.
    pub(super) fn lent(&mut self, worker: &str) {
        self.on(worker, |entry| entry.running += 1);
    }

    /// It has a task no more.
    pub(super) fn ended(&mut self, worker: &str) {
        if let Some(entry) = self.0.get_mut(worker) {
            entry.running = entry.running.saturating_sub(1);
        }
    }

    /// It has answered.
    pub(super) fn answered(&mut self, worker: &str, failed: bool) {
        self.on(worker, |entry| {
            let count = if failed { &mut entry.failed } else { &mut entry.completed };
            *count += 1;
        });
    }

    /// It was heard of.
    pub(super) fn seen(&mut self, worker: &str) {
        self.on(worker, |_| ());
    }

    /// How many tasks it has.
    pub(super) fn running(&self, worker: &str) -> usize {
        self.0.get(worker).map_or(0, |entry| entry.running)
    }

    /// All of them, by name.
    pub(super) fn views(&mut self) -> Vec<WorkerView> {
        let now = Instant::now();
        self.0.retain(|_, entry| !entry.is_forgotten(now));
        self.0.iter().map(|(name, entry)| entry.view(name, now)).collect()
    }

    fn on(&mut self, worker: &str, change: impl FnOnce(&mut Entry)) {
        if let Some(entry) = self.0.get_mut(worker) {
            change(entry);
            entry.seen = Instant::now();
        }
    }
}

impl Entry {
    fn view(&self, name: &str, now: Instant) -> WorkerView {
        WorkerView {
            name: name.to_owned(),
            connected: self.seats > 0,
            queues: self.queues.iter().map(ToString::to_string).collect(),
            capacity: self.running + self.credits,
            running: self.running,
            completed: self.completed,
            failed: self.failed,
            silent_ms: u64::try_from((now - self.seen).as_millis()).unwrap_or(u64::MAX),
        }
    }
}
