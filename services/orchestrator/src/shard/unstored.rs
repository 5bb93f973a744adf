//! Which committed batches are not wholly in the store, and how old the oldest of them is.
//!
//! A batch is in the store once a watermark covers it: then its rows are there, and a recovery need
//! not read it. Batches that decided nothing do not count: the last one of a shard at rest only says
//! that the outputs of the others are sent, and no watermark ever covers it.

use std::collections::VecDeque;
use std::time::Duration;

use flowmill_model::{BatchNumber, Timestamp};

use crate::takeover::TailBatch;

/// Batches committed within this time are taken together: the age of the oldest is right to it.
const TOGETHER: Duration = Duration::from_millis(100);

/// Groups of batches that are remembered: an hour's worth. Of a shard that is further behind the
/// age is told too high for a while as it catches up.
const GROUPS: usize = 36_000;

/// The batches that are not in the store.
#[derive(Debug, Default)]
pub(crate) struct Unstored {
    groups: VecDeque<Group>,
}

/// Batches that were committed one shortly after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Group {
    /// When the first was decided.
    since: Timestamp,
    last: BatchNumber,
}

impl Unstored {
    /// The batches of `tail` that are above a watermark.
    pub(crate) fn found(tail: &[TailBatch], watermark: BatchNumber) -> Self {
        let mut unstored = Self::default();
        let above = tail.iter().filter(|batch| batch.number > watermark);
        above.for_each(|batch| unstored.committed(batch));
        unstored
    }

    /// A batch is committed.
    pub(crate) fn committed(&mut self, batch: &TailBatch) {
        if !batch.content {
            return;
        }
        let full = self.groups.len() >= GROUPS;
        match self.groups.back_mut() {
            Some(group) if full || batch.at.since(group.since) < TOGETHER => {
                group.last = batch.number;
            }
            Some(_) | None => {
                self.groups.push_back(Group { since: batch.at, last: batch.number });
            }
        }
    }

    /// The watermark stands on `through`.
    pub(crate) fn stored(&mut self, through: BatchNumber) {
        while self.groups.front().is_some_and(|group| group.last <= through) {
            self.groups.pop_front();
        }
    }

    /// When the oldest batch was decided that is not in the store; `None` when all are.
    pub(crate) fn since(&self) -> Option<Timestamp> {
        self.groups.front().map(|group| group.since)
    }
}

#[cfg(test)]
mod tests {
    use flowmill_model::history::InputPositions;
    use flowmill_model::{Epoch, Offset};

    use super::*;

    fn batch(number: u64, at_ms: u64) -> TailBatch {
        TailBatch {
            offset: Offset::new(number),
            epoch: Epoch::new(1),
            number: BatchNumber::new(number),
            at: Timestamp::from_millis(at_ms),
            content: true,
            positions: InputPositions::default(),
            mark: BatchNumber::default(),
            deferred: vec![],
            resolved: vec![],
        }
    }

    #[track_caller]
    fn check(unstored: &Unstored, since_ms: Option<u64>) {
        assert_eq!(unstored.since(), since_ms.map(Timestamp::from_millis));
    }

    #[test]
    fn the_oldest_batch_above_the_watermark_counts() {
        let mut unstored = Unstored::default();
        check(&unstored, None);
        unstored.committed(&batch(1, 1_000));
        unstored.committed(&batch(2, 2_000));
        check(&unstored, Some(1_000));
        unstored.stored(BatchNumber::new(1));
        check(&unstored, Some(2_000));
        unstored.stored(BatchNumber::new(2));
        check(&unstored, None);
    }

    #[test]
    fn a_shard_at_rest_is_behind_with_nothing() {
        let mut unstored = Unstored::default();
        unstored.committed(&batch(1, 1_000));
        unstored.committed(&TailBatch { content: false, ..batch(2, 2_000) });
        unstored.stored(BatchNumber::new(1));
        check(&unstored, None);
    }

    #[test]
    fn batches_that_were_found_count_from_when_they_were_decided() {
        let tail = [batch(7, 1_000), batch(8, 5_000), batch(9, 9_000)];
        check(&Unstored::found(&tail, BatchNumber::new(7)), Some(5_000));
        check(&Unstored::found(&tail, BatchNumber::new(9)), None);
    }

    #[test]
    fn batches_in_quick_succession_are_one_until_the_last_is_stored() {
        let mut unstored = Unstored::default();
        (1..=50).for_each(|number| unstored.committed(&batch(number, 1_000 + number)));
        assert_eq!(unstored.groups.len(), 1);
        unstored.stored(BatchNumber::new(49));
        check(&unstored, Some(1_001));
        unstored.stored(BatchNumber::new(50));
        check(&unstored, None);
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut unstored = Unstored::default();
        let last = GROUPS as u64 + 10;
        (1..=last).for_each(|number| unstored.committed(&batch(number, number * 1_000)));
        assert_eq!(unstored.groups.len(), GROUPS);
        unstored.stored(BatchNumber::new(last - 1));
        assert!(unstored.since().is_some());
        unstored.stored(BatchNumber::new(last));
        check(&unstored, None);
    }
}
