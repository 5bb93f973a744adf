//! How pairs of schemas relate, written out.

use flowmill_types::{Clash, Doubt, Formats, Relation, Type, relate};
use serde_json::{Value, json};

fn read(schema: &Value) -> Type {
    Type::read(schema, Formats::Checked).unwrap_or_else(|error| panic!("{schema}: {error}"))
}

#[track_caller]
fn check(source: Value, target: Value, expect: &str) {
    let relation = relate(&read(&source), &read(&target));
    assert_eq!(relation.word(), expect, "{source} {target} {relation:?}");
}

#[test]
fn kinds_of_values() {
    check(json!({"type": "string"}), json!({"type": "string"}), "exact");
    check(json!({"type": "integer"}), json!({"type": "number"}), "subtype");
    check(json!({"type": "number"}), json!({"type": "integer"}), "overlap");
    check(json!({"type": "string"}), json!({"type": "number"}), "disjoint");
    check(json!({"type": ["string", "null"]}), json!({"type": "string"}), "overlap");
    check(json!({"type": "string"}), json!({"type": ["null", "string"]}), "subtype");
    check(json!({"type": ["null"]}), json!({"type": "null"}), "exact");
    check(json!({"type": "boolean"}), json!({"enum": [false, true]}), "exact");
    check(json!({"type": "boolean"}), json!({"const": true}), "overlap");
    check(json!({"type": "string"}), json!(true), "subtype");
    check(json!(true), json!({}), "exact");
    check(json!(true), json!({"type": "string"}), "overlap");
    let all = ["string", "number", "null", "boolean", "array", "object"];
    check(json!({"type": all}), json!({}), "exact");
    check(json!({}), json!({"anyOf": all.map(|kind| json!({"type": kind}))}), "exact");
}

#[test]
fn numbers() {
    check(
        json!({"type": "integer", "minimum": 1}),
        json!({"type": "integer", "exclusiveMinimum": 0}),
        "exact",
    );
    check(
        json!({"type": "number", "minimum": 1}),
        json!({"type": "number", "exclusiveMinimum": 0}),
        "subtype",
    );
    check(
        json!({"type": "integer", "minimum": 1, "maximum": 3}),
        json!({"enum": [1, 2.0, 3]}),
        "exact",
    );
    check(
        json!({"type": "integer", "maximum": 0}),
        json!({"minimum": 1, "type": "number"}),
        "disjoint",
    );
    check(
        json!({"type": "integer", "maximum": 1}),
        json!({"minimum": 1, "type": "number"}),
        "overlap",
    );
    check(
        json!({"type": "number", "exclusiveMaximum": 1}),
        json!({"minimum": 1, "type": "number"}),
        "disjoint",
    );
    check(
        json!({"type": "integer", "multipleOf": 6}),
        json!({"type": "integer", "multipleOf": 3}),
        "subtype",
    );
    check(
        json!({"type": "integer", "multipleOf": 3}),
        json!({"type": "integer", "multipleOf": 6}),
        "overlap",
    );
    check(
        json!({"type": "number", "multipleOf": 2}),
        json!({"type": "integer", "multipleOf": 2}),
        "exact",
    );
    check(
        json!({"const": 9_007_199_254_740_993_u64}),
        json!({"maximum": 9_007_199_254_740_992.0, "type": "number"}),
        "disjoint",
    );
    check(json!({"const": 1}), json!({"const": 1.0}), "exact");
    let halves =
        json!({"anyOf": [{"type": "integer", "minimum": 5}, {"type": "integer", "maximum": 4}]});
    check(json!({"type": "integer"}), halves.clone(), "exact");
    check(json!({"type": "number"}), halves, "overlap");
    check(json!({"type": "number", "multipleOf": 0.01}), json!({"type": "number"}), "subtype");
    check(json!({"type": "number"}), json!({"type": "number", "multipleOf": 0.01}), "overlap");
    check(
        json!({"type": "number", "multipleOf": 0.01}),
        json!({"type": "number", "multipleOf": 0.01}),
        "exact",
    );
}

#[test]
fn strings() {
    check(
        json!({"type": "string", "minLength": 2}),
        json!({"type": "string", "minLength": 1}),
        "subtype",
    );
    check(
        json!({"type": "string", "minLength": 3}),
        json!({"type": "string", "maxLength": 2}),
        "disjoint",
    );
    check(json!({"enum": ["a", "b"]}), json!({"enum": ["b", "a", "c"]}), "subtype");
    check(json!({"enum": ["a", "b"]}), json!({"type": "string", "maxLength": 1}), "subtype");
    check(json!({"enum": ["a", "b"]}), json!({"enum": ["c"]}), "disjoint");
    check(json!({"const": "ä"}), json!({"type": "string", "maxLength": 1}), "subtype");
    check(json!({"type": "string", "maxLength": 0}), json!({"const": ""}), "exact");
    check(json!({"type": "string", "pattern": "^a"}), json!({"type": "string"}), "subtype");
    check(json!({"type": "string"}), json!({"type": "string", "pattern": "^a"}), "overlap");
    check(
        json!({"type": "string", "pattern": "^a"}),
        json!({"type": "string", "pattern": "^b"}),
        "overlap",
    );
    check(
        json!({"type": "string", "pattern": "^a"}),
        json!({"type": "string", "pattern": "^a"}),
        "exact",
    );
    check(json!({"type": "string", "pattern": "^a"}), json!({"type": "integer"}), "disjoint");
    let longer = json!({"type": "string", "pattern": "^a", "minLength": 3});
    check(longer, json!({"type": "string", "pattern": "^a"}), "subtype");
    check(json!({"type": "string"}), json!({"type": "string", "format": "uuid"}), "overlap");
    check(json!({"type": "string", "format": "uuid"}), json!({"type": "string"}), "subtype");
}

