//! The contract for machines: an AsyncAPI 3 document, made from the lists that the code encodes
//! and decodes by. Its examples are records that the code has encoded.
//!
//! A test keeps `docs/reference/asyncapi.json` equal to it; `FLOWMILL_BLESS=1` writes it anew.

use flowmill_log::Record;
use serde_json::{Map, Value, json};

use crate::attribute::{Attribute, Need, RESULT, TASK, TYPE};
use crate::{encode_result, encode_task};

pub mod sample;

/// Version of the contract.
const VERSION: &str = "1.0.0";

/// The whole document.
pub fn document() -> Value {
    json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": "Flowmill workers on Kafka",
            "version": VERSION,
            "description": "What a program reads and writes to run tasks of flows with a Kafka client of its own. Records are CloudEvents 1.0 in binary mode. Words and rules are in worker-protocol.md beside this file.",
            "license": { "name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0" }
        },
        "defaultContentType": "application/json",
        "channels": { "tasks": tasks(), "results": results() },
        "operations": { "receiveTask": receive_task(), "sendResult": send_result() },
        "components": { "messages": messages() }
    })
}

fn tasks() -> Value {
    json!({
        "address": "{prefix}tasks.{queue}",
        "title": "Tasks of a queue",
        "description": "Work for the workers of one queue. A node's queue is its task type unless it names another.",
        "parameters": {
            "prefix": { "description": "What the cluster's topics begin with.", "default": "flowmill." },
            "queue": { "description": "The queue: 1 to 63 letters, digits, dots, underscores and hyphens." }
        },
        "messages": { "task": { "$ref": "#/components/messages/task" } }
    })
}

fn results() -> Value {
    let reference = |name: &str| (name.to_owned(), json!({ "$ref": component(name) }));
    let messages: Map<_, _> = sample::RESULTS.iter().map(|(name, _)| reference(name)).collect();
    json!({
        "address": "{prefix}results",
        "title": "Results of tasks",
        "description": "What came of tasks. A result goes to the partition whose number is in the task's ce_shard, never to one chosen by a hash, and is produced outside transactions.",
        "parameters": {
            "prefix": { "description": "What the cluster's topics begin with.", "default": "flowmill." }
        },
        "messages": messages
    })
}

fn receive_task() -> Value {
    json!({
        "action": "receive",
        "title": "Take tasks",
        "channel": { "$ref": "#/channels/tasks" },
        "messages": [{ "$ref": "#/channels/tasks/messages/task" }],
        "bindings": { "kafka": {
            "groupId": {
                "type": "string",
                "description": "The prefix, `workers.` and the queue: one group for all workers of a queue. Its committed positions say which tasks were picked up.",
                "examples": ["flowmill.workers.charge"]
            },
            "bindingVersion": "0.5.0"
        } }
    })
}

fn send_result() -> Value {
    let reference = |name: &str| json!({ "$ref": format!("#/channels/results/messages/{name}") });
    let messages: Vec<_> = sample::RESULTS.iter().map(|(name, _)| reference(name)).collect();
    json!({
        "action": "send",
        "title": "Say what came of a task",
        "channel": { "$ref": "#/channels/results" },
        "messages": messages
    })
}

fn component(name: &str) -> String {
    format!("#/components/messages/{name}")
}

fn messages() -> Value {
    let task = encode_task(&sample::task());
    let about = "A task. The value is the input, any JSON value.";
    let mut messages = Map::new();
    messages.insert("task".to_owned(), message(&task, &TASK, about, json!({})));
    for (name, about) in sample::RESULTS {
        let record = encode_result(&sample::result(name));
        messages.insert(name.to_owned(), message(&record, &RESULT, about, payload(name)));
    }
    messages.into()
}

/// What the value of a result must be.
fn payload(name: &str) -> Value {
    match name {
        "completed" => json!({}),
        "failed" => json!({
            "type": "object",
            "properties": {
                "type": { "type": "string" },
                "status": { "type": "integer", "minimum": 100, "maximum": 599 },
                "title": { "type": "string" },
                "detail": { "type": "string" },
                "instance": { "type": "string" }
            }
        }),
        _ => json!({ "type": "null" }),
    }
}

fn message(record: &Record, list: &[Attribute], about: &str, payload: Value) -> Value {
    let kind = header(record, TYPE).unwrap_or_default();
    let content = header(record, "content-type").unwrap_or_else(|| "application/json".to_owned());
    json!({
        "name": kind,
        "summary": about,
        "contentType": content,
        "headers": headers(list, &kind),
        "payload": payload,
        "examples": [example(record)]
    })
}

fn headers(list: &[Attribute], kind: &str) -> Value {
    let property = |attribute: &Attribute| {
        let mut schema = json!({ "type": "string", "description": attribute.about });
        let which =
            if attribute.header == TYPE { ("const", kind) } else { ("pattern", attribute.pattern) };
        schema[which.0] = which.1.into();
        (attribute.header.to_owned(), schema)
    };
    let properties: Map<_, _> = list.iter().map(property).collect();
    let required = list.iter().filter(|attribute| attribute.need == Need::Required);
    let required: Vec<_> = required.map(|attribute| attribute.header).collect();
    json!({ "type": "object", "properties": properties, "required": required })
}

fn header(record: &Record, name: &str) -> Option<String> {
    let found = record.headers.iter().find(|header| header.name == name)?;
    Some(String::from_utf8_lossy(&found.value).into_owned())
}

fn example(record: &Record) -> Value {
    let text = |bytes: &[u8]| Value::from(String::from_utf8_lossy(bytes).into_owned());
    let entry = |header: &flowmill_log::Header| (header.name.to_string(), text(&header.value));
    let headers: Map<_, _> = record.headers.iter().map(entry).collect();
    let payload: Value = serde_json::from_slice(&record.value).unwrap_or(Value::Null);
    json!({ "headers": headers, "payload": payload })
}
