//! Functions of strings.

use std::sync::Arc;

use crate::fault::{Outcome, error};
use crate::meter::Meter;
use crate::value::{Items, Map, Text, Value};

use super::{Native, arrays, index, unfit};

pub(super) const ALL: &[Native] = &[
    Native {
        name: "utf8bytelength",
        arity: 0,
        run: |_, value, _| match &value {
            Value::String(text) => Ok(Value::from(text.len())),
            Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::Array(_)
            | Value::Object(_) => unfit(&value, "only strings have UTF-8 byte length"),
        },
    },
    Native {
        name: "startswith",
        arity: 1,
        run: |context, value, [start, ..]| match (&value, &start) {
            (Value::String(text), Value::String(start)) => {
                context.meter.look(start.len())?;
                Ok(Value::Bool(text.starts_with(start.as_str())))
            }
            _ => error("startswith() requires string inputs"),
        },
    },
    Native {
        name: "endswith",
        arity: 1,
        run: |context, value, [end, ..]| match (&value, &end) {
            (Value::String(text), Value::String(end)) => {
                context.meter.look(end.len())?;
                Ok(Value::Bool(text.ends_with(end.as_str())))
            }
            _ => error("endswith() requires string inputs"),
        },
    },
    Native {
        name: "ltrimstr",
        arity: 1,
        run: |context, value, [start, ..]| trim_start(value, &start, context.meter),
    },
    Native {
        name: "rtrimstr",
        arity: 1,
        run: |context, value, [end, ..]| trim_end(value, &end, context.meter),
    },
    Native {
        name: "trimstr",
        arity: 1,
        run: |context, value, [both, ..]| {
            let value = trim_start(value, &both, context.meter)?;
            trim_end(value, &both, context.meter)
        },
    },
    Native {
        name: "trim",
        arity: 0,
        run: |context, value, _| {
            changed(&value, "trim input must be a string", context.meter, |text| {
                text.trim().to_owned()
            })
        },
    },
    Native {
        name: "ltrim",
        arity: 0,
        run: |context, value, _| {
            let trim = |text: &str| text.trim_start().to_owned();
            changed(&value, "trim input must be a string", context.meter, trim)
        },
    },
    Native {
        name: "rtrim",
        arity: 0,
        run: |context, value, _| {
            let trim = |text: &str| text.trim_end().to_owned();
            changed(&value, "trim input must be a string", context.meter, trim)
        },
    },
    Native {
        name: "ascii_downcase",
        arity: 0,
        run: |context, value, _| {
            let change = |text: &str| text.to_ascii_lowercase();
            changed(&value, "ascii_downcase input must be a string", context.meter, change)
        },
    },
    Native {
        name: "ascii_upcase",
        arity: 0,
        run: |context, value, _| {
            let change = |text: &str| text.to_ascii_uppercase();
            changed(&value, "ascii_upcase input must be a string", context.meter, change)
        },
    },
    Native { name: "explode", arity: 0, run: |context, value, _| explode(&value, context.meter) },
    Native { name: "implode", arity: 0, run: |context, value, _| implode(&value, context.meter) },
    Native {
        name: "split",
        arity: 1,
        run: |context, value, [separator, ..]| match (&value, &separator) {
            (Value::String(text), Value::String(separator)) => {
                split(text, separator, context.meter)
            }
            _ => error("split input and separator must be strings"),
        },
    },
];

fn changed(
    value: &Value,
    otherwise: &str,
    meter: &mut Meter,
    change: impl FnOnce(&str) -> String,
) -> Outcome {
    let Value::String(text) = value else { return error(otherwise) };
    meter.text(text.len())?;
    Ok(Value::from(change(text)))
}

fn trim_start(value: Value, start: &Value, meter: &mut Meter) -> Outcome {
    let (Value::String(text), Value::String(start)) = (&value, start) else {
        return error("startswith() requires string inputs");
    };
    meter.look(start.len())?;
    let Some(rest) = text.strip_prefix(start.as_str()) else { return Ok(value) };
    meter.text(rest.len())?;
    Ok(Value::from(rest))
}

fn trim_end(value: Value, end: &Value, meter: &mut Meter) -> Outcome {
    let (Value::String(text), Value::String(end)) = (&value, end) else {
        return error("endswith() requires string inputs");
    };
    meter.look(end.len())?;
    let Some(rest) = text.strip_suffix(end.as_str()) else { return Ok(value) };
    meter.text(rest.len())?;
    Ok(Value::from(rest))
}

fn explode(value: &Value, meter: &mut Meter) -> Outcome {
    let Value::String(text) = value else { return unfit(value, "cannot be exploded") };
    meter.items(text.len())?;
    let code = |c: char| Value::from(i64::from(u32::from(c)));
    Ok(Value::array(text.chars().map(code).collect()))
}

fn implode(value: &Value, meter: &mut Meter) -> Outcome {
    let Value::Array(codes) = value else { return error("implode input must be an array") };
    meter.text(codes.len().saturating_mul(4))?;
    let mut text = String::with_capacity(codes.len());
    for code in codes.iter() {
        let number = if let Value::Number(number) = code { number.as_f64() } else { f64::NAN };
        if number.is_nan() {
            let what = "can't be imploded, unicode codepoint needs to be numeric";
            return unfit(code, what);
        }
        let code = (number >= 0.0).then_some(number as u32).and_then(char::from_u32);
        text.push(code.unwrap_or(char::REPLACEMENT_CHARACTER));
    }
    Ok(Value::from(text))
}

/// A text's parts between separators; its characters if the separator is empty.
pub(super) fn split(text: &str, separator: &str, meter: &mut Meter) -> Outcome {
    meter.look(text.len())?;
    if text.is_empty() {
        return Ok(Value::array(Vec::new()));
    }
    if separator.is_empty() {
        let ends = text.char_indices().map(|(start, c)| &text[start..start + c.len_utf8()]);
        return arrays::texts(ends, meter);
    }
    arrays::texts(text.split(separator), meter)
}

/// Where a part occurs in a text, in characters, overlapping or not.
pub(super) fn indices(text: &str, part: &str, meter: &mut Meter) -> Outcome {
    let mut places = Items::default();
    if part.is_empty() {
        return Ok(Value::Null);
    }
    let (mut from, mut counted, mut characters) = (0, 0, 0);
    loop {
        // A search looks at what it passes, and at most at all there is.
        let Some(found) = text[from..].find(part) else {
            meter.look(text.len() - from)?;
            break;
        };
        let place = from + found;
        meter.look(found + part.len())?;
        characters += text[counted..place].chars().count();
        counted = place;
        meter.push(&mut places, Value::from(characters))?;
        from = place + text[place..].chars().next().map_or(1, char::len_utf8);
    }
    Ok(Value::Array(Arc::new(places)))
}

/// A part of a text, its bounds in characters.
pub(super) fn slice(text: &Text, part: &Map, meter: &mut Meter) -> Outcome {
    meter.look(text.len().saturating_mul(2))?;
    if text.is_ascii() {
        let (start, end) = index::bounds(part, text.len())?;
        meter.text(end - start)?;
        return Ok(Value::from(&text[start..end]));
    }
    let (start, end) = index::bounds(part, text.chars().count())?;
    meter.text((end - start).saturating_mul(4))?;
    Ok(Value::from(text.chars().skip(start).take(end - start).collect::<String>()))
}
