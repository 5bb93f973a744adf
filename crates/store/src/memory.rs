//! A store in memory, for tests, simulation and `run`.
//!
//! Deterministic: plain maps behind a lock, and every failure comes from the [`Faults`] it was
//! made with. Clones share the rows, so a process that "restarts" opens the same store again.
//! Nothing survives the process itself.

mod fault;
mod marks;
mod tables;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use flowmill_model::{ExecutionId, Sequence, ShardId, Timestamp};
use futures::FutureExt;
use parking_lot::Mutex;
use tokio::time::{Instant, sleep};

pub use fault::{Call, Fault, FaultHook, Faults, Operation};

use crate::contract::{Store, StoreError, StoreFuture};
use crate::row::{
    Checkpoint, ExecutionWrite, HistoryRow, ListPosition, ListQuery, Listing, Purge, TimerKey,
    TimerRow, Watermark, Watermarks, Write,
};
use marks::Marks;
use tables::Tables;

/// A store in memory. Clones share the rows.
#[derive(Clone, Debug, Default)]
pub struct MemoryStore {
    state: Arc<Mutex<State>>,
    faults: Faults,
}

#[derive(Debug, Default)]
struct State {
    tables: Tables,
    marks: BTreeMap<ShardId, Marks>,
    /// What a crash leaves behind, without `recent`. Kept only with a loss window.
    durable: Tables,
    /// Entries acknowledged within the loss window, oldest first.
    recent: VecDeque<(Instant, ShardId, ExecutionWrite)>,
    /// Changes whose caller was told that they are unknown, by the time they happen.
    late: BTreeMap<(Instant, u64), Change>,
    late_count: u64,
}

#[derive(Clone, Debug)]
enum Change {
    Write(ShardId, Write),
    /// With when it was asked for.
    Watermark(ShardId, Watermark, Instant),
    Purge(Purge),
}

impl MemoryStore {
    /// An empty store without faults.
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty store that misbehaves as told.
    pub fn with_faults(faults: Faults) -> Self {
        Self { state: Arc::default(), faults }
    }

    /// The same rows behind calls that go well, for a checker and for what a simulation does behind
    /// the back of its nodes.
    #[must_use]
    pub fn without_faults(&self) -> Self {
        let faults = Faults { hook: None, ..self.faults.clone() };
        Self { state: Arc::clone(&self.state), faults }
    }

    /// Loses the entries acknowledged within the loss window, except those that `survives` keeps.
    /// Watermarks survive, which is the worst case: one that is there proves nothing about its
    /// rows. Without a loss window nothing is lost.
    pub fn crash(&self, mut survives: impl FnMut(&ExecutionWrite) -> bool) {
        let Some(window) = self.faults.loss_window else {
            return;
        };
        let mut guard = self.open();
        let state = &mut *guard;
        state.recent.retain(|(_, _, entry)| survives(entry));
        for (_, shard, entry) in state.recent.drain(..) {
            state.durable.apply(shard, &entry);
        }
        state.tables = state.durable.clone();
        let now = Instant::now();
        state.marks.values_mut().for_each(|marks| marks.crash(now, window));
    }

