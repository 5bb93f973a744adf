//! Writes behind the log: what batches decided becomes rows, then a watermark says so.
//!
//! Changes of one execution are coalesced between two flushes, and one that has not ended is held
//! back for a little longer: most end soon, and are then written once, as they ended. When writing
//! takes long it is held back for as much longer: a store that is slow is spared what can be.
//!
//! Rows go first; a watermark is written only after every row it covers is acknowledged, never
//! passes the dispatched mark of a valid batch, and stands only where every deferral at or below it
//! is resolved.
//!
//! The engine never waits for the projector; a store that is away makes it fall behind, which the
//! shard sees in its reports.

#[cfg(test)]
mod tests;
mod trail;

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use flowmill_engine::{Execution, PendingTimer, TimerKind};
use flowmill_model::history::{LogIdentity, RecordedTransition};
use flowmill_model::{BatchNumber, ExecutionId, Offset, Sequence, ShardId, Timestamp, envelope};
use flowmill_runtime::crash;
use flowmill_store::{
    ExecutionWrite, HistoryRow, Listing, RowVersion, Store, StoreError, TimerKey, TimerRow,
    Watermark, Write,
};
use tokio::sync::mpsc;
use tokio::time::Instant;

use self::trail::Trail;
use crate::settings::Settings;
use crate::takeover::TailBatch;

/// One committed batch, as the projector takes it.
#[derive(Debug)]
pub struct Projected {
    /// The batches; one, except for the first after a take-over.
    pub batches: Vec<TailBatch>,
    /// What they changed.
    pub changes: Vec<Change>,
}

/// What a batch changed of one execution.
#[derive(Debug)]
pub struct Change {
    /// The execution.
    pub id: ExecutionId,
    /// Offset of the batch.
    pub offset: Offset,
    /// The state before, if there was one.
    pub before: Option<Arc<Execution>>,
    /// The state after.
    pub after: Arc<Execution>,
    /// The events.
    pub transitions: Vec<RecordedTransition>,
}

/// What the projector tells the shard.
#[derive(Debug)]
pub enum Report {
    /// Rows are acknowledged: each execution's events below its sequence are in the store.
    Flushed {
        /// The executions.
        executions: Vec<(ExecutionId, Sequence)>,
        /// The number of the last batch whose rows are all there.
        through: BatchNumber,
    },
    /// The watermark moved.
    Watermark(Watermark),
    /// The store is damaged; somebody must act.
    Damaged(StoreError),
}

/// The most executions of a flush. So many that have ended end the gathering of one.
const FLUSH_EXECUTIONS: usize = 1_000;

/// The longest that a slow store has what has not ended held back for, beyond what is usual. One
/// that was away for an hour is not to wait for another one.
const SPARED: Duration = Duration::from_secs(5);

/// How often the watermark moves at most.
const WATERMARK_EVERY: Duration = Duration::from_millis(500);

/// First and longest pause before a write is repeated.
const PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

/// The projector of one shard.
pub struct Projector<R> {
    store: Arc<dyn Store>,
    shard: ShardId,
    log: LogIdentity,
    report: R,
    settings: Arc<Settings>,
    pending: BTreeMap<ExecutionId, Pending>,
    /// How many of these have ended.
    ended: usize,
    /// How long the last flush took.
    took: Duration,
    trail: Trail,
    marking: Option<Marking>,
}

/// What is not yet written of one execution.
#[derive(Debug)]
struct Pending {
    /// The first batch that is not written.
    first: BatchNumber,
    /// When that was taken.
    since: Instant,
    offset: Offset,
    before: Option<Arc<Execution>>,
    after: Arc<Execution>,
    transitions: Vec<RecordedTransition>,
}

impl<R: Fn(Report) + Send + Sync> Projector<R> {
    /// Makes a projector for `shard` of the log `log`.
    pub fn new(
        store: Arc<dyn Store>,
        shard: ShardId,
        log: LogIdentity,
        settings: Arc<Settings>,
        report: R,
    ) -> Self {
        let (pending, trail) = (BTreeMap::new(), Trail::default());
        let (ended, took) = (0, Duration::ZERO);
        Self { store, shard, log, report, settings, pending, ended, took, trail, marking: None }
    }

    /// Runs until the sender is dropped, then flushes what is left and moves the watermark.
    pub async fn run(mut self, input: mpsc::UnboundedReceiver<Projected>) {
        // An error means that the store is damaged, which the shard has been told.
        drop(self.project(input).await);
    }

