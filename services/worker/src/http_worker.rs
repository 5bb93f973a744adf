//! Puts the built-in worker together: one for `http.request` and `kafka.produce` nodes, since a
//! queue that a flow names may carry both.

use std::fmt;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use flowmill_log::Log;
use flowmill_model::{Payload, limits};
use flowmill_runtime::Clock;
use flowmill_telemetry::Metrics;
use flowmill_worker_sdk::{BuildError, TaskContext, Worker};

use crate::call::Caller;
use crate::client::client;
use crate::hosts::Hosts;
use crate::kafka_produce::{KAFKA_QUEUE, KAFKA_TASK, KafkaAccess};
use crate::policy::OutgoingPolicy;
use crate::resolver::{Lookup, system_lookup};
use crate::secrets::Secrets;

/// The task type of `http.request` nodes.
pub const HTTP_TASK: &str = "http.request";

/// The queue of `http.request` nodes that name no other.
pub const HTTP_QUEUE: &str = "http";

/// Slots unless set otherwise.
const DEFAULT_SLOTS: NonZeroUsize = NonZeroUsize::new(limits::HTTP_SLOTS).expect("not zero");

/// How the built-in worker works.
#[derive(Clone)]
pub struct Settings {
    /// Calls at the same time; one host may have a quarter of them.
    pub slots: NonZeroUsize,
    /// Queues to serve.
    pub queues: Vec<String>,
    /// Which addresses may be reached.
    pub outgoing: OutgoingPolicy,
    /// Where secrets come from.
    pub secrets: Secrets,
    /// How long calls may go on when the worker is to end.
    pub drain: Duration,
    /// The time, to read dates against.
    pub clock: Clock,
    /// Where calls are counted.
    pub metrics: Metrics,
    /// How names are resolved.
    pub lookup: Lookup,
    /// Where the records of `kafka.produce` nodes go.
    pub kafka: KafkaAccess,
}

/// Why the worker cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// There is no client.
    #[error("the HTTP client cannot be made")]
    Client(#[source] reqwest::Error),
    /// A queue's name, most likely.
    #[error(transparent)]
    Worker(#[from] BuildError),
}

impl Settings {
    /// Serves [`HTTP_QUEUE`] and [`KAFKA_QUEUE`], reaches public addresses only, knows no secrets.
    pub fn new(clock: Clock) -> Self {
        Self {
            slots: DEFAULT_SLOTS,
            queues: vec![HTTP_QUEUE.to_owned(), KAFKA_QUEUE.to_owned()],
            outgoing: OutgoingPolicy::public(),
            secrets: Secrets::default(),
            drain: limits::DRAIN_WAIT,
            clock,
            metrics: Metrics::default(),
            lookup: system_lookup(),
            kafka: KafkaAccess::default(),
        }
    }
}

/// A worker that makes the calls of `http.request` nodes and writes the records of `kafka.produce`
/// nodes.
pub fn http_worker(log: Arc<dyn Log>, settings: Settings) -> Result<Worker, StartError> {
    let kafka = settings.kafka.clone();
    let Settings { slots, queues, outgoing, secrets, drain, clock, metrics, lookup, .. } = settings;
    let policy = Arc::new(outgoing);
    let client = client(Arc::clone(&policy), lookup).map_err(StartError::Client)?;
    let hosts = Hosts::sharing(slots);
    let caller =
        Arc::new(Caller { client, policy, secrets, hosts, clock, metrics: metrics.clone() });
    let handler = move |context: TaskContext, input: Payload| {
        let caller = Arc::clone(&caller);
        async move { caller.run(context, &input).await }
    };
    let produce = move |context: TaskContext, input: Payload| {
        let kafka = kafka.clone();
        async move { kafka.run(context, &input).await }
    };
    let builder = Worker::builder(log).raw_task(HTTP_TASK, handler).raw_task(KAFKA_TASK, produce);
    let builder = builder.concurrency(slots).drain_within(drain).metrics(metrics);
    let builder = queues.iter().fold(builder, |builder, queue| builder.queue(queue));
    Ok(builder.build()?)
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("slots", &self.slots)
            .field("queues", &self.queues)
            .field("outgoing", &self.outgoing)
            .field("secrets", &self.secrets)
            .field("drain", &self.drain)
            .finish_non_exhaustive()
    }
}
