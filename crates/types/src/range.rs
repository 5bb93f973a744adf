//! Ranges of numbers: all of them, or the multiples of a step, between two bounds.

use crate::number::{GREATEST_STEP, Num};

/// An end of a range.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Bound {
    pub(crate) at: Num,
    /// Whether `at` itself is in the range.
    pub(crate) inclusive: bool,
}

/// Numbers between two bounds; with a step, only its multiples.
///
/// Bounds of a range with a step are multiples themselves, unless they are huge.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Range {
    pub(crate) low: Option<Bound>,
    pub(crate) high: Option<Bound>,
    /// At most [`GREATEST_STEP`]; 1 means whole numbers.
    pub(crate) step: Option<u64>,
}

/// Ranges that two ranges have in common.
pub(crate) enum Common {
    Range(Range),
    /// The steps have no common multiple that could be kept; the range has one of them.
    Wider(Range),
}

impl Range {
    /// The range in its normal form; `None` if no number is in it.
    pub(crate) fn normal(mut self) -> Option<Self> {
        if let Some(step) = self.step {
            self.low = self.low.map(|low| first_multiple(low, step));
            self.high = self.high.map(|high| last_multiple(high, step));
        }
        let (Some(low), Some(high)) = (self.low, self.high) else { return Some(self) };
        let closed = low.inclusive && high.inclusive;
        if low.at > high.at || (low.at == high.at && !(closed && self.is_on_step(low.at))) {
            return None;
        }
        Some(self)
    }

    /// The only number of a range that has one.
    pub(crate) fn single(&self) -> Option<Num> {
        let (low, high) = (self.low?, self.high?);
        (low.at == high.at).then_some(low.at)
    }

    pub(crate) fn contains(&self, number: Num) -> bool {
        let point = Some(Bound { at: number, inclusive: true });
        self.is_on_step(number) && starts_within(point, self.low) && ends_within(point, self.high)
    }

    fn is_on_step(&self, number: Num) -> bool {
        self.step.is_none_or(|step| number.is_multiple_of(step))
    }

    /// Whether every number of this range is in `other`.
    pub(crate) fn is_within(&self, other: &Self) -> bool {
        self.steps_within(other)
            && starts_within(self.low, other.low)
            && ends_within(self.high, other.high)
    }

    fn steps_within(&self, other: &Self) -> bool {
        match (self.step, other.step) {
            (_, None) => true,
            (None, Some(_)) => false,
            (Some(own), Some(other)) => own.is_multiple_of(other),
        }
    }

    /// The numbers in both ranges, or `None`.
    pub(crate) fn common(&self, other: &Self) -> Option<Common> {
        let (step, exact) = match (self.step, other.step) {
            (Some(a), Some(b)) => {
                common_multiple(a, b).map_or((Some(a), false), |m| (Some(m), true))
            }
            (a, b) => (a.or(b), true),
        };
        let range = Self { step, ..self.narrowed(other) }.normal()?;
        Some(if exact { Common::Range(range) } else { Common::Wider(range) })
    }

    /// The range with the bounds of another as well, not yet in its normal form.
    pub(crate) fn narrowed(&self, other: &Self) -> Self {
        let low = if starts_within(self.low, other.low) { self.low } else { other.low };
        let high = if ends_within(self.high, other.high) { self.high } else { other.high };
        Self { low, high, step: self.step }
    }

    /// Whether the ranges together hold every number of this one.
    pub(crate) fn is_covered(&self, by: &[Range]) -> bool {
        let by: Vec<&Range> = by.iter().filter(|range| self.steps_within(range)).collect();
        let mut from = self.low;
        // Each turn uses up at least one range.
        for _ in 0..by.len() {
            let reach = by.iter().filter(|range| starts_within(from, range.low));
            let Some(furthest) = reach.map(|range| range.high).reduce(later_end) else {
                return false;
            };
            if ends_within(self.high, furthest) {
                return true;
            }
            let next = furthest.map(|high| Bound { at: high.at, inclusive: !high.inclusive });
            from = match (self.step, next) {
                (Some(step), Some(next)) => Some(first_multiple(next, step)),
                (None | Some(_), next) => next,
            };
        }
        false
    }

