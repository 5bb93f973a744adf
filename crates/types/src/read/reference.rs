//! References inside one schema.

use serde_json::Value;

use crate::error::{Fault, TypeError, excerpt};
use crate::mark::Mark;
use crate::shape::Type;

use super::{Reader, malformed};

impl Reader<'_> {
    /// The type that a `$ref` names.
    pub(super) fn reference(&mut self, value: &Value, at: &str) -> Result<Type, TypeError> {
        let Value::String(text) = value else {
            return Err(malformed("$ref", "a text such as #/$defs/name", at));
        };
        let fault = |fault: fn(String) -> Fault| TypeError {
            fault: fault(excerpt(text)),
            pointer: at.to_owned(),
        };
        let Some(target) = text.strip_prefix('#') else {
            return Err(fault(Fault::OutsideReference));
        };
        if (!target.is_empty() && !target.starts_with('/')) || target.contains('%') {
            return Err(fault(Fault::NoPointer));
        }
        if let Some(known) = self.known.get(target) {
            return Ok(known.clone());
        }
        if let Some((_, level)) = self.open.iter().find(|(open, _)| open == target) {
            if *level == self.level {
                return Err(fault(Fault::Circle));
            }
            return Ok(self.recursive(target));
        }
        let document = self.document;
        let Some(schema) = document.pointer(target) else {
            return Err(fault(Fault::DeadReference));
        };
        self.open.push((target.to_owned(), self.level));
        let read = self.schema(schema, target);
        self.open.pop();
        let read = read?;
        self.known.insert(target.to_owned(), read.clone());
        Ok(read)
    }

    /// What is known of a part that refers to itself where it does: nothing but its name.
    fn recursive(&self, target: &str) -> Type {
        Type::any().marked(&Mark::of("$ref", &Value::from(target), Some(&self.root)))
    }
}
