//! Sorting, grouping, searching.

use std::cmp::Ordering;
use std::sync::Arc;

use crate::fault::{Outcome, error};
use crate::meter::Meter;
use crate::value::{Items, Value, compare, sort};

use super::{Native, unfit};

pub(super) const ALL: &[Native] = &[
    Native {
        name: "sort",
        arity: 0,
        run: |context, value, _| {
            let sorted = sort(items(&value)?.to_vec(), context.meter, |item| item)?;
            Ok(Value::array(sorted))
        },
    },
    Native {
        name: "_sort_by",
        arity: 1,
        run: |context, value, [keys, ..]| {
            let sorted = sorted_by(&value, &keys, context.meter)?;
            Ok(Value::array(sorted.into_iter().map(|(_, item)| item).collect()))
        },
    },
    Native {
        name: "_group_by",
        arity: 1,
        run: |context, value, [keys, ..]| {
            let groups = groups(&value, &keys, context.meter)?;
            Ok(Value::array(groups.into_iter().map(Value::array).collect()))
        },
    },
    Native {
        name: "_unique_by",
        arity: 1,
        run: |context, value, [keys, ..]| {
            let groups = groups(&value, &keys, context.meter)?;
            Ok(Value::array(
                groups.into_iter().filter_map(|group| group.into_iter().next()).collect(),
            ))
        },
    },
    Native {
        name: "unique",
        arity: 0,
        run: |context, value, _| {
            let groups = groups(&value, &value, context.meter)?;
            Ok(Value::array(
                groups.into_iter().filter_map(|group| group.into_iter().next()).collect(),
            ))
        },
    },
    Native {
        name: "min",
        arity: 0,
        run: |context, value, _| best(&value, &value, Ordering::Less, context.meter),
    },
    Native {
        name: "max",
        arity: 0,
        run: |context, value, _| best(&value, &value, Ordering::Greater, context.meter),
    },
    Native {
        name: "_min_by",
        arity: 1,
        run: |context, value, [keys, ..]| best(&value, &keys, Ordering::Less, context.meter),
    },
    Native {
        name: "_max_by",
        arity: 1,
        run: |context, value, [keys, ..]| best(&value, &keys, Ordering::Greater, context.meter),
    },
    Native {
        name: "bsearch",
        arity: 1,
        run: |context, value, [wanted, ..]| search(&value, &wanted, context.meter),
    },
];

fn items(value: &Value) -> Outcome<&Arc<Items>> {
    match value {
        Value::Array(items) => Ok(items),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => {
            unfit(value, "cannot be sorted, as it is not an array")
        }
    }
}

fn sorted_by(value: &Value, keys: &Value, meter: &mut Meter) -> Outcome<Vec<(Value, Value)>> {
    let (values, keys) = (items(value)?, items(keys)?);
    meter.items(values.len() * 2)?;
    let pairs = keys.iter().cloned().zip(values.iter().cloned()).collect();
    Ok(sort(pairs, meter, |(key, _): &(Value, Value)| key)?)
}

/// Items in groups of equal keys, in the order of the keys.
fn groups(value: &Value, keys: &Value, meter: &mut Meter) -> Outcome<Vec<Vec<Value>>> {
    let mut groups: Vec<Vec<Value>> = Vec::new();
    let mut last: Option<Value> = None;
    for (key, item) in sorted_by(value, keys, meter)? {
        let same = match &last {
            Some(last) => compare(last, &key, meter)? == Ordering::Equal,
            None => false,
        };
        match groups.last_mut() {
            Some(group) if same => group.push(item),
            Some(_) | None => {
                meter.items(4)?;
                groups.push(vec![item]);
            }
        }
        last = Some(key);
    }
    Ok(groups)
}

/// The item whose key is before (or behind) all others; of equal ones the first (or last).
fn best(value: &Value, keys: &Value, wanted: Ordering, meter: &mut Meter) -> Outcome {
    let (values, keys) = (items(value)?, items(keys)?);
    let mut best: Option<(&Value, &Value)> = None;
    for (key, item) in keys.iter().zip(values.iter()) {
        let better = match best {
            None => true,
            Some((best, _)) => {
                let order = compare(key, best, meter)?;
                order == wanted || (order == Ordering::Equal && wanted == Ordering::Greater)
            }
        };
        if better {
            best = Some((key, item));
        }
    }
    Ok(best.map(|(_, item)| item.clone()).unwrap_or_default())
}

/// The place of a value in a sorted array, or else one less than minus where it would go.
fn search(value: &Value, wanted: &Value, meter: &mut Meter) -> Outcome {
    let Value::Array(items) = value else { return unfit(value, "cannot be searched from") };
    let (mut from, mut to) = (0, items.len());
    while from < to {
        let middle = usize::midpoint(from, to);
        match compare(&items[middle], wanted, meter)? {
            Ordering::Equal => return Ok(Value::from(middle)),
            Ordering::Less => from = middle + 1,
            Ordering::Greater => to = middle,
        }
    }
    let Ok(place) = i64::try_from(from) else { return error("the array is too long") };
    Ok(Value::from(-1 - place))
}
