//! JSON numbers, compared exactly whatever they are written as.
//!
//! A number is one that 64 bits or a double hold, as everywhere in the engine. `1` and `1.0` are
//! one number. Comparing never rounds.

use std::cmp::Ordering;

use serde_json::{Number, Value};

/// Whole doubles from here on are kept as doubles: they need not fit an `i128`.
const HUGE: f64 = 8.5e37;

/// Divisors above it are not exact as doubles.
pub(crate) const GREATEST_STEP: u64 = 1 << 53;

/// A finite number.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Num {
    /// A whole number below [`HUGE`].
    Whole(i128),
    /// A fraction, or a whole number from [`HUGE`] on.
    Real(f64),
}

impl Num {
    /// The number of a JSON number; `None` for one that no double holds.
    pub(crate) fn of(number: &Number) -> Option<Self> {
        if let Some(whole) = number.as_i64() {
            return Some(Self::Whole(whole.into()));
        }
        if let Some(whole) = number.as_u64() {
            return Some(Self::Whole(whole.into()));
        }
        number.as_f64().and_then(Self::of_double)
    }

    /// The number of a double; `None` if it is not finite.
    pub(crate) fn of_double(double: f64) -> Option<Self> {
        if !double.is_finite() {
            return None;
        }
        if double.fract() == 0.0 && double.abs() < HUGE {
            return Some(Self::Whole(double as i128));
        }
        Some(Self::Real(double))
    }

    /// The number as JSON: a whole one of 64 bits as such, all others as the nearest double.
    pub(crate) fn to_value(self) -> Value {
        let double = match self {
            Self::Whole(whole) => {
                if let Ok(whole) = i64::try_from(whole) {
                    return whole.into();
                }
                if let Ok(whole) = u64::try_from(whole) {
                    return whole.into();
                }
                self.to_double()
            }
            Self::Real(double) => double,
        };
        Number::from_f64(double).map_or(Value::Null, Value::Number)
    }

    pub(crate) const fn to_double(self) -> f64 {
        match self {
            Self::Whole(whole) => whole as f64,
            Self::Real(double) => double,
        }
    }

    /// Whether it is a whole multiple of `step`, which is at most [`GREATEST_STEP`].
    pub(crate) fn is_multiple_of(self, step: u64) -> bool {
        match self {
            Self::Whole(whole) => whole % i128::from(step) == 0,
            Self::Real(double) => double.fract() == 0.0 && double % step as f64 == 0.0,
        }
    }

    /// The number moved by `by`; a huge one stays.
    pub(crate) fn moved(self, by: i128) -> Self {
        match self {
            Self::Whole(whole) => Self::Whole(whole + by),
            Self::Real(_) => Self::of_double(self.to_double() + by as f64).unwrap_or(self),
        }
    }
}

impl Ord for Num {
    fn cmp(&self, other: &Self) -> Ordering {
        match (*self, *other) {
            (Self::Whole(a), Self::Whole(b)) => a.cmp(&b),
            (Self::Real(a), Self::Real(b)) => a.total_cmp(&b),
            (Self::Whole(_), Self::Real(b)) if b >= HUGE => Ordering::Less,
            (Self::Whole(_), Self::Real(b)) if b <= -HUGE => Ordering::Greater,
            // A fraction lies above its floor and below the next whole number.
            (Self::Whole(a), Self::Real(b)) if a <= b.floor() as i128 => Ordering::Less,
            (Self::Whole(_), Self::Real(_)) => Ordering::Greater,
            (Self::Real(_), Self::Whole(_)) => other.cmp(self).reverse(),
        }
    }
}

impl PartialOrd for Num {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Num {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Num {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_compared_without_rounding() {
        let check = |a: &str, b: &str, expect: Ordering| {
            let num = |text: &str| Num::of(&text.parse().expect(text)).expect(text);
            assert_eq!(num(a).cmp(&num(b)), expect, "{a} {b}");
            assert_eq!(num(b).cmp(&num(a)), expect.reverse(), "{b} {a}");
        };
        check("1", "1.0", Ordering::Equal);
        check("0", "-0.0", Ordering::Equal);
        check("1", "1.5", Ordering::Less);
        check("-1", "-1.5", Ordering::Greater);
        check("-2", "-1.5", Ordering::Less);
        check("9007199254740993", "9007199254740992.0", Ordering::Greater);
        check("18446744073709551615", "18446744073709551616.0", Ordering::Less);
        check("18446744073709551615", "1e300", Ordering::Less);
        check("-9223372036854775808", "-1e300", Ordering::Greater);
        check("1e300", "2e300", Ordering::Less);
        check("0.1", "1e-300", Ordering::Greater);
    }

    #[test]
    fn a_multiple_is_whole() {
        let check = |a: f64, step: u64, expect: bool| {
            assert_eq!(Num::of_double(a).expect("finite").is_multiple_of(step), expect, "{a}");
        };
        check(6.0, 3, true);
        check(-6.0, 4, false);
        check(0.0, 7, true);
        check(1.5, 1, false);
        check(1e300, 2, true);
    }
}
