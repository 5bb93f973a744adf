//! Values as JSON text.

use std::fmt::Write;

use crate::fault::Fault;
use crate::meter::Meter;

use super::decimal::Decimal;
use super::{Number, Text, Value};

/// Bytes that are written between two charges.
const BLOCK: usize = 4096;

/// The JSON text of a value. It is charged while it grows: what is shared is written each time.
pub(crate) fn to_json(value: &Value, meter: &mut Meter) -> Result<Text, Fault> {
    let mut out = String::new();
    let mut charged = 0;
    put(value, &mut out, &mut |length| {
        if length < charged {
            return Ok(());
        }
        let more = (length - charged).max(BLOCK.min(length + 64));
        charged += more;
        meter.text(more)
    })?;
    Ok(out.into())
}

/// The JSON text of a value for a message, cut to `limit` bytes; a cut one ends in `...`.
pub(crate) fn shown(value: &Value, limit: usize) -> String {
    let mut out = String::new();
    let whole = put(value, &mut out, &mut |length| if length > limit { Err(()) } else { Ok(()) });
    if whole.is_ok() && out.len() <= limit {
        return out;
    }
    out.truncate(out.floor_char_boundary(limit - 3));
    out + "..."
}

fn put<E>(
    value: &Value,
    out: &mut String,
    goes_on: &mut impl FnMut(usize) -> Result<(), E>,
) -> Result<(), E> {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(true) => out.push_str("true"),
        Value::Bool(false) => out.push_str("false"),
        Value::Number(number) => put_number(number, out),
        Value::String(text) => {
            goes_on(out.len() + text.len().min(BLOCK))?;
            put_text_while(text, out, goes_on)?;
        }
        Value::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                put(item, out, goes_on)?;
            }
            out.push(']');
        }
        Value::Object(map) => {
            out.push('{');
            for (index, (key, item)) in map.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                put_text_while(key, out, goes_on)?;
                out.push(':');
                put(item, out, goes_on)?;
            }
            out.push('}');
        }
    }
    goes_on(out.len())
}

fn put_text_while<E>(
    text: &str,
    out: &mut String,
    goes_on: &mut impl FnMut(usize) -> Result<(), E>,
) -> Result<(), E> {
    let mut rest = text;
    out.push('"');
    while !rest.is_empty() {
        let (part, more) = rest.split_at(rest.floor_char_boundary(BLOCK));
        put_escaped(part, out);
        rest = more;
        goes_on(out.len())?;
    }
    out.push('"');
    Ok(())
}

fn put_escaped(text: &str, out: &mut String) {
    let mut rest = text;
    let special = |c: char| c < ' ' || c == '"' || c == '\\' || c == '\u{7f}';
    while let Some(at) = rest.find(special) {
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

fn put_number(number: &Number, out: &mut String) {
    match number {
        Number::Int(value) => append(out, format_args!("{value}")),
        Number::Float(value) => put_double(*value, out),
        Number::Literal(literal) => out.push_str(&Decimal::from_text(literal.text()).to_text()),
    }
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
