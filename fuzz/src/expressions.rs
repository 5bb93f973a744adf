//! Texts that may be expressions, compiled and evaluated.
//!
//! The first line is the expression, the rest what it is given. Whatever it is, the evaluation
//! ends within its bounds.

use flowmill_flow::{Expression, Flow, Format, Json, NodeKind, Scope, compile};
use flowmill_model::limits;

/// Compiles the first line of the bytes, and evaluates it on the rest.
pub fn check(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (source, input) = text.split_once('\n').unwrap_or((text, "null"));
    let Some(flow) = flow(source) else { return };
    let Some(expression) = flow.nodes().iter().find_map(|node| match &node.kind {
        NodeKind::Map { expression } => Some(expression),
        _ => None,
    }) else {
        return;
    };
    assert_eq!(expression.source(), source);
    evaluate(expression, &Json::parse(input.as_bytes()).unwrap_or_default());
}

/// A flow with a node of that expression; what is wrong with it is said of its place.
fn flow(source: &str) -> Option<Flow> {
    let node = |id: &str, kind: &str| {
        Json::object([("id", Json::string(id)), ("type", Json::string(kind))])
    };
    let parameters = Json::object([("expression", Json::string(source))]);
    let map = Json::object([
        ("id", Json::string("map")),
        ("type", Json::string("map")),
        ("parameters", parameters),
    ]);
    let names = [("namespace", "a"), ("name", "b"), ("version", "1.0.0")];
    let document = Json::object([
        ("flowmill", Json::from(1)),
        ("document", Json::object(names.map(|(name, value)| (name, Json::string(value))))),
        ("nodes", Json::array([node("start", "start"), map])),
        ("connections", Json::array([Json::string("start.out -> map.in")])),
    ]);
    match compile(&document.to_bytes(), Format::Json) {
        Ok(flow) => Some(flow),
        Err(errors) => {
            for error in errors {
                assert_eq!(error.pointer, "/nodes/1/parameters/expression", "{error}");
                assert!(error.line == 1 && error.column > 0, "{error}");
            }
            None
        }
    }
}

/// The same input gives the same, and a value that JSON can carry.
fn evaluate(expression: &Expression, input: &Json) {
    let found = expression.evaluate(input, &Scope::default());
    let again = expression.evaluate(input, &Scope::default());
    match (found, again) {
        (Ok(found), Ok(again)) => {
            let text = found.to_bytes();
            assert_eq!(text, again.to_bytes());
            assert!(text.len() <= 8 * limits::PAYLOAD_BYTES);
            let read = Json::parse(&text).expect("a value is JSON");
            assert_eq!(read.to_bytes(), text);
        }
        (Err(found), Err(again)) => assert_eq!(found, again),
        _ => panic!("`{}` gives a value by turns", expression.source()),
    }
}
