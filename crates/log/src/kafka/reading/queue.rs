//! What was fetched for one reader and not read yet.

use std::collections::VecDeque;
use std::task::Context;

use flowmill_model::{Offset, limits};
use futures::task::AtomicWaker;
use parking_lot::Mutex;

use crate::contract::{Fetched, ReadLimit};

/// Between the polling thread, which fills it, and one reader, which empties it.
pub(super) struct Queue {
    state: Mutex<State>,
    reader: AtomicWaker,
}

struct State {
    records: VecDeque<Fetched>,
    bytes: usize,
    /// Records below it are not for this reader.
    from: Offset,
    paused: bool,
    interrupted: bool,
}

/// What a reader finds.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Taken {
    /// Records; `resume` when the partition may be fetched again.
    Records { records: Vec<Fetched>, resume: bool },
    /// Nothing yet.
    Nothing,
    /// Nothing, and the fetching has stopped: the reader must find out where the partition begins.
    Interrupted,
}

impl Queue {
    pub(super) fn new(from: Offset) -> Self {
        let (records, bytes) = (VecDeque::new(), 0);
        let state = State { records, bytes, from, paused: false, interrupted: false };
        Self { state: Mutex::new(state), reader: AtomicWaker::new() }
    }

    /// Adds a record; says whether the partition is to be paused. The reader is not woken.
    pub(super) fn push(&self, fetched: Fetched) -> bool {
        let mut state = self.state.lock();
        if fetched.offset < state.from {
            return false;
        }
        state.from = fetched.offset.next();
        state.bytes += fetched.record.bytes();
        state.records.push_back(fetched);
        let pause = !state.paused && state.bytes > limits::KAFKA_READ_AHEAD_BYTES;
        state.paused |= pause;
        pause
    }

    /// Says that the fetching has stopped.
    pub(super) fn interrupt(&self) {
        self.state.lock().interrupted = true;
        self.wake();
    }

    pub(super) fn wake(&self) {
        self.reader.wake();
    }

    /// Takes what there is, within the limit; the task is woken when there is more.
    pub(super) fn take(&self, limit: ReadLimit, context: &Context<'_>) -> Taken {
        self.reader.register(context.waker());
        let mut state = self.state.lock();
        if state.records.is_empty() {
            let interrupted = state.interrupted;
            return if interrupted { Taken::Interrupted } else { Taken::Nothing };
        }
        let count = fitting(&state.records, limit);
        let records: Vec<_> = state.records.drain(..count).collect();
        state.bytes -= records.iter().map(|fetched| fetched.record.bytes()).sum::<usize>();
        let resume = state.paused && state.bytes <= limits::KAFKA_READ_AHEAD_BYTES / 2;
        state.paused &= !resume;
        Taken::Records { records, resume }
    }
}

/// How many of the first records fit the limit; at least one.
fn fitting(records: &VecDeque<Fetched>, limit: ReadLimit) -> usize {
    let mut bytes = 0_usize;
    let fits = |fetched: &&Fetched| {
        bytes = bytes.saturating_add(fetched.record.bytes());
        bytes <= limit.bytes
    };
    records.iter().take(limit.records.get()).take_while(fits).count().max(1)
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;

    use futures::task::noop_waker;

    use super::*;
    use crate::contract::Record;

    fn fetched(offset: u64, bytes: usize) -> Fetched {
        Fetched { offset: Offset::new(offset), record: Record::of(vec![0; bytes]) }
    }

    fn take(queue: &Queue, records: usize, bytes: usize) -> (Vec<u64>, bool) {
        let limit = ReadLimit { records: NonZeroUsize::new(records).expect("not 0"), bytes };
        match queue.take(limit, &Context::from_waker(&noop_waker())) {
            Taken::Records { records, resume } => {
                (records.iter().map(|fetched| fetched.offset.get()).collect(), resume)
            }
            Taken::Nothing | Taken::Interrupted => (Vec::new(), false),
        }
    }

    #[test]
    fn records_below_the_position_or_seen_before_are_not_given() {
        let queue = Queue::new(Offset::new(5));
        for offset in [3, 4, 5, 5, 7, 6] {
            queue.push(fetched(offset, 1));
        }
        assert_eq!(take(&queue, 9, 99), (vec![5, 7], false));
    }

    #[test]
    fn a_read_keeps_its_limits_and_gives_one_at_least() {
        let queue = Queue::new(Offset::new(0));
        for offset in 0..4 {
            queue.push(fetched(offset, 10));
        }
        assert_eq!(take(&queue, 9, 20).0, [0, 1]);
        assert_eq!(take(&queue, 1, 99).0, [2]);
        assert_eq!(take(&queue, 9, 0).0, [3]);
    }

    #[test]
    fn a_partition_is_paused_once_and_resumed_when_half_is_read() {
        let queue = Queue::new(Offset::new(0));
        let third = limits::KAFKA_READ_AHEAD_BYTES / 3;
        let paused: Vec<_> = (0..5).map(|offset| queue.push(fetched(offset, third))).collect();
        assert_eq!(paused, [false, false, false, true, false]);
        assert!(!take(&queue, 3, usize::MAX).1);
        assert!(take(&queue, 1, usize::MAX).1);
        assert!(!take(&queue, 1, usize::MAX).1);
    }

    #[test]
    fn an_interrupted_reader_gets_first_what_was_fetched() {
        let queue = Queue::new(Offset::new(0));
        queue.push(fetched(0, 1));
        queue.interrupt();
        assert_eq!(take(&queue, 9, 9).0, [0]);
        let limit = ReadLimit { records: NonZeroUsize::MIN, bytes: 1 };
        let found = queue.take(limit, &Context::from_waker(&noop_waker()));
        assert_eq!(found, Taken::Interrupted);
    }
}
