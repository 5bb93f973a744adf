//! One mistake at a time, each with the place and the help that its author gets.

use super::*;

/// A good document, to be broken by replacing parts of it.
pub(super) const GOOD: &str = r#"flowmill: 1
document: { namespace: shop, name: orders, version: 1.0.0 }
input:
  schema: { type: object }
nodes:
  - { id: s, type: start }
  - id: a
    type: map
    parameters: { expression: ".x" }
  - id: b
    type: task
    parameters: { type: work, input: { k: "v ${ .y }" } }
    retry: { delay: PT1S }
    timeout: PT5S
connections:
  - s.out -> a.in
  - a.out -> b.in
"#;

/// Replaces `from` by `to` in the good document and expects exactly one error, with this code, at
/// this place, and with these words in its message and help.
#[track_caller]
pub(super) fn check(from: &str, to: &str, code: DiagnosticCode, place: &str, words: &[&str]) {
    let text = GOOD.replacen(from, to, 1);
    assert_ne!(text, GOOD, "`{from}` is in the document");
    let errors = compile(text.as_bytes(), Format::Detect).expect_err(to);
    let all: Vec<_> = errors.iter().map(ToString::to_string).collect();
    assert_eq!(errors.len(), 1, "one error expected:\n{}", all.join("\n"));
    let error = &errors[0];
    let found = format!("{}:{} {}", error.line, error.column, error.pointer);
    assert_eq!((error.code, found.trim_end()), (code, place), "{}", all[0]);
    for word in words {
        assert!(all[0].contains(word), "`{word}` is missing in: {}", all[0]);
    }
}

#[test]
fn the_good_document_is_good() {
    flow(GOOD);
}

#[test]
fn a_document_of_another_kind_is_refused_at_once() {
    use DiagnosticCode as Code;
    check(
        "flowmill: 1",
        "flowmill: 2",
        Code::UnsupportedFormat,
        "1:11 /flowmill",
        &["flowmill: 1"],
    );
    check("flowmill: 1\n", "", Code::MissingField, "1:1", &["flowmill: 1"]);
    assert_eq!(codes(""), [Code::WrongType]);
    assert_eq!(codes("just text"), [Code::WrongType]);
    assert_eq!(codes("[]"), [Code::WrongType]);
    assert_eq!(codes("dsl: 1.0.0"), [Code::MissingField]);
}

#[test]
fn names_are_checked() {
    use DiagnosticCode as Code;
    let header = |from, to, column, field: &str| {
        let place = format!("2:{column} /document/{field}");
        check(from, to, Code::InvalidName, &place, &["is no"]);
    };
    header("shop", "Shop", 24, "namespace");
    header("name: orders", "name: or_ders", 36, "name");
    header("1.0.0", "1.0.x", 53, "version");
    let more = "- { id: 1a, type: merge }\n  - id: a\n";
    check("- id: a\n", more, Code::InvalidName, "7:11 /nodes/1/id", &["letters"]);
}

#[test]
fn unquoted_numbers_where_a_string_belongs_are_explained() {
    use DiagnosticCode as Code;
    check("1.0.0", "1.0", Code::WrongType, "2:53 /document/version", &["a number", "quotes"]);
    check("\".x\"", "true", Code::WrongType, "9:31 /nodes/1/parameters/expression", &["quotes"]);
}

#[test]
fn unknown_and_missing_fields_are_named_with_the_nearest() {
    use DiagnosticCode as Code;
    check("input:\n", "inputs:\n", Code::UnknownField, "3:1 /inputs", &["did you mean `input`"]);
    check("retry", "retrys", Code::UnknownField, "13:5 /nodes/2/retrys", &["`retry`"]);
    check("delay", "dealy", Code::UnknownField, "13:14 /nodes/2/retry/dealy", &["`delay`"]);
    check(
        "{ k:",
        "{ k: 1, k:",
        Code::DuplicateKey,
        "12:46 /nodes/2/parameters/input/k",
        &["twice"],
    );
    check("document:", "documents:", Code::UnknownField, "2:1 /documents", &[]);
}

