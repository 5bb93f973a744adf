//! `@formats`.

use std::fmt::Write;

use crate::fault::Outcome;
use crate::meter::Meter;
use crate::syntax::ast::Format;
use crate::value::{Text, Value, put_double, to_json};

use super::{base, unfit};

/// A value written in a format.
pub(crate) fn apply(format: Format, value: Value, meter: &mut Meter) -> Outcome {
    match format {
        Format::Text => text(&value, meter).map(Value::String),
        Format::Json => Ok(Value::String(to_json(&value, meter)?)),
        Format::Csv => row(&value, "csv", ",", meter, csv_cell),
        Format::Tsv => row(&value, "tsv", "\t", meter, tsv_cell),
        Format::Shell => shell(&value, meter),
        Format::Html => escaped(&value, 6, meter, html),
        Format::Uri => escaped(&value, 3, meter, uri),
        Format::UriDecode => uri_decoded(&text(&value, meter)?, meter),
        Format::Base64 => Ok(Value::from(base::encode64(&text(&value, meter)?, meter)?)),
        Format::Base64Decode => Ok(Value::from(base::decode64(&text(&value, meter)?, meter)?)),
        Format::Base32 => Ok(Value::from(base::encode32(&text(&value, meter)?, meter)?)),
        Format::Base32Decode => Ok(Value::from(base::decode32(&text(&value, meter)?, meter)?)),
    }
}

/// A string as it is, anything else as JSON.
fn text(value: &Value, meter: &mut Meter) -> Outcome<Text> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
            Ok(to_json(value, meter)?)
        }
    }
}

/// A text with some characters written otherwise, each in at most `longest` bytes per byte.
fn escaped(
    value: &Value,
    longest: usize,
    meter: &mut Meter,
    escape: fn(char, &mut String),
) -> Outcome {
    let text = text(value, meter)?;
    meter.text(text.len().saturating_mul(longest))?;
    meter.steps(text.len() / 4)?;
    let mut out = String::with_capacity(text.len());
    text.chars().for_each(|c| escape(c, &mut out));
    Ok(Value::from(out))
}

fn html(c: char, out: &mut String) {
    match c {
        '<' => out.push_str("&lt;"),
        '>' => out.push_str("&gt;"),
        '&' => out.push_str("&amp;"),
        '\'' => out.push_str("&apos;"),
        '"' => out.push_str("&quot;"),
        _ => out.push(c),
    }
}

fn uri(c: char, out: &mut String) {
    if c.is_ascii_alphanumeric() || "-_.~".contains(c) {
        return out.push(c);
    }
    for byte in c.encode_utf8(&mut [0; 4]).bytes() {
        write!(out, "%{byte:02X}").expect("writing to memory does not fail");
    }
}

fn uri_decoded(text: &Text, meter: &mut Meter) -> Outcome {
    meter.text(text.len())?;
    meter.steps(text.len() / 8)?;
    let invalid = || unfit(&Value::String(text.clone()), "is not a valid uri encoding");
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [byte, others @ ..] = rest {
        rest = others;
        if *byte != b'%' {
            out.push(*byte);
            continue;
        }
        let Some((digits, others)) = rest.split_at_checked(2) else { return invalid() };
        let digits = std::str::from_utf8(digits).unwrap_or_default();
        let Ok(byte) = u8::from_str_radix(digits, 16) else { return invalid() };
        out.push(byte);
        rest = others;
    }
    match String::from_utf8(out) {
        Ok(text) => Ok(Value::from(text)),
        Err(_) => invalid(),
    }
}

/// Writes one cell of a row; says whether it can be.
type PutCell = fn(&Value, &mut String, &mut Meter) -> Outcome<bool>;

fn row(value: &Value, name: &str, separator: &str, meter: &mut Meter, put: PutCell) -> Outcome {
    let Value::Array(cells) = value else {
        return unfit(value, &format!("cannot be {name}-formatted, only an array can be"));
    };
    let mut out = String::new();
    for (index, cell) in cells.iter().enumerate() {
        meter.step()?;
        if index > 0 {
            out.push_str(separator);
        }
        let before = out.len();
        if !put(cell, &mut out, meter)? {
            return unfit(cell, &format!("is not valid in a {name} row"));
        }
        meter.text((out.len() - before) * 2)?;
    }
    Ok(Value::from(out))
}

fn csv_cell(cell: &Value, out: &mut String, meter: &mut Meter) -> Outcome<bool> {
    match cell {
        Value::String(text) => {
            meter.text(text.len())?;
            out.push('"');
            out.push_str(&text.replace('"', "\"\""));
            out.push('"');
            Ok(true)
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => plain_cell(cell, out, meter),
        Value::Array(_) | Value::Object(_) => Ok(false),
    }
}

fn tsv_cell(cell: &Value, out: &mut String, meter: &mut Meter) -> Outcome<bool> {
    match cell {
        Value::String(text) => {
            meter.text(text.len().saturating_mul(2))?;
            for c in text.chars() {
                match c {
                    '\t' => out.push_str("\\t"),
                    '\n' => out.push_str("\\n"),
                    '\r' => out.push_str("\\r"),
                    '\\' => out.push_str("\\\\"),
                    _ => out.push(c),
                }
            }
            Ok(true)
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => plain_cell(cell, out, meter),
        Value::Array(_) | Value::Object(_) => Ok(false),
    }
}

fn plain_cell(cell: &Value, out: &mut String, meter: &mut Meter) -> Outcome<bool> {
    match cell {
        Value::Null => {}
        Value::Number(number) if number.is_nan() => {}
        Value::Number(crate::value::Number::Float(number)) => put_double(*number, out),
        Value::Bool(_)
        | Value::Number(_)
        | Value::String(_)
        | Value::Array(_)
        | Value::Object(_) => out.push_str(&to_json(cell, meter)?),
    }
    Ok(true)
}

fn shell(value: &Value, meter: &mut Meter) -> Outcome {
    let mut out = String::new();
    let one = std::slice::from_ref(value);
    let words = if let Value::Array(words) = value { &words[..] } else { one };
    for (index, word) in words.iter().enumerate() {
        meter.step()?;
        if index > 0 {
            out.push(' ');
        }
        match word {
            Value::String(text) => {
                meter.text(text.len().saturating_mul(4))?;
                out.push('\'');
                out.push_str(&text.replace('\'', "'\\''"));
                out.push('\'');
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {
                out.push_str(&to_json(word, meter)?);
            }
            Value::Array(_) | Value::Object(_) => {
                return unfit(word, "can not be escaped for shell");
            }
        }
    }
    Ok(Value::from(out))
}
