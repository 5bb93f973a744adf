use serde_json::{Value, json};

use super::*;
use crate::manifest::Manifest;

fn manifest(value: &Value) -> Manifest {
    Manifest::read(value).unwrap_or_else(|error| panic!("{value}: {error} at {}", error.pointer))
}

/// The verdict of a port `out` of `shop.order` on a port `in` with rules.
fn verdict(source: Value, target: Value, rules: Value) -> Verdict {
    let giving = manifest(&json!({"type": "shop.order", "version": "1.0.0", "kind": "trigger",
        "outputs": [{"name": "out", "schema": source}]}));
    let taking = manifest(&json!({"type": "mail.send", "version": "1.0.0", "kind": "action",
        "inputs": [{"name": "in", "schema": target}, {"name": "other"}],
        "compatibilityMatrix": rules}));
    let source = SourcePort { node: giving.node(), port: &giving.outputs()[0] };
    judge(source, &taking.inputs()[0], taking.matrix())
}

#[test]
fn structure_decides_where_no_rule_does() {
    let check = |source: &str, target: &str, expect: &str| {
        let verdict = verdict(json!({"type": source}), json!({"type": target}), json!([]));
        assert_eq!(verdict.word(), expect, "{source} {target}");
    };
    check("string", "string", "exact");
    check("integer", "number", "subtype");
    check("number", "integer", "runtime-check");
    check("string", "number", "incompatible");
}

#[test]
fn the_strongest_rule_counts_wherever_it_stands() {
    let from = json!({"node": "shop.*"});
    let allow = json!({"from": from, "allow": true});
    let deny = json!({"from": from, "deny": "no mail for orders"});
    let convert = json!({"from": from, "convert": ".text"});
    let check = |rules: Vec<&Value>, expect: &str| {
        let verdict = verdict(json!({"type": "number"}), json!({"type": "string"}), json!(rules));
        assert_eq!(verdict.word(), expect, "{rules:?}");
    };
    check(vec![], "incompatible");
    check(vec![&allow], "runtime-check");
    check(vec![&convert], "convertible");
    check(vec![&allow, &convert], "convertible");
    check(vec![&convert, &deny, &allow], "incompatible");
    let denied = verdict(json!(true), json!(true), json!([convert, deny]));
    let reason = "no mail for orders".to_owned();
    assert_eq!(denied, Verdict::Incompatible { misfit: Misfit::Denied { reason } });
    let first = json!({"from": from, "convert": ".a"});
    let converted = verdict(json!(true), json!(true), json!([first, convert]));
    let converter = Converter(".a".to_owned());
    assert_eq!(converted, Verdict::Convertible { converter });
    assert_eq!(verdict(json!(true), json!(true), json!([allow])), Verdict::Exact);
}

#[test]
fn a_rule_is_about_what_it_names() {
    let check = |rule: Value, expect: bool| {
        let mut rule = rule;
        rule["deny"] = json!("no");
        let source = json!({"title": "order.v1"});
        let denied = matches!(
            verdict(source, json!(true), json!([rule.clone()])),
            Verdict::Incompatible { .. }
        );
        assert_eq!(denied, expect, "{rule}");
    };
    check(json!({"from": {"node": "shop.order"}}), true);
    check(json!({"from": {"node": "shop.orders"}}), false);
    check(json!({"from": {"node": "*", "port": "out"}}), true);
    check(json!({"from": {"node": "*", "port": "o"}}), false);
    check(json!({"from": {"schema": "order.*"}}), true);
    check(json!({"from": {"schema": "invoice.*"}}), false);
    check(json!({"from": {"node": "*"}, "to": "in"}), true);
    check(json!({"from": {"node": "*"}, "to": "other"}), false);
}

#[test]
fn verdicts_are_written_in_the_words_of_the_product() {
    let check = |verdict: Verdict, expect: Value| {
        assert_eq!(serde_json::to_value(&verdict).expect("JSON"), expect);
        assert_eq!(expect["verdict"], verdict.word());
    };
    check(Verdict::Exact, json!({"verdict": "exact"}));
    check(Verdict::Subtype, json!({"verdict": "subtype"}));
    let converter = Converter(".a".to_owned());
    check(Verdict::Convertible { converter }, json!({"verdict": "convertible", "converter": ".a"}));
    let order = |kind: &str| {
        json!({"type": "object", "required": ["id"],
        "properties": {"id": {"type": kind}}})
    };
    check(
        verdict(order("string"), order("number"), json!([])),
        json!({"verdict": "incompatible",
            "misfit": {"why": "clash", "pointer": "/id", "example": {"id": "a"}}}),
    );
    check(
        verdict(json!({"type": ["string", "null"]}), json!({"type": "string"}), json!([])),
        json!({"verdict": "runtime-check",
            "doubt": {"why": "some-refused", "pointer": "", "example": null}}),
    );
    check(
        verdict(json!({"type": "string"}), json!({"pattern": "^a"}), json!([])),
        json!({"verdict": "runtime-check", "doubt": {"why": "opaque", "keyword": "pattern"}}),
    );
    check(
        Verdict::RuntimeCheck { doubt: Doubt::TooComplex },
        json!({"verdict": "runtime-check", "doubt": {"why": "too-complex"}}),
    );
}
