//! The ports of the built-in node types, with the schemas of what passes through them.
//!
//! What a port gives that depends on the value at hand, on an expression or on somebody else has no
//! schema here: any value may pass.

use flowmill_model::limits;
use flowmill_types::NodeKind;
use serde_json::{Value, json};

use crate::graph::{ERROR_PORT, INPUT_PORT, OUTPUT_PORT};

/// What a node type is joined to others by, as a manifest has it.
pub(super) struct Ports {
    pub(super) kind: NodeKind,
    pub(super) inputs: Vec<Value>,
    pub(super) outputs: Vec<Value>,
}

/// The ports of the node type called `name`.
pub(super) fn ports(name: &str) -> Ports {
    use NodeKind::{Action, Control, Trigger};
    let any = |what: &str| out(what, Value::Bool(true));
    let (kind, outputs) = match name {
        "start" => {
            let outputs = vec![any("The execution's input.")];
            return Ports { kind: Trigger, inputs: Vec::new(), outputs };
        }
        "end" | "fail" => (Control, vec![]),
        "map" => (Control, vec![any("What the expression gives."), error()]),
        "merge" => {
            let what = "The values of the branches as a list; with the mode `any` the first value.";
            (Control, vec![any(what), error()])
        }
        "for-each" => {
            (Control, vec![out("The results, in order.", json!({ "type": "array" })), error()])
        }
        "while" => (Control, vec![any("What the last round gave."), error()]),
        "try" => (Control, vec![any("What the body gives."), error()]),
        "race" => (Control, vec![any("The first value that reaches the body's end."), error()]),
        "signal" => (Control, vec![any("What was sent with the signal."), error()]),
        "switch" => (Control, vec![error()]),
        "task" => (Action, vec![any("What the worker gives."), error()]),
        "http.request" => (Action, vec![out("The response.", response()), error()]),
        "kafka.produce" => (Action, vec![out("Where the record is.", record()), error()]),
        // Filter, set and wait.
        _ => (Control, vec![any("The value that came in."), error()]),
    };
    Ports { kind, inputs: vec![port(INPUT_PORT, input(name), Value::Bool(true))], outputs }
}

/// Output ports that a node has by its parameters.
pub(super) fn further_outputs(name: &str) -> &'static str {
    match name {
        "switch" => "one for each case, with the case's name, and one for the default",
        _ => "",
    }
}

fn input(name: &str) -> &'static str {
    match name {
        "end" => "The execution's output.",
        "merge" => "A value of each branch.",
        _ => "The value that expressions see as `.`.",
    }
}

fn port(name: &str, description: &str, schema: Value) -> Value {
    json!({ "name": name, "description": description, "schema": schema })
}

fn out(description: &str, schema: Value) -> Value {
    port(OUTPUT_PORT, description, schema)
}

fn error() -> Value {
    port(ERROR_PORT, "The error, as problem details.", problem())
}

fn problem() -> Value {
    let text = || json!({ "type": ["string", "null"] });
    json!({
        "title": "problem",
        "type": "object",
        "required": ["type", "status", "title", "detail", "instance"],
        "properties": {
            "type": { "type": "string" },
            "status": { "type": "integer", "minimum": 0, "maximum": u16::MAX },
            "title": { "type": "string" },
            "detail": text(),
            "instance": text(),
        },
        "additionalProperties": false,
    })
}

fn response() -> Value {
    let one = json!({ "type": "string" });
    json!({
        "title": "http.response",
        "type": "object",
        "required": ["status", "headers", "body"],
        "properties": {
            "status": { "type": "integer", "minimum": 100, "maximum": 999 },
            "headers": {
                "type": "object",
                "maxProperties": limits::HTTP_HEADERS,
                "additionalProperties": { "anyOf": [one, { "type": "array", "items": one }] },
            },
            "body": true,
        },
        "additionalProperties": false,
    })
}

fn record() -> Value {
    json!({
        "title": "kafka.record",
        "type": "object",
        "required": ["topic", "partition", "offset"],
        "properties": {
            "topic": { "type": "string" },
            "partition": { "type": "integer", "minimum": 0 },
            "offset": { "type": ["integer", "null"], "minimum": 0 },
        },
        "additionalProperties": false,
    })
}
