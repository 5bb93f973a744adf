use flowmill_model::limits;

use super::*;

fn whole() -> Value {
    json!({
        "type": "mail.send",
        "version": "1.2.0",
        "kind": "action",
        "description": "Sends a letter.",
        "inputs": [
            {"name": "letter", "description": "What to send.", "schema": {
                "title": "letter.v1", "type": "object", "required": ["to"],
                "properties": {"to": {"type": "string", "format": "email"}}}},
            {"name": "tick", "schema": true},
        ],
        "outputs": [{"name": "sent", "schema": {"type": "string"}}],
        "parameters": {"type": "object", "properties": {"host": {"type": "string"}}},
        "compatibilityMatrix": [
            {"from": {"node": "http.*", "port": "body"}, "to": "letter", "convert": ".payload"},
            {"from": {"schema": "letter.v0"}, "deny": "letters of v0 have no address"},
            {"from": {"node": "legacy.import"}, "allow": true},
        ],
    })
}

#[test]
fn a_manifest_is_written_as_it_was_read() {
    let least = json!({"type": "x", "version": "0.1.0", "kind": "control"});
    for value in [whole(), least] {
        let manifest = Manifest::read(&value).expect("a manifest");
        assert_eq!(manifest.to_value(), value);
        assert_eq!(Manifest::read(&manifest.to_value()).expect("a manifest"), manifest);
    }
}

#[test]
fn a_manifest_gives_types() {
    let manifest = Manifest::read(&whole()).expect("a manifest");
    assert_eq!(manifest.node().as_str(), "mail.send");
    assert_eq!(manifest.kind(), NodeKind::Action);
    let letter = &manifest.inputs()[0];
    assert_eq!(letter.value().describe(), "{to: string (format)}");
    assert_eq!(letter.schema_name(), Some("letter.v1"));
    assert!(manifest.inputs()[1].value().is_any());
    let parameters = manifest.parameters().expect("parameters");
    assert_eq!(parameters.value().describe(), "{host?: string}");
}

/// The manifest with a value at a place; `null` removes what is there.
fn with(pointer: &str, value: Value) -> Value {
    let mut manifest = whole();
    let (parent, key) = pointer.rsplit_once('/').expect("a pointer");
    let parent = manifest.pointer_mut(parent).expect("a place");
    match parent {
        Value::Object(entries) if value.is_null() => drop(entries.remove(key)),
        Value::Object(entries) => drop(entries.insert(key.to_owned(), value)),
        Value::Array(items) => items[key.parse::<usize>().expect("an index")] = value,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => panic!("{pointer}"),
    }
    manifest
}

#[test]
fn a_wrong_manifest_is_refused_with_its_place_and_what_to_do() {
    let check = |manifest: Value, pointer: &str, words: &str| {
        let error = Manifest::read(&manifest).expect_err(&manifest.to_string());
        assert_eq!(error.pointer, pointer, "{error}");
        let text = format!("{error}; {}", error.help());
        assert!(text.contains(words), "{text}");
    };
    check(json!([]), "", "an object");
    check(with("/type", Value::Null), "", "add `type`");
    check(with("/type", json!("Mail")), "/type", "lower-case");
    check(with("/version", json!("1")), "/version", "semantic version");
    check(with("/kind", json!("source")), "/kind", "trigger, control or action");
    check(with("/kind", json!("trigger")), "/inputs", "a trigger has no inputs");
    check(with("/input", json!([])), "/input", "type, version, kind");
    check(with("/inputs", json!({})), "/inputs", "a list");
    check(with("/inputs/0/name", json!("a b")), "/inputs/0/name", "letters, digits");
    check(with("/inputs/1/name", json!("letter")), "/inputs/1/name", "two ports");
    let place = "/inputs/0/schema/properties/to/type";
    check(with(place, json!("text")), place, "the schema cannot be used");
    check(with("/parameters", json!(1)), "/parameters", "no schema");
    let rule = "/compatibilityMatrix/0";
    check(with("/compatibilityMatrix/0/from", json!({})), &format!("{rule}/from"), "at least one");
    check(with("/compatibilityMatrix/0/from", Value::Null), rule, "add `from`");
    check(with("/compatibilityMatrix/0/to", json!("x")), &format!("{rule}/to"), "no input port");
    check(with("/compatibilityMatrix/0/deny", json!("x")), rule, "one of");
    check(
        with("/compatibilityMatrix/0/convert", json!(" ")),
        &format!("{rule}/convert"),
        "not empty",
    );
    check(
        with("/compatibilityMatrix/2/allow", json!(false)),
        "/compatibilityMatrix/2/allow",
        "true",
    );
    check(
        with("/compatibilityMatrix/0/from/node", json!("")),
        "/compatibilityMatrix/0/from/node",
        "1 to 200",
    );
    let ports: Vec<Value> =
        (0..=limits::MANIFEST_PORTS).map(|n| json!({"name": format!("p{n}")})).collect();
    check(with("/outputs", json!(ports)), "/outputs", "more than 64 ports");
}

#[test]
fn the_schema_of_manifests_refuses_what_reading_refuses() {
    let schema = manifest_schema();
    let validator = jsonschema::draft202012::new(&schema).expect("a schema");
    assert!(validator.is_valid(&whole()));
    for manifest in [
        with("/type", Value::Null),
        with("/type", json!("Mail")),
        with("/type", json!("a..b")),
        with("/version", json!("1")),
        with("/kind", json!("source")),
        with("/kind", json!("trigger")),
        with("/input", json!([])),
        with("/inputs/0/name", json!("a b")),
        with("/inputs/0/schema", json!(1)),
        with("/compatibilityMatrix/0/from", json!({})),
        with("/compatibilityMatrix/0/deny", json!("x")),
        with("/compatibilityMatrix/0/convert", json!(" ")),
        with("/compatibilityMatrix/2/allow", json!(false)),
    ] {
        assert!(Manifest::read(&manifest).is_err(), "{manifest}");
        assert!(!validator.is_valid(&manifest), "{manifest}");
    }
}