    async fn project(
        &mut self,
        mut input: mpsc::UnboundedReceiver<Projected>,
    ) -> Result<(), Damaged> {
        let mut marked = Instant::now();
        while self.gather(&mut input).await? {
            self.flush(self.settings.hold_back + self.took.min(SPARED)).await?;
            if self.marking.is_none() && marked.elapsed() >= WATERMARK_EVERY {
                marked = Instant::now();
                self.marking = self.move_watermark();
            }
        }
        while !self.pending.is_empty() {
            self.flush(Duration::ZERO).await?;
        }
        self.marked().await?;
        self.marking = self.move_watermark();
        self.marked().await
    }

    /// Takes in what comes until it is time to flush; false when no more will come.
    async fn gather(
        &mut self,
        input: &mut mpsc::UnboundedReceiver<Projected>,
    ) -> Result<bool, Damaged> {
        let until = Instant::now() + self.settings.flush_every;
        while let Ok(projected) = input.try_recv() {
            self.take(projected);
        }
        while self.ended < FLUSH_EXECUTIONS {
            let marking = self.marking.is_some();
            tokio::select! {
                biased;
                marked = self.marked(), if marking => marked?,
                projected = input.recv() => match projected {
                    Some(projected) => self.take(projected),
                    None => return Ok(false),
                },
                () = tokio::time::sleep_until(until) => return Ok(true),
            }
        }
        Ok(true)
    }

    /// Waits for the watermark that is being written, if one is.
    async fn marked(&mut self) -> Result<(), Damaged> {
        let Some(marking) = &mut self.marking else { return Ok(()) };
        let marked = marking.await;
        self.marking = None;
        match marked {
            Ok(watermark) => (self.report)(Report::Watermark(watermark)),
            Err(error) => return Err(self.damaged(error)),
        }
        Ok(())
    }

    fn take(&mut self, projected: Projected) {
        let Projected { batches, changes } = projected;
        let first = batches.first().map_or(self.trail.last_taken(), |batch| batch.number);
        batches.into_iter().for_each(|batch| self.trail.push(batch));
        let since = Instant::now();
        for change in changes {
            let Change { id, offset, before, after, transitions } = change;
            let fresh = || {
                let after = Arc::clone(&after);
                Pending { first, since, offset, before, after, transitions: vec![] }
            };
            let had_ended = self.pending.get(&id).is_some_and(Pending::has_ended);
            let pending = self.pending.entry(id).or_insert_with(fresh);
            pending.offset = offset;
            pending.after = after;
            pending.transitions.extend(transitions);
            self.ended += usize::from(pending.has_ended() && !had_ended);
        }
    }

    /// Takes out what has ended and what has waited for so long, the oldest first.
    fn take_due(&mut self, hold_back: Duration) -> Vec<(ExecutionId, Pending)> {
        let now = Instant::now();
        let due = self.pending.iter().filter(|(_, pending)| pending.is_due(now, hold_back));
        let mut due: Vec<_> = due.map(|(id, pending)| (pending.first, *id)).collect();
        due.sort_unstable();
        due.truncate(FLUSH_EXECUTIONS);
        let due = due.into_iter().filter_map(|(_, id)| self.pending.remove_entry(&id));
        let due: Vec<_> = due.collect();
        self.ended -= due.iter().filter(|(_, pending)| pending.has_ended()).count();
        due
    }

    /// Writes what has ended, and what has waited for so long.
    async fn flush(&mut self, hold_back: Duration) -> Result<(), Damaged> {
        let due = self.take_due(hold_back);
        let held = self.pending.values().map(|pending| pending.first).min();
        let below = |first: BatchNumber| BatchNumber::new(first.get().saturating_sub(1));
        let through = held.map_or(self.trail.last_taken(), below).max(self.trail.last_flushed());
        if due.is_empty() {
            if self.trail.flushed(through) {
                (self.report)(Report::Flushed { executions: vec![], through });
            }
            return Ok(());
        }
        let executions = due.iter().map(|(id, p)| (*id, p.after.sequence())).collect();
        let (generation, settings) = (self.log.generation, Arc::clone(&self.settings));
        let rows = due.into_iter().map(|(id, pending)| pending.row(id, generation, &settings));
        let write = Write { executions: rows.collect() };
        let (store, shard) = (Arc::clone(&self.store), self.shard);
        let begun = Instant::now();
        let written = until_done(shard, || store.write(shard, write.clone())).await;
        self.took = begun.elapsed();
        written.map_err(|error| self.damaged(error))?;
        crash::point("rows-written");
        self.trail.flushed(through);
        (self.report)(Report::Flushed { executions, through });
        Ok(())
    }

