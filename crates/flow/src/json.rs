//! One JSON value as expressions see it.
//!
//! A value is read from text once, shared while it is passed along, and written back as compact
//! text. Reading is strict (RFC 8259) and bounded in depth; writing is deterministic and gives
//! valid JSON whatever an expression produced: not-a-number becomes `null`, infinities become the
//! largest finite number, as in jq. Integers of any size and decimals keep their digits.

mod read;
mod write;

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use jaq_json::{Num, Val};

pub use read::JsonError;
pub(crate) use read::{Event, Reader, line_and_column};
pub(crate) use write::{Unfit, check_fit};

/// One JSON value. Cheap to clone: arrays and objects are shared.
#[derive(Clone, Default, PartialEq)]
pub struct Json(Val);

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
        Self(Val::Null)
    }

    /// A string.
    pub fn string(text: impl AsRef<str>) -> Self {
        Self(text_value(text.as_ref()))
    }

    /// An array.
    pub fn array(items: impl IntoIterator<Item = Json>) -> Self {
        Self(items.into_iter().map(|item| item.0).collect())
    }

    /// An object; of two entries with one key the later counts.
    pub fn object<K: AsRef<str>>(entries: impl IntoIterator<Item = (K, Json)>) -> Self {
        let entry = |(key, value): (K, Json)| (text_value(key.as_ref()), value.0);
        Self(Val::obj(entries.into_iter().map(entry).collect()))
    }

    /// Whether the value is `null`.
    pub const fn is_null(&self) -> bool {
        matches!(self.0, Val::Null)
    }

    /// The text of a string.
    pub fn as_str(&self) -> Option<&str> {
        match &self.0 {
            Val::TStr(text) => std::str::from_utf8(text).ok(),
            Val::Null | Val::Bool(_) | Val::Num(_) | Val::BStr(_) | Val::Arr(_) | Val::Obj(_) => {
                None
            }
        }
    }

    /// The value of a boolean.
    pub const fn as_bool(&self) -> Option<bool> {
        if let Val::Bool(value) = self.0 { Some(value) } else { None }
    }

    /// The value of a whole number from 0 to 2^63-1.
    pub fn as_u64(&self) -> Option<u64> {
        let Val::Num(number) = &self.0 else { return None };
        number.as_isize().and_then(|whole| u64::try_from(whole).ok())
    }

    /// The value of a number, rounded to the nearest one that a double holds.
    pub fn as_f64(&self) -> Option<f64> {
        let Val::Num(number) = &self.0 else { return None };
        jaq_std::ValT::as_f64(&Val::Num(number.clone()))
    }

    /// The value under `key` of an object.
    pub fn get(&self, key: &str) -> Option<Json> {
        let Val::Obj(entries) = &self.0 else { return None };
        entries.get(&text_value(key)).cloned().map(Self)
    }

    /// The items of an array, in order.
    pub fn items(&self) -> Option<impl ExactSizeIterator<Item = Json> + '_> {
        let Val::Arr(items) = &self.0 else { return None };
        Some(items.iter().cloned().map(Self))
    }

    /// The entries of an object, in order. Keys that are no strings, which only an expression
    /// can make, are left out.
    pub fn entries(&self) -> Option<impl Iterator<Item = (String, Json)> + '_> {
        let Val::Obj(entries) = &self.0 else { return None };
        Some(entries.iter().filter_map(|(key, value)| {
            Some((Json(key.clone()).as_str()?.to_owned(), Self(value.clone())))
        }))
    }

    /// What kind of value it is, in words.
    pub const fn kind(&self) -> &'static str {
        match self.0 {
            Val::Null => "null",
            Val::Bool(_) => "a boolean",
            Val::Num(_) => "a number",
            Val::BStr(_) => "bytes",
            Val::TStr(_) => "a string",
            Val::Arr(_) => "an array",
            Val::Obj(_) => "an object",
        }
    }

    pub(crate) const fn from_val(value: Val) -> Self {
        Self(value)
    }

    pub(crate) const fn val(&self) -> &Val {
        &self.0
    }
}

fn text_value(text: &str) -> Val {
    Val::utf8_str(Bytes::copy_from_slice(text.as_bytes()))
}

/// Drops a value without recursion, however deeply it is nested. What others share stays.
pub(crate) fn dismantle(value: Val) {
    let mut open = vec![value];
    while let Some(value) = open.pop() {
        match value {
            Val::Arr(items) => open.extend(Arc::try_unwrap(items).into_iter().flatten()),
            Val::Obj(entries) => {
                let entries = Arc::try_unwrap(entries).into_iter().flatten();
                open.extend(entries.flat_map(|(key, value)| [key, value]));
            }
            Val::Null | Val::Bool(_) | Val::Num(_) | Val::BStr(_) | Val::TStr(_) => {}
        }
    }
}

/// A number from its JSON text. Whole numbers of a sane length are exact; everything else keeps
/// its digits until somebody calculates with it.
fn number_value(text: &str) -> Val {
    /// Digits beyond which a whole number is kept as text: reading digits costs quadratic time.
    const EXACT_DIGITS: usize = 400;
    let whole = text.len() <= EXACT_DIGITS && !text.contains(['.', 'e', 'E']);
    let exact = if whole { Num::from_str_radix(text, 10) } else { None };
    Val::Num(exact.unwrap_or_else(|| Num::Dec(text.to_owned().into())))
}

impl fmt::Debug for Json {
    /// Shows the kind and never the content: a value may be private.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Json({})", self.kind())
    }
}

impl From<bool> for Json {
    fn from(value: bool) -> Self {
        Self(Val::Bool(value))
    }
}

impl From<u64> for Json {
    fn from(value: u64) -> Self {
        Self(Val::Num(Num::from_integral(value)))
    }
}

impl From<&str> for Json {
    fn from(value: &str) -> Self {
        Self::string(value)
    }
}

impl From<&serde_json::Value> for Json {
    fn from(value: &serde_json::Value) -> Self {
        use serde_json::Value;
        match value {
            Value::Null => Self::null(),
            Value::Bool(value) => Self(Val::Bool(*value)),
            Value::Number(number) => Self(number_value(&number.to_string())),
            Value::String(text) => Self::string(text),
            Value::Array(items) => Self::array(items.iter().map(Self::from)),
            Value::Object(entries) => {
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
            Val::Null => Self::Null,
            Val::Bool(value) => Self::Bool(*value),
            Val::Num(number) => plain_number(number).into(),
            Val::BStr(text) | Val::TStr(text) => {
                Self::String(String::from_utf8_lossy(text).into_owned())
            }
            Val::Arr(_) => {
                Self::Array(value.items().into_iter().flatten().map(Self::from).collect())
            }
            Val::Obj(_) => {
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

/// A number as `serde_json` holds it: 64 bits, or the nearest double.
fn plain_number(number: &Num) -> serde_json::Number {
    let mut text = Vec::new();
    write::number(number, &mut text);
    let text = std::str::from_utf8(&text).expect("numbers are written in ASCII");
    if let Ok(whole) = text.parse::<i64>() {
        return whole.into();
    }
    if let Ok(whole) = text.parse::<u64>() {
        return whole.into();
    }
    let double = text.parse::<f64>().unwrap_or(0.0).clamp(f64::MIN, f64::MAX);
    serde_json::Number::from_f64(double).expect("a clamped number is finite")
}

#[cfg(test)]
mod tests;
