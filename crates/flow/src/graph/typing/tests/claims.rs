//! What a verdict claims of generated schemas holds for generated values, by the word of the
//! validator that the engine has.

use std::cell::Cell;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde_json::{Value, json};

use super::*;
use crate::Json;

fn leaf() -> impl Strategy<Value = Value> {
    let number = -2_i64..4;
    prop_oneof![
        prop::sample::select(vec![
            "string", "integer", "number", "null", "boolean", "object", "array"
        ])
        .prop_map(|kind| json!({ "type": kind })),
        (number.clone(), number.clone())
            .prop_map(|(low, high)| json!({ "type": "integer", "minimum": low, "maximum": high })),
        number.prop_map(|least| json!({ "type": "number", "exclusiveMinimum": least })),
        (0_u64..3, 0_u64..3)
            .prop_map(|(min, max)| json!({ "type": "string", "minLength": min, "maxLength": max })),
        Just(json!({ "type": "string", "format": "date" })),
        Just(json!({ "type": "string", "pattern": "^a" })),
        vec(value(), 1..3).prop_map(|values| json!({ "enum": values })),
        Just(json!(true)),
    ]
}

fn schema() -> impl Strategy<Value = Value> {
    leaf().prop_recursive(3, 24, 4, |inner| {
        let fields = (inner.clone(), inner.clone(), 0..3_usize, any::<bool>());
        let object = fields.prop_map(|(a, b, required, closed)| {
            json!({
                "type": "object",
                "properties": { "a": a, "b": b },
                "required": &["a", "b"][..required],
                "additionalProperties": !closed,
            })
        });
        let items = (inner.clone(), 0_u64..2, 1_u64..4);
        let array = items.prop_map(|(items, min, max)| {
            json!({ "type": "array", "items": items, "minItems": min, "maxItems": max })
        });
        prop_oneof![object, array, vec(inner, 1..3).prop_map(|any| json!({ "anyOf": any }))]
    })
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-3_i64..5).prop_map(Value::from),
        Just(json!(0.5)),
        prop::sample::select(vec!["", "a", "ab", "abc", "2026-01-02"]).prop_map(Value::from),
    ];
    leaf.prop_recursive(2, 8, 3, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..3).prop_map(Value::from),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| json!({ "a": a, "b": b })),
            inner.clone().prop_map(|a| json!({ "a": a })),
            inner.prop_map(|c| json!({ "c": c })),
        ]
    })
}

/// A source and a target that often lie within each other.
fn pair() -> impl Strategy<Value = (Value, Value)> {
    (schema(), schema(), 0..4).prop_map(|(a, b, how)| match how {
        0 => (a, b),
        1 => (a.clone(), json!({ "anyOf": [b, a] })),
        2 => (json!({ "allOf": [a, b] }), a),
        _ => (json!({ "anyOf": [a, b] }), a),
    })
}

/// The compiled schemas of a flow of two nodes, and the verdict between them.
fn compiled(given: &Value, taken: &Value) -> Option<(Schema, Schema, Verdict)> {
    let text = json!({
        "flowmill": 1,
        "document": { "namespace": "a", "name": "b", "version": "1.0.0" },
        "input": { "schema": given },
        "nodes": [
            { "id": "s", "type": "start" },
            { "id": "n", "type": "end", "input": { "schema": taken } },
        ],
        "connections": ["s.out -> n.in"],
    });
    let flow = compile_deployed(text.to_string().as_bytes()).ok()?;
    let target = flow.nodes()[1].schemas.input.clone()?;
    Some((flow.input_schema.clone()?, target, flow.connections()[0].fit.verdict.clone()))
}

#[test]
fn what_is_not_checked_fits_and_what_is_refused_does_not() {
    let config = Config { cases: 400, failure_persistence: None, ..Config::default() };
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32]);
    let (sure, clashing) = (Cell::new(0), Cell::new(0));
    let cases = (pair(), vec(value(), 24));
    let done = TestRunner::new_with_rng(config, rng).run(&cases, |((given, taken), values)| {
        let Some((source, target, verdict)) = compiled(&given, &taken) else {
            return Err(TestCaseError::reject("no flow"));
        };
        for value in values.iter().map(Json::from).filter(|value| source.validate(value).is_ok()) {
            let fits = target.validate(&value).is_ok();
            let shown = || String::from_utf8_lossy(&value.to_bytes()).into_owned();
            match &verdict {
                Verdict::Exact | Verdict::Subtype => {
                    sure.set(sure.get() + 1);
                    prop_assert!(fits, "{} of {given} is refused by {taken}", shown());
                }
                Verdict::Incompatible { .. } => {
                    clashing.set(clashing.get() + 1);
                    prop_assert!(!fits, "{} of {given} is taken by {taken}", shown());
                }
                Verdict::Convertible { .. } | Verdict::RuntimeCheck { .. } => {}
            }
        }
        Ok(())
    });
    done.unwrap_or_else(|error| panic!("{error}"));
    let seen = (sure.get(), clashing.get());
    assert!(seen.0 > 300 && seen.1 > 30, "too few claims were put to the test: {seen:?}");
}
