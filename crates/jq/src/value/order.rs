//! The order of values: null, false, true, numbers, strings, arrays, objects.
//!
//! Comparing is charged as it goes: values that share their parts can take longer to compare than
//! to make. Sorting is our own, because the order of numbers is not total (not-a-number, digits
//! beyond a double), and because each comparison can end an evaluation.

use std::cmp::Ordering;

use crate::fault::Fault;
use crate::meter::Meter;

use super::{Map, Value};

const fn rank(value: &Value) -> u8 {
    match value {
        Value::Null => 0,
        Value::Bool(false) => 1,
        Value::Bool(true) => 2,
        Value::Number(_) => 3,
        Value::String(_) => 4,
        Value::Array(_) => 5,
        Value::Object(_) => 6,
    }
}

/// Compares two values.
pub(crate) fn compare(one: &Value, other: &Value, meter: &mut Meter) -> Result<Ordering, Fault> {
    meter.step()?;
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => {
            meter.steps(one.digits() / 8 + other.digits() / 8)?;
            Ok(one.compare(other))
        }
        (Value::String(one), Value::String(other)) => {
            meter.look(one.len().min(other.len()))?;
            Ok(one.cmp(other))
        }
        (Value::Array(one), Value::Array(other)) => {
            for (one, other) in one.iter().zip(other.iter()) {
                let order = compare(one, other, meter)?;
                if order != Ordering::Equal {
                    return Ok(order);
                }
            }
            Ok(one.len().cmp(&other.len()))
        }
        (Value::Object(one), Value::Object(other)) => compare_maps(one, other, meter),
        (Value::Null | Value::Bool(_) | Value::Number(_), _)
        | (Value::String(_) | Value::Array(_) | Value::Object(_), _) => {
            Ok(rank(one).cmp(&rank(other)))
        }
    }
}

/// Compares objects: first their sorted keys, then the values key by key.
fn compare_maps(one: &Map, other: &Map, meter: &mut Meter) -> Result<Ordering, Fault> {
    sort_keys(one, meter)?;
    sort_keys(other, meter)?;
    let (one, other) = (one.sorted(), other.sorted());
    for ((one, _), (other, _)) in one.iter().zip(&other) {
        let order = one.cmp(other);
        if order != Ordering::Equal {
            return Ok(order);
        }
    }
    if one.len() != other.len() {
        return Ok(one.len().cmp(&other.len()));
    }
    for ((_, one), (_, other)) in one.iter().zip(&other) {
        let order = compare(one, other, meter)?;
        if order != Ordering::Equal {
            return Ok(order);
        }
    }
    Ok(Ordering::Equal)
}

/// Charges for sorting an object's keys.
pub(crate) fn sort_keys(map: &Map, meter: &mut Meter) -> Result<(), Fault> {
    let comparisons = map.len().saturating_mul(map.len().checked_ilog2().unwrap_or(0) as usize);
    let bytes: usize = map.iter().map(|(key, _)| key.len() / 32).sum();
    let levels = comparisons / map.len().max(1) + 1;
    meter.steps(map.len() + comparisons + bytes.saturating_mul(levels))?;
    meter.reserve(map.len() * 16)
}

/// Sorts, keeping the order of what is equal.
pub(crate) fn sort<T: Clone>(
    mut items: Vec<T>,
    meter: &mut Meter,
    key: impl Fn(&T) -> &Value,
) -> Result<Vec<T>, Fault> {
    meter.items(items.len().saturating_mul(size_of::<T>() / size_of::<Value>() + 1))?;
    let mut width = 1;
    while width < items.len() {
        meter.steps(items.len())?;
        let mut merged = Vec::with_capacity(items.len());
        for pair in items.chunks(2 * width) {
            let (mut left, mut right) = pair.split_at(width.min(pair.len()));
            while let ([first, rest @ ..], [other, others @ ..]) = (left, right) {
                if compare(key(first), key(other), meter)? == Ordering::Greater {
                    merged.push(other.clone());
                    right = others;
                } else {
                    merged.push(first.clone());
                    left = rest;
                }
            }
            merged.extend_from_slice(left);
            merged.extend_from_slice(right);
        }
        items = merged;
        width *= 2;
    }
    Ok(items)
}

/// Whether two values are equal, without a meter: for values that are known to be small.
pub(super) fn equal(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => one.compare(other) == Ordering::Equal,
        (Value::String(one), Value::String(other)) => one == other,
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len()
                && one.iter().zip(other.iter()).all(|(one, other)| equal(one, other))
        }
        (Value::Object(one), Value::Object(other)) => {
            let same = |(key, value)| other.get(key).is_some_and(|other| equal(value, other));
            one.len() == other.len() && one.iter().all(|(key, value)| same((key.as_str(), value)))
        }
        (Value::Null | Value::Bool(_) | Value::Number(_), _)
        | (Value::String(_) | Value::Array(_) | Value::Object(_), _) => rank(one) == rank(other),
    }
}
