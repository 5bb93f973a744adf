//! The one rule of validity: which records of a history count.
//!
//! Owners, replayers, projectors and checkers all apply it, in log order, and so agree. A claim
//! is valid when it raises the epoch of the latest valid claim by one. A batch counts when its
//! epoch is that of the latest valid claim before it and its number is the next one. Everything
//! else is skipped: zombies, repeats, leftovers.
//!
//! **Invariant:** a batch of the current epoch with a number above the next proves that a record
//! was lost; it stops the reader and is never skipped.

use flowmill_model::history::{Batch, Claim, HistoryRecord, InputPositions, LogIdentity};
use flowmill_model::{BatchNumber, Epoch, Offset};
use flowmill_store::Watermark;

#[cfg(feature = "mutations")]
use crate::mutations::Mutation;

/// What the records judged so far amount to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judge {
    log: LogIdentity,
    epoch: Epoch,
    number: BatchNumber,
    mark: BatchNumber,
    positions: InputPositions,
    next: Offset,
    /// How the rule is broken on purpose.
    #[cfg(feature = "mutations")]
    mutation: Option<Mutation>,
}

/// What the rule says of one record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// A valid claim: a new owner from here on.
    Claimed,
    /// A batch that counts.
    Counts,
    /// A record that does not count.
    Skipped,
}

/// A history that must not be read on: somebody must act.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// A batch of the current epoch is not the next one.
    #[error(
        "batch {found} of epoch {epoch} at offset {offset} follows batch {last}: a record of the history is lost"
    )]
    Gap {
        /// The epoch of both.
        epoch: Epoch,
        /// The number found.
        found: BatchNumber,
        /// The latest batch that counts.
        last: BatchNumber,
        /// Where.
        offset: Offset,
    },
    /// A claim that belongs to another log.
    #[error("the claim at offset {0} belongs to another log: the topic was made anew or mixed up")]
    OtherLog(Offset),
}

impl Judge {
    /// Starts at the beginning of a history.
    pub fn new(log: LogIdentity) -> Self {
        Self {
            log,
            epoch: Epoch::default(),
            number: BatchNumber::default(),
            mark: BatchNumber::default(),
            positions: InputPositions::default(),
            next: Offset::default(),
            #[cfg(feature = "mutations")]
            mutation: None,
        }
    }

    /// Starts right after the batch that a watermark stands on.
    pub fn after(watermark: &Watermark) -> Self {
        Self {
            log: watermark.log,
            epoch: watermark.epoch,
            number: watermark.batch,
            mark: watermark.mark,
            positions: watermark.positions,
            next: watermark.offset.next(),
            #[cfg(feature = "mutations")]
            mutation: None,
        }
    }

    /// Applies the rule to the record at `offset`.
    pub fn judge(&mut self, offset: Offset, record: &HistoryRecord) -> Result<Verdict, Broken> {
        let verdict = match record {
            HistoryRecord::Claim(claim) => self.judge_claim(offset, claim)?,
            HistoryRecord::Batch(batch) => self.judge_batch(offset, batch)?,
        };
        self.next = offset.next();
        Ok(verdict)
    }

    fn judge_claim(&mut self, offset: Offset, claim: &Claim) -> Result<Verdict, Broken> {
        if claim.log != self.log {
            return Err(Broken::OtherLog(offset));
        }
        if claim.epoch != self.epoch.next() {
            return Ok(Verdict::Skipped);
        }
        self.epoch = claim.epoch;
        Ok(Verdict::Claimed)
    }

    fn judge_batch(&mut self, offset: Offset, batch: &Batch) -> Result<Verdict, Broken> {
        let unclaimed = self.epoch == Epoch::default();
        let stale = batch.epoch != self.epoch;
        #[cfg(feature = "mutations")]
        let stale = stale && self.mutation != Some(Mutation::StaleEpochAccepted);
        if unclaimed || stale || batch.number <= self.number {
            return Ok(Verdict::Skipped);
        }
        if batch.number != self.number.next() {
            let (epoch, found, last) = (self.epoch, batch.number, self.number);
            return Err(Broken::Gap { epoch, found, last, offset });
        }
        self.number = batch.number;
        self.mark = batch.mark;
        self.positions = batch.positions;
        Ok(Verdict::Counts)
    }

    /// Breaks the rule as the node is broken.
    #[cfg(feature = "mutations")]
    pub(crate) fn break_by(&mut self, mutation: Option<Mutation>) {
        self.mutation = mutation;
    }

    /// The epoch of the latest valid claim; 0 when there is none.
    pub const fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// The number of the latest batch that counts; 0 when there is none.
    pub const fn number(&self) -> BatchNumber {
        self.number
    }

    /// The dispatched mark in that batch.
    pub const fn mark(&self) -> BatchNumber {
        self.mark
    }

    /// The input positions after that batch.
    pub const fn positions(&self) -> InputPositions {
        self.positions
    }

    /// The offset after the last record judged.
    pub const fn next(&self) -> Offset {
        self.next
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flowmill_model::Timestamp;

    fn claim(epoch: u64) -> HistoryRecord {
        let log = LogIdentity::default();
        HistoryRecord::Claim(Claim { epoch: Epoch::new(epoch), node: "n".into(), nonce: 1, log })
    }

    fn batch(epoch: u64, number: u64) -> HistoryRecord {
        HistoryRecord::Batch(Box::new(Batch {
            epoch: Epoch::new(epoch),
            number: BatchNumber::new(number),
            generation: 0,
            at: Timestamp::default(),
            positions: InputPositions::default(),
            mark: BatchNumber::default(),
            resolved: vec![],
            deferred: vec![],
            rejected: vec![],
            transitions: vec![],
            definitions: vec![],
        }))
    }

    fn verdicts(records: &[HistoryRecord]) -> Vec<Result<Verdict, Broken>> {
        let mut judge = Judge::new(LogIdentity::default());
        let judged = |(at, record)| judge.judge(Offset::new(at), record);
        (0..).zip(records).map(judged).collect()
    }

    #[test]
    fn only_the_next_epoch_and_the_next_number_count() {
        use Verdict::{Claimed, Counts, Skipped};
        let records = [
            batch(0, 1),
            claim(1),
            batch(1, 1),
            claim(1),
            claim(3),
            batch(1, 2),
            claim(2),
            batch(1, 3),
            batch(2, 3),
            batch(2, 3),
        ];
        let expect =
            [Skipped, Claimed, Counts, Skipped, Skipped, Counts, Claimed, Skipped, Counts, Skipped];
        assert_eq!(verdicts(&records), expect.map(Ok));
    }

    #[test]
    fn a_number_above_the_next_stops_the_reader() {
        let last = verdicts(&[claim(1), batch(1, 1), batch(1, 3)]).pop();
        assert!(matches!(last, Some(Err(Broken::Gap { .. }))));
    }

    #[test]
    fn a_claim_of_another_log_stops_the_reader() {
        let mut judge = Judge::new(LogIdentity { cluster: 1, generation: 0 });
        assert_eq!(judge.judge(Offset::new(0), &claim(1)), Err(Broken::OtherLog(Offset::new(0))));
    }
}
