//! Puts a worker together.

use std::collections::BTreeSet;
use std::fmt;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use flowmill_log::Log;
use flowmill_model::{InvalidName, Payload, Queue, limits};
use flowmill_telemetry::Metrics;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::Semaphore;

use crate::handler::{self, Handler, Handlers};
use crate::slots::Places;
use crate::{TaskContext, TaskError, Worker};

/// Slots of a worker unless set otherwise.
const DEFAULT_SLOTS: NonZeroUsize = NonZeroUsize::new(limits::WORKER_SLOTS).expect("not zero");

/// A worker in the making.
pub struct WorkerBuilder {
    log: Arc<dyn Log>,
    tasks: Vec<(String, Handler)>,
    any: Option<Handler>,
    queues: Vec<String>,
    places: Places,
    drain: Duration,
    metrics: Metrics,
}

/// Why there can be no such worker.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BuildError {
    /// A task type or a queue has no valid name.
    #[error(transparent)]
    Name(#[from] InvalidName),
    /// Two handlers were given for one type.
    #[error("the task type `{0}` has two handlers, give it one")]
    TwoHandlers(Queue),
    /// No handler was given.
    #[error("a worker without task types has nothing to do, give it a handler")]
    NoHandler,
    /// A handler for every type was given, and no queue.
    #[error("a worker for every task type does not know where they come from, name its queues")]
    NoQueue,
}

/// What a [`WorkerBuilder`] has checked.
pub(crate) struct Plan {
    pub(crate) log: Arc<dyn Log>,
    pub(crate) handlers: Handlers,
    pub(crate) queues: BTreeSet<Queue>,
    pub(crate) places: Places,
    pub(crate) drain: Duration,
    pub(crate) metrics: Metrics,
}

impl WorkerBuilder {
    pub(crate) fn new(log: Arc<dyn Log>) -> Self {
        let (tasks, any, queues) = (Vec::new(), None, Vec::new());
        let (drain, metrics) = (limits::DRAIN_WAIT, Metrics::default());
        Self { log, tasks, any, queues, places: Places::Slots(DEFAULT_SLOTS), drain, metrics }
    }

    /// Runs the tasks of a type with `handler`, which gets the task's input read from JSON and
    /// whose output is written as JSON. Take and give [`serde_json::Value`] where the shape is
    /// open. An input that does not fit fails the task for good.
    ///
    /// A handler may be run again for the same task, also while an earlier run goes on elsewhere.
    /// It is dropped where it waits when its time is up or the worker ends.
    #[must_use]
    pub fn task<H, F, I, O>(self, task_type: &str, handler: H) -> Self
    where
        H: Fn(TaskContext, I) -> F + Send + Sync + 'static,
        F: Future<Output = Result<O, TaskError>> + Send + 'static,
        I: DeserializeOwned,
        O: Serialize,
    {
        self.with(task_type, handler::typed(handler))
    }

    /// As [`WorkerBuilder::task`], for a handler that reads and writes the JSON text itself. What
    /// it gives must be one JSON value.
    #[must_use]
    pub fn raw_task<H, F>(self, task_type: &str, handler: H) -> Self
    where
        H: Fn(TaskContext, Payload) -> F + Send + Sync + 'static,
        F: Future<Output = Result<Payload, TaskError>> + Send + 'static,
    {
        self.with(task_type, handler::raw(handler))
    }

    /// As [`WorkerBuilder::raw_task`], for the tasks of every type that has no handler of its own.
    #[must_use]
    pub fn any_task<H, F>(mut self, handler: H) -> Self
    where
        H: Fn(TaskContext, Payload) -> F + Send + Sync + 'static,
        F: Future<Output = Result<Payload, TaskError>> + Send + 'static,
    {
        self.any = Some(handler::raw(handler));
        self
    }

    fn with(mut self, task_type: &str, handler: Handler) -> Self {
        self.tasks.push((task_type.to_owned(), handler));
        self
    }

    /// Serves this queue. Without any, a worker serves the queue of each of its task types, which
    /// has the type's name; with one, only those that are named.
    #[must_use]
    pub fn queue(mut self, queue: &str) -> Self {
        self.queues.push(queue.to_owned());
        self
    }

    /// How many tasks run at the same time, over all queues; [`limits::WORKER_SLOTS`] unless set.
    #[must_use]
    pub fn concurrency(mut self, slots: NonZeroUsize) -> Self {
        self.places = Places::Slots(slots);
        self
    }

    /// Takes a task only for a permit of `credits`, and uses the permit up: who adds permits says
    /// how many tasks more may begin. In place of [`WorkerBuilder::concurrency`].
    #[must_use]
    pub fn credits(mut self, credits: Arc<Semaphore>) -> Self {
        self.places = Places::Credits(credits);
        self
    }

    /// Where the attempts' times are counted; nowhere that anybody sees unless set.
    #[must_use]
    pub fn metrics(mut self, metrics: Metrics) -> Self {
        self.metrics = metrics;
        self
    }

    /// How long running tasks may go on when the worker is to end; [`limits::DRAIN_WAIT`] unless
    /// set. Those that take longer are reported as failed, retryable.
    #[must_use]
    pub const fn drain_within(mut self, drain: Duration) -> Self {
        self.drain = drain;
        self
    }

    /// The worker.
    pub fn build(self) -> Result<Worker, BuildError> {
        let Self { log, tasks, any, queues, places, drain, metrics } = self;
        let mut handlers = Handlers { any, ..Handlers::default() };
        for (name, handler) in tasks {
            let name = Queue::new(&name)?;
            if handlers.by_type.insert(name.clone(), handler).is_some() {
                return Err(BuildError::TwoHandlers(name));
            }
        }
        if handlers.by_type.is_empty() && handlers.any.is_none() {
            return Err(BuildError::NoHandler);
        }
        let named = queues.iter().map(|name| Queue::new(name));
        let mut queues = named.collect::<Result<BTreeSet<_>, _>>()?;
        if queues.is_empty() && handlers.any.is_some() {
            return Err(BuildError::NoQueue);
        }
        if queues.is_empty() {
            queues.extend(handlers.by_type.keys().cloned());
        }
        Ok(Worker::new(Plan { log, handlers, queues, places, drain, metrics }))
    }
}

impl fmt::Debug for WorkerBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let types: Vec<_> = self.tasks.iter().map(|(name, _)| name).collect();
        f.debug_struct("WorkerBuilder")
            .field("tasks", &types)
            .field("queues", &self.queues)
            .field("places", &self.places)
            .finish_non_exhaustive()
    }
}
