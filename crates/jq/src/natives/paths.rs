//! Values at paths.

use std::cmp::Ordering;
use std::sync::Arc;

use crate::fault::{Fault, Outcome, error};
use crate::meter::Meter;
use crate::value::{Items, Value, compare, sort};

use super::{Native, index};

pub(super) const ALL: &[Native] = &[
    Native {
        name: "setpath",
        arity: 2,
        run: |context, value, [path, new, _]| {
            let Value::Array(keys) = path else {
                return error("Path must be specified as an array");
            };
            set(value, &keys, new, context.meter)
        },
    },
    Native {
        name: "delpaths",
        arity: 1,
        run: |context, value, [paths, ..]| delete(value, &paths, context.meter),
    },
];

/// What is at a path; `null` where it leads beyond what there is.
pub(crate) fn get(value: &Value, keys: &[Value], meter: &mut Meter) -> Outcome {
    let mut found = value.clone();
    for key in keys {
        if matches!(found, Value::Null) {
            return Ok(Value::Null);
        }
        meter.step()?;
        found = index::get(&found, key, meter)?;
    }
    Ok(found)
}

/// The value with something else at a path.
pub(crate) fn set(value: Value, keys: &[Value], new: Value, meter: &mut Meter) -> Outcome {
    let limit = meter.limits().nesting;
    if keys.len() + new.depth() > limit.saturating_mul(2) || keys.len() > limit {
        return Err(Fault::Nesting(limit).into());
    }
    set_within(value, keys, new, meter)
}

fn set_within(mut value: Value, keys: &[Value], new: Value, meter: &mut Meter) -> Outcome {
    let [key, rest @ ..] = keys else { return Ok(new) };
    meter.step()?;
    if rest.is_empty() {
        // What jq refuses to read it refuses to write, with the same words.
        if matches!((&value, key), (Value::Array(_), Value::String(_))) {
            index::get(&value, key, meter)?;
        }
        return index::set(value, key, new, meter);
    }
    let inner = take(&mut value, std::slice::from_ref(key), meter)?;
    let inner = set_within(inner, rest, new, meter)?;
    index::set(value, key, inner, meter)
}

/// Takes out what is at a path, and leaves `null` there if there was something.
pub(crate) fn take(value: &mut Value, keys: &[Value], meter: &mut Meter) -> Outcome {
    let mut place = value;
    let mut keys = keys;
    while let [key, rest @ ..] = keys {
        meter.step()?;
        place = match (place, key) {
            (Value::Object(map), Value::String(key)) => match meter.own_map(map)?.get_mut(key) {
                Some(inner) => inner,
                None => return Ok(Value::Null),
            },
            (Value::Array(items), Value::Number(number)) => {
                let Some(place) = index::place_in(items.len(), number) else {
                    return Ok(Value::Null);
                };
                match meter.own_items(items)?.get_mut(place) {
                    Some(inner) => inner,
                    None => return Ok(Value::Null),
                }
            }
            (place, _) => return get(place, keys, meter),
        };
        keys = rest;
    }
    Ok(std::mem::take(place))
}

/// The value without what is at these paths, all of which count from the value as it is.
pub(crate) fn delete(value: Value, paths: &Value, meter: &mut Meter) -> Outcome {
    let Value::Array(paths) = paths else {
        return error("Paths must be specified as an array");
    };
    if paths.is_empty() {
        return Ok(value);
    }
    let sorted = sort(paths.to_vec(), meter, |path| path)?;
    let mut keys = Vec::with_capacity(sorted.len());
    for path in sorted {
        let Value::Array(path) = path else {
            return error("Path must be specified as an array");
        };
        if path.is_empty() {
            return Ok(Value::Null);
        }
        keys.push(path);
    }
    delete_within(value, &keys, 0, meter)
}

/// Deletes sorted paths of which `level` keys are behind.
fn delete_within(
    mut value: Value,
    paths: &[Arc<Items>],
    level: usize,
    meter: &mut Meter,
) -> Outcome {
    let mut gone = Vec::new();
    let mut rest = paths;
    while let [first, ..] = rest {
        let key = &first[level];
        let mut same = 1;
        while let Some(path) = rest.get(same) {
            if compare(&path[level], key, meter)? != Ordering::Equal {
                break;
            }
            same += 1;
        }
        let (group, others) = rest.split_at(same);
        rest = others;
        if group.iter().any(|path| path.len() == level + 1) {
            gone.push(key.clone());
            continue;
        }
        let inner = take(&mut value, std::slice::from_ref(key), meter)?;
        if !matches!(inner, Value::Null) {
            let inner = delete_within(inner, group, level + 1, meter)?;
            value = index::set(value, key, inner, meter)?;
        }
    }
    meter.items(gone.len())?;
    if gone.is_empty() { Ok(value) } else { index::delete(value, &gone, meter) }
}
