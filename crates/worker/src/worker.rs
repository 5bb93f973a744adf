//! The worker: its queues, its life, its end.

use std::collections::BTreeSet;
use std::fmt;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use flowmill_log::{Log, ReadError};
use flowmill_model::Queue;
use flowmill_routing::Directory;
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::builder::{Plan, WorkerBuilder};
use crate::figures::Figures;
use crate::queue::QueueServer;
use crate::reporter::Reporter;
use crate::slots::{Slots, Source};

/// Runs the tasks of some types.
pub struct Worker {
    log: Arc<dyn Log>,
    slots: Arc<Slots>,
    queues: watch::Sender<BTreeSet<Queue>>,
    figures: Figures,
    drain: Duration,
}

/// The queues that a worker serves; more can be added while it runs. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Queues(watch::Sender<BTreeSet<Queue>>);

/// How a worker ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Drained {
    /// Tasks that did not end in time and were given up.
    pub given_up: usize,
}

/// Why a worker ended by itself.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WorkerError {
    /// The log no longer says what to read.
    #[error("the queue `{queue}` cannot be served any more")]
    Log {
        /// The queue.
        queue: Queue,
        /// What the log said.
        source: ReadError,
    },
}

impl Queues {
    /// Serves `queue`, too, from now on.
    pub fn serve(&self, queue: Queue) {
        self.0.send_if_modified(|queues| queues.insert(queue));
    }

    /// The queues that are served.
    pub fn all(&self) -> BTreeSet<Queue> {
        self.0.borrow().clone()
    }
}

impl Worker {
    /// Begins to put a worker together that reads tasks from `log` and writes results to it.
    pub fn builder(log: Arc<dyn Log>) -> WorkerBuilder {
        WorkerBuilder::new(log)
    }

    pub(crate) fn new(plan: Plan) -> Self {
        let Plan { log, handlers, queues, places, drain, metrics } = plan;
        let reporter = Reporter::new(Arc::clone(&log));
        let slots = Arc::new(Slots::new(places, handlers, reporter, metrics));
        Self { log, slots, queues: watch::Sender::new(queues), figures: Figures::default(), drain }
    }

    /// What the worker does, in numbers; to be kept before it runs.
    pub fn figures(&self) -> Figures {
        self.figures.clone()
    }

    /// The queues it serves; to be kept before it runs.
    pub fn queues(&self) -> Queues {
        Queues(self.queues.clone())
    }

    /// Runs until `shutdown` is done: then takes no more tasks, leaves its groups, lets what runs
    /// finish within the bound of [`WorkerBuilder::drain_within`] (and a second more, to say what
    /// did not), and answers.
    ///
    /// Must be called within a tokio runtime. Dropping the future stops the taking at once and
    /// leaves what runs to itself.
    ///
    /// # Errors
    /// When the log ends, after the same drain.
    pub async fn run(
        self,
        shutdown: impl Future<Output = ()> + Send,
    ) -> Result<Drained, WorkerError> {
        let stop = CancellationToken::new();
        let ended = {
            let mut serving = pin!(self.serve(&stop));
            tokio::select! {
                biased;
                () = shutdown => {
                    stop.cancel();
                    serving.await
                }
                ended = &mut serving => ended,
            }
        };
        let given_up = self.slots.drain(self.drain).await;
        if given_up > 0 {
            tracing::warn!(given_up, "tasks did not end in time and were given up");
        }
        ended.map(|()| Drained { given_up })
    }

    /// Serves every queue there is or will be, until `stop` or until one of them fails; ends them
    /// all before it answers.
    async fn serve(&self, stop: &CancellationToken) -> Result<(), WorkerError> {
        let mut wanted = self.queues.subscribe();
        let directory = Directory::follow(&self.log);
        let mut served = BTreeSet::new();
        let mut serving = FuturesUnordered::new();
        let mut failed = Ok(());
        loop {
            if !stop.is_cancelled() {
                let queues = wanted.borrow_and_update().clone();
                for queue in queues.difference(&served) {
                    let (queue, directory) = (queue.clone(), directory.clone());
                    serving.push(self.serve_queue(queue, directory, stop.clone()));
                }
                served.extend(queues);
            }
            tokio::select! {
                biased;
                Some(ended) = serving.next() => if ended.is_err() {
                    stop.cancel();
                    failed = failed.and(ended);
                },
                changed = wanted.changed(), if !stop.is_cancelled() => {
                    changed.expect("this worker holds the sender");
                }
                else => return failed,
            }
        }
    }

    async fn serve_queue(
        &self,
        queue: Queue,
        directory: Directory,
        stop: CancellationToken,
    ) -> Result<(), WorkerError> {
        let counters = self.figures.counters(&queue);
        let server = QueueServer {
            log: Arc::clone(&self.log),
            slots: Arc::clone(&self.slots),
            source: Source { queue: queue.clone(), counters },
            directory,
        };
        server.serve(stop).await.map_err(|source| WorkerError::Log { queue, source })
    }
}

impl fmt::Debug for Worker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Worker")
            .field("queues", &*self.queues.borrow())
            .field("figures", &self.figures)
            .finish_non_exhaustive()
    }
}