#[test]
fn wrong_values_are_explained() {
    use DiagnosticCode as Code;
    let timeout = "14:14 /nodes/2/timeout";
    check("PT5S", "5s", Code::InvalidValue, timeout, &["PT1M30S"]);
    check("PT5S", "PT0S", Code::InvalidValue, timeout, &["zero"]);
    check("PT5S", "P1M", Code::InvalidValue, timeout, &["days or weeks"]);
    check("PT5S", "{ second: 1 }", Code::InvalidValue, timeout, &["seconds"]);
    check("PT5S", "12", Code::InvalidValue, timeout, &["a number is no duration"]);
    let backoff = "13:36 /nodes/2/retry/backoff";
    check("PT1S }", "PT1S, backoff: expo }", Code::InvalidValue, backoff, &["exponential"]);
    let attempts = "13:46 /nodes/2/retry/limit/attempts";
    check("PT1S }", "PT1S, limit: { attempts: 0 } }", Code::InvalidValue, attempts, &["1 to 1000"]);
    check("PT1S }", "PT1S, limit: { attempts: x } }", Code::WrongType, attempts, &["whole number"]);
    let linear = "PT1S, backoff: linear, multiplier: 3 }";
    check(
        "PT1S }",
        linear,
        Code::InvalidValue,
        "13:56 /nodes/2/retry/multiplier",
        &["exponential"],
    );
    let small = "PT1S, backoff: constant, limit: {}, jitter: { from: PT2S, to: PT1S } }";
    check("PT1S }", small, Code::InvalidValue, "13:65 /nodes/2/retry/jitter", &["swap"]);
}

#[test]
fn wrong_nodes_are_explained() {
    use DiagnosticCode as Code;
    check(
        "type: map",
        "type: mpa",
        Code::UnknownType,
        "8:11 /nodes/1/type",
        &["did you mean `map`"],
    );
    check("type: map", "type: python", Code::UnknownType, "8:11 /nodes/1/type", &["http.request"]);
    check(
        "id: a\n    type: map",
        "id: a\n    timeout: PT1S\n    type: map",
        Code::UnknownField,
        "8:5 /nodes/1/timeout",
        &["a map node has no `timeout`"],
    );
    let twice = "id: a\n    type: merge\n  - id: b";
    check("id: b", twice, Code::DuplicateName, "10:9 /nodes/2/id", &["/nodes/1"]);
    check(
        "type: work",
        "type: http.request",
        Code::InvalidValue,
        "12:25 /nodes/2/parameters/type",
        &["node of type http.request"],
    );
    check(
        "parameters: { expression: \".x\" }",
        "parameters: {}",
        Code::MissingField,
        "9:17 /nodes/1/parameters",
        &["`expression`"],
    );
}

/// Expects the one error of a flow with this node.
#[track_caller]
fn check_node(node: &str, code: DiagnosticCode, pointer: &str, words: &[&str]) {
    let text = minimal(node);
    let errors = compile(text.as_bytes(), Format::Detect).expect_err(node);
    let all: Vec<_> = errors.iter().map(ToString::to_string).collect();
    assert_eq!(errors.len(), 1, "one error expected:\n{}", all.join("\n"));
    assert_eq!((errors[0].code, errors[0].pointer.as_str()), (code, pointer), "{}", all[0]);
    assert_eq!(errors[0].line, 5, "{}", all[0]);
    for word in words {
        assert!(all[0].contains(word), "`{word}` is missing in: {}", all[0]);
    }
}

#[test]
fn wrong_parameters_of_each_type_are_explained() {
    use DiagnosticCode as Code;
    let parameters = "/nodes/1/parameters";
    let check = |node: &str, code: Code, below: &str, words: &[&str]| {
        check_node(&format!("{{ id: a, {node} }}"), code, &format!("{parameters}{below}"), words);
    };
    let waits = "type: wait, parameters: ";
    check(&format!("{waits}{{}}"), Code::MissingField, "", &["for: PT5S"]);
    check(&format!("{waits}{{ for: PT1S, until: . }}"), Code::InvalidValue, "", &["both"]);
    let switch = |cases: &str| format!("type: switch, parameters: {{ cases: [{cases}] }}");
    check(&switch(""), Code::InvalidValue, "/cases", &["no cases"]);
    let twice = "{ name: x, when: .x }, { name: x, when: .y }";
    check(&switch(twice), Code::DuplicateName, "/cases/1/name", &["two cases"]);
    check(&switch("{ name: error, when: . }"), Code::InvalidName, "/cases/0/name", &["another"]);
    check("type: merge, parameters: { mode: each }", Code::InvalidValue, "/mode", &["all, any"]);
    check("type: signal, parameters: { name: a/b }", Code::InvalidName, "/name", &["letters"]);
    check("type: fail, parameters: { error: {} }", Code::MissingField, "/error", &["title"]);
    check(
        "type: fail, parameters: { error: { title: x, status: 99 } }",
        Code::InvalidValue,
        "/error/status",
        &["100 to 599"],
    );
    let signal = "type: signal, timeout: PT1S, parameters: { name: go }";
    check_node(
        &format!("{{ id: a, {signal} }}"),
        Code::UnknownField,
        "/nodes/1/timeout",
        &["move it into the node's `parameters`"],
    );
}