#[test]
fn arrays() {
    let numbers = json!({"type": "array", "items": {"type": "number"}});
    check(json!({"type": "array", "items": {"type": "integer"}}), numbers.clone(), "subtype");
    check(json!({"type": "array"}), numbers.clone(), "overlap");
    // The empty array is of both.
    check(json!({"type": "array", "items": {"type": "string"}}), numbers.clone(), "overlap");
    let some = json!({"type": "array", "items": {"type": "string"}, "minItems": 1});
    check(some, numbers.clone(), "disjoint");
    check(json!({"const": [1, 2.5]}), numbers.clone(), "subtype");
    check(
        json!({"type": "array", "maxItems": 2}),
        json!({"type": "array", "minItems": 3}),
        "disjoint",
    );
    let pair = json!({"type": "array", "prefixItems": [{"type": "string"}, {"type": "number"}]});
    let exact = json!({"type": "array", "prefixItems": [{"type": "string"}, {"type": "number"}],
        "items": false, "minItems": 2});
    check(exact.clone(), pair, "subtype");
    check(exact, json!({"type": "array", "minItems": 2, "maxItems": 2}), "subtype");
    check(
        json!({"type": "array", "items": false}),
        json!({"type": "array", "maxItems": 0}),
        "exact",
    );
    check(json!({"type": "array", "items": false}), numbers, "subtype");
    check(json!({"type": "array"}), json!({"type": "array", "maxItems": 2}), "overlap");
    check(json!({"type": "array"}), json!({"type": "array", "uniqueItems": true}), "overlap");
    check(json!({"type": "array"}), json!({"type": "array", "uniqueItems": false}), "exact");
}

#[test]
fn objects() {
    let id =
        json!({"type": "object", "required": ["id"], "properties": {"id": {"type": "string"}}});
    let more = json!({"type": "object", "required": ["id", "n"],
        "properties": {"id": {"type": "string"}, "n": {"type": "integer"}}});
    check(more.clone(), id.clone(), "subtype");
    check(id.clone(), more, "overlap");
    let closed = json!({"type": "object", "required": ["id"], "additionalProperties": false,
        "properties": {"id": {"type": "string"}}});
    check(closed.clone(), id.clone(), "subtype");
    check(id.clone(), closed.clone(), "overlap");
    check(json!({"const": {"id": "a"}}), closed.clone(), "subtype");
    let number =
        json!({"type": "object", "required": ["id"], "properties": {"id": {"type": "number"}}});
    check(number.clone(), id.clone(), "disjoint");
    let optional = json!({"type": "object", "properties": {"id": {"type": "number"}}});
    check(optional, id.clone(), "disjoint");
    let name = json!({"type": "object", "required": ["name"]});
    check(closed.clone(), name.clone(), "disjoint");
    check(id.clone(), name, "overlap");
    check(id, json!({"type": "object", "minProperties": 1}), "subtype");
    check(closed, json!({"type": "object", "maxProperties": 1}), "subtype");
    let rest = |kind: &str| json!({"type": "object", "additionalProperties": {"type": kind}});
    check(rest("integer"), rest("number"), "subtype");
    check(rest("integer"), rest("string"), "overlap");
    check(json!({"properties": {"a": {"type": "string"}}}), json!({"type": "object"}), "overlap");
    let patterns = json!({"type": "object", "patternProperties": {"^x": {"type": "string"}},
        "additionalProperties": false});
    check(json!({"type": "object"}), patterns.clone(), "overlap");
    check(patterns, json!({"type": "object"}), "subtype");
}

fn tagged(kinds: &[(&str, &str)]) -> Value {
    let branches: Vec<Value> = kinds
        .iter()
        .map(|(tag, value)| {
            json!({"type": "object", "required": ["kind", "value"],
                "properties": {"kind": {"const": tag}, "value": {"type": value}}})
        })
        .collect();
    json!({"oneOf": branches})
}

