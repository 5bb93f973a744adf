//! The history of a shard, appends on their way to it, and the one rule of validity.
//!
//! An append that was sent is *on its way* until it lands at the end of the history, at any time
//! and perhaps never: late and lost appends are the same until somebody looks. One that lands and
//! stays on its way as well is a repeat by the log's client.

use crate::ids::{Epoch, NodeId, Number, Offset};
use crate::mutation::Mutation;

/// A node's claim of the shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Claim {
    pub(crate) epoch: Epoch,
    /// The node that waits for it; that of one which nobody waits for matters no longer.
    pub(crate) by: Option<NodeId>,
}

/// What one commit decided.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Batch<C> {
    pub(crate) epoch: Epoch,
    pub(crate) number: Number,
    /// As with a claim.
    pub(crate) by: Option<NodeId>,
    pub(crate) content: C,
}

/// A record of the history.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Record<C> {
    Claim(Claim),
    Batch(Batch<C>),
    /// One that nobody waits for and that cannot count: what it says matters no longer.
    Void,
}

/// The rule of validity, and what a mutation makes of it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Rule {
    stale_epochs_count: bool,
    equal_claims_are_valid: bool,
    numbers_are_ignored: bool,
}

impl Rule {
    pub(crate) fn of(mutation: Option<Mutation>) -> Self {
        Self {
            stale_epochs_count: mutation == Some(Mutation::StaleEpochs),
            equal_claims_are_valid: mutation == Some(Mutation::EqualClaims),
            numbers_are_ignored: mutation == Some(Mutation::NoBatchNumber),
        }
    }

    /// Whether a record that does not count where it stands, or would not at the end of a history
    /// that amounts to `end`, can never count.
    fn is_over<C>(self, end: &Judge, record: &Record<C>) -> bool {
        if self.stale_epochs_count || self.equal_claims_are_valid || self.numbers_are_ignored {
            return false;
        }
        match record {
            Record::Claim(claim) => claim.epoch <= end.epoch,
            Record::Batch(batch) => (batch.epoch, batch.number) <= (end.epoch, end.number),
            Record::Void => true,
        }
    }
}

/// What the records judged so far amount to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Judge {
    pub(crate) epoch: Epoch,
    pub(crate) number: Number,
    /// The offset after the last record judged.
    pub(crate) next: Offset,
}

/// What the rule says of one record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Claimed,
    Counts,
    Skipped,
    /// A number above the next one: a record is lost, and the reader stops.
    Lost,
}

impl Judge {
    /// Goes on right after the batch at `offset`.
    pub(crate) const fn after(epoch: Epoch, number: Number, offset: Offset) -> Self {
        Self { epoch, number, next: offset.next() }
    }

    /// Applies the rule to the next record.
    pub(crate) fn judge<C>(&mut self, rule: Rule, record: &Record<C>) -> Verdict {
        self.next = self.next.next();
        match record {
            Record::Claim(claim) => self.judge_claim(rule, claim),
            Record::Batch(batch) => self.judge_batch(rule, batch),
            Record::Void => Verdict::Skipped,
        }
    }

    fn judge_claim(&mut self, rule: Rule, claim: &Claim) -> Verdict {
        let equal = rule.equal_claims_are_valid && claim.epoch == self.epoch;
        if claim.epoch != self.epoch.next() && !equal {
            return Verdict::Skipped;
        }
        self.epoch = claim.epoch;
        Verdict::Claimed
    }

    fn judge_batch<C>(&mut self, rule: Rule, batch: &Batch<C>) -> Verdict {
        let stale = rule.stale_epochs_count && batch.epoch < self.epoch;
        if self.epoch == Epoch::default() || (batch.epoch != self.epoch && !stale) {
            return Verdict::Skipped;
        }
        if !rule.numbers_are_ignored && batch.number <= self.number {
            return Verdict::Skipped;
        }
        if !rule.numbers_are_ignored && batch.number > self.number.next() {
            return Verdict::Lost;
        }
        self.number = batch.number;
        Verdict::Counts
    }
}

/// A history, and what is on its way to it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Log<C> {
    pub(crate) records: Vec<Record<C>>,
    /// In order, so that two states that differ in nothing else are one.
    pub(crate) on_its_way: Vec<Record<C>>,
}

impl<C> Default for Log<C> {
    fn default() -> Self {
        Self { records: Vec::new(), on_its_way: Vec::new() }
    }
}

