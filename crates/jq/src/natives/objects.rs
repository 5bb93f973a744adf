//! Functions of objects and of what has keys.

use std::sync::Arc;

use crate::fault::{Outcome, error};
use crate::meter::Meter;
use crate::value::{Items, Map, Text, Value, sort_keys, to_json};

use super::{Native, index, unfit};

pub(super) const ALL: &[Native] = &[
    Native { name: "keys", arity: 0, run: |context, value, _| keys(&value, true, context.meter) },
    Native {
        name: "keys_unsorted",
        arity: 0,
        run: |context, value, _| keys(&value, false, context.meter),
    },
    Native {
        name: "has",
        arity: 1,
        run: |context, value, [key, ..]| has(&value, &key, context.meter),
    },
    Native { name: "length", arity: 0, run: |context, value, _| length(&value, context.meter) },
    Native {
        name: "to_entries",
        arity: 0,
        run: |context, value, _| to_entries(&value, context.meter),
    },
    Native {
        name: "from_entries",
        arity: 0,
        run: |context, value, _| from_entries(&value, context.meter),
    },
    Native {
        name: "_captured",
        arity: 0,
        run: |context, value, _| captured(&value, context.meter),
    },
];

fn keys(value: &Value, sorted: bool, meter: &mut Meter) -> Outcome {
    match value {
        Value::Object(map) => {
            meter.items(map.len())?;
            let text = |key: &Text| Value::String(key.clone());
            if !sorted {
                return Ok(Value::array(map.iter().map(|(key, _)| text(key)).collect()));
            }
            sort_keys(map, meter)?;
            Ok(Value::array(map.sorted().into_iter().map(|(key, _)| text(key)).collect()))
        }
        Value::Array(items) => {
            meter.items(items.len())?;
            Ok(Value::array((0..items.len()).map(Value::from).collect()))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            unfit(value, "has no keys")
        }
    }
}

fn has(value: &Value, key: &Value, meter: &mut Meter) -> Outcome {
    match (value, key) {
        (Value::Object(map), Value::String(key)) => {
            meter.look(key.len())?;
            Ok(Value::Bool(map.get(key).is_some()))
        }
        (Value::Array(items), Value::Number(place)) => {
            let place = place.as_f64();
            Ok(Value::Bool(place >= 0.0 && place < items.len() as f64))
        }
        (value, key) => {
            error(format!("Cannot check whether {} has a {} key", value.kind(), key.kind()))
        }
    }
}

fn length(value: &Value, meter: &mut Meter) -> Outcome {
    Ok(match value {
        Value::Null => Value::from(0_i64),
        Value::Bool(_) => return unfit(value, "has no length"),
        Value::Number(number) => {
            meter.text(number.digits())?;
            Value::Number(number.absolute())
        }
        Value::String(text) => {
            meter.look(text.len())?;
            Value::from(text.chars().count())
        }
        Value::Array(items) => Value::from(items.len()),
        Value::Object(map) => Value::from(map.len()),
    })
}

fn to_entries(value: &Value, meter: &mut Meter) -> Outcome {
    let (key_name, value_name) = (Text::from("key"), Text::from("value"));
    let mut entries = Items::default();
    let mut add = |key: Value, value: &Value, meter: &mut Meter| {
        meter.entries(2)?;
        let entry = [(key_name.clone(), key), (value_name.clone(), value.clone())];
        meter.push(&mut entries, Value::object(entry))
    };
    match value {
        Value::Object(map) => {
            for (key, value) in map.iter() {
                add(Value::String(key.clone()), value, meter)?;
            }
        }
        Value::Array(items) => {
            for (place, value) in items.iter().enumerate() {
                add(Value::from(place), value, meter)?;
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            return unfit(value, "has no keys");
        }
    }
    Ok(Value::Array(Arc::new(entries)))
}

fn from_entries(value: &Value, meter: &mut Meter) -> Outcome {
    let mut map = Map::default();
    let mut add = |entry: &Value, meter: &mut Meter| {
        meter.steps(8)?;
        let key = match entry_key(entry, meter)? {
            Value::String(key) => key,
            other @ (Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::Array(_)
            | Value::Object(_)) => to_json(&other, meter)?,
        };
        let value = entry_value(entry, meter)?;
        meter.insert(&mut map, key, value).map_err(crate::fault::Raise::from)
    };
    match value {
        Value::Array(items) => items.iter().try_for_each(|entry| add(entry, meter))?,
        Value::Object(entries) => entries.iter().try_for_each(|(_, entry)| add(entry, meter))?,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            let shown = crate::value::shown(value, 14);
            return error(format!("Cannot iterate over {} ({shown})", value.kind()));
        }
    }
    Ok(Value::from(map))
}

fn entry_key(entry: &Value, meter: &mut Meter) -> Outcome {
    let key = index::get(entry, &Value::from("key"), meter)?;
    if !matches!(key, Value::Null) {
        return Ok(key);
    }
    let mut last = Value::Null;
    for name in ["k", "name", "Name", "K", "Key"] {
        last = index::get(entry, &Value::from(name), meter)?;
        if last.is_true() {
            break;
        }
    }
    Ok(last)
}

fn entry_value(entry: &Value, meter: &mut Meter) -> Outcome {
    for name in ["value", "v"] {
        let has = matches!(entry, Value::Object(map) if map.get(name).is_some());
        if has {
            return index::get(entry, &Value::from(name), meter);
        }
    }
    index::get(entry, &Value::from("Value"), meter)
}

/// The named captures of a match as an object.
fn captured(value: &Value, meter: &mut Meter) -> Outcome {
    let captures = index::get(value, &Value::from("captures"), meter)?;
    let mut map = Map::default();
    if let Value::Array(captures) = captures {
        for capture in captures.iter() {
            let name = index::get(capture, &Value::from("name"), meter)?;
            if let Value::String(name) = name {
                let text = index::get(capture, &Value::from("string"), meter)?;
                meter.insert(&mut map, name, text)?;
            }
        }
    }
    Ok(Value::from(map))
}
