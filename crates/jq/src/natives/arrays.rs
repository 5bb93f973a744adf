//! Functions of arrays.

use std::cmp::Ordering;
use std::sync::Arc;

use crate::fault::{Outcome, error};
use crate::meter::Meter;
use crate::value::{Items, Text, Value, compare, to_json};

use super::{Native, arithmetic, strings, unfit, unfit_pair};

pub(super) const ALL: &[Native] = &[
    Native { name: "add", arity: 0, run: |context, value, _| add(&value, context.meter) },
    Native {
        name: "flatten",
        arity: 0,
        run: |context, value, _| flatten(&value, f64::INFINITY, context.meter),
    },
    Native {
        name: "flatten",
        arity: 1,
        run: |context, value, [depth, ..]| {
            let Value::Number(depth) = depth else {
                return error("flatten depth must be a number");
            };
            if depth.as_f64() < 0.0 {
                return error("flatten depth must not be negative");
            }
            flatten(&value, depth.as_f64(), context.meter)
        },
    },
    Native {
        name: "join",
        arity: 1,
        run: |context, value, [separator, ..]| join(&value, &separator, context.meter),
    },
    Native {
        name: "indices",
        arity: 1,
        run: |context, value, [part, ..]| indices(&value, &part, context.meter),
    },
    Native { name: "reverse", arity: 0, run: |context, value, _| reverse(value, context.meter) },
    Native {
        name: "transpose",
        arity: 0,
        run: |context, value, _| transpose(&value, context.meter),
    },
    Native {
        name: "contains",
        arity: 1,
        run: |context, value, [part, ..]| contains(&value, &part, context.meter).map(Value::Bool),
    },
    Native {
        name: "toarray",
        arity: 0,
        run: |context, value, _| {
            context.meter.items(1)?;
            Ok(if matches!(value, Value::Array(_)) { value } else { Value::array(vec![value]) })
        },
    },
];

fn add(value: &Value, meter: &mut Meter) -> Outcome {
    let mut sum = Value::Null;
    match value {
        Value::Array(items) => {
            for item in items.iter() {
                meter.step()?;
                sum = arithmetic::add(sum, item.clone(), meter)?;
            }
        }
        Value::Object(map) => {
            for (_, item) in map.iter() {
                meter.step()?;
                sum = arithmetic::add(sum, item.clone(), meter)?;
            }
        }
        Value::Null => return error("Cannot iterate over null"),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            let shown = crate::value::shown(value, 14);
            return error(format!("Cannot iterate over {} ({shown})", value.kind()));
        }
    }
    Ok(sum)
}

fn flatten(value: &Value, depth: f64, meter: &mut Meter) -> Outcome {
    let mut flat = Items::default();
    match value {
        Value::Array(items) => flatten_into(items.iter(), depth, &mut flat, meter)?,
        Value::Object(map) => {
            flatten_into(map.iter().map(|(_, item)| item), depth, &mut flat, meter)?;
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            let shown = crate::value::shown(value, 14);
            return error(format!("Cannot iterate over {} ({shown})", value.kind()));
        }
    }
    Ok(Value::Array(Arc::new(flat)))
}

fn flatten_into<'a>(
    items: impl Iterator<Item = &'a Value>,
    depth: f64,
    flat: &mut Items,
    meter: &mut Meter,
) -> Outcome<()> {
    for item in items {
        meter.step()?;
        match item {
            Value::Array(inner) if depth > 0.0 => {
                // As a trait object, or the type of the iterator would have no end.
                let inner: &mut dyn Iterator<Item = &Value> = &mut inner.iter();
                flatten_into(inner, depth - 1.0, flat, meter)?;
            }
            Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::String(_)
            | Value::Array(_)
            | Value::Object(_) => meter.push(flat, item.clone())?,
        }
    }
    Ok(())
}

fn join(value: &Value, separator: &Value, meter: &mut Meter) -> Outcome {
    let Value::Array(items) = value else {
        let shown = crate::value::shown(value, 14);
        return error(format!("Cannot iterate over {} ({shown})", value.kind()));
    };
    let mut joined = Value::from("");
    for (index, item) in items.iter().enumerate() {
        meter.step()?;
        if index > 0 {
            joined = arithmetic::add(joined, separator.clone(), meter)?;
        }
        let text = match item {
            Value::Null => continue,
            Value::Bool(_) | Value::Number(_) => Value::String(to_json(item, meter)?),
            Value::String(_) | Value::Array(_) | Value::Object(_) => item.clone(),
        };
        joined = arithmetic::add(joined, text, meter)?;
    }
    Ok(joined)
}

