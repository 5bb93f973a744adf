//! Values by key, place and part.

use std::sync::Arc;

use crate::fault::{Outcome, error};
use crate::meter::Meter;
use crate::value::{Items, Map, Number, Value};

use super::strings;

/// The longest array that a place can ask for, in items, as in jq.
const PLACES: usize = 536_870_911;

/// What is under a key.
pub(crate) fn get(value: &Value, key: &Value, meter: &mut Meter) -> Outcome {
    match (value, key) {
        (Value::Object(map), Value::String(key)) => {
            meter.look(key.len())?;
            Ok(map.get(key).cloned().unwrap_or_default())
        }
        (Value::Array(items), Value::Number(place)) => {
            let place = place_in(items.len(), place);
            Ok(place.and_then(|place| items.get(place)).cloned().unwrap_or_default())
        }
        (Value::Array(items), Value::Object(part)) => {
            let (start, end) = bounds(part, items.len())?;
            meter.items(end - start)?;
            Ok(Value::array(items[start..end].to_vec()))
        }
        (Value::String(text), Value::Object(part)) => strings::slice(text, part, meter),
        (Value::Array(items), Value::Array(part)) => super::arrays::places_of(items, part, meter),
        (Value::Null, Value::Object(part)) => bounds(part, 0).map(|_| Value::Null),
        (Value::Null, Value::String(_) | Value::Number(_) | Value::Null) => Ok(Value::Null),
        (value, Value::String(key)) => {
            let shown: String = key.chars().take(60).collect();
            error(format!("Cannot index {} with string \"{shown}\"", value.kind()))
        }
        (value, key) => error(format!("Cannot index {} with {}", value.kind(), key.kind())),
    }
}

/// Where a number points in so many items.
pub(super) fn place_in(length: usize, place: &Number) -> Option<usize> {
    let place = place.as_f64();
    if place.is_nan() {
        return None;
    }
    let place = place.trunc();
    let place = if place < 0.0 { place + length as f64 } else { place };
    (place >= 0.0 && place < length as f64).then_some(place as usize)
}

/// The value with something else under a key.
pub(super) fn set(value: Value, key: &Value, new: Value, meter: &mut Meter) -> Outcome {
    match (value, key) {
        (Value::Object(mut map), Value::String(key)) => {
            let own = meter.own_map(&mut map)?;
            meter.insert(own, key.clone(), new)?;
            Ok(Value::Object(map))
        }
        (Value::Null, Value::String(key)) => {
            meter.entries(1)?;
            Ok(Value::object([(key.clone(), new)]))
        }
        (Value::Array(items), Value::Number(place)) => set_item(items, place, new, meter),
        (Value::Null, Value::Number(place)) => set_item(Arc::default(), place, new, meter),
        (Value::Array(items), Value::Object(part)) => set_part(items, part, &new, meter),
        (Value::Null, Value::Object(part)) => set_part(Arc::default(), part, &new, meter),
        (Value::String(_), Value::Object(_)) => error("Cannot update string slices"),
        (Value::Array(_), Value::Array(_)) => error("Cannot update field at array index of array"),
        (value, Value::String(key)) => {
            let shown: String = key.chars().take(60).collect();
            error(format!("Cannot index {} with string \"{shown}\"", value.kind()))
        }
        (value, key) => error(format!("Cannot index {} with {}", value.kind(), key.kind())),
    }
}

fn set_item(mut items: Arc<Items>, place: &Number, new: Value, meter: &mut Meter) -> Outcome {
    let double = place.as_f64();
    if double.is_nan() {
        return error("Cannot set array element at NaN index");
    }
    let double = double.trunc();
    let place = if double < 0.0 { double + items.len() as f64 } else { double };
    if place < 0.0 {
        return error("Out of bounds negative array index");
    }
    if place > PLACES as f64 {
        return error("Array index too large");
    }
    let place = place as usize;
    if place >= items.len() {
        meter.items(place + 1)?;
    }
    let own = meter.own_items(&mut items)?;
    own.fill_to(place + 1);
    own.set(place, new);
    Ok(Value::Array(items))
}

fn set_part(mut items: Arc<Items>, part: &Map, new: &Value, meter: &mut Meter) -> Outcome {
    let (start, end) = bounds(part, items.len())?;
    let Value::Array(new) = new else {
        return error("A slice of an array can only be assigned another array");
    };
    meter.items(items.len() + new.len())?;
    meter.own_items(&mut items)?.splice(start, end, new);
    Ok(Value::Array(items))
}

/// From where to where a part of so many items goes.
pub(super) fn bounds(part: &Map, length: usize) -> Outcome<(usize, usize)> {
    let bound = |name: &str| match part.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Number(number)) => Ok(Some(number.as_f64()).filter(|number| !number.is_nan())),
        Some(Value::Bool(_) | Value::String(_) | Value::Array(_) | Value::Object(_)) => {
            error("Start and end indices of an array slice must be numbers")
        }
    };
    let total = length as f64;
    let within = |place: f64| {
        let place = if place < 0.0 { place + total } else { place };
        place.clamp(0.0, total)
    };
    let start = bound("start")?.map_or(0.0, within).floor() as usize;
    let end = bound("end")?.map_or(total, within).ceil() as usize;
    Ok((start, end.max(start)))
}

/// The value without what is under these keys.
pub(super) fn delete(value: Value, keys: &[Value], meter: &mut Meter) -> Outcome {
    match value {
        Value::Null => Ok(Value::Null),
        Value::Object(mut map) => {
            let mut gone = std::collections::BTreeSet::new();
            for key in keys {
                let Value::String(key) = key else {
                    return error(format!("Cannot delete field at object index of {}", key.kind()));
                };
                gone.insert(key.as_str());
            }
            meter.steps(map.len() + keys.len() * 4)?;
            meter.entries(if map.len() > 12 { map.len() } else { 0 })?;
            meter.own_map(&mut map)?.retain(|key| !gone.contains(key));
            Ok(Value::Object(map))
        }
        Value::Array(mut items) => {
            let gone = deleted_places(&items, keys, meter)?;
            meter.own_items(&mut items)?.retain(|place| !gone[place]);
            Ok(Value::Array(items))
        }
        Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            error(format!("Cannot delete field at index of {}", value.kind()))
        }
    }
}

fn deleted_places(items: &Items, keys: &[Value], meter: &mut Meter) -> Outcome<Vec<bool>> {
    meter.steps(items.len() / 4 + keys.len())?;
    meter.reserve(items.len())?;
    let mut gone = vec![false; items.len()];
    for key in keys {
        match key {
            Value::Number(place) => {
                if let Some(place) = place_in(items.len(), place) {
                    gone[place] = true;
                }
            }
            Value::Object(part) => {
                let (start, end) = bounds(part, items.len())?;
                meter.steps((end - start) / 16)?;
                gone[start..end].fill(true);
            }
            Value::Null | Value::Bool(_) | Value::String(_) | Value::Array(_) => {
                return error(format!("Cannot delete field at array index of {}", key.kind()));
            }
        }
    }
    Ok(gone)
}
