//! Writing values as compact JSON text, and measuring them first.
//!
//! An expression can make what JSON has no text for. Measuring finds it, before a value leaves
//! the expression; writing never fails, and replaces what is left of it.

use std::io::Write;

use flowmill_jq::{Number, Value};
use flowmill_model::limits;

/// Why a value must not leave an expression.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unfit {
    /// Its text is longer than [`limits::PAYLOAD_BYTES`].
    TooLarge,
    /// It is nested more deeply than [`limits::JSON_DEPTH`].
    TooDeep,
}

/// Checks that a value has JSON text of bounded size and depth.
pub(crate) fn check_fit(value: &Value) -> Result<(), Unfit> {
    let mut left = limits::PAYLOAD_BYTES;
    measure(value, limits::JSON_DEPTH, &mut left)
}

/// Measures until there is no room left: what is shared is measured as often as it is written.
fn measure(value: &Value, depth: usize, left: &mut usize) -> Result<(), Unfit> {
    let bytes = match value {
        Value::Null | Value::Bool(_) => 5,
        Value::Number(Number::Literal(literal)) => literal.text().len(),
        Value::Number(Number::Int(_) | Number::Float(_)) => 8,
        Value::String(text) => text.len() + 2,
        Value::Array(_) | Value::Object(_) if depth == 0 => return Err(Unfit::TooDeep),
        Value::Array(items) => {
            items.iter().try_for_each(|item| measure(item, depth - 1, left))?;
            items.len() + 2
        }
        Value::Object(entries) => {
            for (key, value) in entries.iter() {
                *left = left.checked_sub(key.len() + 3).ok_or(Unfit::TooLarge)?;
                measure(value, depth - 1, left)?;
            }
            entries.len() + 2
        }
    };
    *left = left.checked_sub(bytes).ok_or(Unfit::TooLarge)?;
    Ok(())
}

/// Appends `value` to `out`, keys in their order.
pub(super) fn value(value: &Value, out: &mut Vec<u8>) {
    put(value, Order::Kept, out);
}

/// Appends `value` to `out`, keys sorted and numbers in one spelling.
pub(super) fn canonical(value: &Value, out: &mut Vec<u8>) {
    put(value, Order::Sorted, out);
}

#[derive(Clone, Copy, PartialEq)]
enum Order {
    Kept,
    Sorted,
}

fn put(value: &Value, order: Order, out: &mut Vec<u8>) {
    match value {
        Value::Null => out.extend_from_slice(b"null"),
        Value::Bool(true) => out.extend_from_slice(b"true"),
        Value::Bool(false) => out.extend_from_slice(b"false"),
        Value::Number(Number::Literal(literal)) if order == Order::Sorted => {
            put_decimal(literal.text(), out);
        }
        Value::Number(value) => number(value, out),
        Value::String(text) => put_text(text, out),
        Value::Array(items) => {
            out.push(b'[');
            for (index, item) in items.iter().enumerate() {
                separate(index, out);
                put(item, order, out);
            }
            out.push(b']');
        }
        Value::Object(entries) => {
            let sorted = order == Order::Sorted;
            let entries = if sorted { entries.sorted() } else { entries.iter().collect() };
            out.push(b'{');
            for (index, (key, value)) in entries.into_iter().enumerate() {
                separate(index, out);
                put_text(key, out);
                out.push(b':');
                put(value, order, out);
            }
            out.push(b'}');
        }
    }
}

fn separate(index: usize, out: &mut Vec<u8>) {
    if index > 0 {
        out.push(b',');
    }
}

/// Appends a number in valid JSON.
pub(super) fn number(number: &Number, out: &mut Vec<u8>) {
    match number {
        Number::Int(value) => append(out, format_args!("{value}")),
        Number::Float(value) => put_double(*value, out),
        Number::Literal(literal) if is_json_number(literal.text()) => {
            out.extend_from_slice(literal.text().as_bytes());
        }
        Number::Literal(literal) => put_decimal(literal.text(), out),
    }
}

fn put_decimal(text: &str, out: &mut Vec<u8>) {
    put_double(text.parse().unwrap_or(f64::NAN), out);
}

/// Appends a double: whole ones without a point, others in the shortest form that reads back.
fn put_double(value: f64, out: &mut Vec<u8>) {
    /// Magnitudes that are written without an exponent, zero aside.
    const PLAIN: std::ops::Range<f64> = 1e-7..1e17;
    if value.is_nan() {
        return out.extend_from_slice(b"null");
    }
    // Adding zero turns minus zero into zero.
    let value = value.clamp(f64::MIN, f64::MAX) + 0.0;
    if value == 0.0 || PLAIN.contains(&value.abs()) {
        return append(out, format_args!("{value}"));
    }
    append(out, format_args!("{value:e}"));
}

fn append(out: &mut Vec<u8>, text: std::fmt::Arguments<'_>) {
    out.write_fmt(text).expect("writing to memory does not fail");
}

fn is_json_number(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let whole = digits.bytes().take_while(u8::is_ascii_digit).count();
    let leading_zero = whole > 1 && digits.starts_with('0');
    let fraction = &digits[whole..];
    let after_point = fraction.strip_prefix('.');
    let fraction_digits =
        after_point.map_or(1, |rest| rest.bytes().take_while(u8::is_ascii_digit).count());
    whole > 0 && !leading_zero && fraction_digits > 0 && text.parse::<f64>().is_ok()
}

/// Appends a string with its quotes.
fn put_text(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    let mut rest = text.as_bytes();
    while let Some(at) = rest.iter().position(|&b| b < 0x20 || b == b'"' || b == b'\\') {
        out.extend_from_slice(&rest[..at]);
        match rest[at] {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            control => append(out, format_args!("\\u{control:04x}")),
        }
        rest = &rest[at + 1..];
    }
    out.extend_from_slice(rest);
    out.push(b'"');
}