fn indices(value: &Value, part: &Value, meter: &mut Meter) -> Outcome {
    match (value, part) {
        (Value::Null, _) => Ok(Value::Null),
        (Value::String(text), Value::String(part)) => strings::indices(text, part, meter),
        (Value::Array(items), Value::Array(part)) => places_of(items, part, meter),
        (Value::Array(items), part) => places_of(items, &Items::from(vec![part.clone()]), meter),
        (value, part) => super::index::get(value, part, meter),
    }
}

/// Where a part occurs in an array.
pub(super) fn places_of(items: &Items, part: &Items, meter: &mut Meter) -> Outcome {
    let mut places = Items::default();
    if part.is_empty() {
        return Ok(Value::Null);
    }
    for (place, window) in items.windows(part.len()).enumerate() {
        let mut same = true;
        for (one, other) in window.iter().zip(part.iter()) {
            same = compare(one, other, meter)? == Ordering::Equal;
            if !same {
                break;
            }
        }
        if same {
            meter.push(&mut places, Value::from(place))?;
        }
    }
    Ok(Value::Array(Arc::new(places)))
}

fn reverse(value: Value, meter: &mut Meter) -> Outcome {
    match value {
        Value::Null => Ok(Value::array(Vec::new())),
        Value::Array(items) => {
            meter.items(items.len())?;
            Ok(Value::array(items.iter().rev().cloned().collect()))
        }
        Value::String(text) => {
            meter.text(text.len())?;
            Ok(Value::from(text.chars().rev().collect::<String>()))
        }
        Value::Bool(_) | Value::Number(_) | Value::Object(_) => {
            unfit(&value, "cannot be reversed, as it is not an array")
        }
    }
}

fn transpose(value: &Value, meter: &mut Meter) -> Outcome {
    let Value::Array(rows) = value else {
        let shown = crate::value::shown(value, 14);
        return error(format!("Cannot iterate over {} ({shown})", value.kind()));
    };
    let mut width = 0;
    for row in rows.iter() {
        match row {
            Value::Array(row) => width = width.max(row.len()),
            Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::String(_)
            | Value::Object(_) => return unfit(row, "is not a row of a table"),
        }
    }
    let mut columns = Vec::new();
    for place in 0..width {
        meter.items(rows.len())?;
        let cell = |row: &Value| match row {
            Value::Array(row) => row.get(place).cloned().unwrap_or_default(),
            Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::String(_)
            | Value::Object(_) => Value::Null,
        };
        columns.push(Value::array(rows.iter().map(cell).collect()));
    }
    meter.items(columns.len())?;
    Ok(Value::array(columns))
}

fn contains(value: &Value, part: &Value, meter: &mut Meter) -> Outcome<bool> {
    meter.step()?;
    match (value, part) {
        (Value::Object(map), Value::Object(part)) => {
            for (key, part) in part.iter() {
                let Some(value) = map.get(key) else { return Ok(false) };
                if !contains(value, part, meter)? {
                    return Ok(false);
                }
            }
            Ok(true)
        }
        (Value::Array(items), Value::Array(parts)) => {
            for part in parts.iter() {
                let mut found = false;
                for item in items.iter().filter(|item| item.kind() == part.kind()) {
                    found = contains(item, part, meter)?;
                    if found {
                        break;
                    }
                }
                meter.steps(items.len() / 8)?;
                if !found {
                    return Ok(false);
                }
            }
            Ok(true)
        }
        (Value::String(text), Value::String(part)) => {
            meter.look(text.len() + part.len())?;
            Ok(text.contains(part.as_str()))
        }
        (value, part) if value.kind() == part.kind() => {
            Ok(compare(value, part, meter)? == Ordering::Equal)
        }
        (value, part) => unfit_pair(value, part, "cannot have their containment checked"),
    }
}

/// Texts as an array.
pub(super) fn texts<'a>(texts: impl Iterator<Item = &'a str>, meter: &mut Meter) -> Outcome {
    let mut items = Items::default();
    for text in texts {
        meter.text(text.len())?;
        meter.push(&mut items, Value::String(Text::from(text)))?;
    }
    Ok(Value::Array(Arc::new(items)))
}
