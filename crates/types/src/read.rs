//! Types from JSON Schemas of the subset that is understood.
//!
//! The keywords of a schema object are constraints that all hold. Those of a kind of value make
//! a set of that kind; `enum`, `const`, `anyOf`, `oneOf`, `allOf` and `$ref` give types of their
//! own, and the schema is what all have in common. Every other keyword marks what it may bear on.
//!
//! A `oneOf` is the union of its branches if no value is of two of them. A recursive reference
//! ends in a mark: it is known to be any value, with the constraint of being what is referred to.

mod combine;
mod kinds;
mod members;
mod reference;

use std::collections::BTreeMap;
use std::mem;

use flowmill_model::limits;
use serde_json::{Map, Value};

use crate::error::{Fault, TypeError};
use crate::mark::{Mark, digest};
use crate::meet::meet;
use crate::pointer;
use crate::shape::Type;
use crate::steps::{Effort, Excess, Steps};

/// What `format` means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Formats {
    /// A hint for people: every string has every format.
    Annotation,
    /// A constraint that whoever checks a value checks, too, and that is not understood here.
    Checked,
}

impl Type {
    /// Reads a JSON Schema 2020-12.
    pub fn read(schema: &Value, formats: Formats) -> Result<Self, TypeError> {
        Self::read_with(schema, formats, &mut Effort::unbounded())
    }

    /// The same with what is left of an effort: a type that would take more is refused.
    pub fn read_with(
        schema: &Value,
        formats: Formats,
        effort: &mut Effort,
    ) -> Result<Self, TypeError> {
        check_depth(schema)?;
        let root = digest(schema).map_err(|excess| too_large(excess, ""))?;
        let mut reader = Reader {
            document: schema,
            root,
            formats,
            known: BTreeMap::new(),
            open: vec![(String::new(), 0)],
            depth: 0,
            level: 0,
            steps: Steps::none(),
        };
        check_dialect(schema)?;
        effort.piece(|steps| {
            mem::swap(&mut reader.steps, steps);
            let read = reader.schema(schema, "");
            mem::swap(&mut reader.steps, steps);
            read
        })
    }
}

/// Reads the parts of one document.
struct Reader<'a> {
    document: &'a Value,
    /// The digest of the document.
    root: [u8; 32],
    formats: Formats,
    /// What references were found to be, by their pointer.
    known: BTreeMap<String, Type>,
    /// References that are being followed: their pointer, and how deep inside the value they look.
    open: Vec<(String, usize)>,
    /// Schemas inside schemas on the way to this one, references followed.
    depth: usize,
    /// How deep inside the value this schema looks.
    level: usize,
    steps: Steps,
}

/// Keywords of one schema that have marks of their own; more share one.
const SEPARATE: usize = 8;

type Entries = Map<String, Value>;

impl Reader<'_> {
    /// The type of the schema at a place.
    fn schema(&mut self, schema: &Value, at: &str) -> Result<Type, TypeError> {
        self.steps.take().map_err(|excess| too_large(excess, at))?;
        if self.depth >= limits::TYPE_DEPTH {
            return Err(too_large(Excess::Depth, at));
        }
        self.depth += 1;
        let read = match schema {
            Value::Bool(true) => Ok(Type::any()),
            Value::Bool(false) => Ok(Type::never()),
            Value::Object(entries) => self.object(entries, at),
            Value::Null | Value::Number(_) | Value::String(_) | Value::Array(_) => {
                Err(TypeError { fault: Fault::NoSchema, pointer: at.to_owned() })
            }
        };
        self.depth -= 1;
        read
    }

    fn object(&mut self, entries: &Entries, at: &str) -> Result<Type, TypeError> {
        if !at.is_empty() && entries.get("$id").is_some_and(Value::is_string) {
            return Err(TypeError { fault: Fault::InnerId, pointer: pointer::into(at, "$id") });
        }
        let own = self.kinds(entries, at)?;
        let mut parts = vec![own];
        for (keyword, value) in entries {
            let at = pointer::into(at, keyword);
            parts.extend(self.combination(keyword, value, &at)?);
        }
        let mut whole = Type::any();
        for part in parts {
            whole = self.both(&whole, &part, at)?;
        }
        Ok(self.not_understood(entries).iter().fold(whole, |whole, mark| whole.marked(mark)))
    }

    /// Marks of the keywords that are not understood and bear on values of every kind.
    fn not_understood(&self, entries: &Entries) -> Vec<Mark> {
        let keywords: Vec<&str> =
            entries.keys().map(String::as_str).filter(|keyword| bears_on_all(keyword)).collect();
        if keywords.len() > SEPARATE {
            return vec![self.mark(keywords[0], &Value::Object(entries.clone()))];
        }
        let mark = |keyword: &&str| match *keyword {
            "if" => self.mark(keyword, &only(entries, &["if", "then", "else"])),
            _ => self.mark(keyword, &entries[*keyword]),
        };
        keywords.iter().map(mark).collect()
    }

    /// The schema of a part of the value.
    fn inner(&mut self, schema: &Value, at: &str) -> Result<Type, TypeError> {
        self.level += 1;
        let read = self.schema(schema, at);
        self.level -= 1;
        read
    }

    fn both(&mut self, a: &Type, b: &Type, at: &str) -> Result<Type, TypeError> {
        meet(a, b, &mut self.steps).map_err(|excess| too_large(excess, at))
    }

    /// The mark of a constraint; what it refers to counts as a part of it.
    fn mark(&self, keyword: &str, constraint: &Value) -> Mark {
        let context = refers(constraint).then_some(&self.root);
        Mark::of(keyword, constraint, context)
    }
}

