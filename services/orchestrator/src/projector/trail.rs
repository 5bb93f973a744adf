//! The batches that the watermark has not reached.

use std::collections::{BTreeMap, VecDeque};

use flowmill_model::BatchNumber;
use flowmill_model::history::InputRef;

#[cfg(feature = "mutations")]
use crate::mutations::Mutation;
use crate::takeover::TailBatch;

/// The batches above the watermark, and how far each has come.
#[derive(Debug, Default)]
pub(super) struct Trail {
    batches: VecDeque<TailBatch>,
    /// Deferrals that are open, with the batch that deferred each.
    deferrals: BTreeMap<InputRef, BatchNumber>,
    taken: BatchNumber,
    flushed: BatchNumber,
    /// The mark of the latest batch taken.
    mark: BatchNumber,
    /// How what bounds the watermark is broken on purpose.
    #[cfg(feature = "mutations")]
    mutation: Option<Mutation>,
}

impl Trail {
    pub(super) fn push(&mut self, batch: TailBatch) {
        for resolved in &batch.resolved {
            self.deferrals.remove(resolved);
        }
        self.deferrals.extend(batch.deferred.iter().map(|input| (*input, batch.number)));
        self.taken = batch.number;
        self.mark = batch.mark;
        self.batches.push_back(batch);
    }

    pub(super) const fn last_taken(&self) -> BatchNumber {
        self.taken
    }

    /// The last batch of which, and of all before it, the rows are there.
    pub(super) const fn last_flushed(&self) -> BatchNumber {
        self.flushed
    }

    /// Rows up to `through` are there; false when that is no news.
    pub(super) fn flushed(&mut self, through: BatchNumber) -> bool {
        let news = through > self.flushed;
        self.flushed = self.flushed.max(through);
        news
    }

    /// Breaks what bounds the watermark as the node is broken.
    #[cfg(feature = "mutations")]
    pub(super) fn break_by(&mut self, mutation: Option<Mutation>) {
        self.mutation = mutation;
    }

    /// The batch up to which the watermark may stand, and the one below which it must stay.
    #[cfg(not(feature = "mutations"))]
    fn bounds(&self) -> (BatchNumber, Option<BatchNumber>) {
        (self.flushed.min(self.mark), self.deferrals.values().min().copied())
    }

    /// The same, in a node that may be broken.
    #[cfg(feature = "mutations")]
    fn bounds(&self) -> (BatchNumber, Option<BatchNumber>) {
        let is = |mutation| self.mutation == Some(mutation);
        let flushed = if is(Mutation::WatermarkBeforeRows) { self.taken } else { self.flushed };
        let mark = if is(Mutation::WatermarkPastMark) { self.taken } else { self.mark };
        let deferral = self.deferrals.values().min().copied();
        (flushed.min(mark), deferral.filter(|_| !is(Mutation::WatermarkPastDeferral)))
    }

    /// Takes the latest batch that a watermark may stand on; `None` when it would not move.
    pub(super) fn watermark(&mut self) -> Option<TailBatch> {
        let (bound, deferral) = self.bounds();
        let stands = |batch: &TailBatch| {
            batch.number <= bound && deferral.is_none_or(|deferred| batch.number < deferred)
        };
        let mut found = None;
        while self.batches.front().is_some_and(stands) {
            found = self.batches.pop_front();
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flowmill_model::history::{InputPositions, InputTopic};
    use flowmill_model::{Epoch, Offset, Timestamp};

    fn batch(number: u64, mark: u64) -> TailBatch {
        TailBatch {
            offset: Offset::new(number + 10),
            epoch: Epoch::new(1),
            number: BatchNumber::new(number),
            at: Timestamp::default(),
            content: true,
            positions: InputPositions::default(),
            mark: BatchNumber::new(mark),
            deferred: vec![],
            resolved: vec![],
        }
    }

    fn stands_on(trail: &mut Trail) -> Option<u64> {
        trail.watermark().map(|batch| batch.number.get())
    }

    #[test]
    fn a_watermark_waits_for_rows_and_for_the_mark() {
        let mut trail = Trail::default();
        trail.push(batch(1, 0));
        trail.push(batch(2, 1));
        assert_eq!(stands_on(&mut trail), None);
        trail.flushed(BatchNumber::new(2));
        assert_eq!(stands_on(&mut trail), Some(1));
        trail.push(batch(3, 2));
        assert_eq!(stands_on(&mut trail), Some(2));
        assert_eq!(stands_on(&mut trail), None);
    }

    #[test]
    fn a_watermark_stays_below_an_open_deferral() {
        let input = InputRef { topic: InputTopic::Commands, offset: Offset::new(5) };
        let mut trail = Trail::default();
        trail.push(batch(1, 0));
        trail.push(TailBatch { deferred: vec![input], ..batch(2, 1) });
        trail.push(batch(3, 3));
        trail.flushed(BatchNumber::new(3));
        assert_eq!(stands_on(&mut trail), Some(1));
        trail.push(TailBatch { resolved: vec![input], ..batch(4, 4) });
        trail.flushed(BatchNumber::new(4));
        assert_eq!(stands_on(&mut trail), Some(4));
    }
}