impl<C: Clone + Ord> Log<C> {
    /// Puts an append on its way.
    pub(crate) fn send(&mut self, record: Record<C>) {
        let at = self.on_its_way.partition_point(|other| *other < record);
        self.on_its_way.insert(at, record);
    }

    /// Has an append land.
    pub(crate) fn land(&mut self, index: usize) {
        let record = self.on_its_way.remove(index);
        self.records.push(record);
    }

    /// Has an append land that will land once more.
    pub(crate) fn land_and_stay(&mut self, index: usize) {
        let record = self.on_its_way[index].clone();
        self.records.push(record);
    }

    /// Which appends can land; of equal ones, one.
    pub(crate) fn landing(&self) -> impl Iterator<Item = usize> {
        let differs = |index: &usize| match index.checked_sub(1) {
            None => true,
            Some(before) => self.on_its_way[*index] != self.on_its_way[before],
        };
        (0..self.on_its_way.len()).filter(differs)
    }

    /// Where what a node waits for stands.
    pub(crate) fn places(&self, by: NodeId) -> impl Iterator<Item = Offset> {
        let offsets = (0..).map(Offset::new).zip(&self.records);
        offsets.filter(move |(_, record)| record.by() == Some(by)).map(|(at, _)| at)
    }

    /// Forgets who waited for a record and does no longer, and what the records say that nobody
    /// waits for and that cannot count: states that differ in nothing else are one.
    pub(crate) fn forget(&mut self, rule: Rule, waits: impl Fn(NodeId) -> bool) {
        for record in self.records.iter_mut().chain(&mut self.on_its_way) {
            record.forget_unless(&waits);
        }
        let mut judge = Judge::default();
        for record in &mut self.records {
            let verdict = judge.judge(rule, record);
            if verdict == Verdict::Skipped && record.by().is_none() && rule.is_over(&judge, record)
            {
                *record = Record::Void;
            }
        }
        for record in &mut self.on_its_way {
            if record.by().is_none() && rule.is_over(&judge, record) {
                *record = Record::Void;
            }
        }
        self.on_its_way.sort_unstable();
    }

    /// Every record with what the rule says of it, from the start.
    pub(crate) fn judged(&self, rule: Rule) -> impl Iterator<Item = (Verdict, &Record<C>)> {
        let mut judge = Judge::default();
        self.records.iter().map(move |record| (judge.judge(rule, record), record))
    }

    /// What all records amount to, by the rule as it should be.
    pub(crate) fn end(&self) -> Judge {
        let mut judge = Judge::default();
        for record in &self.records {
            judge.judge(Rule::default(), record);
        }
        judge
    }

    /// The batches that count, with their offsets, by the rule as it should be.
    pub(crate) fn valid(&self) -> impl Iterator<Item = (Offset, &Batch<C>)> {
        let offsets = (0..).map(Offset::new);
        offsets.zip(self.judged(Rule::default())).filter_map(|(at, judged)| match judged {
            (Verdict::Counts, Record::Batch(batch)) => Some((at, batch)),
            (Verdict::Claimed | Verdict::Counts | Verdict::Skipped | Verdict::Lost, _) => None,
        })
    }
}

impl<C> Record<C> {
    /// The node that waits for it.
    pub(crate) const fn by(&self) -> Option<NodeId> {
        match self {
            Self::Claim(claim) => claim.by,
            Self::Batch(batch) => batch.by,
            Self::Void => None,
        }
    }

    fn forget_unless(&mut self, waits: impl Fn(NodeId) -> bool) {
        let by = match self {
            Self::Claim(claim) => &mut claim.by,
            Self::Batch(batch) => &mut batch.by,
            Self::Void => return,
        };
        by.take_if(|by| !waits(*by));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claim(epoch: u8) -> Record<()> {
        Record::Claim(Claim { epoch: Epoch::new(epoch), by: None })
    }

    fn batch(epoch: u8, number: u8) -> Record<()> {
        let (epoch, number) = (Epoch::new(epoch), Number::new(number));
        Record::Batch(Batch { epoch, number, by: None, content: () })
    }

    #[test]
    fn only_the_next_epoch_and_the_next_number_count() {
        use Verdict::{Claimed, Counts, Lost, Skipped};
        let records = vec![
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
            batch(2, 5),
        ];
        let log = Log { records, on_its_way: vec![] };
        let verdicts: Vec<_> = log.judged(Rule::default()).map(|(verdict, _)| verdict).collect();
        let expect = [
            Skipped, Claimed, Counts, Skipped, Skipped, Counts, Claimed, Skipped, Counts, Skipped,
            Lost,
        ];
        assert_eq!(verdicts, expect);
    }
}
