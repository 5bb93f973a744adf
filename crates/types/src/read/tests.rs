use serde_json::json;

use super::*;

fn read(schema: &Value) -> Result<Type, TypeError> {
    Type::read(schema, Formats::Annotation)
}

#[test]
fn a_wrong_schema_is_refused_with_its_place_and_what_to_do() {
    let check = |schema: Value, pointer: &str, words: &str| {
        let error = read(&schema).expect_err(&schema.to_string());
        assert_eq!(error.pointer, pointer, "{schema}");
        let text = format!("{error}; {}", error.help());
        assert!(text.contains(words), "{schema}: {text}");
    };
    check(json!(1), "", "no schema");
    check(json!({"items": "string"}), "/items", "no schema");
    check(json!({"type": "objekt"}), "/type", "must be one of");
    check(json!({"type": []}), "/type", "or a list");
    check(json!({"properties": []}), "/properties", "an object of schemas");
    check(json!({"properties": {"a/b": 7}}), "/properties/a~1b", "no schema");
    check(json!({"required": ["a", 1]}), "/required", "a list of names");
    check(json!({"minLength": -1}), "/minLength", "a whole number from 0 on");
    check(json!({"maxItems": 1.5}), "/maxItems", "a whole number from 0 on");
    check(json!({"minimum": "1"}), "/minimum", "a number");
    check(json!({"multipleOf": 0}), "/multipleOf", "a number above 0");
    check(json!({"anyOf": []}), "/anyOf", "one or more schemas");
    check(json!({"allOf": [true, {"oneOf": {}}]}), "/allOf/1/oneOf", "one or more schemas");
    check(json!({"prefixItems": [{"enum": 1}]}), "/prefixItems/0/enum", "a list of values");
    check(json!({"$ref": "other.json"}), "/$ref", "copy the other schema");
    check(json!({"$ref": "#name"}), "/$ref", "no JSON pointer");
    check(json!({"items": {"$ref": "#/$defs/x"}}), "/items/$ref", "leads nowhere");
    check(json!({"$ref": "#"}), "/$ref", "circle");
    check(json!({"items": {"$ref": "#/items"}}), "/items/$ref", "circle");
    let circle = json!({"$ref": "#/$defs/a", "$defs": {"a": {"anyOf": [{"$ref": "#/$defs/a"}]}}});
    check(circle, "/$defs/a/anyOf/0/$ref", "circle");
    check(json!({"items": {"$id": "https://x"}}), "/items/$id", "remove it");
    check(json!({"$schema": "http://json-schema.org/draft-07/schema#"}), "/$schema", "2020-12");
}

#[test]
fn a_schema_is_read_to_its_normal_form() {
    let check = |schema: Value, expect: &str| {
        assert_eq!(read(&schema).expect("a type").describe(), expect, "{schema}");
    };
    check(json!({}), "any");
    check(json!({"title": "x", "default": 1, "x-form": {"order": 1}}), "any");
    check(json!({"$schema": "https://json-schema.org/draft/2020-12/schema"}), "any");
    check(
        json!({"not": {}}),
        "null (not) | boolean (not) | number (not) | string (not) | [any] (not) | {} (not)",
    );
    check(json!({"type": "string", "properties": {"a": false}}), "string");
    check(json!({"type": "integer", "minimum": 0.5, "exclusiveMaximum": 10}), "integer ≥ 1 ≤ 9");
    check(json!({"type": "integer", "minimum": 1, "multipleOf": 4}), "integer ≥ 4 in steps of 4");
    check(json!({"type": "number", "multipleOf": 0.5}), "number (multipleOf)");
    check(json!({"enum": [1, "a", true, null, 1.0]}), "null | true | 1 | \"a\"");
    check(json!({"type": "string", "enum": ["a", 1]}), "\"a\"");
    check(json!({"type": "string", "minLength": 1, "maxLength": 9}), "string of 1 to 9 characters");
    let lines = json!({"type": "array", "items": {"type": "object", "required": ["price"],
        "properties": {"price": {"type": "number"}}}});
    let order = json!({"type": "object", "required": ["id"],
        "properties": {"id": {"type": "string"}, "lines": lines}});
    check(order, "{id: string, lines?: [{price: number}]}");
    check(json!({"type": "object", "additionalProperties": false}), "{||}");
    check(json!({"type": "object", "additionalProperties": {"type": "null"}}), "{…: null}");
    check(json!({"type": "array", "prefixItems": [{"type": "null"}]}), "[null, …any]");
    check(json!({"type": "array", "minItems": 2}), "[any] of at least 2 items");
    check(json!({"anyOf": [{"type": "integer"}, {"type": "number"}]}), "number");
    check(json!({"oneOf": [{"type": "null"}, {"type": "string"}]}), "null | string");
    check(json!({"oneOf": [{"type": "integer"}, {"type": "number"}]}), "number (oneOf)");
    check(
        json!({"type": "array", "items": {"$ref": "#"}}),
        "[null ($ref) | boolean ($ref) | number ($ref) | string ($ref) | [any] ($ref) | {} ($ref)]",
    );
}

#[test]
fn formats_count_only_where_they_are_checked() {
    let schema = json!({"type": "string", "format": "uuid"});
    let opaque = |formats| Type::read(&schema, formats).expect("a type").is_opaque();
    assert!(!opaque(Formats::Annotation));
    assert!(opaque(Formats::Checked));
}

#[test]
fn constraints_of_one_keyword_with_other_companions_are_not_the_same() {
    let relate =
        |a: Value, b: Value| crate::relate(&read(&a).expect("a type"), &read(&b).expect("a type"));
    let overlaps = |a: Value, b: Value| {
        let relation = relate(a.clone(), b.clone());
        assert!(matches!(relation, crate::Relation::Overlap { .. }), "{a} {b} {relation:?}");
    };
    let branch = |then: Value| json!({"type": "string", "if": {"minLength": 1}, "then": then});
    overlaps(branch(json!(true)), branch(json!(false)));
    let contains = |least: u64| json!({"type": "array", "contains": {}, "minContains": least});
    overlaps(contains(1), contains(2));
    let fields = |inner: Value| json!({"type": "object", "properties": inner, "unevaluatedProperties": false});
    overlaps(fields(json!({})), fields(json!({"a": true})));
    let not = |part: Value| json!({"not": {"$ref": "#/$defs/a"}, "$defs": {"a": part}});
    overlaps(not(json!({"type": "null"})), not(json!({"type": "string"})));
    let node = |value: &str| {
        json!({"type": "object",
        "properties": {"next": {"$ref": "#"}, "value": {"type": value}}})
    };
    let next = |value: &str| read(&node(value)).expect("a type").property("next").value;
    let relation = crate::relate(&next("string"), &next("null"));
    assert!(matches!(relation, crate::Relation::Overlap { .. }), "{relation:?}");
}
