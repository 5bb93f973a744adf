//! The slots of a worker: who runs, who is answered from memory, who is dropped.
//!
//! **Invariant:** a slot is held from before a task begins until its result is written, so that a
//! log that takes no results makes the worker take no tasks.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use flowmill_log::Record;
use flowmill_model::task::TaskRecord;
use flowmill_model::{Offset, Payload, Queue, ShardId};
use flowmill_runtime::spawn;
use flowmill_telemetry::{Metrics, trace};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;
use tracing::Instrument;

use crate::attempt;
use crate::context::{Signs, TaskContext};
use crate::figures::Counters;
use crate::handler::Handlers;
use crate::memory::{Delivery, Memory, TaskKey};
use crate::outcome;
use crate::progress::Running;
use crate::reporter::{self, Reporter};
use crate::span;

/// Where places for tasks come from.
#[derive(Clone, Debug)]
pub(crate) enum Places {
    /// So many, each used again and again.
    Slots(NonZeroUsize),
    /// From somebody else, each used once.
    Credits(Arc<Semaphore>),
}

/// A slot, and the task that it runs; both end when it is dropped.
#[derive(Debug)]
pub(crate) struct Slot {
    /// The place to give back; none where places are used once.
    _place: Option<OwnedSemaphorePermit>,
    _running: Option<Running>,
    /// Makes it count among those that a drain waits for.
    _held: TaskTrackerToken,
}

impl Slot {
    /// The slot, for a task that counts as running as long as the slot is held.
    pub(crate) fn holding(self, running: Option<Running>) -> Self {
        Self { _running: running, ..self }
    }
}

/// What all queues of a worker share.
pub(crate) struct Slots {
    free: Arc<Semaphore>,
    /// Whether a place is used again.
    reused: bool,
    /// The slots that are held.
    held: TaskTracker,
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

/// Where in its queue a task was.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    pub(crate) partition: u16,
    pub(crate) offset: Offset,
}

impl Slots {
    pub(crate) fn new(
        places: Places,
        handlers: Handlers,
        reporter: Reporter,
        metrics: Metrics,
    ) -> Self {
        let (free, reused) = match places {
            Places::Slots(slots) => (Arc::new(Semaphore::new(slots.get().min(MOST_SLOTS))), true),
            Places::Credits(credits) => (credits, false),
        };
        Self {
            free,
            reused,
            held: TaskTracker::new(),
            handlers,
            memory: Memory::default(),
            metrics,
            reporter: Arc::new(reporter),
            abandon: CancellationToken::new(),
        }
    }

    /// Waits for a free slot; those who wait get one in turn. Cancel safe.
    pub(crate) async fn free(&self) -> Slot {
        let place = Arc::clone(&self.free).acquire_owned().await;
        let place = place.expect("the slots are never closed");
        let place = if self.reused { Some(place) } else { forgotten(place) };
        Slot { _place: place, _running: None, _held: self.held.token() }
    }

    /// Begins what a delivered task asks for. The task has begun to run when this returns, or
    /// needs not.
    pub(crate) fn begin(
        self: &Arc<Self>,
        slot: Slot,
        source: &Source,
        place: Place,
        mut task: TaskRecord,
    ) {
        let key = TaskKey::of(&task);
        match self.memory.deliver(key) {
            Delivery::New => {
                source.counters.picked_up.add();
                source.counters.active.add();
                let span = span::of(&task, &source.queue, place, self.reporter.log());
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
        let (outcome, task) = match self.handlers.of(&task.task_type) {
            Some(handler) => {
                let (kind, began) = (task.task_type.clone(), Instant::now());
                let context = TaskContext::begin(task, self.signs());
                let handler = Arc::clone(handler);
                let outcome = attempt::run(handler, context.clone(), input, &self.abandon).await;
                self.metrics.task_took(kind.as_str(), began.elapsed());
                (outcome, context)
            }
            None => {
                let known = self.handlers.by_type.keys();
                let outcome = outcome::unknown_type(&task.task_type, &source.queue, known);
                (outcome, TaskContext::begin(task, self.signs()))
            }
        };
        source.counters.ended(&outcome);
        span::ended(&outcome);
        let result = reporter::record(task.record(), outcome);
        self.memory.end(key, result.clone());
        let from = trace::now();
        let written = self.write(&source, execution.shard(), result).await;
        if written {
            span::result_sent(self.reporter.log(), execution, from);
        }
        task.tell_written(written);
        drop(slot);
    }

    fn signs(&self) -> Signs {
        Signs::Log(Arc::clone(&self.reporter))
    }

    async fn answer(self: Arc<Self>, slot: Slot, source: Source, shard: ShardId, result: Record) {
        self.write(&source, shard, result).await;
        drop(slot);
    }

    /// Writes a result; answers whether it is in the log.
    async fn write(&self, source: &Source, shard: ShardId, result: Record) -> bool {
        let written = self.reporter.write(shard, result).await;
        if let Err(error) = &written {
            source.counters.unwritten.add();
            let queue = &source.queue;
            tracing::error!(%error, %queue, %shard, "the result of a task could not be written");
        }
        written.is_ok()
    }

    /// Waits until nothing runs, at most `within`; then gives up what does. Answers how many
    /// tasks were given up.
    pub(crate) async fn drain(&self, within: Duration) -> usize {
        self.held.close();
        if timeout(within, self.held.wait()).await.is_ok() {
            return 0;
        }
        let given_up = self.held.len();
        self.abandon.cancel();
        // The wait is over either way; handlers that block their thread end when they end.
        drop(timeout(LAST_WORDS, self.held.wait()).await);
        given_up
    }
}

/// More slots than any worker fills.
const MOST_SLOTS: usize = 1 << 20;

/// Uses a place up.
fn forgotten(place: OwnedSemaphorePermit) -> Option<OwnedSemaphorePermit> {
    place.forget();
    None
}

/// How long tasks that were given up have to say so.
const LAST_WORDS: Duration = Duration::from_secs(1);
