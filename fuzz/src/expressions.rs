//! Texts that may be expressions, compiled, and evaluated where that is cheap.
//!
//! The first line is the expression, the rest what it is given. Nothing bounds the time that an
//! evaluation takes, so only short ones of functions that cannot run away are evaluated.

use std::cell::Cell;
use std::panic;

use flowmill_flow::{Expression, Flow, Format, Json, NodeKind, Scope, compile};
use flowmill_model::limits;

thread_local! {
    /// Whether an evaluation runs, which catches what the interpreter does.
    static EVALUATES: Cell<bool> = const { Cell::new(false) };
}

/// Has a panic end this program unless an evaluation catches it.
pub fn let_evaluations_panic() {
    let end = panic::take_hook();
    panic::set_hook(Box::new(move |what| {
        if !EVALUATES.get() {
            end(what);
        }
    }));
}

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
    if is_cheap(source) && input.len() <= 256 {
        evaluate(expression, &Json::parse(input.as_bytes()).unwrap_or_default());
    }
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
    EVALUATES.set(true);
    let found = expression.evaluate(input, &Scope::default());
    let again = expression.evaluate(input, &Scope::default());
    EVALUATES.set(false);
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

/// Words that are neither loops nor make much of little.
const CHEAP: [&str; 44] = [
    "if",
    "then",
    "elif",
    "else",
    "end",
    "and",
    "or",
    "not",
    "as",
    "try",
    "catch",
    "null",
    "true",
    "false",
    "empty",
    "error",
    "length",
    "keys",
    "map",
    "select",
    "add",
    "any",
    "all",
    "sort",
    "group_by",
    "unique",
    "reverse",
    "contains",
    "tostring",
    "tonumber",
    "type",
    "split",
    "join",
    "test",
    "ascii_downcase",
    "fromjson",
    "tojson",
    "floor",
    "sqrt",
    "first",
    "last",
    "to_entries",
    "from_entries",
    "flatten",
];

/// Whether an evaluation takes little time and memory, whatever it is given.
fn is_cheap(source: &str) -> bool {
    let words = source.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    let mut words = words.filter(|word| !word.is_empty());
    let cheap = |word: &str| {
        let number = word.bytes().all(|byte| byte.is_ascii_digit());
        if number { word.len() <= 3 } else { word.len() == 1 || CHEAP.contains(&word) }
    };
    // A product repeats a text, an assignment fills an array up to a place.
    let assigns = source.replace("==", "").replace("!=", "").contains('=');
    source.len() <= 96 && !source.contains(['*', '#']) && !assigns && words.all(cheap)
}
