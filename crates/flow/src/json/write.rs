//! Writing values as compact JSON text, and measuring them first.
//!
//! An expression can make what JSON has no text for. Measuring finds it, before a value leaves
//! the expression; writing never fails, and replaces what is left of it.

use std::io::Write;

use flowmill_model::limits;
use jaq_json::{Num, Val};

/// Why a value must not leave an expression.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unfit {
    /// Its text is longer than [`limits::PAYLOAD_BYTES`].
    TooLarge,
    /// It is nested more deeply than [`limits::JSON_DEPTH`].
    TooDeep,
    /// It holds bytes, which JSON does not have.
    Bytes,
    /// It has a key that is no string.
    Key,
}

/// Checks that a value has JSON text of bounded size and depth.
pub(crate) fn check_fit(value: &Val) -> Result<(), Unfit> {
    let mut left = limits::PAYLOAD_BYTES;
    measure(value, limits::JSON_DEPTH, &mut left)
}

fn measure(value: &Val, depth: usize, left: &mut usize) -> Result<(), Unfit> {
    let bytes = match value {
        Val::Null | Val::Bool(_) => 5,
        Val::Num(Num::Dec(text)) => text.len(),
        Val::Num(Num::BigInt(number)) => usize::try_from(number.bits() / 3).unwrap_or(usize::MAX),
        Val::Num(Num::Int(_) | Num::Float(_)) => 8,
        Val::TStr(text) => text.len() + 2,
        Val::BStr(_) => return Err(Unfit::Bytes),
        Val::Arr(_) | Val::Obj(_) if depth == 0 => return Err(Unfit::TooDeep),
        Val::Arr(items) => {
            items.iter().try_for_each(|item| measure(item, depth - 1, left))?;
            items.len() + 2
        }
        Val::Obj(entries) => {
            for (key, value) in entries.iter() {
                let Val::TStr(key) = key else { return Err(Unfit::Key) };
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
pub(super) fn value(value: &Val, out: &mut Vec<u8>) {
    put(value, Order::Kept, out);
}

/// Appends `value` to `out`, keys sorted and numbers in one spelling.
pub(super) fn canonical(value: &Val, out: &mut Vec<u8>) {
    put(value, Order::Sorted, out);
}

#[derive(Clone, Copy, PartialEq)]
enum Order {
    Kept,
    Sorted,
}

fn put(value: &Val, order: Order, out: &mut Vec<u8>) {
    match value {
        Val::Null => out.extend_from_slice(b"null"),
        Val::Bool(true) => out.extend_from_slice(b"true"),
        Val::Bool(false) => out.extend_from_slice(b"false"),
        Val::Num(Num::Dec(text)) if order == Order::Sorted => put_decimal(text, out),
        Val::Num(value) => number(value, out),
        Val::TStr(text) | Val::BStr(text) => put_text(text, out),
        Val::Arr(items) => {
            out.push(b'[');
            for (index, item) in items.iter().enumerate() {
                separate(index, out);
                put(item, order, out);
            }
            out.push(b']');
        }
        Val::Obj(entries) => {
            let mut entries: Vec<_> = entries.iter().collect();
            if order == Order::Sorted {
                entries.sort_by_key(|(key, _)| *key);
            }
            out.push(b'{');
            for (index, (key, value)) in entries.into_iter().enumerate() {
                separate(index, out);
                put_key(key, out);
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

fn put_key(key: &Val, out: &mut Vec<u8>) {
    if let Val::TStr(text) | Val::BStr(text) = key {
        return put_text(text, out);
    }
    let mut text = Vec::new();
    put(key, Order::Kept, &mut text);
    put_text(&text, out);
}

/// Appends a number in valid JSON.
pub(super) fn number(number: &Num, out: &mut Vec<u8>) {
    match number {
        Num::Int(value) => append(out, format_args!("{value}")),
        Num::BigInt(value) => append(out, format_args!("{value}")),
        Num::Float(value) => put_double(*value, out),
        Num::Dec(text) if is_json_number(text) => out.extend_from_slice(text.as_bytes()),
        Num::Dec(text) => put_decimal(text, out),
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

/// Appends a string with its quotes. What is not UTF-8 is replaced.
fn put_text(text: &[u8], out: &mut Vec<u8>) {
    let text = String::from_utf8_lossy(text);
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
