//! Operators.

use std::cmp::Ordering;
use std::sync::Arc;

use crate::fault::{Outcome, error};
use crate::meter::Meter;
use crate::syntax::ast::Operator;
use crate::value::{Map, Number, Text, Value, compare};

use super::{strings, unfit, unfit_pair};

/// The result of an operator.
pub(crate) fn apply(operator: Operator, left: Value, right: Value, meter: &mut Meter) -> Outcome {
    let order = |meter: &mut Meter| compare(&left, &right, meter);
    Ok(Value::Bool(match operator {
        Operator::Add => return add(left, right, meter),
        Operator::Subtract => return subtract(left, right, meter),
        Operator::Multiply => return multiply(left, right, meter),
        Operator::Divide => return divide(&left, &right, meter),
        Operator::Remainder => return remainder(&left, &right),
        Operator::Equal => order(meter)? == Ordering::Equal,
        Operator::NotEqual => order(meter)? != Ordering::Equal,
        Operator::Less => order(meter)? == Ordering::Less,
        Operator::LessOrEqual => order(meter)? != Ordering::Greater,
        Operator::Greater => order(meter)? == Ordering::Greater,
        Operator::GreaterOrEqual => order(meter)? != Ordering::Less,
    }))
}

pub(crate) fn negate(value: &Value, meter: &mut Meter) -> Outcome {
    match value {
        Value::Number(number) => {
            meter.text(number.digits())?;
            Ok(Value::Number(number.negated()))
        }
        Value::Null | Value::Bool(_) | Value::String(_) | Value::Array(_) | Value::Object(_) => {
            unfit(value, "cannot be negated")
        }
    }
}

/// The sum. What nobody shares on the left grows in place.
pub(super) fn add(left: Value, right: Value, meter: &mut Meter) -> Outcome {
    match (left, right) {
        (Value::Null, other) | (other, Value::Null) => Ok(other),
        (Value::Number(left), Value::Number(right)) => Ok(Value::Number(left.plus(&right))),
        (Value::String(mut left), Value::String(right)) => {
            meter.append(&mut left, &right)?;
            Ok(Value::String(left))
        }
        (Value::Array(mut left), Value::Array(right)) => {
            let own = meter.own_items(&mut left)?;
            if own.capacity() - own.len() < right.len() {
                meter.items((own.len() + right.len()) * 2)?;
            }
            meter.steps(right.len() / 2)?;
            own.extend(&right);
            Ok(Value::Array(left))
        }
        (Value::Object(mut left), Value::Object(right)) => {
            let own = meter.own_map(&mut left)?;
            for (key, value) in right.iter() {
                meter.insert(own, key.clone(), value.clone())?;
            }
            Ok(Value::Object(left))
        }
        (left, right) => unfit_pair(&left, &right, "cannot be added"),
    }
}

fn subtract(left: Value, right: Value, meter: &mut Meter) -> Outcome {
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => {
            let difference = left.calculated(&right, i64::checked_sub, |left, right| left - right);
            Ok(Value::Number(difference))
        }
        (Value::Array(left), Value::Array(right)) => {
            meter.items(left.len())?;
            let mut kept = Vec::new();
            for item in left.iter() {
                let mut found = false;
                for other in right.iter() {
                    found = compare(item, other, meter)? == Ordering::Equal;
                    if found {
                        break;
                    }
                }
                if !found {
                    kept.push(item.clone());
                }
            }
            Ok(Value::array(kept))
        }
        (left, right) => unfit_pair(&left, &right, "cannot be subtracted"),
    }
}

fn multiply(left: Value, right: Value, meter: &mut Meter) -> Outcome {
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => {
            let product = left.calculated(&right, i64::checked_mul, |left, right| left * right);
            Ok(Value::Number(product))
        }
        (Value::String(text), Value::Number(times))
        | (Value::Number(times), Value::String(text)) => repeat(&text, times.as_f64(), meter),
        (Value::Object(left), Value::Object(right)) => {
            merge(left, &right, meter).map(Value::Object)
        }
        (left, right) => unfit_pair(&left, &right, "cannot be multiplied"),
    }
}

fn repeat(text: &Text, times: f64, meter: &mut Meter) -> Outcome {
    /// Bytes of a text that jq makes by repetition, at most.
    const LONGEST: f64 = 2_147_483_647.0;
    if times.is_nan() || times < 0.0 {
        return Ok(Value::Null);
    }
    let times = times.floor();
    if text.len() as f64 * times > LONGEST {
        return error("Repeat string result too long");
    }
    let times = if text.is_empty() { 0 } else { times as usize };
    meter.text(text.len() * times)?;
    Ok(Value::from(text.repeat(times)))
}

/// Objects merged at every level. Both are nested in bounds.
fn merge(mut left: Arc<Map>, right: &Map, meter: &mut Meter) -> Outcome<Arc<Map>> {
    let own = meter.own_map(&mut left)?;
    for (key, value) in right.iter() {
        let value = match (own.get(key), value) {
            (Some(Value::Object(_)), Value::Object(inner)) => match own.take(key) {
                Value::Object(outer) => Value::Object(merge(outer, inner, meter)?),
                other @ (Value::Null
                | Value::Bool(_)
                | Value::Number(_)
                | Value::String(_)
                | Value::Array(_)) => other,
            },
            (Some(_) | None, _) => value.clone(),
        };
        meter.insert(own, key.clone(), value)?;
    }
    Ok(left)
}

fn divide(left: &Value, right: &Value, meter: &mut Meter) -> Outcome {
    match (left, right) {
        (Value::Number(left_number), Value::Number(right_number)) => {
            if right_number.as_f64() == 0.0 {
                return unfit_pair(left, right, "cannot be divided because the divisor is zero");
            }
            let exact = |left: i64, right: i64| {
                let whole = left.checked_rem(right)? == 0;
                if whole { left.checked_div(right) } else { None }
            };
            let divided = |left: f64, right: f64| left / right;
            Ok(Value::Number(left_number.calculated(right_number, exact, divided)))
        }
        (Value::String(text), Value::String(separator)) => strings::split(text, separator, meter),
        (left, right) => unfit_pair(left, right, "cannot be divided"),
    }
}

fn remainder(left: &Value, right: &Value) -> Outcome {
    let (Value::Number(left_number), Value::Number(right_number)) = (left, right) else {
        return unfit_pair(left, right, "cannot be divided");
    };
    if left_number.is_nan() || right_number.is_nan() {
        return Ok(Value::from(f64::NAN));
    }
    let whole = |number: &Number| match number {
        Number::Int(whole) => *whole,
        // A conversion saturates.
        Number::Float(_) | Number::Literal(_) => number.as_f64() as i64,
    };
    let divisor = whole(right_number);
    if divisor == 0 {
        let what = "cannot be divided (remainder) because the divisor is zero";
        return unfit_pair(left, right, what);
    }
    Ok(Value::from(whole(left_number).checked_rem(divisor).unwrap_or(0)))
}
