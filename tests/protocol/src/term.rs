//! A term of ownership, for the models that are not about who becomes owner.
//!
//! A claim is valid at once there, and what is on its way then is gone: it would not count. An
//! append is on its way until it lands or for ever; its owner may crash or give the term up
//! meanwhile. An owner that was replaced knows nothing of it and does what it still can.

use crate::history::{Batch, Claim, Judge, Log, Record, Rule, Verdict};
use crate::ids::{Epoch, Number};

/// One owner's term.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Term<C> {
    pub(crate) epoch: Epoch,
    /// The last batch that counts, as far as the owner knows.
    pub(crate) number: Number,
    /// The batch that it waits for.
    pub(crate) open: Option<Batch<C>>,
}

impl<C: Clone + Ord> Term<C> {
    /// Claims the shard, with everything read up to the claim.
    pub(crate) fn begin(log: &mut Log<C>) -> Self {
        let Judge { epoch, number, .. } = log.end();
        let epoch = epoch.next();
        log.on_its_way.clear();
        log.records.push(Record::Claim(Claim { epoch, by: None }));
        Self { epoch, number, open: None }
    }

    /// Puts a batch on its way.
    pub(crate) fn append(&mut self, log: &mut Log<C>, content: C) {
        let batch = Batch { epoch: self.epoch, number: self.number.next(), by: None, content };
        log.send(Record::Batch(batch.clone()));
        self.open = Some(batch);
    }

    /// Whether it may append: an append of an owner that was replaced would not count.
    pub(crate) fn may_append(&self, log: &Log<C>) -> bool {
        self.open.is_none() && self.is_current(log)
    }

    /// Whether the batch that it waits for counts.
    pub(crate) fn is_committed(&self, log: &Log<C>) -> bool {
        let own = |open: &Batch<C>| log.valid().any(|(_, batch)| batch == open);
        self.open.as_ref().is_some_and(own)
    }

    /// Takes the batch that it waited for as committed; answers it.
    pub(crate) fn commit(&mut self) -> Batch<C> {
        let batch = self.open.take().expect("it waits for a batch");
        self.number = batch.number;
        batch
    }

    /// Whether nobody has claimed the shard since.
    pub(crate) fn is_current(&self, log: &Log<C>) -> bool {
        log.end().epoch == self.epoch
    }
}

impl<C: Clone + Ord> Log<C> {
    /// Has an append land, if it counts; else it is gone.
    pub(crate) fn land_or_vanish(&mut self, index: usize) {
        let record = self.on_its_way.remove(index);
        let mut judge: Judge = self.end();
        if judge.judge(Rule::default(), &record) == Verdict::Counts {
            self.records.push(record);
        }
    }

    /// The valid batch with this number.
    pub(crate) fn batch(&self, number: Number) -> Option<&Batch<C>> {
        self.valid().map(|(_, batch)| batch).find(|batch| batch.number == number)
    }
}
