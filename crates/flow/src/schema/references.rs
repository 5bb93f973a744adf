//! The references inside a schema: none leads out of it, to nowhere, or in a circle. Its patterns
//! are counted on the way.
//!
//! A circle of references and of keywords that look at the same value would make a validation
//! endless. One that passes through `properties`, `items` and the like ends with the value.

use std::collections::BTreeMap;

use flowmill_model::limits;
use serde_json::Value;

use crate::diagnostic::excerpt;

use super::SchemaError;

/// Keywords whose schemas look at the same value, not at a part of it.
const IN_PLACE: [&str; 8] =
    ["allOf", "anyOf", "oneOf", "not", "if", "then", "else", "dependentSchemas"];

/// Keywords whose content is data, not schemas.
const DATA: [&str; 4] = ["const", "default", "enum", "examples"];

const REFERENCES: [&str; 2] = ["$ref", "$dynamicRef"];

/// Checks every reference inside `root`.
pub(super) fn check(root: &Value) -> Result<(), SchemaError> {
    let places = collect(root);
    bound_patterns(&places)?;
    let mut graph = Graph::default();
    for (pointer, value) in &places {
        let from = graph.index_of(value);
        for next in in_place(value) {
            graph.join(from, next);
        }
        let Value::Object(entries) = value else { continue };
        if !pointer.is_empty() && matches!(entries.get("$id"), Some(Value::String(_))) {
            let message = "an `$id` inside a schema is not supported: remove it".to_owned();
            return Err(SchemaError { message, pointer: pointer.clone() });
        }
        for keyword in REFERENCES {
            if let Some(Value::String(reference)) = entries.get(keyword) {
                graph.join(from, target(root, reference, pointer)?);
            }
        }
    }
    let circular = graph.first_circular();
    let Some(found) = circular else { return Ok(()) };
    let at = places.iter().find(|(_, value)| graph.index_of(value) == found);
    Err(SchemaError {
        message: "the references lead in a circle that never looks inside the value".to_owned(),
        pointer: at.map(|(pointer, _)| pointer.clone()).unwrap_or_default(),
    })
}

fn bound_patterns(places: &[(String, &Value)]) -> Result<(), SchemaError> {
    let keyed = |value: &Value| value.get("patternProperties")?.as_object().map(|all| all.len());
    let own = |value: &Value| usize::from(value.get("pattern").is_some_and(Value::is_string));
    let count = |(_, value): &(String, &Value)| own(value) + keyed(value).unwrap_or_default();
    if places.iter().map(count).sum::<usize>() <= limits::SCHEMA_PATTERNS {
        return Ok(());
    }
    let message = format!("the schema has more than {} patterns", limits::SCHEMA_PATTERNS);
    Err(SchemaError { message, pointer: String::new() })
}

/// Every value inside a schema that may be a schema, with its pointer.
fn collect(root: &Value) -> Vec<(String, &Value)> {
    let mut places = vec![(String::new(), root)];
    let mut next = 0;
    while let Some((pointer, value)) = places.get(next).cloned() {
        next += 1;
        match value {
            Value::Object(entries) => {
                let schemas = entries.iter().filter(|(key, _)| !DATA.contains(&key.as_str()));
                places.extend(schemas.map(|(key, value)| (step(&pointer, key), value)));
            }
            Value::Array(items) => {
                let items = items.iter().enumerate();
                places.extend(items.map(|(index, value)| (format!("{pointer}/{index}"), value)));
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    places
}

fn step(pointer: &str, key: &str) -> String {
    format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1"))
}

/// The schemas that `schema` applies to its own value, references aside.
fn in_place(schema: &Value) -> Vec<&Value> {
    let mut found = Vec::new();
    for value in IN_PLACE.iter().filter_map(|keyword| schema.get(*keyword)) {
        found.push(value);
        match value {
            Value::Array(items) => found.extend(items),
            Value::Object(entries) => found.extend(entries.values()),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    found
}

/// The schema that a reference names.
fn target<'a>(root: &'a Value, reference: &str, at: &str) -> Result<&'a Value, SchemaError> {
    let fault = |message: String| SchemaError { message, pointer: at.to_owned() };
    let shown = excerpt(reference);
    let Some(pointer) = reference.strip_prefix('#') else {
        return Err(fault(format!("the reference `{shown}` leads out of the schema")));
    };
    if !pointer.is_empty() && !pointer.starts_with('/') {
        return Err(fault(format!("the reference `{shown}` is no JSON pointer such as #/$defs/a")));
    }
    root.pointer(pointer).ok_or_else(|| fault(format!("the reference `{shown}` leads nowhere")))
}

/// Which schema applies which other to the same value.
#[derive(Default)]
struct Graph<'a> {
    /// Values by their address: equal values at two places are two schemas.
    index: BTreeMap<*const Value, usize>,
    next: Vec<Vec<usize>>,
    values: Vec<&'a Value>,
}

impl<'a> Graph<'a> {
    fn index_of(&mut self, value: &'a Value) -> usize {
        let index = *self.index.entry(std::ptr::from_ref(value)).or_insert(self.values.len());
        if index == self.values.len() {
            self.values.push(value);
            self.next.push(Vec::new());
        }
        index
    }

    fn join(&mut self, from: usize, to: &'a Value) {
        let to = self.index_of(to);
        self.next[from].push(to);
    }

    /// One schema that is on a circle or leads from one, if there is any circle.
    fn first_circular(&self) -> Option<usize> {
        let mut before = vec![0_usize; self.next.len()];
        for &to in self.next.iter().flatten() {
            before[to] += 1;
        }
        let mut free: Vec<usize> = (0..before.len()).filter(|&index| before[index] == 0).collect();
        while let Some(from) = free.pop() {
            for &to in &self.next[from] {
                before[to] -= 1;
                if before[to] == 0 {
                    free.push(to);
                }
            }
        }
        before.iter().position(|&left| left > 0)
    }
}
