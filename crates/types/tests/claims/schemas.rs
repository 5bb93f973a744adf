//! Schemas, and schemas made of others by edits that widen, narrow, rewrite or change them.

use serde_json::{Map, Value, json};

use crate::choices::Choices;

/// A whole schema, with parts to refer to.
pub(crate) fn document(choices: &mut Choices<'_>) -> Value {
    let mut root = schema(choices, 3);
    if let Value::Object(entries) = &mut root {
        let node = json!({"type": "object", "properties": {"a": {"$ref": "#/$defs/node"}},
            "required": choices.of(&[json!([]), json!(["b"])])});
        let part = schema(choices, 1);
        entries.insert("$defs".to_owned(), json!({"part": part, "node": node}));
    }
    root
}

/// A schema of at most `depth` further levels.
pub(crate) fn schema(choices: &mut Choices<'_>, depth: usize) -> Value {
    let leaves = 9;
    match choices.below(if depth == 0 { leaves } else { leaves + 11 }) {
        0 => string(choices),
        1 => number(choices, "integer"),
        2 => number(choices, "number"),
        3 => json!({"type": "boolean"}),
        4 => json!({"type": "null"}),
        5 => json!({"enum": scalars(choices)}),
        6 => json!({"const": scalar(choices)}),
        7 => kinds(choices),
        8 => rare(choices),
        9..=12 => object(choices, depth - 1),
        13 | 14 => array(choices, depth - 1),
        15 => json!({"anyOf": several(choices, depth - 1)}),
        16 => json!({"allOf": several(choices, depth - 1)}),
        17 => tagged(choices, depth - 1),
        18 => json!({"oneOf": several(choices, depth - 1)}),
        _ => compound(choices),
    }
}

fn several(choices: &mut Choices<'_>, depth: usize) -> Vec<Value> {
    (0..=choices.below(3)).map(|_| schema(choices, depth)).collect()
}

fn scalar(choices: &mut Choices<'_>) -> Value {
    match choices.below(5) {
        0 | 1 => choices.text(),
        2 => choices.number(),
        3 => json!(choices.one_in(2)),
        _ => Value::Null,
    }
}

fn scalars(choices: &mut Choices<'_>) -> Vec<Value> {
    let mut found: Vec<Value> = Vec::new();
    for _ in 0..=choices.below(4) {
        let value = scalar(choices);
        // Equal numbers in two spellings would be a list that repeats itself.
        let same = |other: &Value| *other == value || (other.is_number() && value.is_number());
        if !found.iter().any(same) {
            found.push(value);
        }
    }
    found
}

fn kinds(choices: &mut Choices<'_>) -> Value {
    let first = choices.of(&["string", "integer", "object", "array", "null"]);
    let second = choices.of(&["boolean", "number", "null", "string"]);
    if first == second { json!({"type": first}) } else { json!({"type": [first, second]}) }
}

fn string(choices: &mut Choices<'_>) -> Value {
    let mut schema = json!({"type": "string"});
    if choices.one_in(3) {
        schema["minLength"] = choices.small().into();
    }
    if choices.one_in(3) {
        schema["maxLength"] = choices.small().into();
    }
    schema
}

fn number(choices: &mut Choices<'_>, kind: &str) -> Value {
    let mut schema = json!({"type": kind});
    let bounds = ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"];
    for _ in 0..choices.below(3) {
        schema[choices.of(&bounds)] = choices.number();
    }
    if choices.one_in(4) {
        schema["multipleOf"] = choices.of(&[json!(2), json!(3), json!(4), json!(0.5)]);
    }
    schema
}

/// What is understood in part or not at all, and what is all or nothing.
fn rare(choices: &mut Choices<'_>) -> Value {
    choices.of(&[
        json!({}),
        json!(true),
        json!(false),
        json!({"type": "string", "pattern": "^a"}),
        json!({"not": {"type": "string"}}),
        json!({"type": "array", "uniqueItems": true}),
        json!({"type": "object", "patternProperties": {"^a": {"type": "string"}},
            "additionalProperties": false}),
        json!({"if": {"type": "string"}, "then": {"minLength": 2}}),
        json!({"if": {"type": "string"}, "then": {"minLength": 3}, "else": {"type": "integer"}}),
        json!({"$ref": "#/$defs/part"}),
        json!({"$ref": "#/$defs/node"}),
        json!({"type": "object", "propertyNames": {"maxLength": 1}}),
        json!({"type": "array", "contains": {"type": "string"}, "minContains": 2}),
        json!({"properties": {"a": {"type": "string"}}, "unevaluatedProperties": false}),
        json!({"type": "object", "dependentRequired": {"a": ["b"]}}),
    ])
}

/// Values that are listed and have parts.
fn compound(choices: &mut Choices<'_>) -> Value {
    choices.of(&[
        json!({"const": {"a": "a"}}),
        json!({"const": ["a", 1]}),
        json!({"enum": [[], {}, {"a": 1, "b": null}]}),
        json!({"enum": [{"kind": "a"}, {"kind": "b"}, [1.0]]}),
    ])
}

fn object(choices: &mut Choices<'_>, depth: usize) -> Value {
    let mut properties = Map::new();
    let mut required = Vec::new();
    for _ in 0..choices.below(4) {
        let name = choices.name();
        if choices.one_in(2) && !required.contains(&name) {
            required.push(name.clone());
        }
        if !choices.one_in(8) {
            properties.insert(name, schema(choices, depth));
        }
    }
    let mut schema_of = json!({"type": "object", "properties": properties, "required": required});
    match choices.below(4) {
        1 => schema_of["additionalProperties"] = json!(false),
        2 => schema_of["additionalProperties"] = schema(choices, 0),
        _ => {}
    }
    if choices.one_in(6) {
        schema_of["minProperties"] = choices.small().into();
    }
    if choices.one_in(6) {
        schema_of["maxProperties"] = choices.small().into();
    }
    if choices.one_in(12) {
        schema_of.as_object_mut().expect("an object").remove("type");
    }
    schema_of
}

