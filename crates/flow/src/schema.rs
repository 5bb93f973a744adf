//! JSON Schemas of what a flow and its nodes take and give.
//!
//! JSON Schema 2020-12, checked when the definition is compiled. A schema is complete in itself: a
//! `$ref` to anywhere outside it is refused, and so is a circle of `$ref`s that never looks at a
//! smaller part of the value. Patterns run in linear time.

mod references;

use std::fmt;
use std::sync::Arc;

use flowmill_model::limits;
use flowmill_types::{Effort, Formats, Type, TypeError};
use jsonschema::{Draft, PatternOptions, Validator};
use serde::Serialize;
use serde_json::Value;

use crate::json::Json;

/// Violations of one value that are reported.
const REPORTED: usize = 20;

/// A compiled JSON Schema. Cheap to clone.
#[derive(Clone)]
pub struct Schema(Arc<Compiled>);

struct Compiled {
    validator: Validator,
    /// As it was written.
    source: Value,
}

/// Why a schema cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct SchemaError {
    /// What is wrong.
    pub message: String,
    /// Where in the schema, as a JSON pointer.
    pub pointer: String,
}

/// One way in which a value does not fit a schema.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("{message}{}", place(.pointer))]
pub struct SchemaViolation {
    /// What is wrong.
    pub message: String,
    /// Where in the value, as a JSON pointer; empty for the value itself.
    pub pointer: String,
}

/// Where a violation is, as the end of its sentence; nothing for the value itself.
fn place(pointer: &str) -> String {
    if pointer.is_empty() { String::new() } else { format!(" at `{pointer}`") }
}

impl Schema {
    /// Compiles a schema.
    pub fn compile(schema: &Json) -> Result<Self, SchemaError> {
        if schema.to_bytes().len() > limits::SCHEMA_BYTES {
            let message = format!("the schema has more than {} bytes", limits::SCHEMA_BYTES);
            return Err(SchemaError { message, pointer: String::new() });
        }
        let schema = Value::from(schema);
        references::check(&schema)?;
        let options = jsonschema::options()
            .with_draft(Draft::Draft202012)
            .should_validate_formats(true)
            .with_pattern_options(PatternOptions::regex().size_limit(limits::SCHEMA_PATTERN_BYTES));
        let validator = options.build(&schema).map_err(|error| SchemaError {
            message: message_of(&error),
            pointer: error.instance_path().to_string(),
        })?;
        Ok(Self(Arc::new(Compiled { validator, source: schema })))
    }

    /// The type of the values that fit it, with what is left of an effort.
    pub(crate) fn read_type(&self, effort: &mut Effort) -> Result<Type, TypeError> {
        Type::read_with(&self.0.source, Formats::Checked, effort)
    }

    /// Checks a value; on failure says in which ways it does not fit, up to a bound.
    pub fn validate(&self, value: &Json) -> Result<(), Vec<SchemaViolation>> {
        let value = Value::from(value);
        if self.0.validator.is_valid(&value) {
            return Ok(());
        }
        let violations = self.0.validator.iter_errors(&value).take(REPORTED);
        Err(violations
            .map(|error| SchemaViolation {
                message: message_of(&error),
                pointer: error.instance_path().to_string(),
            })
            .collect())
    }
}

impl fmt::Debug for Schema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Schema")
    }
}

/// The validator's own words, less the value itself, which may be private or long.
fn message_of(error: &jsonschema::ValidationError<'_>) -> String {
    error.masked().to_string()
}

#[cfg(test)]
mod tests;
