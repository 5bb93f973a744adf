//! Schemas that are made to cost much cost little.

use std::thread;

use flowmill_types::{Doubt, Excess, Fault, Formats, Relation, Type, TypeError, relate};
use serde_json::{Map, Value, json};

fn read(schema: &Value) -> Result<Type, TypeError> {
    Type::read(schema, Formats::Annotation)
}

/// Runs on the smallest stack that the engine's threads have.
fn on_a_small_stack(check: impl FnOnce() + Send + 'static) {
    let thread = thread::Builder::new().stack_size(2 * 1024 * 1024).spawn(check);
    thread.expect("a thread").join().expect("no overflow");
}

fn nested(keyword: &str, depth: usize, inner: Value) -> Value {
    (0..depth).fold(inner, |inner, _| match keyword {
        "properties" => json!({"type": "object", "required": ["a"], "properties": {"a": inner}}),
        "allOf" | "anyOf" | "oneOf" => json!({keyword: [inner]}),
        _ => json!({keyword: inner}),
    })
}

#[test]
fn deep_schemas_are_refused_or_compared_on_a_small_stack() {
    on_a_small_stack(|| {
        for keyword in ["properties", "items", "allOf", "anyOf", "oneOf", "additionalProperties"] {
            for depth in [10, 30, 60, 63] {
                let (Ok(a), Ok(b)) = (
                    read(&nested(keyword, depth, json!({"type": "string"}))),
                    read(&nested(keyword, depth, json!({"type": ["string", "null"]}))),
                ) else {
                    assert!(depth >= 60, "{keyword} {depth}");
                    continue;
                };
                let relation = relate(&a, &b);
                assert!(matches!(relation, Relation::Subtype | Relation::Exact), "{relation:?}");
                relate(&b, &a);
                Type::union(&[a.clone(), b]);
                a.describe();
                a.to_schema();
                a.example();
            }
            for depth in [64, 120, 1_000] {
                let Err(error) = read(&nested(keyword, depth, json!(true))) else {
                    assert_eq!(depth, 64, "{keyword}");
                    continue;
                };
                assert_eq!(error.fault, Fault::Excess(Excess::Depth), "{keyword} {depth}");
            }
        }
    });
}

#[test]
fn a_deep_constant_is_refused() {
    on_a_small_stack(|| {
        for depth in [100, 1_000] {
            let value = (0..depth).fold(json!(1), |inner, _| json!([inner]));
            let error = read(&json!({"const": value})).expect_err("too deep");
            assert_eq!(error.fault, Fault::Excess(Excess::Depth));
        }
    });
}

#[test]
fn references_that_double_are_refused() {
    let mut parts = Map::new();
    for n in 0..20 {
        let next = json!({"$ref": format!("#/$defs/p{}", n + 1)});
        parts.insert(format!("p{n}"), json!({"properties": {"a": next, "b": next}}));
    }
    parts.insert("p20".to_owned(), json!({"type": "string"}));
    let schema = json!({"$ref": "#/$defs/p0", "$defs": parts});
    let error = read(&schema).expect_err("2^20 places");
    assert_eq!(error.fault, Fault::Excess(Excess::Parts));
}

#[test]
fn unions_that_multiply_are_refused() {
    let two = |n: usize| {
        json!({"anyOf": [
            {"type": "object", "required": [format!("a{n}")]},
            {"type": "object", "required": [format!("b{n}")]},
        ]})
    };
    let all: Vec<Value> = (0..30).map(two).collect();
    let error = read(&json!({"allOf": all})).expect_err("2^30 branches");
    assert!(matches!(error.fault, Fault::Excess(Excess::Branches | Excess::Steps)), "{error:?}");
}

#[test]
fn wide_schemas_are_refused_or_compared() {
    let fields = |count: usize| {
        let fields = (0..count).map(|n| (format!("f{n}"), json!({"type": "string"})));
        json!({"type": "object", "properties": fields.collect::<Map<_, _>>()})
    };
    let wide = read(&fields(4_000)).expect("4,000 fields");
    assert_eq!(relate(&wide, &wide), Relation::Exact);
    let error = read(&fields(20_000)).expect_err("20,000 fields");
    assert_eq!(error.fault, Fault::Excess(Excess::Bytes));
    let listed: Vec<u32> = (0..20_000).collect();
    let error = read(&json!({"enum": listed})).expect_err("20,000 values");
    assert_eq!(error.fault, Fault::Excess(Excess::Parts));
    let keywords = (0..20_000).map(|n| (format!("k{n}"), json!(0)));
    let opaque = read(&Value::Object(keywords.collect())).expect("20,000 keywords");
    assert!(opaque.is_opaque());
    let nots: Vec<Value> = (0..9_000).map(|n| json!({"not": {"const": n}})).collect();
    let error = read(&json!({"allOf": nots})).expect_err("9,000 constraints on each kind");
    assert!(matches!(error.fault, Fault::Excess(Excess::Parts | Excess::Steps)), "{error:?}");
    let values: Vec<Value> = (0..5_000).map(|n| json!(format!("v{n}"))).collect();
    let listed = read(&json!({"enum": values})).expect("5,000 values");
    assert_eq!(
        relate(&listed, &read(&json!({"type": "string"})).expect("a type")),
        Relation::Subtype
    );
}

/// Alternatives in alternatives, each of which must be compared with each.
fn maze(depth: usize, width: usize, tag: &str) -> Value {
    if depth == 0 {
        return json!({"type": "string", "minLength": tag.len()});
    }
    let inner = maze(depth - 1, width, tag);
    let branch = |n: usize| json!({"type": "object", "minProperties": n, "properties": {"a": inner.clone(), tag: true}});
    json!({"anyOf": (0..width).map(branch).collect::<Vec<_>>()})
}

#[test]
fn a_comparison_without_end_is_undecided() {
    let (a, b) = (maze(4, 6, "x"), maze(4, 6, "yy"));
    let (a, b) = (read(&a).expect("a type"), read(&b).expect("a type"));
    let relation = relate(&a, &b);
    assert!(matches!(relation, Relation::Overlap { .. }), "{relation:?}");
    let relation = relate(&b, &a);
    assert!(matches!(relation, Relation::Overlap { doubt: _ } | Relation::Subtype), "{relation:?}");
}

#[test]
fn a_union_beyond_the_limits_is_known_as_anything_and_never_exact() {
    let many: Vec<Type> = (0..500)
        .map(|n| read(&json!({"type": "object", "required": [format!("f{n}")]})).expect("a type"))
        .collect();
    let (a, b) = (Type::union(&many), Type::union(&many[1..]));
    assert!(a.is_opaque());
    let doubt = Doubt::Opaque { keyword: "union".to_owned() };
    assert_eq!(relate(&a, &b), Relation::Overlap { doubt });
    assert_eq!(relate(&a, &Type::any()), Relation::Subtype);
}

#[test]
fn examples_are_bounded() {
    let huge = |schema: Value| read(&schema).expect("a type").example();
    assert_eq!(huge(json!({"type": "string", "minLength": 1_000_000_000})), None);
    assert_eq!(huge(json!({"type": "array", "minItems": 1_000_000_000_000_u64})), None);
    assert_eq!(huge(json!({"type": "object", "minProperties": u64::MAX})), None);
    let strings = read(&json!({"type": "string", "minLength": u64::MAX})).expect("a type");
    let doubt = relate(&strings, &read(&json!({"type": "null"})).expect("a type"));
    assert_eq!(doubt, Relation::Overlap { doubt: Doubt::Undecided });
}