#[test]
fn wrong_requests_are_explained() {
    use DiagnosticCode as Code;
    let check = |parameters: &str, code: Code, below: &str, words: &[&str]| {
        let node = format!("{{ id: a, type: http.request, parameters: {{ {parameters} }} }}");
        check_node(&node, code, &format!("/nodes/1/parameters{below}"), words);
    };
    check("method: post, url: 'http://x'", Code::InvalidValue, "/method", &["`POST`"]);
    check("method: GET, url: 'ftp://x'", Code::InvalidValue, "/url", &["https://"]);
    check("method: GET, url: /orders", Code::InvalidValue, "/url", &["https://"]);
    let get = |rest: &str| format!("method: GET, url: 'http://x', {rest}");
    check(&get("headers: { 'a b': x }"), Code::InvalidName, "/headers/a b", &["header"]);
    check(&get("headers: { a: [] }"), Code::WrongType, "/headers/a", &["a list"]);
    check(&get("authentication: {}"), Code::InvalidValue, "/authentication", &["bearer"]);
    check(
        &get("authentication: { basic: { username: x } }"),
        Code::MissingField,
        "/authentication/basic",
        &["password"],
    );
    check(&get("maxResponseBytes: 0"), Code::InvalidValue, "/maxResponseBytes", &["1 to"]);
}

#[test]
fn secrets_go_only_where_they_may() {
    use DiagnosticCode as Code;
    let http = |rest: &str| {
        format!(
            "{{ id: a, type: http.request, parameters: {{ method: GET, url: 'http://x', {rest} }} }}"
        )
    };
    flow(&minimal(&http("headers: { a: 'Bearer ${ $secrets.KEY }' }")));
    flow(&minimal(&http("query: { a: '${$secrets.KEY}' }")));
    flow(&minimal(&http("authentication: { bearer: { token: '${ $secrets.KEY }' } }")));
    let check = |node: &str, below: &str, words: &[&str]| {
        check_node(node, Code::MisplacedSecret, &format!("/nodes/1/parameters{below}"), words);
    };
    check(&http("body: '${ $secrets.KEY }'"), "/body", &["headers"]);
    check(&http("headers: { a: '${ $secrets.KEY + 1 }' }"), "/headers/a", &["write it alone"]);
    check(
        "{ id: a, type: task, parameters: { type: t, input: { k: 'x ${ $secrets.KEY }' } } }",
        "/input/k",
        &["headers"],
    );
    check(
        "{ id: a, type: map, parameters: { expression: '$secrets.KEY' } }",
        "/expression",
        &["headers"],
    );
}

#[test]
fn expressions_that_do_not_compile_are_placed() {
    use DiagnosticCode as Code;
    let place = |column: usize| format!("9:{column} /nodes/1/parameters/expression");
    let check = |expression: &str, column: usize, words: &[&str]| {
        check("\".x\"", &format!("'{expression}'"), Code::InvalidExpression, &place(column), words);
    };
    check(".x |", 36, &["ends where an expression"]);
    check(".x | (1 + 2", 37, &["closing parenthesis"]);
    check(".x | selct(.y)", 37, &["did you mean `select`"]);
    check(".x | $nope", 37, &["$input"]);
    check("", 31, &["empty"]);
    check("now", 32, &["no clock"]);
    check("env.HOME", 32, &["no environment"]);
    check("$ENV.HOME", 32, &["no environment"]);
    check("input", 32, &["one value only"]);
    check("halt_error", 32, &["use error"]);
    check("import \"a\" as a; .", 32, &["no modules"]);
    check("map(.a; .b)", 32, &["takes 1 arguments"]);
}

#[test]
fn expressions_inside_templates_are_placed() {
    let place = "12:46 /nodes/2/parameters/input/k";
    check(
        ".y }",
        ".y + }",
        DiagnosticCode::InvalidExpression,
        "12:54 /nodes/2/parameters/input/k",
        &["an expression is expected"],
    );
    check(" }\" } }", "\" } }", DiagnosticCode::InvalidExpression, place, &["closing brace"]);
}

