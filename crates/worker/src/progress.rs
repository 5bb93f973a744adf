//! How far a partition was worked off: what its group commits.
//!
//! Everything below a committed position is the business of time-outs; everything above it comes
//! again when this worker dies. So a position passes a task when its result is written, or when
//! the task has run for so long that its time-out, kept alive by signs of life, guards it better
//! than the topic: one slow task must not hold back the thousands behind it.
//!
//! A log that forgets its tasks when the worker's process dies brings none of them again; there a
//! task counts as soon as it runs. Who hands a partition over in good order commits what was
//! picked up, whether it has ended or not: it still lives, and ends it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use flowmill_log::Survival;
use flowmill_model::{Offset, limits};
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::Instant;

/// How far one partition was worked off.
#[derive(Debug)]
pub(crate) struct Progress {
    /// How long a task that runs holds the position back.
    patience: Duration,
    /// Told whenever the position may have moved.
    moved: Arc<Notify>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// The offset after the last record that was picked up; `None` when none was.
    picked_up: Option<Offset>,
    /// The tasks that hold the position back, and when each began.
    running: BTreeMap<Offset, Instant>,
}

/// A task that runs. Dropped when its result is written or given up.
#[derive(Debug)]
pub(crate) struct Running {
    progress: Arc<Progress>,
    offset: Offset,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.progress.state.lock().running.remove(&self.offset);
        self.progress.moved.notify_one();
    }
}

impl Progress {
    /// Nothing picked up yet, in a topic that survives so.
    pub(crate) fn new(survival: Survival, moved: Arc<Notify>) -> Self {
        let patience = match survival {
            Survival::Durable => limits::TOPIC_GUARDS_TASK,
            Survival::Derivable => Duration::ZERO,
        };
        Self { patience, moved, state: Mutex::default() }
    }

    /// The task at `offset` begins; `None` when it holds nothing back.
    pub(crate) fn begin(self: &Arc<Self>, offset: Offset) -> Option<Running> {
        if self.patience.is_zero() {
            return None;
        }
        self.state.lock().running.insert(offset, Instant::now());
        Some(Running { progress: Arc::clone(self), offset })
    }

    /// Everything up to and with `offset` was picked up.
    pub(crate) fn passed(&self, offset: Offset) {
        self.state.lock().picked_up = Some(offset.next());
        self.moved.notify_one();
    }

    /// The offset after the last record that was picked up; `None` when none was.
    pub(crate) fn picked_up(&self) -> Option<Offset> {
        self.state.lock().picked_up
    }

    /// The position that may be committed; `None` when nothing was picked up.
    pub(crate) fn done(&self) -> Option<Offset> {
        let (mut state, now) = (self.state.lock(), Instant::now());
        while let Some(first) = state.running.first_entry() {
            if now < *first.get() + self.patience {
                return Some(*first.key());
            }
            first.remove();
        }
        state.picked_up
    }

    /// When the position moves although no task ends.
    pub(crate) fn moves_at(&self) -> Option<Instant> {
        let state = self.state.lock();
        state.running.first_key_value().map(|(_, began)| *began + self.patience)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn progress(survival: Survival) -> Arc<Progress> {
        Arc::new(Progress::new(survival, Arc::default()))
    }

    fn begin(progress: &Arc<Progress>, offset: u64) -> Option<Running> {
        let offset = Offset::new(offset);
        let running = progress.begin(offset);
        progress.passed(offset);
        running
    }

    #[tokio::test(start_paused = true)]
    async fn the_position_stands_at_the_first_task_that_runs() {
        let progress = progress(Survival::Durable);
        assert_eq!(progress.done(), None);
        let [first, second, third] = [7, 8, 11].map(|offset| begin(&progress, offset));
        let check = |expect: u64| assert_eq!(progress.done(), Some(Offset::new(expect)));
        check(7);
        drop(second);
        check(7);
        drop(first);
        check(11);
        drop(third);
        check(12);
        assert_eq!(progress.moves_at(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_task_that_runs_for_long_holds_nothing_back() {
        let progress = progress(Survival::Durable);
        let _long = begin(&progress, 0);
        tokio::time::advance(Duration::from_secs(10)).await;
        let _other = begin(&progress, 1);
        assert_eq!(progress.done(), Some(Offset::new(0)));
        let moves_at = progress.moves_at().expect("a task runs");
        assert_eq!(moves_at - Instant::now(), limits::TOPIC_GUARDS_TASK - Duration::from_secs(10));
        tokio::time::advance(moves_at - Instant::now()).await;
        assert_eq!(progress.done(), Some(Offset::new(1)));
        assert_eq!(progress.picked_up(), Some(Offset::new(2)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_task_of_a_topic_that_dies_with_the_worker_holds_nothing_back() {
        let progress = progress(Survival::Derivable);
        assert!(begin(&progress, 3).is_none());
        assert_eq!(progress.done(), Some(Offset::new(4)));
    }
}
