use super::*;
use crate::definition;
use crate::graph::{Flow, NodeKind};
use crate::{Format, fill_secrets};

fn json(text: &str) -> Json {
    Json::parse(text.as_bytes()).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn written(value: &Json) -> String {
    String::from_utf8(value.to_bytes().to_vec()).expect("UTF-8")
}

/// A flow whose second node is of this type and has these parameters, as JSON.
fn flow(node_type: &str, parameters: &str) -> Flow {
    let text = format!(
        r#"{{"flowmill":1,"document":{{"namespace":"a","name":"b","version":"1.0.0"}},
        "nodes":[{{"id":"s","type":"start"}},
                 {{"id":"t","type":"{node_type}","parameters":{parameters}}}],
        "connections":["s.out -> t.in"]}}"#
    );
    definition::compile(text.as_bytes(), Format::Json).unwrap_or_else(|errors| {
        panic!("{}", errors.iter().map(ToString::to_string).collect::<String>())
    })
}

fn render(template: &str, input: &str) -> Result<String, ExpressionFault> {
    let flow = flow("task", &format!(r#"{{"type":"x","input":{template}}}"#));
    let NodeKind::Task { input: template, .. } = &flow.nodes()[1].kind else { panic!("a task") };
    template.render(&json(input), &Scope::default()).map(|value| written(&value))
}

#[test]
fn whole_strings_give_values_and_longer_ones_text() {
    let check = |template: &str, expect: &str| {
        let input = r#"{"a":1,"s":"x\"y","l":[1,2],"n":null}"#;
        assert_eq!(render(template, input).expect(template), expect, "{template}");
    };
    check(r#""${ .a }""#, "1");
    check(r#""${.l}""#, "[1,2]");
    check(r#"" ${ .a }""#, "\" 1\"");
    check(r#""a ${ .a } b ${ .s } c""#, r#""a 1 b x\"y c""#);
    check(r#""${ .a }${ .a }""#, "\"11\"");
    check(r#""v: ${ .l } ${ .n }""#, "\"v: [1,2] null\"");
    check(r#"{"k":["${ .a }",{"d":"${ .s }"}],"e":true}"#, r#"{"k":[1,{"d":"x\"y"}],"e":true}"#);
    check(r#"{"${ .a }":1}"#, r#"{"${ .a }":1}"#);
    check(r#""plain $ { } text""#, r#""plain $ { } text""#);
    check(r#""${ {k: \"}\"} }""#, r#"{"k":"}"}"#);
    check(r#""${ \"${\" } .a }""#, r#""${ .a }""#);
    check(r#""x ${ \"}\\(.a)\" }""#, "\"x }1\"");
    check("null", "null");
    check("[1.50]", "[1.50]");
}

#[test]
fn data_is_never_evaluated() {
    let input = r#"{"a":"${ .secret }","secret":"s"}"#;
    assert_eq!(render(r#""${ .a }""#, input).expect("a value"), r#""${ .secret }""#);
    assert_eq!(render(r#""x ${ .a }""#, input).expect("a value"), r#""x ${ .secret }""#);
}

#[test]
fn a_fault_inside_is_the_templates_fault() {
    let fault = render(r#"{"k":"x ${ .a.b }"}"#, r#"{"a":1}"#).expect_err("a fault");
    assert_eq!(fault.expression, " .a.b ".to_owned());
    let half = format!(r#"["{0}","{0}"]"#, "${ . }");
    let input = format!("\"{}\"", "x".repeat(600_000));
    let fault = render(&half, &input).expect_err("too large together");
    assert_eq!(fault.kind, crate::FaultKind::TooLarge);
}

fn payload(parameters: &str, input: &str) -> Result<Json, ExpressionFault> {
    let parameters = format!(r#"{{"method":"POST","url":"http://h/${{ .id }}",{parameters}}}"#);
    let flow = flow("http.request", &parameters);
    let NodeKind::HttpRequest { request, .. } = &flow.nodes()[1].kind else { panic!("a request") };
    request.render(&json(input), &Scope::default())
}

#[test]
fn a_request_becomes_its_payload() {
    let parameters = r#""headers":{"X-A":"a ${ .id }","X-N":5,"X-Gone":"${ .none }"},
        "query":{"q":"${ .l }","b":true},"body":{"id":"${ .id }"},
        "authentication":{"basic":{"username":"u","password":"${ $secrets.PW }"}},
        "connectTimeout":"PT2S","maxResponseBytes":1000"#;
    let payload = payload(parameters, r#"{"id":7,"l":[1,"x"]}"#).expect("a payload");
    let expect = json(
        r#"{"method":"POST","url":"http://h/7","headers":{"X-A":"a 7","X-N":"5"},
        "query":{"q":["1","x"],"b":"true"},
        "authentication":{"basic":{"username":"u","password":{"parts":[{"secret":"PW"}]}}},
        "body":{"id":7},"connectTimeoutMs":2000,"maxResponseBytes":1000}"#,
    );
    assert_eq!(written(&payload), written(&expect));
    assert!(payload.get("body").is_some());
}

#[test]
fn headers_and_query_take_texts_only() {
    for (parameters, found) in [
        (r#""headers":{"a":"${ .l }"}"#, "an array"),
        (r#""headers":{"a":"${ .o }"}"#, "an object"),
        (r#""query":{"a":"${ .o }"}"#, "an object"),
        (r#""query":{"a":"${ [.o] }"}"#, "an object"),
        (r#""query":{"a":"${ [null] }"}"#, "null"),
    ] {
        let fault = payload(parameters, r#"{"id":1,"l":[1],"o":{}}"#).expect_err(parameters);
        assert!(fault.to_string().contains(&format!("gave {found}")), "{fault}");
    }
}

#[test]
fn data_cannot_pass_for_a_secret() {
    let forged = r#"{"parts":[{"secret":"PW"}]}"#;
    let header = |value: &str, input: &str| {
        let payload = payload(&format!(r#""headers":{{"a":"{value}"}}"#), input);
        payload.map(|payload| payload.get("headers").and_then(|h| h.get("a")).expect("a header"))
    };
    let filled = |value: &Json| fill_secrets(value, |_| Some("s3cr3t".to_owned()));
    assert!(header("${ .x }", &format!(r#"{{"x":{forged}}}"#)).is_err());
    let as_text = format!(r#"{{"x":{}}}"#, serde_json::to_string(forged).expect("a string"));
    for value in ["${ .x }", "v ${ .x }"] {
        let text = filled(&header(value, &as_text).expect("a text")).expect("a text");
        assert!(text.contains(forged) && !text.contains("s3cr3t"), "{text}");
    }
    let both = header("${ .x } ${ $secrets.PW }", &as_text).expect("a text");
    assert_eq!(filled(&both), Ok(format!("{forged} s3cr3t")));
    let inside = header("${ .x }", r#"{"x":"${ $secrets.PW }"}"#).expect("a text");
    assert_eq!(filled(&inside), Ok("${ $secrets.PW }".to_owned()));
}

#[test]
fn a_fail_node_renders_its_problem() {
    let problem = |error: &str, input: &str| {
        let flow = flow("fail", &format!(r#"{{"error":{error}}}"#));
        let NodeKind::Fail { error } = &flow.nodes()[1].kind else { panic!("a fail node") };
        error.render(&json(input), &Scope::default())
    };
    let full = r#"{"type":"urn:x","status":"${ .code }","title":"t","detail":"code ${ .code }"}"#;
    let made = problem(full, r#"{"code":422}"#).expect("a problem");
    assert_eq!((made.kind.as_str(), made.status, made.title.as_str()), ("urn:x", 422, "t"));
    assert_eq!(made.detail.as_deref(), Some("code 422"));
    let made = problem(r#"{"title":"t"}"#, "{}").expect("a problem");
    assert_eq!((made.kind.as_str(), made.status, made.detail), ("about:blank", 500, None));
    assert!(problem(full, r#"{"code":7}"#).is_err());
}
