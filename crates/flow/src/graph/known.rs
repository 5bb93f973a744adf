//! What nodes of some types give, whatever their documents say.

use std::sync::LazyLock;

use flowmill_types::{Effort, Type};
use serde_json::{Value, json};

use super::NodeKind;
use crate::json::Json;
use crate::schema::Schema;

/// A schema of our own and its type.
struct Shape {
    schema: Schema,
    value: Type,
}

/// The answer to an HTTP request.
static ANSWER: LazyLock<Shape> = LazyLock::new(|| {
    let text = json!({ "type": "string" });
    let header = json!({ "anyOf": [text, { "type": "array", "items": text }] });
    Shape::new(&json!({
        "type": "object",
        "required": ["status", "headers", "body"],
        "properties": {
            "status": { "type": "integer", "minimum": 100, "maximum": 999 },
            "headers": { "type": "object", "additionalProperties": header },
        },
    }))
});

/// Where a record was written.
static WRITTEN: LazyLock<Shape> = LazyLock::new(|| {
    let number = json!({ "type": ["integer", "null"], "minimum": 0 });
    Shape::new(&json!({
        "type": "object",
        "required": ["topic", "partition", "offset"],
        "properties": { "topic": { "type": "string" }, "partition": number, "offset": number },
    }))
});

/// What leaves a node's `error` port.
static PROBLEM: LazyLock<Shape> = LazyLock::new(|| {
    let text = json!({ "type": "string" });
    let optional = json!({ "type": ["string", "null"] });
    Shape::new(&json!({
        "type": "object",
        "required": ["type", "status", "title", "detail", "instance"],
        "properties": {
            "type": text,
            "status": { "type": "integer", "minimum": 0, "maximum": u16::MAX },
            "title": text,
            "detail": optional,
            "instance": optional,
        },
        "additionalProperties": false,
    }))
});

impl Shape {
    fn new(schema: &Value) -> Self {
        let schema = Schema::compile(&Json::from(schema)).expect("a schema of our own is one");
        let value = schema.read_type(&mut Effort::new(flowmill_model::limits::FLOW_TYPE_STEPS));
        Self { schema, value: value.expect("a schema of our own is small") }
    }
}

/// The type of what leaves an `error` port.
pub(super) fn problem() -> Type {
    PROBLEM.value.clone()
}

/// The schema of what nodes of this kind give, if that does not depend on their documents.
pub(super) fn output_schema(kind: &NodeKind) -> Option<Schema> {
    shape(kind).map(|shape| shape.schema.clone())
}

/// The type of what nodes of this kind give; any if it depends on their documents.
pub(super) fn output(kind: &NodeKind) -> Type {
    shape(kind).map_or_else(Type::any, |shape| shape.value.clone())
}

fn shape(kind: &NodeKind) -> Option<&'static Shape> {
    if let NodeKind::HttpRequest { .. } = kind {
        Some(&ANSWER)
    } else if let NodeKind::KafkaProduce { .. } = kind {
        Some(&WRITTEN)
    } else {
        None
    }
}
