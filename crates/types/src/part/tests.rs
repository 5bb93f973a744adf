use serde_json::{Value, json};

use super::*;
use crate::read::Formats;
use crate::relate::{Relation, relate};

fn read(schema: &Value) -> Type {
    Type::read(schema, Formats::Annotation).expect("a type")
}

#[test]
fn a_property_is_of_the_types_of_all_alternatives() {
    let check = |schema: Value, expect: &str, always: bool| {
        let part = read(&schema).property("a");
        assert_eq!((part.value.describe().as_str(), part.always), (expect, always), "{schema}");
    };
    let object = |kind: &str, required: Value| json!({"type": "object", "properties": {"a": {"type": kind}}, "required": required});
    check(object("string", json!(["a"])), "string", true);
    check(object("string", json!([])), "string", false);
    let two = [object("string", json!(["a"])), object("null", json!(["a"]))];
    check(json!({"anyOf": two}), "null | string", true);
    check(json!({"type": ["object", "null"]}), "any", false);
    check(json!({"type": "string"}), "nothing", false);
    check(json!({"type": "object", "additionalProperties": {"type": "null"}}), "null", false);
    check(json!({"type": "object", "additionalProperties": false}), "nothing", false);
}

#[test]
fn a_part_of_what_is_not_understood_is_not_understood() {
    let whole = read(&json!({"type": "object", "properties": {"a": {"type": "string"}}, "if": {}}));
    let part = whole.property("a").value;
    assert_eq!(part.describe(), "string (if)");
    let relation = relate(&read(&json!({"type": "string"})), &part);
    assert!(matches!(relation, Relation::Overlap { .. }), "{relation:?}");
}

#[test]
fn an_element_is_of_the_types_of_all_items() {
    let check = |schema: Value, expect: &str| {
        assert_eq!(read(&schema).element().describe(), expect, "{schema}");
    };
    check(json!({"type": "array", "items": {"type": "string"}}), "string");
    check(json!({"type": "array"}), "any");
    let pair = json!([{"type": "string"}, {"type": "null"}]);
    check(json!({"type": "array", "prefixItems": pair, "items": false}), "null | string");
    check(json!({"type": "array", "prefixItems": pair, "maxItems": 1}), "string");
    check(json!({"type": "string"}), "nothing");
}

#[test]
fn an_array_is_made_of_items() {
    let text = read(&json!({"type": "string"}));
    let made = Type::array_of(&text, 1, 2);
    assert_eq!(made.describe(), "[string] of 1 to 2 items");
    assert!(made.accepts(&json!(["a", "b"])));
    assert!(!made.accepts(&json!([])) && !made.accepts(&json!([1])));
    assert!(Type::array_of(&Type::never(), 1, 2).is_never());
    let empty = Type::array_of(&Type::never(), 0, 2);
    assert_eq!(empty.describe(), "[]");
    assert!(empty.accepts(&json!([])) && !empty.accepts(&json!([1])));
}

#[test]
fn an_object_is_made_of_fields() {
    let made = Type::object_of([("id", read(&json!({"type": "string"}))), ("n", Type::any())]);
    assert_eq!(made.describe(), "{|id: string, n: any|}");
    assert!(made.accepts(&json!({"id": "a", "n": 1})));
    assert!(!made.accepts(&json!({"id": "a"})));
    assert!(Type::object_of([("id", Type::never())]).is_never());
    assert_eq!(Type::object_of([]).describe(), "{||}");
}
