//! A recovery from what the store shows: it must give what the log says.

use super::store::Mark;
use super::{History, State};
use crate::history::{Judge, Record};
use crate::ids::Number;
use crate::mutation::Mutation;
use crate::property::{Broken, Property};

/// Tries a recovery, and reads history from the watermark.
pub(super) fn check(state: &State, mutation: Option<Mutation>) -> Result<(), Broken> {
    let History { start, .. } = state.history;
    let watermark = state.store.watermark.shown;
    if watermark.offset >= start && watermark != Mark::default() {
        let agrees = read_from(&state.history, watermark, mutation).is_some_and(|tail| tail.agrees);
        Property::S2.unless(agrees, "a reader from the watermark does not agree with others")?;
    }
    let from = match mutation {
        Some(Mutation::MarginIgnored) => watermark,
        Some(_) | None => state.store.margin.shown,
    };
    let kept = from.offset >= start;
    Property::S6.unless(kept, "the log does not hold the record that a recovery starts from")?;
    let tail = read_from(&state.history, from, mutation);
    let tail = tail.ok_or(NOT_THERE)?;
    Property::S2.unless(tail.agrees, "a reader from the margin mark does not agree with others")?;
    fold(state, tail.first, mutation)
}

const NOT_THERE: Broken = Broken {
    property: Property::S6,
    why: "a recovery does not find the batch that the margin mark names, and stops",
};

/// What a reader finds behind a mark.
struct Tail {
    /// Whether it takes the batches for valid that a reader from the start does.
    agrees: bool,
    /// The last batch below what it finds.
    first: Number,
}

/// Reads history from a mark; `None` if the record at the mark is not the one that it names.
fn read_from(history: &History, mark: Mark, mutation: Option<Mutation>) -> Option<Tail> {
    if mark == Mark::default() {
        return Some(Tail { agrees: true, first: Number::default() });
    }
    let number = match (mutation, &history.records[mark.offset.index()]) {
        (_, Record::Claim(_) | Record::Void) => return None,
        (_, Record::Batch(batch)) if batch.epoch != mark.epoch => return None,
        (Some(Mutation::WatermarkWithoutNumber), Record::Batch(_)) => first_number(history, mark),
        (_, Record::Batch(batch)) if Some(batch.number) != mark.number => return None,
        (_, Record::Batch(batch)) => batch.number,
    };
    let judge = Judge::after(mark.epoch, number, mark.offset);
    let above = history.valid().filter(|(at, _)| *at > mark.offset);
    let agrees = history.read(judge).eq(above);
    Some(Tail { agrees, first: mark.number.unwrap_or_default() })
}

/// The number that a reader takes for the last one which only knows an epoch: that below the
/// first number it finds.
fn first_number(history: &History, mark: Mark) -> Number {
    let after = history.records.iter().skip(mark.offset.index() + 1);
    let mut of_epoch = after.filter_map(|record| match record {
        Record::Batch(batch) => (batch.epoch == mark.epoch).then_some(batch.number),
        Record::Claim(_) | Record::Void => None,
    });
    of_epoch.next().map_or(Number::default(), Number::before)
}

/// Folds the changes above the row: there must be none missing, and none twice.
fn fold(state: &State, first: Number, mutation: Option<Mutation>) -> Result<(), Broken> {
    let row = state.store.row.shown;
    Property::S6.unless(row >= first, "a recovery finds a row without changes that it needs")?;
    let last = state.history.end().number.index();
    let tail = last - first.index();
    let folded = match mutation {
        Some(Mutation::ReplayWithoutSequence) => row.index() + tail,
        Some(_) | None => row.index().max(last),
    };
    Property::S6.unless(folded == last, "a recovery applies a change twice")
}
