//! The cells of the store: what is shown, and what a crash leaves.

use crate::ids::{Epoch, Number, Offset};
use crate::mutation::Mutation;

/// A watermark or margin mark: a batch, as the log has it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Mark {
    /// First, so that marks are in the order of their timestamps.
    pub(super) offset: Offset,
    pub(super) epoch: Epoch,
    /// `None`: before everything; or a mutation has left it out.
    pub(super) number: Option<Number>,
}

/// A write to the store. Its timestamp is the offset of the batch that it is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Write {
    /// The row of the execution, as it is after this batch.
    Row(Number),
    Watermark(Mark),
    Margin(Mark),
    /// Both marks as one cell with the watermark's timestamp; a mutation.
    Both(Mark, Mark),
}

/// The cells that a crash empties of what was written lately.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Lost {
    pub(super) row: bool,
    pub(super) watermark: bool,
    pub(super) margin: bool,
}

/// A cell of a table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Cell<T> {
    pub(super) shown: T,
    /// What a crash leaves.
    safe: T,
}

impl<T: Copy + Ord> Cell<T> {
    /// Writes, if nothing later is there. A later mark or row is the greater one.
    fn raise(&mut self, value: T) {
        self.shown = self.shown.max(value);
    }

    const fn sync(&mut self) {
        self.safe = self.shown;
    }

    const fn lose(&mut self) {
        self.shown = self.safe;
    }

    /// Whether a crash may lose something: never, or perhaps.
    fn losses(&self) -> impl Iterator<Item = bool> + Clone + use<T> {
        let both = self.shown != self.safe;
        [false, true].into_iter().filter(move |lost| both || !lost)
    }
}

/// The tables.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Store {
    /// The last batch whose change the execution's row has.
    pub(super) row: Cell<Number>,
    pub(super) watermark: Cell<Mark>,
    pub(super) margin: Cell<Mark>,
}

impl Store {
    pub(super) fn apply(&mut self, write: Write, mutation: Option<Mutation>) {
        match write {
            Write::Row(row) if mutation == Some(Mutation::LastArrivalWins) => self.row.shown = row,
            Write::Row(row) => self.row.raise(row),
            Write::Watermark(mark) => self.watermark.raise(mark),
            Write::Margin(mark) => self.margin.raise(mark),
            Write::Both(watermark, margin) => {
                if (watermark, margin) > (self.watermark.shown, self.margin.shown) {
                    (self.watermark.shown, self.margin.shown) = (watermark, margin);
                }
            }
        }
    }

    /// Everything that a crash may lose.
    pub(super) fn losses(&self) -> impl Iterator<Item = Lost> + use<> {
        let (rows, watermarks) = (self.row.losses(), self.watermark.losses());
        let margins = self.margin.losses();
        rows.flat_map(move |row| {
            let margins = margins.clone();
            watermarks.clone().flat_map(move |watermark| {
                margins.clone().map(move |margin| Lost { row, watermark, margin })
            })
        })
    }

    /// Brings everything to the disk.
    pub(super) const fn sync(&mut self) {
        self.row.sync();
        self.watermark.sync();
        self.margin.sync();
    }

    pub(super) const fn crash(&mut self, Lost { row, watermark, margin }: Lost) {
        if row {
            self.row.lose();
        }
        if watermark {
            self.watermark.lose();
        }
        if margin {
            self.margin.lose();
        }
    }
}
