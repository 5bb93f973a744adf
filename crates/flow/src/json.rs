//! One JSON value as expressions see it.
//!
//! A value is read from text once, shared while it is passed along, and written back as compact
//! text. Reading is strict (RFC 8259) and bounded in depth; writing is deterministic and gives
//! valid JSON whatever an expression produced: not-a-number becomes `null`, infinities become the
//! largest finite number, as in jq. Integers of any size and decimals keep their digits.

mod read;
mod write;

use std::fmt;

use bytes::Bytes;
use flowmill_jq::{Number, Text, Value};

pub use read::JsonError;
pub(crate) use read::{Event, Reader, line_and_column};
pub(crate) use write::{Unfit, check_fit};

/// One JSON value. Cheap to clone: arrays and objects are shared.
#[derive(Clone, Default, PartialEq)]
pub struct Json(Value);

impl Json {
    /// Reads JSON text.
    pub fn parse(text: &[u8]) -> Result<Self, JsonError> {
        read::value(text).map(Self)
    }

    /// The value as compact JSON text.
    pub fn to_bytes(&self) -> Bytes {
        let mut out = Vec::with_capacity(128);
        self.write_to(&mut out);
        out.into()
    }

    /// Appends the value as compact JSON text to `out`.
    pub fn write_to(&self, out: &mut Vec<u8>) {
        write::value(&self.0, out);
    }

    /// The value as compact JSON text, its keys in alphabetical order at every level and its
    /// numbers in one spelling, so that equal values have equal text.
    pub(crate) fn to_canonical_bytes(&self) -> Bytes {
        let mut out = Vec::with_capacity(1024);
        write::canonical(&self.0, &mut out);
        out.into()
    }

    /// `null`.
    pub const fn null() -> Self {
        Self(Value::Null)
    }

    /// A string.
    pub fn string(text: impl AsRef<str>) -> Self {
        Self(Value::from(text.as_ref()))
    }

    /// An array.
    pub fn array(items: impl IntoIterator<Item = Json>) -> Self {
        Self(Value::array(items.into_iter().map(|item| item.0).collect()))
    }

    /// An object; of two entries with one key the later counts.
    pub fn object<K: AsRef<str>>(entries: impl IntoIterator<Item = (K, Json)>) -> Self {
        let entry = |(key, value): (K, Json)| (Text::from(key.as_ref()), value.0);
        Self(Value::object(entries.into_iter().map(entry)))
    }

    /// Whether the value is `null`.
    pub const fn is_null(&self) -> bool {
        matches!(self.0, Value::Null)
    }

    /// The text of a string.
    pub fn as_str(&self) -> Option<&str> {
        self.0.as_str()
    }

    /// The value of a boolean.
    pub const fn as_bool(&self) -> Option<bool> {
        if let Value::Bool(value) = self.0 { Some(value) } else { None }
    }

    /// The value of a whole number from 0 to 2^63-1.
    pub fn as_u64(&self) -> Option<u64> {
        const BEYOND: f64 = 9_223_372_036_854_775_808.0;
        match &self.0 {
            Value::Number(Number::Int(whole)) => u64::try_from(*whole).ok(),
            Value::Number(number @ (Number::Float(_) | Number::Literal(_))) => {
                let double = number.as_f64();
                (double.fract() == 0.0 && (0.0..BEYOND).contains(&double)).then_some(double as u64)
            }
            Value::Null
            | Value::Bool(_)
            | Value::String(_)
            | Value::Array(_)
            | Value::Object(_) => None,
        }
    }

    /// The value of a number, rounded to the nearest one that a double holds.
    pub fn as_f64(&self) -> Option<f64> {
        if let Value::Number(number) = &self.0 { Some(number.as_f64()) } else { None }
    }

    /// The value under `key` of an object.
    pub fn get(&self, key: &str) -> Option<Json> {
        let Value::Object(entries) = &self.0 else { return None };
        entries.get(key).cloned().map(Self)
    }

    /// The items of an array, in order.
    pub fn items(&self) -> Option<impl ExactSizeIterator<Item = Json> + '_> {
        let Value::Array(items) = &self.0 else { return None };
        Some(items.iter().cloned().map(Self))
    }

    /// The entries of an object, in order.
    pub fn entries(&self) -> Option<impl Iterator<Item = (String, Json)> + '_> {
        let Value::Object(entries) = &self.0 else { return None };
        Some(entries.iter().map(|(key, value)| (key.as_str().to_owned(), Self(value.clone()))))
    }

    /// What kind of value it is, in words.
    pub const fn kind(&self) -> &'static str {
        match self.0 {
            Value::Null => "null",
            Value::Bool(_) => "a boolean",
            Value::Number(_) => "a number",
            Value::String(_) => "a string",
            Value::Array(_) => "an array",
            Value::Object(_) => "an object",
        }
    }

    pub(crate) const fn from_value(value: Value) -> Self {
        Self(value)
    }

    pub(crate) const fn value(&self) -> &Value {
        &self.0
    }
}

impl fmt::Debug for Json {
    /// Shows the kind and never the content: a value may be private.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Json({})", self.kind())
    }
}

impl From<bool> for Json {
    fn from(value: bool) -> Self {
        Self(Value::Bool(value))
    }
}

impl From<u64> for Json {
    fn from(value: u64) -> Self {
        Self(Value::Number(Number::from_text(&value.to_string())))
    }
}

impl From<&str> for Json {
    fn from(value: &str) -> Self {
        Self::string(value)
    }
}

impl From<&serde_json::Value> for Json {
    fn from(value: &serde_json::Value) -> Self {
        use serde_json::Value as Other;
        match value {
            Other::Null => Self::null(),
            Other::Bool(value) => Self::from(*value),
            Other::Number(number) => Self(Value::Number(Number::from_text(&number.to_string()))),
            Other::String(text) => Self::string(text),
            Other::Array(items) => Self::array(items.iter().map(Self::from)),
            Other::Object(entries) => {
                Self::object(entries.iter().map(|(key, value)| (key, Self::from(value))))
            }
        }
    }
}

impl From<serde_json::Value> for Json {
    fn from(value: serde_json::Value) -> Self {
        Self::from(&value)
    }
}

impl From<&Json> for serde_json::Value {
    fn from(value: &Json) -> Self {
        match &value.0 {
            Value::Null => Self::Null,
            Value::Bool(value) => Self::Bool(*value),
            Value::Number(number) => plain_number(number).map_or(Self::Null, Self::Number),
            Value::String(text) => Self::String(text.as_str().to_owned()),
            Value::Array(_) => {
                Self::Array(value.items().into_iter().flatten().map(Self::from).collect())
            }
            Value::Object(_) => {
                let entries = value.entries().into_iter().flatten();
                Self::Object(entries.map(|(key, value)| (key, Self::from(value))).collect())
            }
        }
    }
}

impl From<Json> for serde_json::Value {
    fn from(value: Json) -> Self {
        (&value).into()
    }
}

/// A number as `serde_json` holds it: 64 bits, or the nearest double. `None` for what is written as
/// `null`.
fn plain_number(number: &Number) -> Option<serde_json::Number> {
    let mut text = Vec::new();
    write::number(number, &mut text);
    let text = std::str::from_utf8(&text).expect("numbers are written in ASCII");
    if let Ok(whole) = text.parse::<i64>() {
        return Some(whole.into());
    }
    if let Ok(whole) = text.parse::<u64>() {
        return Some(whole.into());
    }
    serde_json::Number::from_f64(text.parse::<f64>().ok()?.clamp(f64::MIN, f64::MAX))
}

#[cfg(test)]
mod tests;
