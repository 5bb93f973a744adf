//! The slots of a worker: who runs, who is answered from memory, who is dropped.
//!
//! **Invariant:** a slot is held from before a task begins until its result is written, so that a
//! log that takes no results makes the worker take no tasks.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use flowmill_model::task::TaskRecord;
use flowmill_model::{Payload, Queue, ShardId};
use flowmill_runtime::spawn;
use flowmill_telemetry::{Metrics, trace};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use crate::attempt;
use crate::context::TaskContext;
use crate::figures::Counters;
use crate::handler::Handlers;
use crate::memory::{Delivery, Memory, TaskKey};
use crate::outcome;
use crate::reporter::{self, Reporter};
use crate::span;

/// A slot; given back when dropped.
pub(crate) type Slot = OwnedSemaphorePermit;

/// What all queues of a worker share.
pub(crate) struct Slots {
    free: Arc<Semaphore>,
    total: u32,
    handlers: Handlers,
    memory: Memory,
    metrics: Metrics,
    reporter: Arc<Reporter>,
    /// Cancelled when what still runs is to be given up.
    abandon: CancellationToken,
}

/// A queue as its slots see it.
#[derive(Clone)]
pub(crate) struct Source {
    pub(crate) queue: Queue,
    pub(crate) counters: Arc<Counters>,
}

impl Slots {
    pub(crate) fn new(
        total: NonZeroUsize,
        handlers: Handlers,
        reporter: Reporter,
        metrics: Metrics,
    ) -> Self {
        let total = u32::try_from(total.get()).unwrap_or(u32::MAX).min(MOST_SLOTS);
        Self {
            free: Arc::new(Semaphore::new(total as usize)),
            total,
            handlers,
            memory: Memory::default(),
            metrics,
            reporter: Arc::new(reporter),
            abandon: CancellationToken::new(),
        }
    }

    /// Waits for a free slot; those who wait get one in turn. Cancel safe.
    pub(crate) async fn free(&self) -> Slot {
        let slot = Arc::clone(&self.free).acquire_owned().await;
        slot.expect("the slots are never closed")
    }

    /// Begins what a delivered task asks for. The task has begun to run when this returns, or
    /// needs not.
    pub(crate) fn begin(self: &Arc<Self>, slot: Slot, source: &Source, mut task: TaskRecord) {
        let key = TaskKey::of(&task);
        match self.memory.deliver(key) {
            Delivery::New => {
                source.counters.picked_up.add();
                source.counters.active.add();
                let span = span::of(&task, &source.queue, self.reporter.log());
                // What the task sends on continues its span.
                task.trace = trace::place_of(&span).or(task.trace);
                let running = Arc::clone(self).run(slot, source.clone(), key, task);
                drop(spawn("task", running.instrument(span)));
            }
            Delivery::Running => source.counters.duplicates.add(),
            Delivery::Ended(result) => {
                source.counters.answered_again.add();
                let shard = task.id.execution.shard();
                drop(spawn(
                    "task answer",
                    Arc::clone(self).answer(slot, source.clone(), shard, result),
                ));
            }
        }
    }

    async fn run(self: Arc<Self>, slot: Slot, source: Source, key: TaskKey, mut task: TaskRecord) {
        let input = std::mem::replace(&mut task.input, Payload::null());
        let execution = task.id.execution;
        let (outcome, task) = match self.handlers.get(&task.task_type) {
            Some(handler) => {
                let (kind, began) = (task.task_type.clone(), Instant::now());
                let context = TaskContext::begin(task, Arc::clone(&self.reporter));
                let handler = Arc::clone(handler);
                let outcome = attempt::run(handler, context.clone(), input, &self.abandon).await;
                self.metrics.task_took(kind.as_str(), began.elapsed());
                (outcome, context)
            }
            None => {
                let known = self.handlers.keys();
                let outcome = outcome::unknown_type(&task.task_type, &source.queue, known);
                (outcome, TaskContext::begin(task, Arc::clone(&self.reporter)))
            }
        };
        source.counters.ended(&outcome);
        span::ended(&outcome);
        let result = reporter::record(task.record(), outcome);
        self.memory.end(key, result.clone());
        let (this, from) = (Arc::clone(&self), trace::now());
        self.answer(slot, source, execution.shard(), result).await;
        span::result_sent(this.reporter.log(), execution, from);
    }

    async fn answer(self: Arc<Self>, slot: Slot, source: Source, shard: ShardId, result: Bytes) {
        if let Err(error) = self.reporter.write(shard, result).await {
            source.counters.unwritten.add();
            let queue = &source.queue;
            tracing::error!(%error, %queue, %shard, "the result of a task could not be written");
        }
        drop(slot);
    }

    /// Waits until nothing runs, at most `within`; then gives up what does. Answers how many
    /// tasks were given up.
    pub(crate) async fn drain(&self, within: Duration) -> usize {
        if timeout(within, self.free.acquire_many(self.total)).await.is_ok() {
            return 0;
        }
        let given_up = self.total as usize - self.free.available_permits();
        self.abandon.cancel();
        // The wait is over either way; handlers that block their thread end when they end.
        drop(timeout(LAST_WORDS, self.free.acquire_many(self.total)).await);
        given_up
    }
}

/// Most slots that can be waited for at once.
const MOST_SLOTS: u32 = 1 << 20;

/// How long tasks that were given up have to say so.
const LAST_WORDS: Duration = Duration::from_secs(1);
