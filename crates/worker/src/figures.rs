//! Counts of what a worker does, by queue, for health and metrics.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use flowmill_model::Queue;
use flowmill_model::task::Outcome;
use parking_lot::Mutex;

macro_rules! figures {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// What a worker has done with the tasks of one queue since it began.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct QueueFigures {
            $($(#[$doc])* pub $name: u64,)*
        }

        /// The counters behind [`QueueFigures`].
        #[derive(Debug, Default)]
        pub(crate) struct Counters {
            $(pub(crate) $name: Counter,)*
        }

        impl Counters {
            fn read(&self) -> QueueFigures {
                QueueFigures { $($name: self.$name.get(),)* }
            }
        }
    };
}

figures! {
    /// Tasks that run now.
    active,
    /// Tasks that began to run.
    picked_up,
    /// Tasks that gave an output.
    completed,
    /// Attempts that failed, also by time-out and by panic.
    failed,
    /// Tasks that were handed back untried.
    later,
    /// Redeliveries that were dropped because the attempt was running.
    duplicates,
    /// Redeliveries that were answered from memory.
    answered_again,
    /// Late tasks of former owners that were dropped: the owner of now has sent them again.
    superseded,
    /// Records that could not be read and were passed over.
    undecodable,
    /// Results that could not be written in time.
    unwritten,
    /// Partitions that are not read any more because of a record that must not be passed over.
    stopped,
}

/// One count.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub(crate) fn add(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn take(&self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }

    fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Counters {
    pub(crate) fn ended(&self, outcome: &Outcome) {
        self.active.take();
        match outcome {
            Outcome::Running => {}
            Outcome::Completed(_) => self.completed.add(),
            Outcome::Failed(_) => self.failed.add(),
            Outcome::Later(_) => self.later.add(),
        }
    }
}

/// The figures of a worker. Clones show the same worker, also while and after it runs.
#[derive(Clone, Default)]
pub struct Figures(Arc<Mutex<BTreeMap<Queue, Arc<Counters>>>>);

impl Figures {
    /// The figures of every queue that the worker has served.
    pub fn by_queue(&self) -> BTreeMap<Queue, QueueFigures> {
        self.0.lock().iter().map(|(queue, counters)| (queue.clone(), counters.read())).collect()
    }

    /// The figures of one queue; zeros when the worker has not served it.
    pub fn of(&self, queue: &Queue) -> QueueFigures {
        self.0.lock().get(queue).map(|counters| counters.read()).unwrap_or_default()
    }

    pub(crate) fn counters(&self, queue: &Queue) -> Arc<Counters> {
        Arc::clone(self.0.lock().entry(queue.clone()).or_default())
    }
}

impl fmt::Debug for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.by_queue()).finish()
    }
}
