//! Values near to schemas: mostly of them, sometimes just beside.

use serde_json::{Map, Value, json};

use crate::choices::Choices;

/// A value that tries to be of a schema of a document.
pub(crate) fn value(
    choices: &mut Choices<'_>,
    schema: &Value,
    root: &Value,
    depth: usize,
) -> Value {
    let Some(entries) = schema.as_object() else { return any(choices, 1) };
    if depth == 0 || choices.one_in(24) {
        return any(choices, 1);
    }
    if let Some(part) = entries.get("$ref").and_then(Value::as_str) {
        let part = root.pointer(part.trim_start_matches('#')).expect("a part");
        return value(choices, part, root, depth - 1);
    }
    for keyword in ["anyOf", "oneOf", "allOf"] {
        if let Some(branches) = entries.get(keyword).and_then(Value::as_array) {
            let branch = choices.of(branches);
            let found = value(choices, &branch, root, depth - 1);
            return beside(choices, found, schema, root, depth);
        }
    }
    if let Some(value) = entries.get("const") {
        return value.clone();
    }
    if let Some(values) = entries.get("enum").and_then(Value::as_array).filter(|v| !v.is_empty()) {
        return choices.of(values);
    }
    let kind = match &schema["type"] {
        Value::String(kind) => kind.clone(),
        Value::Array(kinds) => choices.of(kinds).as_str().expect("a name").to_owned(),
        Value::Null if entries.contains_key("properties") => "object".to_owned(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => {
            return any(choices, 1);
        }
    };
    of_kind(choices, &kind, schema, root, depth)
}

/// An object that may have fields of the schema around its branches as well.
fn beside(
    choices: &mut Choices<'_>,
    found: Value,
    schema: &Value,
    root: &Value,
    depth: usize,
) -> Value {
    if !found.is_object() || schema["properties"].is_null() {
        return found;
    }
    let mut all = found;
    let more = object(choices, schema, root, depth);
    all.as_object_mut().expect("an object").extend(more);
    all
}

fn of_kind(
    choices: &mut Choices<'_>,
    kind: &str,
    schema: &Value,
    root: &Value,
    depth: usize,
) -> Value {
    match kind {
        "null" => Value::Null,
        "boolean" => json!(choices.one_in(2)),
        "integer" | "number" => number(choices, schema),
        "string" => string(choices, schema),
        "array" => array(choices, schema, root, depth),
        _ => Value::Object(object(choices, schema, root, depth)),
    }
}

fn number(choices: &mut Choices<'_>, schema: &Value) -> Value {
    let bounds = ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"];
    let marks: Vec<i64> = bounds.iter().filter_map(|name| schema[name].as_i64()).collect();
    if marks.is_empty() || choices.one_in(3) {
        return choices.number();
    }
    let near = choices.of(&marks);
    choices.of(&[
        json!(near),
        json!(near.saturating_add(1)),
        json!(near.saturating_sub(1)),
        json!(near.saturating_mul(2)),
        json!(near as f64 + 0.5),
    ])
}

fn string(choices: &mut Choices<'_>, schema: &Value) -> Value {
    let min = schema["minLength"].as_u64().unwrap_or(0);
    if min == 0 || choices.one_in(3) {
        return choices.text();
    }
    "abcdef".chars().take(usize::try_from(min).expect("small")).collect::<String>().into()
}

fn array(choices: &mut Choices<'_>, schema: &Value, root: &Value, depth: usize) -> Value {
    let prefix = schema["prefixItems"].as_array().cloned().unwrap_or_default();
    let min = schema["minItems"].as_u64().unwrap_or(0);
    let most = if schema["items"] == json!(false) { prefix.len() } else { prefix.len() + 2 };
    let count = usize::try_from(min).expect("small").max(choices.below(most + 1));
    let item = |index| prefix.get(index).unwrap_or(&schema["items"]).clone();
    (0..count).map(|index| value(choices, &item(index), root, depth - 1)).collect()
}

fn object(
    choices: &mut Choices<'_>,
    schema: &Value,
    root: &Value,
    depth: usize,
) -> Map<String, Value> {
    let mut entries = Map::new();
    let required: Vec<&str> =
        schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    for (name, part) in schema["properties"].as_object().into_iter().flatten() {
        if required.contains(&name.as_str()) || choices.one_in(2) {
            entries.insert(name.clone(), value(choices, part, root, depth - 1));
        }
    }
    let rest = &schema["additionalProperties"];
    for name in required {
        if !entries.contains_key(name) {
            entries.insert(name.to_owned(), value(choices, rest, root, depth - 1));
        }
    }
    let min = schema["minProperties"].as_u64().unwrap_or(0);
    for name in ["d", "e", "f"] {
        if (entries.len() as u64) < min || (*rest != json!(false) && choices.one_in(6)) {
            entries.insert(name.to_owned(), value(choices, rest, root, depth - 1));
        }
    }
    entries
}

/// Any value.
pub(crate) fn any(choices: &mut Choices<'_>, depth: usize) -> Value {
    match choices.below(if depth == 0 { 5 } else { 8 }) {
        0 | 1 => choices.text(),
        2 => choices.number(),
        3 => json!(choices.one_in(2)),
        4 => Value::Null,
        5 => (0..choices.below(3)).map(|_| any(choices, depth - 1)).collect(),
        _ => {
            let entries = (0..choices.below(3)).map(|_| (choices.name(), any(choices, depth - 1)));
            Value::Object(entries.collect())
        }
    }
}

/// The value with one change somewhere.
pub(crate) fn changed(choices: &mut Choices<'_>, value: &Value) -> Value {
    match value {
        Value::Array(items) if !items.is_empty() => {
            let mut items = items.clone();
            let at = choices.below(items.len());
            match choices.below(4) {
                0 => drop(items.remove(at)),
                1 => items.push(any(choices, 1)),
                _ => items[at] = changed(choices, &items[at].clone()),
            }
            Value::Array(items)
        }
        Value::Object(entries) if !entries.is_empty() => {
            let mut entries = entries.clone();
            let names: Vec<String> = entries.keys().cloned().collect();
            let name = choices.of(&names);
            match choices.below(4) {
                0 => drop(entries.remove(&name)),
                1 => drop(entries.insert(choices.name(), any(choices, 1))),
                _ => {
                    let changed = changed(choices, &entries[&name]);
                    entries.insert(name, changed);
                }
            }
            Value::Object(entries)
        }
        Value::Null
        | Value::Bool(_)
        | Value::Number(_)
        | Value::String(_)
        | Value::Array(_)
        | Value::Object(_) => any(choices, 1),
    }
}