fn array(choices: &mut Choices<'_>, depth: usize) -> Value {
    let mut schema_of = json!({"type": "array"});
    if choices.one_in(3) {
        schema_of["prefixItems"] = json!(several(choices, depth));
    }
    match choices.below(4) {
        0 | 1 => schema_of["items"] = schema(choices, depth),
        2 => schema_of["items"] = json!(false),
        _ => {}
    }
    if choices.one_in(4) {
        schema_of["minItems"] = choices.small().into();
    }
    if choices.one_in(4) {
        schema_of["maxItems"] = choices.small().into();
    }
    schema_of
}

/// Objects told apart by a field.
fn tagged(choices: &mut Choices<'_>, depth: usize) -> Value {
    let count = 1 + choices.below(3);
    let branches = ["a", "b", "c"].iter().take(count).map(|tag| {
        let mut branch = object(choices, depth);
        branch["properties"]["kind"] = json!({"const": tag});
        branch["required"] = json!(["kind"]);
        branch
    });
    let branches: Vec<Value> = branches.collect();
    json!({choices.of(&["oneOf", "anyOf"]): branches})
}

/// The schema after some edits at places of their own.
pub(crate) fn edited(choices: &mut Choices<'_>, schema: &Value) -> Value {
    let mut schema = schema.clone();
    for _ in 0..=choices.below(3) {
        let mut places = Vec::new();
        collect(&schema, String::new(), &mut places);
        let place = choices.of(&places);
        let Some(part) = schema.pointer_mut(&place) else { continue };
        let before = part.take();
        *part = edit(choices, before);
    }
    schema
}

/// The pointers of the schemas in a schema.
fn collect(schema: &Value, at: String, places: &mut Vec<String>) {
    places.push(at.clone());
    for keyword in ["anyOf", "oneOf", "allOf", "prefixItems"] {
        for (n, part) in schema[keyword].as_array().into_iter().flatten().enumerate() {
            collect(part, format!("{at}/{keyword}/{n}"), places);
        }
    }
    for (name, part) in schema["properties"].as_object().into_iter().flatten() {
        collect(part, format!("{at}/properties/{name}"), places);
    }
    for keyword in ["items", "additionalProperties"] {
        if !schema[keyword].is_null() {
            collect(&schema[keyword], format!("{at}/{keyword}"), places);
        }
    }
}

fn edit(choices: &mut Choices<'_>, mut schema_of: Value) -> Value {
    let Some(entries) = schema_of.as_object_mut() else { return schema(choices, 1) };
    // The parts that the rest refers to stay where they are.
    let parts = entries.remove("$defs");
    let mut edited = match choices.below(8) {
        0 => lax(choices, schema_of),
        1 | 2 => strict(choices, schema_of),
        3 => rewritten(choices, schema_of),
        4 => json!({"anyOf": [schema_of, schema(choices, 1)]}),
        5 => json!({"allOf": [schema_of, schema(choices, 1)]}),
        6 => annotated(schema_of),
        _ => schema(choices, 1),
    };
    if let (Some(entries), Some(parts)) = (edited.as_object_mut(), parts) {
        entries.insert("$defs".to_owned(), parts);
    }
    edited
}

/// Without one of its constraints.
fn lax(choices: &mut Choices<'_>, mut schema: Value) -> Value {
    let entries = schema.as_object_mut().expect("an object");
    let keywords: Vec<String> = entries.keys().cloned().collect();
    if !keywords.is_empty() {
        let keyword = choices.of(&keywords);
        match entries.get_mut(&keyword) {
            Some(Value::Array(items)) if items.len() > 1 => drop(items.pop()),
            Some(Value::String(kind)) if kind == "integer" => *kind = "number".to_owned(),
            _ => drop(entries.remove(&keyword)),
        }
    }
    schema
}

/// With one constraint more.
fn strict(choices: &mut Choices<'_>, mut schema_of: Value) -> Value {
    let number = choices.number();
    let small = json!(choices.small());
    let more = match choices.below(9) {
        0 => ("minimum", number),
        1 => ("maximum", number),
        2 => ("minLength", small),
        3 => ("maxLength", small),
        4 => ("minItems", small),
        5 => ("maxItems", small),
        6 => ("required", json!([choices.name()])),
        7 => ("additionalProperties", json!(false)),
        _ => ("multipleOf", json!(2)),
    };
    schema_of[more.0] = more.1;
    schema_of
}

/// Said otherwise.
fn rewritten(choices: &mut Choices<'_>, schema: Value) -> Value {
    match &schema["type"] {
        Value::Array(kinds) if schema.as_object().is_some_and(|all| all.len() == 1) => {
            json!({"anyOf": kinds.iter().rev().map(|kind| json!({"type": kind})).collect::<Vec<_>>()})
        }
        Value::String(kind) if kind == "boolean" => json!({"enum": [true, false]}),
        Value::Null
        | Value::Bool(_)
        | Value::Number(_)
        | Value::String(_)
        | Value::Array(_)
        | Value::Object(_) => match choices.below(4) {
            0 => json!({"allOf": [schema]}),
            1 => json!({"anyOf": [schema, false]}),
            2 => json!({"oneOf": [false, schema]}),
            _ => json!({"allOf": [true, schema, {}]}),
        },
    }
}

fn annotated(mut schema: Value) -> Value {
    schema["title"] = json!("a title");
    schema["examples"] = json!([1]);
    schema["format"] = json!("email");
    schema["x-form"] = json!({"order": 1});
    schema
}
