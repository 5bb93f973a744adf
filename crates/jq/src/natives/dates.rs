//! Functions of dates. All times are UTC, and none is the present one.

use crate::fault::{Outcome, error};
use crate::meter::Meter;
use crate::value::{Number, Text, Value};

use super::calendar::{Time, YEARS};
use super::{Native, strftime, strptime, unfit};

pub(super) const ALL: &[Native] = &[
    Native {
        name: "gmtime",
        arity: 0,
        run: |context, value, _| match &value {
            Value::Number(number) => broken_down(&time_of(number)?, context.meter),
            Value::Null
            | Value::Bool(_)
            | Value::String(_)
            | Value::Array(_)
            | Value::Object(_) => error("gmtime() requires a number"),
        },
    },
    Native {
        name: "mktime",
        arity: 0,
        run: |_, value, _| match &value {
            Value::Array(_) => Ok(Value::from(time(&value, "mktime")?.seconds())),
            Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::String(_)
            | Value::Object(_) => error("mktime requires array of 6 numbers"),
        },
    },
    Native {
        name: "strftime",
        arity: 1,
        run: |context, value, [format, ..]| {
            let time = match &value {
                Value::Number(number) => time_of(number)?,
                Value::Array(_) => time(&value, "strftime/1")?,
                Value::Null | Value::Bool(_) | Value::String(_) | Value::Object(_) => {
                    return error("strftime/1 requires parsed datetime inputs");
                }
            };
            let Value::String(format) = format else {
                return error("strftime/1 requires a string format");
            };
            written(&time, &format, context.meter)
        },
    },
    Native {
        name: "strptime",
        arity: 1,
        run: |context, value, [format, ..]| {
            let (Value::String(text), Value::String(format)) = (&value, &format) else {
                return match value {
                    Value::String(_) => error("strptime/1 requires string inputs and arguments"),
                    Value::Null
                    | Value::Bool(_)
                    | Value::Number(_)
                    | Value::Array(_)
                    | Value::Object(_) => {
                        unfit(&value, "strptime/1 requires string inputs and arguments")
                    }
                };
            };
            read(text, format, context.meter)
        },
    },
];

fn time_of(number: &Number) -> Outcome<Time> {
    match Time::from_seconds(number.as_f64()) {
        Some(time) => Ok(time),
        None => error("error converting number of seconds since epoch to datetime"),
    }
}

fn broken_down(time: &Time, meter: &mut Meter) -> Outcome {
    meter.items(8)?;
    let second = Value::Number(Number::from_double(time.second));
    Ok(Value::array(vec![
        Value::from(time.year),
        Value::from(time.month),
        Value::from(time.day),
        Value::from(time.hour),
        Value::from(time.minute),
        second,
        Value::from(time.weekday),
        Value::from(time.yearday),
    ]))
}

/// The time of an array of its parts, of which later ones may be missing.
fn time(value: &Value, name: &str) -> Outcome<Time> {
    let Value::Array(parts) = value else {
        return error(format!("{name} requires parsed datetime inputs"));
    };
    let mut numbers = [0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0];
    for (place, part) in numbers.iter_mut().zip(parts.iter()) {
        let Value::Number(number) = part else {
            return error(format!("{name} requires parsed datetime inputs"));
        };
        *place = number.as_f64();
    }
    let bound = YEARS as f64;
    if numbers.iter().any(|number| number.is_nan() || number.abs() > bound) {
        return error(format!("{name} requires parsed datetime inputs"));
    }
    let [year, month, day, hour, minute, second, weekday, yearday] = numbers;
    let mut time = Time {
        year: year as i64,
        month: month as i64,
        day: day as i64,
        hour: hour as i64,
        minute: minute as i64,
        second,
        weekday: weekday as i64,
        yearday: yearday as i64,
    };
    if parts.len() < 8 {
        time.find_days();
    }
    Ok(time)
}

fn written(time: &Time, format: &Text, meter: &mut Meter) -> Outcome {
    // No directive gives more bytes than this for each of its own.
    const GROWTH: usize = 32;
    meter.text(format.len().saturating_mul(GROWTH))?;
    Ok(Value::from(strftime::text(time, format)))
}

fn read(text: &Text, format: &Text, meter: &mut Meter) -> Outcome {
    meter.look((text.len() + format.len()).saturating_mul(4))?;
    match strptime::time(text, format) {
        Some(time) => broken_down(&time, meter),
        None => {
            let cut = |text: &str| text.chars().take(100).collect::<String>();
            error(format!("date \"{}\" does not match format \"{}\"", cut(text), cut(format)))
        }
    }
}