#[test]
fn expressions_in_blocks_are_placed_on_their_line() {
    check(
        "parameters: { expression: \".x\" }",
        "parameters:\n      expression: |\n        .x\n        | selct(.y)\n        | .z",
        DiagnosticCode::InvalidExpression,
        "12:11 /nodes/1/parameters/expression",
        &["select"],
    );
}

#[test]
fn references_to_nodes_are_checked() {
    use DiagnosticCode as Code;
    let place = "9:39 /nodes/1/parameters/expression";
    check("\".x\"", "'$nodes.c'", Code::UnknownReference, place, &["no node `c`"]);
    check("\".x\"", "'$nodes.b'", Code::NotUpstream, place, &["does not come before"]);
    check("\".x\"", "'$nodes.a'", Code::NotUpstream, place, &["does not come before"]);
    let template = "12:56 /nodes/2/parameters/input/k";
    check(".y }", "$nodes.x }", Code::UnknownReference, template, &["no node `x`"]);
}

#[test]
fn wrong_schemas_are_explained() {
    use DiagnosticCode as Code;
    let schema = |to: &str, place: &str, words: &[&str]| {
        check("{ type: object }", to, Code::InvalidSchema, place, words);
    };
    schema("{ type: objekt }", "4:19 /input/schema/type", &["2020-12"]);
    schema("{ $ref: 'http://x/y' }", "4:11 /input/schema", &["leads out of"]);
    schema("{ $ref: '#/$defs/x' }", "4:11 /input/schema", &["leads nowhere"]);
    schema("{ $ref: '#' }", "4:11 /input/schema", &["circle"]);
    check("{ type: object }", "7", Code::WrongType, "4:11 /input/schema", &["JSON Schema"]);
}

#[test]
fn wrong_connections_are_explained() {
    use DiagnosticCode as Code;
    let second = "17:5 /connections/1";
    let check = |to: &str, code, words: &[&str]| {
        let place = if to.contains("s.in") { "18:5 /connections/2" } else { second };
        check("a.out -> b.in", to, code, place, words);
    };
    check("a.out b.in", Code::InvalidConnection, &["a.out -> b.in"]);
    check("a -> b.in", Code::InvalidConnection, &["a.out -> b.in"]);
    check("a.out -> b.in.x", Code::InvalidConnection, &["a.out -> b.in"]);
    check("7", Code::WrongType, &["a number is no connection"]);
    check("{ from: a.out }", Code::MissingField, &["`to`"]);
    check("c.out -> b.in", Code::UnknownNode, &["no node `c`"]);
    check("a.uot -> b.in", Code::UnknownPort, &["did you mean `out`"]);
    check("a.x -> b.in", Code::UnknownPort, &["out, error"]);
    check("a.out -> b.x", Code::UnknownPort, &["called `in`"]);
    check("a.out -> b.in\n  - a.out -> s.in", Code::UnknownPort, &["no input port"]);
}

#[test]
fn wrong_graphs_are_explained() {
    use DiagnosticCode as Code;
    let doubled = "a.out -> b.in\n  - a.out -> b.in";
    check("a.out -> b.in", doubled, Code::DuplicateConnection, "18:5 /connections/2", &["already"]);
    check("  - a.out -> b.in\n", "", Code::UnconnectedInput, "10:5 /nodes/2", &["b.in"]);
    let circle = "a.out -> b.in\n  - b.out -> a.in";
    check("a.out -> b.in", circle, Code::Cycle, "18:5 /connections/2", &["a -> b -> a"]);
    let own = "a.out -> b.in\n  - b.out -> b.in";
    check("a.out -> b.in", own, Code::Cycle, "18:5 /connections/2", &["b -> b"]);
    let starts = minimal("{ id: a, type: end }\n  - { id: s2, type: start }");
    assert_eq!(codes(&starts), [Code::SeveralNodes]);
    let none = GOOD.replace("- { id: s, type: start }", "- { id: s, type: merge }");
    assert_eq!(codes(&none), [Code::MissingStart, Code::UnconnectedInput]);
    let ends = minimal("{ id: a, type: end }")
        .replace("connections: [", "  - { id: e, type: end }\nconnections: [s.out -> e.in, ");
    assert_eq!(codes(&ends), [Code::SeveralNodes]);
}

#[test]
fn an_island_is_unreachable() {
    let text = minimal("{ id: a, type: end }").replace(
        "connections: [",
        "  - { id: x, type: merge }\n  - { id: y, type: merge }\nconnections: [x.out -> y.in, ",
    );
    assert_eq!(codes(&text), [DiagnosticCode::UnconnectedInput, DiagnosticCode::Unreachable]);
}