    /// The state as of now: late changes have happened, old entries are safe.
    fn open(&self) -> parking_lot::MutexGuard<'_, State> {
        let now = Instant::now();
        let mut state = self.state.lock();
        while let Some(entry) = state.late.first_entry() {
            if entry.key().0 > now {
                break;
            }
            let change = entry.remove();
            self.apply(&mut state, &change);
        }
        if let Some(window) = self.faults.loss_window {
            state.settle(now, window);
        }
        state
    }

    fn apply(&self, state: &mut State, change: &Change) -> usize {
        let now = Instant::now();
        match change {
            Change::Write(shard, write) => {
                write.executions.iter().for_each(|entry| state.tables.apply(*shard, entry));
                if self.faults.loss_window.is_some() {
                    let entries = write.executions.iter().cloned();
                    state.recent.extend(entries.map(|entry| (now, *shard, entry)));
                }
                write.executions.len()
            }
            Change::Watermark(shard, watermark, asked) => {
                state.marks.entry(*shard).or_default().set(*watermark, *asked, now);
                1
            }
            Change::Purge(purge) => state.purge(*purge),
        }
    }

    fn change(&self, operation: Operation, shard: ShardId, change: Change) -> StoreFuture<usize> {
        let fault = self.fault(operation, Some(shard));
        let store = self.clone();
        async move {
            match fault {
                Fault::None => {}
                Fault::Slow(by) => sleep(by).await,
                Fault::Full => return Err(StoreError::Full),
                Fault::Unknown { answered, applied } => {
                    if let Some(after) = applied {
                        store.open().apply_later(after, change);
                    }
                    return Err(timed_out(answered).await);
                }
            }
            let mut state = store.open();
            Ok(store.apply(&mut state, &change))
        }
        .boxed()
    }

    fn read<T: Send + 'static>(
        &self,
        operation: Operation,
        shard: Option<ShardId>,
        read: impl FnOnce(&mut State) -> T + Send + 'static,
    ) -> StoreFuture<T> {
        let fault = self.fault(operation, shard);
        let store = self.clone();
        async move {
            match fault {
                Fault::None | Fault::Full => {}
                Fault::Slow(by) => sleep(by).await,
                Fault::Unknown { answered, .. } => return Err(timed_out(answered).await),
            }
            Ok(read(&mut store.open()))
        }
        .boxed()
    }

    fn fault(&self, operation: Operation, shard: Option<ShardId>) -> Fault {
        let call = Call { operation, shard };
        self.faults.hook.as_ref().map(|hook| hook(call)).unwrap_or_default()
    }
}

async fn timed_out(after: Duration) -> StoreError {
    sleep(after).await;
    StoreError::Unavailable("no answer in time".into())
}

impl State {
    fn apply_later(&mut self, after: Duration, change: Change) {
        self.late_count += 1;
        self.late.insert((Instant::now() + after, self.late_count), change);
    }

    /// Moves the entries that no crash can lose any more to the durable rows.
    fn settle(&mut self, now: Instant, window: Duration) {
        while let Some((at, _, _)) = self.recent.front() {
            if now.duration_since(*at) < window {
                return;
            }
            if let Some((_, shard, entry)) = self.recent.pop_front() {
                self.durable.apply(shard, &entry);
            }
        }
    }

    fn purge(&mut self, purge: Purge) -> usize {
        let due = self.tables.due(purge);
        for id in &due {
            self.tables.remove(*id);
            self.durable.remove(*id);
        }
        self.recent.retain(|(_, _, entry)| !due.contains(&entry.id));
        due.len()
    }
}

impl Store for MemoryStore {
    fn write(&self, shard: ShardId, write: Write) -> StoreFuture<()> {
        let done = self.change(Operation::Write, shard, Change::Write(shard, write));
        done.map(|answer| answer.map(drop)).boxed()
    }

    fn set_watermark(&self, shard: ShardId, watermark: Watermark) -> StoreFuture<()> {
        let change = Change::Watermark(shard, watermark, Instant::now());
        let done = self.change(Operation::SetWatermark, shard, change);
        done.map(|answer| answer.map(drop)).boxed()
    }

    fn watermarks(&self, shard: ShardId) -> StoreFuture<Option<Watermarks>> {
        let window = self.faults.loss_window;
        self.read(Operation::Watermarks, Some(shard), move |state| {
            state.marks.get_mut(&shard)?.take_over(Instant::now(), window)
        })
    }

    fn load(&self, id: ExecutionId) -> StoreFuture<Option<Checkpoint>> {
        self.read(Operation::Load, Some(id.shard()), move |state| state.tables.load(id))
    }

    fn history(
        &self,
        id: ExecutionId,
        from: Sequence,
        limit: usize,
    ) -> StoreFuture<Vec<HistoryRow>> {
        self.read(Operation::History, Some(id.shard()), move |state| {
            state.tables.history(id, from, limit)
        })
    }

    fn timers(
        &self,
        shard: ShardId,
        after: Option<TimerKey>,
        until: Timestamp,
        limit: usize,
    ) -> StoreFuture<Vec<TimerRow>> {
        self.read(Operation::Timers, Some(shard), move |state| {
            state.tables.timers(shard, after, until, limit)
        })
    }

    fn list(&self, query: ListQuery) -> StoreFuture<Vec<(ListPosition, Listing)>> {
        self.read(Operation::List, None, move |state| state.tables.list(&query))
    }

    fn purge(&self, purge: Purge) -> StoreFuture<usize> {
        self.change(Operation::Purge, purge.shard, Change::Purge(purge))
    }

    fn may_lose_acknowledged(&self) -> bool {
        self.faults.loss_window.is_some()
    }
}
