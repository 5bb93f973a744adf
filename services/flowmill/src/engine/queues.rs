//! How the queues of tasks stand: what runs here, what waits to be picked up.

use std::collections::BTreeSet;
use std::sync::Arc;

use flowmill_gateway::QueueFigures;
use flowmill_log::{Log, Partition, Topic, worker_group};
use flowmill_model::{Offset, Queue};
use flowmill_worker_sdk::Figures;
use futures::FutureExt;
use parking_lot::Mutex;

/// Knows every queue that a deployed flow names. Cheap to clone.
#[derive(Clone)]
pub(crate) struct QueueWatch {
    log: Arc<dyn Log>,
    figures: Figures,
    known: Arc<Mutex<BTreeSet<Queue>>>,
}

impl QueueWatch {
    /// Watches the queues of `log`, some of which the worker with these figures serves.
    pub(crate) fn new(log: Arc<dyn Log>, figures: Figures) -> Self {
        Self { log, figures, known: Arc::default() }
    }

    /// Adds a queue.
    pub(crate) fn know(&self, queue: &Queue) {
        let mut known = self.known.lock();
        if !known.contains(queue) {
            known.insert(queue.clone());
        }
    }

    /// How every queue stands, also those that no worker here serves.
    pub(crate) fn figures(&self) -> Vec<QueueFigures> {
        let mut queues = self.known.lock().clone();
        let active = self.figures.by_queue();
        queues.extend(active.keys().cloned());
        let figures = queues.iter().map(|queue| QueueFigures {
            queue: queue.to_string(),
            active: active.get(queue).map_or(0, |figures| figures.active),
            waiting: self.waiting(queue),
        });
        figures.collect()
    }

    /// Tasks above the positions that the queue's workers have committed.
    fn waiting(&self, queue: &Queue) -> u64 {
        let topic = Topic::Tasks(queue.clone());
        let partitions = self.log.partitions(&topic).unwrap_or_default();
        let group = worker_group(queue);
        let waiting = (0..partitions).filter_map(|number| {
            let partition = Partition::new(topic.clone(), number);
            // A log in this process answers at once.
            let bounds = self.log.bounds(&partition).now_or_never()?.ok()?;
            let committed = self.log.committed(&group, &partition).now_or_never()?.ok()?;
            let picked_up = committed.map_or(bounds.start, |next: Offset| next.max(bounds.start));
            Some(bounds.end.get().saturating_sub(picked_up.get()))
        });
        waiting.sum()
    }
}