#[test]
fn alternatives() {
    let two = tagged(&[("a", "string"), ("b", "number")]);
    let three = tagged(&[("c", "null"), ("b", "number"), ("a", "string")]);
    check(two.clone(), three.clone(), "subtype");
    check(three.clone(), two.clone(), "overlap");
    check(tagged(&[("a", "number")]), two.clone(), "disjoint");
    check(tagged(&[("d", "string")]), three, "disjoint");
    let together = json!({"type": "object", "required": ["kind", "value"],
        "properties": {"kind": {"enum": ["a", "b"]}, "value": {"type": "string"}}});
    check(together.clone(), tagged(&[("a", "string"), ("b", "string")]), "exact");
    check(together, two, "overlap");
    // A number that is whole is of both branches, which `oneOf` refuses.
    let one_of = json!({"oneOf": [{"type": "integer"}, {"type": "number"}]});
    check(json!({"type": "integer"}), one_of.clone(), "overlap");
    check(one_of, json!({"type": "number"}), "subtype");
    check(
        json!({"allOf": [{"type": "integer"}, {"minimum": 0}, {"maximum": 9}]}),
        json!({"type": "integer", "minimum": 0, "maximum": 9}),
        "exact",
    );
    check(json!({"not": {"type": "string"}}), json!({"type": "string"}), "overlap");
}

#[test]
fn references() {
    let by_name =
        json!({"$ref": "#/$defs/id", "$defs": {"id": {"type": "string", "minLength": 1}}});
    check(by_name, json!({"type": "string", "minLength": 1}), "exact");
    let tree = |value: &str| {
        json!({"$ref": "#/$defs/tree", "$defs": {"tree": {"type": "object", "required": ["value"],
            "properties": {"value": {"type": value}, "next": {"$ref": "#/$defs/tree"}}}}})
    };
    check(tree("string"), tree("string"), "exact");
    check(tree("integer"), tree("number"), "overlap");
    check(tree("integer"), tree("string"), "disjoint");
    let outer = json!({"type": "object", "required": ["value"], "properties": {"next": {}}});
    check(tree("integer"), outer, "subtype");
}

#[test]
fn a_source_without_values_claims_nothing() {
    let empty = Relation::Overlap { doubt: Doubt::EmptySource };
    for source in [
        json!(false),
        json!({"type": "integer", "minimum": 2, "maximum": 1}),
        json!({"type": "integer", "exclusiveMinimum": 1, "exclusiveMaximum": 2}),
        json!({"enum": []}),
        json!({"type": "object", "required": ["a"], "properties": {"a": false}}),
        json!({"type": "object", "minProperties": 1, "additionalProperties": false}),
        json!({"type": "array", "minItems": 2, "prefixItems": [true], "items": false}),
        json!({"allOf": [{"type": "string"}, {"type": "null"}]}),
    ] {
        for target in [json!(false), json!(true), source.clone()] {
            assert_eq!(relate(&read(&source), &read(&target)), empty, "{source} {target}");
        }
    }
    check(json!({"type": "string"}), json!(false), "disjoint");
}

#[test]
fn a_clash_says_where_and_with_which_value() {
    let check = |source: Value, target: Value, pointer: &str, example: Value| {
        let (source, target) = (read(&source), read(&target));
        let expect = Clash { pointer: pointer.to_owned(), example: Some(example) };
        assert_eq!(relate(&source, &target).clash(), Some(&expect));
    };
    let lines = |price: &str| {
        json!({"type": "object", "required": ["lines"], "properties": {"lines": {"type": "array",
            "minItems": 1, "items": {"type": "object", "required": ["price"],
                "properties": {"price": {"type": price}}}}}})
    };
    check(lines("string"), lines("number"), "/lines/0/price", json!({"lines": [{"price": "a"}]}));
    check(json!({"type": "string"}), json!({"type": "null"}), "", json!("a"));
    check(
        json!({"type": "object"}),
        json!({"type": "object", "required": ["a/b"]}),
        "/a~1b",
        json!({}),
    );
    check(
        json!({"type": "integer"}),
        json!({"type": "integer", "minimum": 10, "maximum": 20}),
        "",
        json!(0),
    );
    check(json!({"type": "string"}), json!({"type": "string", "minLength": 3}), "", json!("a"));
}

#[test]
fn an_opaque_source_has_a_place_of_clash_but_no_value() {
    let source = read(&json!({"type": "object", "required": ["a"],
        "properties": {"a": {"type": "string", "pattern": "^x"}}}));
    let target = read(&json!({"type": "object", "required": ["a"],
        "properties": {"a": {"type": "number"}}}));
    let clash = Clash { pointer: "/a".to_owned(), example: None };
    assert_eq!(relate(&source, &target), Relation::Disjoint { counterexample: clash });
}

#[test]
fn what_is_not_understood_is_named() {
    let target = read(&json!({"type": "object", "properties": {"a": {"not": {}}}}));
    let source = read(&json!({"type": "object"}));
    let doubt = Doubt::Opaque { keyword: "not".to_owned() };
    assert_eq!(relate(&source, &target), Relation::Overlap { doubt });
}
