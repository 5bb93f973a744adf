//! Numbers: exact where they can be.
//!
//! Whole numbers of 64 bits are exact, and so are sums, differences and products of them that fit.
//! What else a text spells keeps its digits until somebody calculates with it. Everything else is
//! a double.

use std::cmp::Ordering;
use std::sync::Arc;

use super::decimal::Decimal;

/// A number.
#[derive(Clone, Debug)]
pub enum Number {
    /// A whole number.
    Int(i64),
    /// A double, possibly infinite or not a number.
    Float(f64),
    /// A number with the digits that it was written with.
    Literal(Arc<Literal>),
}

/// A number with the digits that it was written with.
#[derive(Debug)]
pub struct Literal {
    text: Box<str>,
    value: f64,
}

impl Literal {
    /// The digits.
    pub fn text(&self) -> &str {
        &self.text
    }
}

impl Number {
    /// A number from its text, which must be one in JSON or in jq.
    pub fn from_text(text: &str) -> Self {
        if let Ok(whole) = text.parse::<i64>() {
            return Self::Int(whole);
        }
        let value = text.parse().unwrap_or(f64::NAN);
        Self::Literal(Arc::new(Literal { text: text.into(), value }))
    }

    /// A whole number where the double is one that is exact.
    pub(crate) fn from_double(value: f64) -> Self {
        const EXACT: f64 = 9_007_199_254_740_992.0;
        if value.fract() == 0.0 && value.abs() <= EXACT {
            return Self::Int(value as i64);
        }
        Self::Float(value)
    }

    /// The nearest double.
    pub fn as_f64(&self) -> f64 {
        match self {
            Self::Int(value) => *value as f64,
            Self::Float(value) => *value,
            Self::Literal(literal) => literal.value,
        }
    }

    /// How many bytes of digits it keeps.
    pub(crate) fn digits(&self) -> usize {
        match self {
            Self::Int(_) | Self::Float(_) => 0,
            Self::Literal(literal) => literal.text.len(),
        }
    }

    pub(crate) fn is_nan(&self) -> bool {
        self.as_f64().is_nan()
    }

    /// The order of numbers, in which not-a-number is below all others and itself.
    pub(crate) fn compare(&self, other: &Self) -> Ordering {
        if let (Self::Int(one), Self::Int(other)) = (self, other) {
            return one.cmp(other);
        }
        let doubles = self.as_f64().partial_cmp(&other.as_f64());
        match doubles {
            None if self.is_nan() => Ordering::Less,
            None => Ordering::Greater,
            Some(_) => match (self.decimal(), other.decimal()) {
                (Some(one), Some(other)) => one.cmp(&other),
                (None, _) | (_, None) => doubles.unwrap_or(Ordering::Equal),
            },
        }
    }

    pub(crate) fn is_identical(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Float(one), Self::Float(other)) => one.to_bits() == other.to_bits(),
            (Self::Literal(one), Self::Literal(other)) => Arc::ptr_eq(one, other),
            (Self::Int(_) | Self::Float(_) | Self::Literal(_), _) => {
                self.compare(other) == Ordering::Equal
            }
        }
    }

    pub(crate) fn plus(&self, other: &Self) -> Self {
        self.calculated(other, i64::checked_add, |one, other| one + other)
    }

    /// The result for whole numbers if it is one of 64 bits, or else for doubles.
    pub(crate) fn calculated(
        &self,
        other: &Self,
        whole: impl FnOnce(i64, i64) -> Option<i64>,
        double: impl FnOnce(f64, f64) -> f64,
    ) -> Self {
        if let (Self::Int(one), Self::Int(other)) = (self, other)
            && let Some(result) = whole(*one, *other)
        {
            return Self::Int(result);
        }
        Self::Float(double(self.as_f64(), other.as_f64()))
    }

    pub(crate) fn negated(&self) -> Self {
        match self {
            Self::Int(value) => {
                value.checked_neg().map_or_else(|| Self::Float(-(*value as f64)), Self::Int)
            }
            Self::Float(value) => Self::Float(-value),
            Self::Literal(literal) => {
                let text = match literal.text.strip_prefix('-') {
                    Some(text) => text.to_owned(),
                    None => format!("-{}", literal.text),
                };
                let value = -literal.value;
                Self::Literal(Arc::new(Literal { text: text.into(), value }))
            }
        }
    }

    pub(crate) fn absolute(&self) -> Self {
        if self.as_f64() < 0.0 { self.negated() } else { self.clone() }
    }

    /// What is exact, as a decimal.
    fn decimal(&self) -> Option<Decimal> {
        match self {
            Self::Int(value) => Some(Decimal::from_text(&value.to_string())),
            Self::Float(_) => None,
            Self::Literal(literal) => Some(Decimal::from_text(&literal.text)),
        }
    }
}
