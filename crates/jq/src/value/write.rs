//! Values as JSON text.

use std::fmt::Write;

use crate::fault::Fault;
use crate::meter::Meter;

use super::decimal::Decimal;
use super::{Number, Text, Value};

/// Where text goes, and whether there may be more of it.
struct Sink<F> {
    out: String,
    /// Bytes that are written between two questions.
    block: usize,
    /// Is asked with the length that the text is about to have.
    goes_on: F,
}

/// The JSON text of a value. It is charged while it grows: what is shared is written each time.
pub(crate) fn to_json(value: &Value, meter: &mut Meter) -> Result<Text, Fault> {
    const BLOCK: usize = 1024;
    let mut charged = 0;
    let goes_on = |length: usize| {
        meter.step()?;
        if length < charged {
            return Ok(());
        }
        let more = length - charged + length.clamp(64, 16 * BLOCK);
        charged += more;
        meter.look(more.saturating_mul(3))?;
        meter.text(more)
    };
    let mut sink = Sink { out: String::new(), block: BLOCK, goes_on };
    sink.put(value)?;
    Ok(sink.out.into())
}

/// The JSON text of a value for a message, cut to `limit` bytes; a cut one ends in `...`.
pub(crate) fn shown(value: &Value, limit: usize) -> String {
    const BLOCK: usize = 32;
    let goes_on = |length| if length > limit + BLOCK { Err(()) } else { Ok(()) };
    let mut sink = Sink { out: String::new(), block: BLOCK, goes_on };
    let whole = sink.put(value).is_ok();
    let mut out = sink.out;
    if whole && out.len() <= limit {
        return out;
    }
    out.truncate(out.floor_char_boundary(limit - 3));
    out + "..."
}

impl<E, F: FnMut(usize) -> Result<(), E>> Sink<F> {
    fn put(&mut self, value: &Value) -> Result<(), E> {
        match value {
            Value::Null => self.out.push_str("null"),
            Value::Bool(true) => self.out.push_str("true"),
            Value::Bool(false) => self.out.push_str("false"),
            Value::Number(number) => self.put_number(number)?,
            Value::String(text) => self.put_text(text)?,
            Value::Array(items) => {
                self.out.push('[');
                for (index, item) in items.iter().enumerate() {
                    if index > 0 {
                        self.out.push(',');
                    }
                    self.put(item)?;
                }
                self.out.push(']');
            }
            Value::Object(map) => {
                self.out.push('{');
                for (index, (key, item)) in map.iter().enumerate() {
                    if index > 0 {
                        self.out.push(',');
                    }
                    self.put_text(key)?;
                    self.out.push(':');
                    self.put(item)?;
                }
                self.out.push('}');
            }
        }
        (self.goes_on)(self.out.len())
    }

    fn put_text(&mut self, text: &str) -> Result<(), E> {
        let mut rest = text;
        self.out.push('"');
        while !rest.is_empty() {
            let (part, more) = rest.split_at(rest.ceil_char_boundary(self.block));
            (self.goes_on)(self.out.len() + part.len())?;
            put_escaped(part, &mut self.out);
            rest = more;
        }
        self.out.push('"');
        Ok(())
    }

    fn put_number(&mut self, number: &Number) -> Result<(), E> {
        match number {
            Number::Int(value) => append(&mut self.out, format_args!("{value}")),
            Number::Float(value) => put_double(*value, &mut self.out),
            Number::Literal(literal) => {
                (self.goes_on)(self.out.len() + literal.text().len())?;
                self.out.push_str(&Decimal::from_text(literal.text()).to_text());
            }
        }
        Ok(())
    }
}

fn put_escaped(text: &str, out: &mut String) {
    let mut rest = text;
    let special = |byte: u8| byte < b' ' || byte == b'"' || byte == b'\\' || byte == 0x7f;
    while let Some(at) = rest.bytes().position(special) {
        let (plain, tail) = rest.split_at(at);
        out.push_str(plain);
        match tail.as_bytes()[0] {
            b'"' => out.push_str("\\\""),
            b'\\' => out.push_str("\\\\"),
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            8 => out.push_str("\\b"),
            12 => out.push_str("\\f"),
            control => append(out, format_args!("\\u{control:04x}")),
        }
        rest = &tail[1..];
    }
    out.push_str(rest);
}

/// Appends a double in the shortest form that reads back: with an exponent where the point is far
/// from the digits.
pub(crate) fn put_double(value: f64, out: &mut String) {
    if value.is_nan() {
        return out.push_str("null");
    }
    let value = value.clamp(f64::MIN, f64::MAX);
    let text = format!("{value:e}");
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let digits = mantissa.bytes().filter(u8::is_ascii_digit).count();
    let far = exponent < -5 || exponent > i32::try_from(digits).unwrap_or(0) + 14;
    if value == 0.0 || !far {
        return append(out, format_args!("{value}"));
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    append(out, format_args!("{mantissa}e{sign}{:02}", exponent.unsigned_abs()));
}

fn append(out: &mut String, text: std::fmt::Arguments<'_>) {
    out.write_fmt(text).expect("writing to memory does not fail");
}