/// Keywords that say nothing about which values there are, or that stand for nothing by
/// themselves.
const SILENT: [&str; 19] = [
    "$anchor",
    "$comment",
    "$defs",
    "$id",
    "$schema",
    "$vocabulary",
    "default",
    "definitions",
    "deprecated",
    "description",
    "else",
    "examples",
    "format",
    "maxContains",
    "minContains",
    "readOnly",
    "then",
    "title",
    "writeOnly",
];

/// Whether a keyword is not understood and may bear on values of every kind.
fn bears_on_all(keyword: &str) -> bool {
    let known = SILENT.contains(&keyword)
        || combine::KEYWORDS.contains(&keyword)
        || kinds::KEYWORDS.contains(&keyword);
    !known && !keyword.starts_with("x-")
}

/// Whether a constraint may depend on other parts of its document.
fn refers(constraint: &Value) -> bool {
    match constraint {
        Value::Object(entries) => entries.iter().any(|(key, value)| {
            matches!(key.as_str(), "$ref" | "$dynamicRef" | "$recursiveRef") || refers(value)
        }),
        Value::Array(items) => items.iter().any(refers),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

/// Some entries of a schema, as one constraint.
fn only(entries: &Entries, keywords: &[&str]) -> Value {
    let kept = entries.iter().filter(|(keyword, _)| keywords.contains(&keyword.as_str()));
    Value::Object(kept.map(|(keyword, value)| (keyword.clone(), value.clone())).collect())
}

fn too_large(excess: Excess, at: &str) -> TypeError {
    TypeError { fault: Fault::Excess(excess), pointer: at.to_owned() }
}

fn malformed(keyword: &str, expected: &'static str, at: &str) -> TypeError {
    let fault = Fault::Malformed { keyword: keyword.to_owned(), expected };
    TypeError { fault, pointer: at.to_owned() }
}

/// Refuses a document that is too deep for what walks it, without walking deep.
fn check_depth(document: &Value) -> Result<(), TypeError> {
    let mut open = vec![(document, 0)];
    while let Some((value, depth)) = open.pop() {
        if depth > limits::JSON_DEPTH {
            return Err(too_large(Excess::Depth, ""));
        }
        match value {
            Value::Array(items) => open.extend(items.iter().map(|item| (item, depth + 1))),
            Value::Object(entries) => open.extend(entries.values().map(|item| (item, depth + 1))),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    Ok(())
}

fn check_dialect(document: &Value) -> Result<(), TypeError> {
    const SUPPORTED: &str = "https://json-schema.org/draft/2020-12/schema";
    match document.get("$schema") {
        None => Ok(()),
        Some(Value::String(dialect)) if dialect.trim_end_matches('#') == SUPPORTED => Ok(()),
        Some(_) => Err(TypeError { fault: Fault::Dialect, pointer: "/$schema".to_owned() }),
    }
}

#[cfg(test)]
mod tests;
