//! Functions that turn values into others, or tell about them.

use crate::fault::Raise;
use crate::library;
use crate::value::{Value, from_json, number_from, to_json};

use super::{Native, unfit};

pub(super) const ALL: &[Native] = &[
    Native { name: "not", arity: 0, run: |_, value, _| Ok(Value::Bool(!value.is_true())) },
    Native { name: "type", arity: 0, run: |_, value, _| Ok(Value::from(value.kind())) },
    Native { name: "error", arity: 0, run: |_, value, _| Err(Raise::Error(value)) },
    Native { name: "error", arity: 1, run: |_, _, [message, ..]| Err(Raise::Error(message)) },
    Native {
        name: "tojson",
        arity: 0,
        run: |context, value, _| Ok(Value::String(to_json(&value, context.meter)?)),
    },
    Native {
        name: "fromjson",
        arity: 0,
        run: |context, value, _| match &value {
            Value::String(text) => from_json(text, context.meter),
            Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::Array(_)
            | Value::Object(_) => unfit(&value, "only strings can be parsed"),
        },
    },
    Native {
        name: "tostring",
        arity: 0,
        run: |context, value, _| match value {
            Value::String(_) => Ok(value),
            Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::Array(_)
            | Value::Object(_) => Ok(Value::String(to_json(&value, context.meter)?)),
        },
    },
    Native {
        name: "tonumber",
        arity: 0,
        run: |context, value, _| match &value {
            Value::Number(_) => Ok(value),
            Value::String(text) => {
                context.meter.text(text.len())?;
                match number_from(text) {
                    Some(number) => Ok(Value::Number(number)),
                    None => unfit(&value, "cannot be parsed as a number"),
                }
            }
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => {
                unfit(&value, "cannot be parsed as a number")
            }
        },
    },
    Native {
        name: "toboolean",
        arity: 0,
        run: |_, value, _| match value.as_str() {
            Some("true") => Ok(Value::Bool(true)),
            Some("false") => Ok(Value::Bool(false)),
            Some(_) | None if matches!(value, Value::Bool(_)) => Ok(value),
            Some(_) | None => unfit(&value, "cannot be parsed as a boolean"),
        },
    },
    Native {
        name: "builtins",
        arity: 0,
        run: |context, _, _| {
            let all = library::functions();
            context.meter.items(all.len() * 8)?;
            let signature = |(name, arity)| Value::from(format!("{name}/{arity}"));
            Ok(Value::array(all.into_iter().map(signature).collect()))
        },
    },
    Native { name: "have_literal_numbers", arity: 0, run: |_, _, _| Ok(Value::Bool(true)) },
    Native { name: "have_decnum", arity: 0, run: |_, _, _| Ok(Value::Bool(true)) },
];
