//! The AsyncAPI document says what the code does.

use std::fs;
use std::path::PathBuf;

use flowmill_events::asyncapi::{document, sample};
use flowmill_events::{decode_result, decode_task};
use flowmill_log::{Header, Record};
use serde_json::Value;

#[test]
fn the_published_document_is_up_to_date() {
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference/asyncapi.json");
    let text = serde_json::to_string_pretty(&document()).expect("it is JSON") + "\n";
    if std::env::var_os("FLOWMILL_BLESS").is_some() {
        fs::write(&file, text).expect("the file can be written");
        return;
    }
    let found = fs::read_to_string(&file).expect("the file is there");
    assert!(found == text, "{} is out of date: run `cargo xtask bless`", file.display());
}

/// Every value of a member named `name`, at any depth.
fn members<'a>(value: &'a Value, name: &str, found: &mut Vec<&'a Value>) {
    match value {
        Value::Object(object) => {
            for (key, value) in object {
                if key == name {
                    found.push(value);
                }
                members(value, name, found);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| members(item, name, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[test]
fn every_reference_leads_somewhere() {
    let document = document();
    let mut references = Vec::new();
    members(&document, "$ref", &mut references);
    assert!(references.len() > 10);
    for reference in references {
        let pointer = reference.as_str().and_then(|text| text.strip_prefix('#')).expect("local");
        assert!(document.pointer(pointer).is_some(), "{pointer}");
    }
}

/// What the specification demands of each object of the document, by hand.
#[test]
fn the_document_has_what_asyncapi_3_demands() {
    let document = document();
    assert_eq!(document["asyncapi"], "3.0.0");
    assert!(document["info"]["title"].is_string() && document["info"]["version"].is_string());
    for (name, channel) in document["channels"].as_object().expect("channels") {
        let address = channel["address"].as_str().expect("an address");
        let parameters = channel["parameters"].as_object().expect("parameters");
        for parameter in parameters.keys() {
            assert!(address.contains(&format!("{{{parameter}}}")), "{name}: {parameter}");
        }
        assert_eq!(address.matches('{').count(), parameters.len(), "{name}");
    }
    for (name, operation) in document["operations"].as_object().expect("operations") {
        assert!(["send", "receive"].contains(&operation["action"].as_str().expect("one")));
        let channel = operation["channel"]["$ref"].as_str().expect("a channel");
        for message in operation["messages"].as_array().expect("messages") {
            let message = message["$ref"].as_str().expect("a message");
            assert!(message.starts_with(&format!("{channel}/messages/")), "{name}: {message}");
        }
    }
}

fn messages() -> Vec<(String, Value)> {
    let document = document();
    let messages = document["components"]["messages"].as_object().expect("messages");
    messages.iter().map(|(name, message)| (name.clone(), message.clone())).collect()
}

fn record(example: &Value) -> Record {
    let headers = example["headers"].as_object().expect("headers").iter();
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    let headers = headers.map(|(name, value)| Header::new(name.clone(), text(value))).collect();
    let payload = &example["payload"];
    let value = if payload.is_null() { String::new() } else { payload.to_string() };
    Record { headers, ..Record::of(value) }
}

#[test]
fn the_code_reads_every_example() {
    for (name, message) in messages() {
        let example = record(&message["examples"][0]);
        if name == "task" {
            let task = decode_task(&example).expect("a task");
            assert_eq!(task.id, sample::task().id);
        } else {
            let outcome = decode_result(&example).expect("a result").outcome;
            let expect = sample::result(&name).outcome;
            assert_eq!(std::mem::discriminant(&outcome), std::mem::discriminant(&expect));
        }
    }
}

#[test]
fn every_example_fits_its_schema() {
    for (name, message) in messages() {
        for part in ["headers", "payload"] {
            let schema = jsonschema::validator_for(&message[part]).expect("a schema");
            let example = &message["examples"][0][part];
            let errors: Vec<_> = schema.iter_errors(example).map(|e| e.to_string()).collect();
            assert!(errors.is_empty(), "{name} {part}: {errors:?}");
        }
        let schema = jsonschema::validator_for(&message["headers"]).expect("a schema");
        assert!(!schema.is_valid(&serde_json::json!({})), "{name} demands headers");
    }
}