    /// The numbers of the range one by one, if there are at most `most`.
    pub(crate) fn members(&self, most: usize) -> Option<Vec<Num>> {
        let (first, last) = (self.low?, self.high?);
        let (Num::Whole(low), Num::Whole(high)) = (first.at, last.at) else { return None };
        if !(first.inclusive && last.inclusive && self.is_on_step(first.at)) {
            return None;
        }
        let step = i128::from(self.step?);
        let count = usize::try_from((high - low) / step + 1).ok()?;
        (count <= most).then(|| (0..).map(|n| Num::Whole(low + n * step)).take(count).collect())
    }
}

/// Whether a range that begins at `own` begins no earlier than one that begins at `other`.
fn starts_within(own: Option<Bound>, other: Option<Bound>) -> bool {
    let Some(other) = other else { return true };
    own.is_some_and(|own| {
        own.at > other.at || (own.at == other.at && (other.inclusive || !own.inclusive))
    })
}

/// Whether a range that ends at `own` ends no later than one that ends at `other`.
fn ends_within(own: Option<Bound>, other: Option<Bound>) -> bool {
    let Some(other) = other else { return true };
    own.is_some_and(|own| {
        own.at < other.at || (own.at == other.at && (other.inclusive || !own.inclusive))
    })
}

fn later_end(a: Option<Bound>, b: Option<Bound>) -> Option<Bound> {
    if ends_within(a, b) { b } else { a }
}

/// The bound at the first multiple of `step` from `low` on.
fn first_multiple(low: Bound, step: u64) -> Bound {
    let step = i128::from(step);
    let from = match low.at {
        Num::Whole(whole) => whole + i128::from(!low.inclusive),
        Num::Real(double) => match Num::of_double(double.ceil()) {
            Some(Num::Whole(whole)) => whole,
            Some(Num::Real(_)) | None => return low,
        },
    };
    aligned(low, from + (-from).rem_euclid(step))
}

/// The bound at the last multiple of `step` up to `high`.
fn last_multiple(high: Bound, step: u64) -> Bound {
    let step = i128::from(step);
    let to = match high.at {
        Num::Whole(whole) => whole - i128::from(!high.inclusive),
        Num::Real(double) => match Num::of_double(double.floor()) {
            Some(Num::Whole(whole)) => whole,
            Some(Num::Real(_)) | None => return high,
        },
    };
    aligned(high, to - to.rem_euclid(step))
}

/// The bound at a multiple, unless JSON could not hold that exactly.
fn aligned(bound: Bound, multiple: i128) -> Bound {
    let held = i64::try_from(multiple).is_ok() || u64::try_from(multiple).is_ok();
    if held { Bound { at: Num::Whole(multiple), inclusive: true } } else { bound }
}

fn common_multiple(a: u64, b: u64) -> Option<u64> {
    let (mut x, mut y) = (a, b);
    while y != 0 {
        (x, y) = (y, x % y);
    }
    (a / x).checked_mul(b).filter(|multiple| *multiple <= GREATEST_STEP)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(low: i128, high: i128, step: Option<u64>) -> Range {
        let bound = |at| Some(Bound { at: Num::Whole(at), inclusive: true });
        Range { low: bound(low), high: bound(high), step }
    }

    #[test]
    fn bounds_move_to_multiples() {
        let check = |given: Range, expect: Option<Range>| assert_eq!(given.normal(), expect);
        check(range(1, 10, Some(4)), Some(range(4, 8, Some(4))));
        check(range(-5, 5, Some(4)), Some(range(-4, 4, Some(4))));
        check(range(5, 7, Some(4)), None);
        check(range(7, 5, None), None);
    }

    #[test]
    fn a_range_is_covered_by_others_without_a_gap() {
        let check = |own: Range, by: &[Range], expect: bool| {
            assert_eq!(own.is_covered(by), expect, "{own:?} {by:?}");
        };
        let whole = Some(1);
        check(range(0, 9, whole), &[range(5, 9, whole), range(0, 4, whole)], true);
        check(range(0, 9, None), &[range(5, 9, None), range(0, 4, None)], false);
        check(range(0, 9, None), &[range(4, 9, None), range(0, 4, None)], true);
        check(range(0, 9, whole), &[range(6, 9, whole), range(0, 4, whole)], false);
        check(range(0, 9, None), &[range(5, 9, whole), range(0, 5, None)], false);
        check(range(0, 9, None), &[Range::default()], true);
        check(range(0, 9, None), &[], false);
    }
}