#[test]
fn all_errors_come_at_once_in_the_order_of_the_text() {
    use DiagnosticCode as Code;
    let text = r#"flowmill: 1
document: { namespace: Shop, name: orders, version: 1.0.0, owner: me }
nodes:
  - { id: s, type: start }
  - { id: a, type: mpa }
  - { id: b, type: map, parameters: { expression: ".x |" } }
  - { id: c, type: filter, parameters: { expression: ".x" } }
connections:
  - s.out -> a.in
  - a.out -> b.in
  - b.out -> d.in
"#;
    let expect = [
        Code::InvalidName,
        Code::UnknownField,
        Code::UnknownType,
        Code::InvalidExpression,
        Code::UnconnectedInput,
        Code::MissingField,
        Code::UnknownField,
        Code::UnknownNode,
    ];
    let found = codes(text);
    for code in expect {
        assert!(found.contains(&code), "{code:?} in {found:?}");
    }
    let errors = compile(text.as_bytes(), Format::Detect).expect_err("errors");
    assert!(errors.is_sorted_by_key(|error| (error.line, error.column)));
}

#[test]
fn wrong_triggers_are_explained() {
    use DiagnosticCode as Code;
    let with =
        |trigger: &str| format!("nodes:\n  - {{ id: s, type: start }}\ntriggers: [{trigger}]");
    let check_one = |trigger: &str, code, at: &str, words: &[&str]| {
        let text = format!(
            "flowmill: 1\ndocument: {{ namespace: a, name: b, version: 1.0.0 }}\n{}\n",
            with(trigger)
        );
        let errors = compile(text.as_bytes(), Format::Detect).expect_err(trigger);
        let all: Vec<_> = errors.iter().map(ToString::to_string).collect();
        assert_eq!(errors.len(), 1, "{}", all.join("\n"));
        assert_eq!((errors[0].code, errors[0].pointer.as_str()), (code, at), "{}", all[0]);
        assert!(words.iter().all(|word| all[0].contains(word)), "{words:?} in {}", all[0]);
    };
    check_one("{}", Code::MissingField, "/triggers/0", &["`kafka`"]);
    check_one("{ kafka: {} }", Code::MissingField, "/triggers/0/kafka", &["`topic`"]);
    check_one("{ kafka: { topic: a/b } }", Code::InvalidName, "/triggers/0/kafka/topic", &["249"]);
    let filter = "/triggers/0/kafka/filter";
    let wrong = "{ kafka: { topic: a, filter: '.a >' } }";
    check_one(wrong, Code::InvalidExpression, filter, &["5:"]);
    let node = "{ kafka: { topic: a, filter: '$input.a' } }";
    check_one(node, Code::InvalidExpression, filter, &["`$input` is not defined", "$record"]);
    let secret = "{ kafka: { topic: a, key: '$secrets.A' } }";
    check_one(secret, Code::MisplacedSecret, "/triggers/0/kafka/key", &["secret"]);
    let twice = "{ kafka: { topic: a } }, { kafka: { topic: b } }, { kafka: { topic: a } }";
    check_one(twice, Code::DuplicateName, "/triggers/2/kafka/topic", &["/triggers/0"]);
    let from = "{ kafka: { topic: a, from: now } }";
    check_one(from, Code::InvalidValue, "/triggers/0/kafka/from", &["latest, earliest"]);
    let record = "parameters: { expression: \"$record\" }";
    let at = "9:32 /nodes/1/parameters/expression";
    check("parameters: { expression: \".x\" }", record, Code::InvalidExpression, at, &["$input"]);
}

#[test]
fn wrong_records_for_kafka_are_explained() {
    use DiagnosticCode as Code;
    let check = |parameters: &str, code, at: &str, words: &[&str]| {
        let node = format!("{{ id: a, type: kafka.produce, parameters: {parameters} }}");
        check_node(&node, code, &format!("/nodes/1/parameters{at}"), words);
    };
    check("{}", Code::MissingField, "", &["`topic`"]);
    check("{ topic: a, event: {} }", Code::MissingField, "/event", &["`type`"]);
    check("{ topic: 1 }", Code::WrongType, "/topic", &["quotes"]);
    check("{ topic: a, headers: { h: 1 } }", Code::WrongType, "/headers/h", &["quotes"]);
    check("{ topic: a, value: '${ .x | }' }", Code::InvalidExpression, "/value", &[]);
    let secret = "{ topic: a, headers: { h: '${ $secrets.A }' } }";
    check(secret, Code::MisplacedSecret, "/headers/h", &["secret"]);
}
