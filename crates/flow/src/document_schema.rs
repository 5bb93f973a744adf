//! The JSON Schema of the definition format, made from the same tables that check documents.
//!
//! For editors: it completes and explains. It says less than [`crate::compile`], which also reads
//! expressions and the graph.

use flowmill_model::limits;
use serde_json::{Map, Value, json};

use crate::definition::{BLOCK, CONNECTION, DOCUMENT, Field, NODE, NODE_TYPES, NodeType, Shape};

/// The schema, in JSON Schema 2020-12.
pub fn schema() -> Value {
    let mut root = object(DOCUMENT);
    let entries = root.as_object_mut().expect("an object's schema is an object");
    entries.insert("$schema".into(), "https://json-schema.org/draft/2020-12/schema".into());
    entries.insert("$id".into(), "https://flowmill.dev/schemas/flow-1.json".into());
    entries.insert("title".into(), "Flowmill flow definition".into());
    entries.insert("$defs".into(), definitions());
    root
}

/// The schema of a node type's parameters by itself.
pub(crate) fn parameters(node_type: &NodeType) -> Value {
    let mut schema = object(node_type.parameters);
    if schema.to_string().contains(DURATION) {
        schema["$defs"] = json!({ "duration": duration() });
    }
    schema
}

fn definitions() -> Value {
    let types = NODE_TYPES.iter().map(|node_type| (key(node_type), node(node_type)));
    let mut all: Map<String, Value> = types.collect();
    let names: Vec<_> = NODE_TYPES.iter().map(|node_type| node_type.name).collect();
    let rules: Vec<_> = NODE_TYPES.iter().map(rule).collect();
    all.insert(
        "node".into(),
        json!({
            "type": "object",
            "required": ["id", "type"],
            "properties": { "type": { "enum": names, "description": "What the node does." } },
            "allOf": rules,
        }),
    );
    all.insert("duration".into(), duration());
    all.insert("block".into(), object(BLOCK));
    let connection = object(CONNECTION);
    let text = json!({ "type": "string", "pattern": r"^\s*[A-Za-z_][A-Za-z0-9_-]*\.[A-Za-z_][A-Za-z0-9_-]*\s*->\s*[A-Za-z_][A-Za-z0-9_-]*\.in\s*$" });
    all.insert("connection".into(), json!({ "anyOf": [text, connection] }));
    Value::Object(all)
}

fn key(node_type: &NodeType) -> String {
    format!("node.{}", node_type.name)
}

/// Nodes of a type fit the type's own schema.
fn rule(node_type: &NodeType) -> Value {
    json!({
        "if": { "properties": { "type": { "const": node_type.name } } },
        "then": { "$ref": format!("#/$defs/{}", key(node_type)) },
    })
}

fn node(node_type: &NodeType) -> Value {
    let fields = NODE.iter().filter(|field| node_type.has(field.name));
    let mut schema = object_of(fields);
    schema["description"] = node_type.doc.into();
    schema["properties"]["type"] = json!({ "const": node_type.name });
    schema["properties"]["parameters"] = object(node_type.parameters);
    let needs_parameters = node_type.parameters.iter().any(|field| field.required);
    if let (true, Some(required)) = (needs_parameters, schema["required"].as_array_mut()) {
        required.push("parameters".into());
    }
    let needed = node_type.blocks.iter().filter(|(_, needed)| *needed);
    if let Some(required) = schema["required"].as_array_mut() {
        required.extend(needed.map(|(block, _)| Value::from(*block)));
    }
    schema
}

fn object(fields: &[Field]) -> Value {
    object_of(fields.iter())
}

fn object_of<'a>(fields: impl Iterator<Item = &'a Field>) -> Value {
    let mut properties = Map::new();
    let mut required = Vec::new();
    for field in fields {
        let mut schema = value(&field.shape);
        schema["description"] = field.doc.into();
        properties.insert(field.name.into(), schema);
        if field.required {
            required.push(Value::from(field.name));
        }
    }
    json!({
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    })
}

const DURATION: &str = "#/$defs/duration";

const IDENTIFIER: &str = "^[A-Za-z_][A-Za-z0-9_-]*$";

fn value(shape: &Shape) -> Value {
    let name = |pattern: &str| json!({ "type": "string", "pattern": pattern, "maxLength": limits::NAME_CHARS });
    match shape {
        Shape::FormatVersion => json!({ "const": 1 }),
        Shape::Text | Shape::TextTemplate => json!({ "type": "string" }),
        Shape::Name => name("^[a-z0-9]([a-z0-9-]*[a-z0-9])?$"),
        Shape::Version => name(r"^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)([-+][0-9A-Za-z.+-]+)?$"),
        Shape::Identifier => name(IDENTIFIER),
        Shape::Queue => name("^[A-Za-z0-9._-]*[A-Za-z0-9_-][A-Za-z0-9._-]*$"),
        Shape::Topic => {
            let pattern = r"^[A-Za-z0-9._-]+$";
            json!({ "type": "string", "pattern": pattern, "maxLength": limits::TOPIC_CHARS })
        }
        Shape::Expression => {
            json!({ "type": "string", "minLength": 1, "maxLength": limits::EXPRESSION_BYTES })
        }
        Shape::Template => json!({}),
        Shape::SecretText => json!({ "type": ["string", "number", "boolean"] }),
        Shape::Duration { .. } => json!({ "$ref": DURATION }),
        Shape::Whole { least, most } => {
            json!({ "type": "integer", "minimum": least, "maximum": most })
        }
        Shape::Number { least, most } => {
            json!({ "type": "number", "minimum": least, "maximum": most })
        }
        Shape::WholeOrTemplate { least, most } => {
            json!({ "type": ["integer", "string"], "minimum": least, "maximum": most })
        }
        Shape::Choice(choices) => json!({ "enum": choices }),
        Shape::JsonSchema => json!({ "type": ["object", "boolean"] }),
        Shape::Object(fields) => object(fields),
        Shape::Map(item) => json!({ "type": "object", "additionalProperties": value(item) }),
        Shape::List { item, most } => {
            json!({ "type": "array", "items": value(item), "maxItems": most })
        }
        Shape::Node => json!({ "$ref": "#/$defs/node" }),
        Shape::Parameters => json!({ "type": "object" }),
        Shape::Connection => json!({ "$ref": "#/$defs/connection" }),
        Shape::Block => json!({ "$ref": "#/$defs/block" }),
    }
}

fn duration() -> Value {
    let unit = json!({ "type": "integer", "minimum": 0 });
    let text = json!({
        "type": "string",
        "pattern": r"^P(\d+W)?(\d+D)?(T(\d+H)?(\d+M)?(\d+([.,]\d+)?S)?)?$",
    });
    let units = json!({
        "type": "object",
        "minProperties": 1,
        "additionalProperties": false,
        "properties": {
            "days": unit, "hours": unit, "minutes": unit, "seconds": unit, "milliseconds": unit,
        },
    });
    json!({
        "description": "A duration: ISO 8601 such as PT5S or P1DT2H, or an object of units.",
        "anyOf": [text, units],
    })
}

#[cfg(test)]
mod tests;
