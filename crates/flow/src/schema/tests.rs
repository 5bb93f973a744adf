use super::*;

fn schema(text: &str) -> Result<Schema, SchemaError> {
    Schema::compile(&Json::parse(text.as_bytes()).expect(text))
}

fn violations(schema_text: &str, value: &str) -> Vec<SchemaViolation> {
    let value = Json::parse(value.as_bytes()).expect(value);
    schema(schema_text).expect(schema_text).validate(&value).err().unwrap_or_default()
}

#[test]
fn violations_name_their_place_and_not_the_value() {
    let order = r#"{"type":"object","required":["id"],"properties":{"n":{"type":"integer"}}}"#;
    assert_eq!(violations(order, r#"{"id":1,"n":2}"#), []);
    let found = violations(order, r#"{"n":"private"}"#);
    let places: Vec<_> = found.iter().map(|violation| violation.pointer.as_str()).collect();
    assert_eq!(places, ["", "/n"]);
    assert!(found.iter().all(|violation| !violation.message.contains("private")), "{found:?}");
    assert!(found[0].message.contains("id"), "{found:?}");
}

#[test]
fn violations_are_bounded() {
    let value = format!("[{}]", vec!["1"; 1_000].join(","));
    assert_eq!(violations(r#"{"items":{"type":"string"}}"#, &value).len(), REPORTED);
}

#[test]
fn local_references_are_followed() {
    let tree = r##"{"$ref":"#/$defs/tree","$defs":{"tree":{"type":"object",
        "properties":{"next":{"$ref":"#/$defs/tree"}},"additionalProperties":false}}}"##;
    assert_eq!(violations(tree, r#"{"next":{"next":{}}}"#), []);
    assert_eq!(violations(tree, r#"{"next":{"x":{}}}"#)[0].pointer, "/next");
}

#[test]
fn references_outside_to_nowhere_and_in_circles_are_refused() {
    let check = |text: &str, words: &str, pointer: &str| {
        let error = schema(text).err().unwrap_or_else(|| panic!("{text} is refused"));
        assert!(error.message.contains(words), "{text}: {error}");
        assert_eq!(error.pointer, pointer, "{text}");
    };
    check(r#"{"$ref":"https://example.com/s"}"#, "leads out", "");
    check(r#"{"items":{"$ref":"other.json"}}"#, "leads out", "/items");
    check(r##"{"$ref":"#/$defs/x"}"##, "leads nowhere", "");
    check(r##"{"$ref":"#anchor"}"##, "no JSON pointer", "");
    check(r##"{"$ref":"#"}"##, "circle", "");
    check(r##"{"allOf":[{"$ref":"#"}]}"##, "circle", "");
    check(
        r##"{"properties":{"a":{"$ref":"#/$defs/x"}},
        "$defs":{"x":{"anyOf":[{"$ref":"#/$defs/y"}]},"y":{"if":{"$ref":"#/$defs/x"}}}}"##,
        "circle",
        "/$defs/x",
    );
    check(r#"{"items":{"$id":"https://x/y"}}"#, "$id", "/items");
    check(r#"{"type":"objekt"}"#, "", "/type");
}

#[test]
fn data_inside_a_schema_is_not_taken_for_a_reference() {
    schema(r#"{"enum":[{"$ref":"x"}],"default":{"$ref":"y"}}"#).expect("a schema");
    schema(r##"{"properties":{"not":{"$ref":"#"},"$ref":{"type":"string"}}}"##).expect("a schema");
}

#[test]
fn a_hostile_pattern_is_matched_in_linear_time_or_refused() {
    let text = format!("\"{}!\"", "a".repeat(50_000));
    assert_eq!(violations(r#"{"pattern":"^(a*)*b$"}"#, &text).len(), 1);
    assert!(schema(r#"{"pattern":"(?=a)b"}"#).is_err());
    assert!(schema(r#"{"pattern":"(((a{1000}){1000}){1000})"}"#).is_err());
}

#[test]
fn schemas_and_their_patterns_are_bounded() {
    let patterns = |count: usize| {
        let all: Vec<_> = (0..count).map(|n| format!(r#"{{"pattern":"a{n}"}}"#)).collect();
        schema(&format!(r#"{{"anyOf":[{}]}}"#, all.join(",")))
    };
    let most = flowmill_model::limits::SCHEMA_PATTERNS;
    assert!(patterns(most).is_ok());
    assert!(patterns(most + 1).err().is_some_and(|error| error.message.contains("patterns")));
    let long = "x".repeat(flowmill_model::limits::SCHEMA_BYTES);
    assert!(schema(&format!(r#"{{"title":"{long}"}}"#)).is_err());
    schema(r#"{"pattern":"^\\w{1,64}@\\d+$"}"#).expect("an ordinary pattern");
}
