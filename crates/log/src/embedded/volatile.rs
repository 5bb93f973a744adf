//! A partition that lives in memory only: tasks and results, which history can give again.
//!
//! A record goes when it is trimmed, too old, or picked up by every group of its topic. All such
//! partitions share one budget of bytes; when it is spent, appends are refused as on a full disk,
//! so that whoever sends waits for whoever picks up.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use flowmill_model::Offset;
use parking_lot::Mutex;
use tokio::sync::Notify;

use super::partition::{Allowance, Found, fetched};
use crate::contract::{Bounds, Header, NotWritten, ReadError, ReadLimit, Record};
use crate::topic::Retention;

/// Bytes a record takes beside its key and value.
const OVERHEAD_BYTES: usize = 96;

/// The bytes all partitions in memory may take.
pub(super) struct Budget {
    limit: usize,
    used: AtomicUsize,
}

impl Budget {
    pub(super) const fn new(limit: usize) -> Self {
        Self { limit, used: AtomicUsize::new(0) }
    }

    fn take(&self, bytes: usize) -> bool {
        let taken = |used: usize| used.checked_add(bytes).filter(|used| *used <= self.limit);
        self.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, taken).is_ok()
    }

    fn give_back(&self, bytes: usize) {
        self.used.fetch_sub(bytes, Ordering::Relaxed);
    }
}

pub(super) struct VolatilePartition {
    budget: Arc<Budget>,
    state: Mutex<State>,
    changed: Arc<Notify>,
}

struct State {
    start: u64,
    /// Every record from the start on.
    records: VecDeque<(Instant, Record)>,
    keep: Option<Duration>,
}

fn cost(record: &Record) -> usize {
    OVERHEAD_BYTES + record.headers.len() * size_of::<Header>() + record.bytes()
}

impl VolatilePartition {
    /// An empty partition whose offsets begin at `start`.
    pub(super) fn new(start: u64, retention: Retention, budget: &Arc<Budget>) -> Self {
        let state = State { start, records: VecDeque::new(), keep: keep(retention) };
        Self { budget: Arc::clone(budget), state: Mutex::new(state), changed: Arc::default() }
    }

    pub(super) fn set_retention(&self, retention: Retention) {
        self.state.lock().keep = keep(retention);
    }

    pub(super) fn append(&self, record: Record) -> Result<Offset, NotWritten> {
        let mut state = self.state.lock();
        self.expire(&mut state);
        if !self.budget.take(cost(&record)) {
            return Err(NotWritten::Full);
        }
        let offset = state.next();
        state.records.push_back((Instant::now(), record));
        drop(state);
        self.changed.notify_waiters();
        Ok(Offset::new(offset))
    }

    pub(super) fn notify(&self) {
        self.changed.notify_waiters();
    }

    pub(super) fn bounds(&self) -> Bounds {
        let state = self.state.lock();
        Bounds { start: Offset::new(state.start), end: Offset::new(state.next()) }
    }

    pub(super) fn trim(&self, before: Offset) {
        let mut state = self.state.lock();
        while state.start < before.get() && self.drop_first(&mut state) {}
    }

    pub(super) fn find(&self, from: u64, limit: ReadLimit) -> Result<Found, ReadError> {
        let changed = Arc::clone(&self.changed).notified_owned();
        let state = self.state.lock();
        let Some(first) = from.checked_sub(state.start) else {
            return Err(ReadError::OutOfRange { start: Offset::new(state.start) });
        };
        let first = usize::try_from(first).unwrap_or(usize::MAX).min(state.records.len());
        let mut left = Allowance::new(limit);
        let records = (from..).zip(state.records.range(first..));
        let found = records.map(|(offset, (_, record))| fetched(offset, record.clone()));
        let found: Vec<_> = found.take_while(|f| left.take(f.record.bytes())).collect();
        Ok(if found.is_empty() { Found::Nothing(changed) } else { Found::Memory(found) })
    }

    fn expire(&self, state: &mut State) {
        let Some(keep) = state.keep else {
            return;
        };
        while state.records.front().is_some_and(|(since, _)| since.elapsed() > keep) {
            self.drop_first(state);
        }
    }

    fn drop_first(&self, state: &mut State) -> bool {
        let Some((_, record)) = state.records.pop_front() else {
            return false;
        };
        state.start += 1;
        self.budget.give_back(cost(&record));
        true
    }
}

impl State {
    fn next(&self) -> u64 {
        self.start + self.records.len() as u64
    }
}

/// How long records stay at most. Compaction is not worth its while in memory: what is compacted
/// is kept for ever, which a derivable topic does not promise.
const fn keep(retention: Retention) -> Option<Duration> {
    match retention {
        Retention::For(time) => Some(time),
        Retention::UntilTrimmed | Retention::Compacted => None,
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;

    use super::*;

    const ALL: ReadLimit = ReadLimit { records: NonZeroUsize::MAX, bytes: usize::MAX };

    fn partition(budget: usize, retention: Retention) -> VolatilePartition {
        VolatilePartition::new(100, retention, &Arc::new(Budget::new(budget)))
    }

    fn record(bytes: usize) -> Record {
        Record::of(vec![1; bytes])
    }

    #[test]
    fn a_spent_budget_refuses_until_something_was_picked_up() {
        let partition = partition(2 * (OVERHEAD_BYTES + 10), Retention::UntilTrimmed);
        assert_eq!(partition.append(record(10)), Ok(Offset::new(100)));
        assert_eq!(partition.append(record(10)), Ok(Offset::new(101)));
        assert_eq!(partition.append(record(10)), Err(NotWritten::Full));
        partition.trim(Offset::new(101));
        assert_eq!(partition.append(record(10)), Ok(Offset::new(102)));
        assert_eq!(partition.append(record(1)), Err(NotWritten::Full));
        let start = Offset::new(101);
        assert!(
            matches!(partition.find(100, ALL), Err(ReadError::OutOfRange { start: s }) if s == start)
        );
    }

    #[test]
    fn an_old_record_goes_with_the_next_append() {
        let partition = partition(usize::MAX, Retention::For(Duration::ZERO));
        for offset in 100..103 {
            assert_eq!(partition.append(record(1)), Ok(Offset::new(offset)));
        }
        assert!(partition.bounds().start >= Offset::new(101), "{:?}", partition.bounds());
    }

    #[test]
    fn a_trim_beyond_the_end_takes_all_and_moves_nothing_else() {
        let partition = partition(usize::MAX, Retention::UntilTrimmed);
        partition.append(record(1)).expect("there is room");
        partition.trim(Offset::new(1_000));
        let end = Offset::new(101);
        assert_eq!(partition.bounds(), Bounds { start: end, end });
    }
}
