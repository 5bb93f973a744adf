//! How the queues of tasks stand: what runs here, what waits to be picked up.
//!
//! A log in this process says at once what waits. One elsewhere is asked in the background, and what
//! it said last counts: whoever reads metrics waits for no broker.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use flowmill_gateway::QueueFigures;
use flowmill_log::{Log, Partition, ReadError, Topic, worker_group};
use flowmill_model::{Offset, Queue};
use flowmill_worker_sdk::Figures;
use futures::FutureExt;
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::timeout;

/// Pause between two looks at all queues: below what metrics are scraped at, and long beside the
/// two requests to the brokers that each partition costs.
const LOOK_AGAIN: Duration = Duration::from_secs(5);

/// How long one partition may take to be looked at, so that one without a leader leaves the other
/// queues their figures.
const ANSWER: Duration = Duration::from_secs(5);

/// Knows every queue that a deployed flow names. Cheap to clone.
#[derive(Clone)]
pub(crate) struct QueueWatch {
    log: Arc<dyn Log>,
    figures: Figures,
    /// What waited when it was looked at last; nothing before that.
    known: Arc<Mutex<BTreeMap<Queue, Option<u64>>>>,
    news: Arc<Notify>,
}

impl QueueWatch {
    /// Watches the queues of `log`, some of which the worker with these figures serves.
    pub(crate) fn new(log: Arc<dyn Log>, figures: Figures) -> Self {
        Self { log, figures, known: Arc::default(), news: Arc::default() }
    }

    /// Adds a queue.
    pub(crate) fn know(&self, queue: &Queue) {
        let mut known = self.known.lock();
        if !known.contains_key(queue) {
            known.insert(queue.clone(), None);
            self.news.notify_one();
        }
    }

    /// How every queue stands, also those that no worker here serves.
    pub(crate) fn figures(&self) -> Vec<QueueFigures> {
        let mut queues = self.known.lock().clone();
        let active = self.figures.by_queue();
        for queue in active.keys() {
            queues.entry(queue.clone()).or_default();
        }
        let figures = queues.into_iter().map(|(queue, seen)| QueueFigures {
            active: active.get(&queue).map_or(0, |figures| figures.active),
            waiting: waiting(self.log.as_ref(), &queue)
                .now_or_never()
                .and_then(Result::ok)
                .or(seen),
            queue: queue.to_string(),
        });
        figures.collect()
    }

    /// Looks at every queue, again and again. Ends when it is aborted.
    pub(crate) async fn look(self) {
        loop {
            let queues: Vec<_> = self.known.lock().keys().cloned().collect();
            for queue in queues {
                match waiting(self.log.as_ref(), &queue).await {
                    Ok(seen) => drop(self.known.lock().insert(queue, Some(seen))),
                    // The last figure stands until there is a new one.
                    Err(error) => tracing::debug!(%queue, %error, "what waits is not known now"),
                }
            }
            // A queue that has just come to be known is looked at without delay.
            drop(timeout(LOOK_AGAIN, self.news.notified()).await);
        }
    }
}

/// Tasks above the positions that the queue's workers have committed.
async fn waiting(log: &dyn Log, queue: &Queue) -> Result<u64, ReadError> {
    let topic = Topic::Tasks(queue.clone());
    // A queue's topic is made for its first task.
    let partitions = log.partitions(&topic).unwrap_or_default();
    let group = worker_group(queue);
    let mut waiting = 0;
    for number in 0..partitions {
        let partition = Partition::new(topic.clone(), number);
        let asked = async {
            let bounds = log.bounds(&partition).await?;
            Ok::<_, ReadError>((bounds, log.committed(&group, &partition).await?))
        };
        let slow = |_| ReadError::Unavailable(format!("{partition} takes too long"));
        let (bounds, committed) = timeout(ANSWER, asked).await.map_err(slow).flatten()?;
        let picked_up = committed.map_or(bounds.start, |next: Offset| next.max(bounds.start));
        waiting += bounds.end.get().saturating_sub(picked_up.get());
    }
    Ok(waiting)
}
