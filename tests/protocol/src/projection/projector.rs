//! What a projector knows and what it writes next.

use super::History;
use super::store::{Mark, Write};
use crate::ids::{Epoch, Number};
use crate::mutation::Mutation;

/// The projector of one owner's term. All numbers are of batches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Projector {
    /// The owner's epoch.
    epoch: Epoch,
    /// The margin mark that it found.
    found: Number,
    /// The last batch that the owner has committed.
    pub(super) taken: Number,
    /// The rows up to here are acknowledged.
    flushed: Number,
    /// So they are, and the store has not crashed since.
    proven: Number,
    /// So they are, and a tick has passed since.
    aged: Number,
    /// The last watermark that is acknowledged.
    pub(super) watermark: Number,
    /// Those of the rows below it that were acknowledged before it: all.
    covered: Number,
    /// The last margin mark that is acknowledged.
    pub(super) margin: Number,
    /// The last that was acknowledged a tick ago.
    pub(super) safe_margin: Number,
}

impl Projector {
    /// Of an owner that found a margin mark, with everything up to its claim read.
    pub(super) fn begin(epoch: Epoch, found: Mark, last: Number) -> Self {
        let from = found.number.unwrap_or_default();
        Self {
            epoch,
            found: from,
            taken: last,
            flushed: from,
            proven: from,
            aged: from,
            watermark: from,
            covered: from,
            margin: from,
            safe_margin: Number::default(),
        }
    }

    /// What it may write next.
    pub(super) fn writes(
        &self,
        history: &History,
        now: u8,
        mutation: Option<Mutation>,
    ) -> Vec<Write> {
        let mut writes = Vec::new();
        if self.taken > self.flushed || self.taken > self.proven {
            writes.push(Write::Row(self.taken));
        }
        let rows_first = mutation != Some(Mutation::WatermarkBeforeRows);
        let most = if rows_first { self.flushed } else { self.taken };
        let later = (self.watermark.index() + 1..=most.index()).map(Number::of_index);
        writes.extend(later.map(|to| self.watermark_write(history, to, mutation)));
        if self.margin_may_move(history, now, mutation) {
            writes.push(self.margin_write(history, mutation));
        }
        writes
    }

    fn watermark_write(&self, history: &History, to: Number, mutation: Option<Mutation>) -> Write {
        let mark = history.mark(to);
        match mutation {
            Some(Mutation::WritersEpoch) => Write::Watermark(Mark { epoch: self.epoch, ..mark }),
            Some(Mutation::OneCell) => Write::Both(mark, history.mark(self.margin)),
            Some(_) | None => Write::Watermark(mark),
        }
    }

    fn margin_write(&self, history: &History, mutation: Option<Mutation>) -> Write {
        let mark = history.mark(self.watermark);
        if mutation == Some(Mutation::OneCell) {
            return Write::Both(mark, mark);
        }
        Write::Margin(mark)
    }

    fn margin_may_move(&self, history: &History, now: u8, mutation: Option<Mutation>) -> bool {
        let old_in_the_log =
            || history.batch(self.watermark).is_some_and(|(_, batch)| batch.content.0 < now);
        let old = match mutation {
            Some(Mutation::MarginByLogTime) => old_in_the_log(),
            Some(_) | None => self.covered <= self.aged,
        };
        self.watermark > self.margin && old
    }

    /// Takes in that a write was acknowledged.
    pub(super) fn wrote(&mut self, write: Write) {
        match write {
            Write::Row(row) => (self.flushed, self.proven) = (row, row),
            Write::Watermark(mark) => self.wrote_watermark(mark),
            Write::Margin(mark) => self.margin = mark.number.unwrap_or_default(),
            Write::Both(watermark, margin) => {
                self.wrote_watermark(watermark);
                self.margin = margin.number.unwrap_or_default();
            }
        }
    }

    fn wrote_watermark(&mut self, mark: Mark) {
        self.watermark = mark.number.unwrap_or_default();
        self.covered = self.watermark.min(self.flushed);
    }

    /// Time has passed. Of the margin mark that it found it knows not when it was written.
    pub(super) fn tick(&mut self) {
        self.aged = self.proven;
        if self.margin > self.found {
            self.safe_margin = self.margin;
        }
    }

    /// The store has crashed: a margin mark written just now may be missing, and the rows above it.
    pub(super) fn store_crashed(&mut self) {
        self.margin = self.safe_margin.max(self.found);
        self.proven = self.margin;
        self.aged = self.margin;
    }
}
