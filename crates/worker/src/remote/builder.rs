//! Puts a remote worker together.

use std::collections::BTreeSet;
use std::fmt;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use flowmill_model::{InvalidName, Payload, Queue, limits};
use flowmill_proto::v1::worker_service_client::WorkerServiceClient;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tonic::transport::Endpoint;

use super::{Bearer, RemoteWorker};
use crate::handler::{self, Handler, Handlers};
use crate::{TaskContext, TaskError};

/// How long a connection may take to be made.
const CONNECT_WITHIN: Duration = Duration::from_secs(5);

/// A remote worker in the making.
pub struct RemoteBuilder {
    address: String,
    name: String,
    weight: u32,
    bearer: Option<String>,
    tasks: Vec<(String, Handler)>,
    queues: Vec<String>,
    slots: NonZeroUsize,
    drain: Duration,
}

/// Why there can be no such worker.
#[derive(Debug, thiserror::Error)]
pub enum RemoteBuildError {
    /// The address is none.
    #[error("`{0}` is no address of a gateway, use one such as http://127.0.0.1:7400")]
    Address(String),
    /// The bearer token has characters that no header can carry.
    #[error("the API token has characters that a header cannot carry")]
    Bearer,
    /// The weight is more than a gateway takes.
    #[error("the weight {0} is too great, use one of at most {max}", max = limits::WORKER_WEIGHT)]
    Weight(u32),
    /// A task type or a queue has no valid name.
    #[error(transparent)]
    Name(#[from] InvalidName),
    /// Two handlers were given for one type.
    #[error("the task type `{0}` has two handlers, give it one")]
    TwoHandlers(Queue),
    /// No handler was given.
    #[error("a worker without task types has nothing to do, give it a handler")]
    NoHandler,
}

impl RemoteBuilder {
    pub(super) fn new(address: &str) -> Self {
        Self {
            address: address.to_owned(),
            name: String::new(),
            weight: 1,
            bearer: None,
            tasks: Vec::new(),
            queues: Vec::new(),
            slots: NonZeroUsize::new(limits::WORKER_SLOTS).expect("not zero"),
            drain: limits::DRAIN_WAIT,
        }
    }

    /// What `flowmill workers` calls it; `anonymous` unless set.
    #[must_use]
    pub fn name(mut self, name: &str) -> Self {
        name.clone_into(&mut self.name);
        self
    }

    /// The worker's share of the tasks beside those of others, at most [`limits::WORKER_WEIGHT`]; 1
    /// unless set. Counts only where the gateway shares tasks out by weight.
    #[must_use]
    pub const fn weight(mut self, weight: u32) -> Self {
        self.weight = weight;
        self
    }

    /// The token that the gateway's API wants.
    #[must_use]
    pub fn api_token(mut self, token: &str) -> Self {
        self.bearer = Some(token.to_owned());
        self
    }

    /// As [`WorkerBuilder::task`](crate::WorkerBuilder::task).
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

    /// As [`WorkerBuilder::raw_task`](crate::WorkerBuilder::raw_task).
    #[must_use]
    pub fn raw_task<H, F>(self, task_type: &str, handler: H) -> Self
    where
        H: Fn(TaskContext, Payload) -> F + Send + Sync + 'static,
        F: Future<Output = Result<Payload, TaskError>> + Send + 'static,
    {
        self.with(task_type, handler::raw(handler))
    }

    fn with(mut self, task_type: &str, handler: Handler) -> Self {
        self.tasks.push((task_type.to_owned(), handler));
        self
    }

    /// Serves this queue. Without any, a worker serves the queue of each of its task types.
    #[must_use]
    pub fn queue(mut self, queue: &str) -> Self {
        self.queues.push(queue.to_owned());
        self
    }

    /// How many tasks run at the same time, shared evenly by the queues; at most
    /// [`limits::SUBSCRIPTION_CREDITS`] for each, [`limits::WORKER_SLOTS`] unless set.
    #[must_use]
    pub const fn concurrency(mut self, slots: NonZeroUsize) -> Self {
        self.slots = slots;
        self
    }

    /// How long running tasks may go on when the worker is to end; [`limits::DRAIN_WAIT`] unless
    /// set. Those that take longer are reported as failed, retryable.
    #[must_use]
    pub const fn drain_within(mut self, drain: Duration) -> Self {
        self.drain = drain;
        self
    }

    /// The worker. It connects when it runs.
    ///
    /// Must be called within a tokio runtime.
    pub fn build(self) -> Result<RemoteWorker, RemoteBuildError> {
        let Self { address, name, weight, bearer, tasks, queues, slots, drain } = self;
        if weight > limits::WORKER_WEIGHT {
            return Err(RemoteBuildError::Weight(weight));
        }
        let endpoint = Endpoint::from_shared(address.clone())
            .map_err(|_| RemoteBuildError::Address(address))?
            .connect_timeout(CONNECT_WITHIN)
            .http2_keep_alive_interval(limits::HTTP2_PING)
            .keep_alive_timeout(limits::HTTP2_PING_WAIT);
        let bearer = bearer.map(|token| format!("Bearer {token}").parse()).transpose();
        let bearer = Bearer(bearer.map_err(|_| RemoteBuildError::Bearer)?);
        let handlers = handlers(tasks)?;
        let named = queues.iter().map(|name| Queue::new(name));
        let mut queues = named.collect::<Result<BTreeSet<_>, _>>()?;
        if queues.is_empty() {
            queues.extend(handlers.by_type.keys().cloned());
        }
        let share = (slots.get() / queues.len()).clamp(1, limits::SUBSCRIPTION_CREDITS);
        let credits = u32::try_from(share).unwrap_or(u32::MAX);
        let client = WorkerServiceClient::with_interceptor(endpoint.connect_lazy(), bearer);
        Ok(RemoteWorker {
            client: client.max_decoding_message_size(limits::RECORD_BYTES),
            name,
            weight,
            queues: queues.into_iter().map(|queue| (queue, credits)).collect(),
            handlers: Arc::new(handlers),
            drain,
            running: TaskTracker::new(),
            abandon: CancellationToken::new(),
        })
    }
}

fn handlers(tasks: Vec<(String, Handler)>) -> Result<Handlers, RemoteBuildError> {
    let mut handlers = Handlers::default();
    for (name, handler) in tasks {
        let name = Queue::new(&name)?;
        if handlers.by_type.insert(name.clone(), handler).is_some() {
            return Err(RemoteBuildError::TwoHandlers(name));
        }
    }
    if handlers.by_type.is_empty() { Err(RemoteBuildError::NoHandler) } else { Ok(handlers) }
}

impl fmt::Debug for RemoteBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let types: Vec<_> = self.tasks.iter().map(|(name, _)| name).collect();
        f.debug_struct("RemoteBuilder")
            .field("address", &self.address)
            .field("tasks", &types)
            .field("queues", &self.queues)
            .finish_non_exhaustive()
    }
}
