//! The JSON Schema of manifests.

use flowmill_model::limits;
use serde_json::{Value, json};

use super::NodeKind;
use super::name::{NODE_TYPE_PATTERN, PORT_PATTERN};

/// The JSON Schema 2020-12 of a manifest.
///
/// It accepts every manifest that can be read. What it cannot say is left to reading: that ports
/// have different names, that a rule's input port is there, and what schemas may say.
pub fn manifest_schema() -> Value {
    let port_name = text("The name of the port.", PORT_PATTERN);
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Manifest of a node type",
        "type": "object",
        "required": ["type", "version", "kind"],
        "additionalProperties": false,
        "properties": {
            "type": text("The name of the node type, such as http.request.", NODE_TYPE_PATTERN),
            "version": {
                "description": "A semantic version such as 1.0.0.",
                "type": "string",
                "pattern": "^[0-9]+\\.[0-9]+\\.[0-9]+",
                "maxLength": limits::NAME_CHARS,
            },
            "kind": {
                "description": "What a node of this type does.",
                "enum": NodeKind::ALL.map(NodeKind::as_str),
            },
            "description": {"description": "What it is for.", "type": "string"},
            "inputs": ports("The ports that take values. A trigger has none."),
            "outputs": ports("The ports that give values."),
            "parameters": {
                "description": "The JSON Schema of what a node is set up with.",
                "$ref": "#/$defs/schema",
            },
            "compatibilityMatrix": {
                "description": "What may feed the inputs, where structure does not say it all.",
                "type": "array",
                "maxItems": limits::MATRIX_RULES,
                "items": {"$ref": "#/$defs/rule"},
            },
        },
        "if": {"required": ["kind"], "properties": {"kind": {"const": NodeKind::Trigger.as_str()}}},
        "then": {"properties": {"inputs": {"maxItems": 0}}},
        "$defs": {
            "schema": {"type": ["object", "boolean"]},
            "pattern": {
                "description": "A name, in which `*` stands for any characters or none.",
                "type": "string",
                "minLength": 1,
                "maxLength": limits::MATRIX_PATTERN_CHARS,
            },
            "port": port(&port_name),
            "rule": rule(&port_name),
        },
    })
}

fn text(description: &str, pattern: &str) -> Value {
    json!({
        "description": description,
        "type": "string",
        "pattern": pattern,
        "maxLength": limits::NAME_CHARS,
    })
}

fn ports(description: &str) -> Value {
    json!({
        "description": description,
        "type": "array",
        "maxItems": limits::MANIFEST_PORTS,
        "items": {"$ref": "#/$defs/port"},
    })
}

fn port(name: &Value) -> Value {
    json!({
        "type": "object",
        "required": ["name"],
        "additionalProperties": false,
        "properties": {
            "name": name,
            "description": {"description": "What passes through it.", "type": "string"},
            "schema": {
                "description": "The JSON Schema of its values; left out, any value passes.",
                "$ref": "#/$defs/schema",
            },
        },
    })
}

fn rule(port_name: &Value) -> Value {
    let pattern = json!({"$ref": "#/$defs/pattern"});
    json!({
        "type": "object",
        "required": ["from"],
        "additionalProperties": false,
        "properties": {
            "from": {
                "description": "The ports that the rule is about: what is given must fit.",
                "type": "object",
                "minProperties": 1,
                "additionalProperties": false,
                "properties": {"node": pattern, "port": pattern, "schema": pattern},
            },
            "to": port_name,
            "allow": {"description": "It may, whatever the structure says.", "const": true},
            "deny": {
                "description": "It may not, and why.",
                "type": "string",
                "pattern": "\\S",
            },
            "convert": {
                "description": "It may, by way of this jq expression.",
                "type": "string",
                "pattern": "\\S",
            },
        },
        "oneOf": [{"required": ["allow"]}, {"required": ["deny"]}, {"required": ["convert"]}],
    })
}