    /// Begins to write the watermark, when there is a later batch that it may stand on. Rows go
    /// on being written meanwhile: a watermark waits for the disk.
    fn move_watermark(&mut self) -> Option<Marking> {
        #[cfg(feature = "mutations")]
        self.trail.break_by(self.settings.mutation);
        let batch = self.trail.watermark()?;
        let watermark = Watermark {
            log: self.log,
            offset: batch.offset,
            epoch: batch.epoch,
            batch: batch.number,
            positions: batch.positions,
            mark: batch.mark,
            timer_cursor: Timestamp::default(),
        };
        let (store, shard) = (Arc::clone(&self.store), self.shard);
        Some(Box::pin(async move {
            until_done(shard, || store.set_watermark(shard, watermark)).await?;
            crash::point("watermark-written");
            Ok(watermark)
        }))
    }

    fn damaged(&self, error: StoreError) -> Damaged {
        (self.report)(Report::Damaged(error));
        Damaged
    }
}

/// The store is damaged; the shard has been told.
struct Damaged;

/// A watermark on its way.
type Marking = Pin<Box<dyn Future<Output = Result<Watermark, StoreError>> + Send>>;

/// Repeats `call` until the store has done it; an error means that it never will.
async fn until_done(
    shard: ShardId,
    call: impl Fn() -> flowmill_store::StoreFuture<()>,
) -> Result<(), StoreError> {
    let (mut pause, longest) = PAUSES;
    loop {
        match call().await {
            Ok(()) => return Ok(()),
            Err(error @ StoreError::Damaged(_)) => return Err(error),
            Err(error @ (StoreError::Unavailable(_) | StoreError::Full)) => {
                tracing::warn!(%shard, %error, "the projection waits");
            }
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(longest);
    }
}

impl Pending {
    /// Whether it is to be written now: nothing more will change, or it has waited long enough.
    fn is_due(&self, now: Instant, hold_back: Duration) -> bool {
        self.has_ended() || now.duration_since(self.since) >= hold_back
    }

    fn has_ended(&self) -> bool {
        self.after.ended_at().is_some()
    }

    fn row(self, id: ExecutionId, generation: u8, settings: &Settings) -> ExecutionWrite {
        let before = self.before.as_deref().map(timer_rows).unwrap_or_default();
        let after = timer_rows(&self.after);
        let new = after.iter().filter(|row| !before.contains(row));
        let gone = before.iter().filter(|row| !after.contains(row));
        let listing = listing(&self.after);
        let namespace = &listing.flow.flow.namespace;
        let purge_at = listing.ended_at.map(|end| settings.retention.purge_at(namespace, end));
        ExecutionWrite {
            id,
            version: RowVersion::of(generation, self.offset),
            sequence: self.after.sequence(),
            checkpoint: Bytes::from(self.after.encode()),
            history: history_row(&self.transitions),
            listing,
            purge_at,
            timers_set: new.copied().collect(),
            timers_cleared: gone.map(|row| row.key).collect(),
        }
    }
}

/// The pending timers of an execution, as rows.
pub(crate) fn timer_rows(execution: &Execution) -> Vec<TimerRow> {
    let row = |timer: PendingTimer| TimerRow {
        key: TimerKey { due: timer.due, execution: execution.id(), timer: timer.id },
        task: timer.kind == TimerKind::Attempt,
    };
    execution.timers().map(row).collect()
}

fn history_row(transitions: &[RecordedTransition]) -> Option<HistoryRow> {
    let first = transitions.first()?.transition.first;
    let count = transitions.iter().map(|recorded| recorded.transition.count).sum();
    let mut blob = Vec::with_capacity(256);
    transitions.iter().for_each(|recorded| envelope::write(recorded, &mut blob));
    Some(HistoryRow { first, count, blob: blob.into() })
}

fn listing(execution: &Execution) -> Listing {
    let flow = execution.flow().expect("an execution with events has started").0.clone();
    let started_at = execution.started_at().unwrap_or_default();
    let (status, ended_at) = (crate::view::status(execution), execution.ended_at());
    Listing { flow, status, started_at, ended_at }
}
