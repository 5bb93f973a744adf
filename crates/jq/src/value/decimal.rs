//! Decimals of any size: compared and written, never calculated with.

use std::cmp::Ordering;

/// A decimal: its digits, of which the first is not zero, times a power of ten.
#[derive(Debug)]
pub(super) struct Decimal {
    negative: bool,
    digits: Vec<u8>,
    /// The power of ten of the last digit.
    exponent: i64,
}

impl Decimal {
    pub(super) fn from_text(text: &str) -> Self {
        let negative = text.starts_with('-');
        let text = text.trim_start_matches(['-', '+']);
        let (mantissa, power) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let power = power.parse::<i64>().unwrap_or(if power.starts_with('-') {
            i64::MIN / 4
        } else {
            i64::MAX / 4
        });
        let digits = whole.bytes().chain(fraction.bytes()).skip_while(|digit| *digit == b'0');
        let power = power.clamp(i64::MIN / 4, i64::MAX / 4);
        let exponent = power - i64::try_from(fraction.len()).unwrap_or(i64::MAX / 4);
        Self { negative, digits: digits.collect(), exponent }
    }

    const fn is_zero(&self) -> bool {
        self.digits.is_empty()
    }

    /// The power of ten of the first digit.
    fn magnitude(&self) -> i64 {
        self.exponent + i64::try_from(self.digits.len()).unwrap_or(i64::MAX / 4) - 1
    }

    pub(super) fn cmp(&self, other: &Self) -> Ordering {
        let sign = |decimal: &Self| match (decimal.is_zero(), decimal.negative) {
            (true, _) => 0,
            (false, true) => -1,
            (false, false) => 1,
        };
        let by_sign = sign(self).cmp(&sign(other));
        if by_sign != Ordering::Equal || self.is_zero() {
            return by_sign;
        }
        let significant = |decimal: &Self| {
            let zeros = decimal.digits.iter().rev().take_while(|digit| **digit == b'0').count();
            decimal.digits.len() - zeros
        };
        let digits = |decimal: &Self| decimal.digits[..significant(decimal)].to_vec();
        let magnitudes = self.magnitude().cmp(&other.magnitude());
        let absolute = magnitudes.then_with(|| digits(self).cmp(&digits(other)));
        if self.negative { absolute.reverse() } else { absolute }
    }

    /// The decimal's text as General Decimal Arithmetic spells it: an exponent where there is no
    /// short form without.
    pub(super) fn to_text(&self) -> String {
        let digits: String = if self.is_zero() {
            "0".to_owned()
        } else {
            self.digits.iter().map(|digit| char::from(*digit)).collect()
        };
        let sign = if self.negative { "-" } else { "" };
        let count = i64::try_from(digits.len()).unwrap_or(i64::MAX);
        let adjusted = self.exponent.saturating_add(count - 1);
        if self.exponent > 0 || adjusted < -6 {
            let (first, rest) = digits.split_at(1);
            let point = if rest.is_empty() { "" } else { "." };
            return format!("{sign}{first}{point}{rest}E{adjusted:+}");
        }
        let point = self.exponent + count;
        match usize::try_from(point) {
            Ok(0) | Err(_) => {
                let zeros = usize::try_from(-point).unwrap_or(0);
                format!("{sign}0.{}{digits}", "0".repeat(zeros))
            }
            Ok(point) if point == digits.len() => format!("{sign}{digits}"),
            Ok(point) => format!("{sign}{}.{}", &digits[..point], &digits[point..]),
        }
    }
}
