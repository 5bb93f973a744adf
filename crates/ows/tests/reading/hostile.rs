//! Documents from strangers: whatever they are, they are read or refused in bounded time.

use flowmill_flow::{DiagnosticCode, Format};
use flowmill_model::limits;
use flowmill_ows::DocumentError;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::{SAMPLES, accepted, document, read, shown};

/// A document that is refused says why, at places that are there, and not too often.
fn check(value: &Value) {
    let text = value.to_string();
    let Err(errors) = flowmill_ows::read(text.as_bytes(), Format::Json) else { return };
    assert!(!errors.is_empty() && errors.len() <= limits::DIAGNOSTICS, "{text}");
    for DocumentError { diagnostic, construct } in &errors {
        assert!(!diagnostic.message.is_empty() && !diagnostic.help.is_empty(), "{diagnostic}");
        assert!(diagnostic.line >= 1 && diagnostic.column >= 1, "{diagnostic}");
        assert!(value.pointer(&diagnostic.pointer).is_some(), "{diagnostic}\n{text}");
        let unsupported = diagnostic.code == DiagnosticCode::UnsupportedConstruct;
        assert_eq!(construct.is_some(), unsupported, "{diagnostic}");
    }
}

fn samples() -> Vec<Value> {
    SAMPLES.iter().map(|sample| Value::from(&accepted(sample).definition)).collect()
}

/// Values that seldom fit.
fn misfits() -> Vec<Value> {
    vec![
        Value::Null,
        json!(true),
        json!(-7.5),
        json!(""),
        json!("${ .a }"),
        json!("x ${ $secrets.A } ${"),
        json!([]),
        json!([[]]),
        json!({}),
        json!({"a": {"b": []}, "use": "x", "with": 1}),
    ]
}

/// How many values there are in a value, itself included.
fn count(value: &Value) -> usize {
    1 + match value {
        Value::Array(items) => items.iter().map(count).sum(),
        Value::Object(entries) => entries.values().map(count).sum::<usize>(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 0,
    }
}

/// The value at this place, counted from the outside in.
fn at<'v>(value: &'v mut Value, place: &mut usize) -> Option<&'v mut Value> {
    if *place == 0 {
        return Some(value);
    }
    *place -= 1;
    match value {
        Value::Array(items) => items.iter_mut().find_map(|item| at(item, place)),
        Value::Object(entries) => entries.values_mut().find_map(|item| at(item, place)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    }
}

#[test]
fn a_value_that_does_not_fit_is_an_error_wherever_it_stands() {
    for sample in samples() {
        for place in 0..count(&sample) {
            for misfit in misfits() {
                let mut changed = sample.clone();
                *at(&mut changed, &mut { place }).expect("it is there") = misfit;
                check(&changed);
            }
        }
    }
}

#[test]
fn a_field_that_is_missing_or_renamed_is_an_error_or_was_optional() {
    for sample in samples() {
        for place in 0..count(&sample) {
            let Some(Value::Object(entries)) = at(&mut sample.clone(), &mut { place }).cloned()
            else {
                continue;
            };
            for key in entries.keys() {
                let mut changed = sample.clone();
                let object = at(&mut changed, &mut { place }).and_then(Value::as_object_mut);
                let object = object.expect("an object");
                let value = object.remove(key).expect("it is there");
                check(&changed);
                let object = at(&mut changed, &mut { place }).and_then(Value::as_object_mut);
                object.expect("an object").insert(format!("{key}x"), value);
                check(&changed);
            }
        }
    }
}

#[test]
fn deep_documents_are_refused() {
    let deep = format!("{}{{set: {{}}}}{}", "{do: [{t: ".repeat(100), "}]}".repeat(100));
    let errors = read(&document(&format!("[{{t: {deep}}}]"))).expect_err("too deep");
    assert_eq!(errors[0].diagnostic.code, DiagnosticCode::TooDeep);
    let nested = "{do: [{t: ".repeat(18);
    accepted(&document(&format!("[{{t: {nested}{{set: {{}}}}{}}}]", "}]}".repeat(18))));
}

#[test]
fn large_documents_are_refused_in_bounded_time() {
    let tasks = |count: usize| {
        let all: Vec<_> =
            (0..count).map(|n| format!("{{t{n}: {{set: {{}}, then: t{n}}}}}")).collect();
        document(&format!("[{}]", all.join(",")))
    };
    accepted(&tasks(limits::WORKFLOW_TASKS));
    let errors = read(&tasks(limits::WORKFLOW_TASKS + 1)).expect_err("too many");
    assert_eq!(errors[0].diagnostic.code, DiagnosticCode::TooLarge);
    let long =
        format!("{}# {}", document("[{t: {set: {}}}]"), "x".repeat(limits::DEFINITION_BYTES));
    let errors = read(&long).expect_err("too large");
    assert_eq!(errors[0].diagnostic.code, DiagnosticCode::TooLarge);
}

#[test]
fn errors_are_bounded_and_names_are_not_compared_without_end() {
    let fields: String = (0..20_000).map(|n| format!("x{n}: 1, ")).collect();
    let errors = read(&document(&format!("[{{t: {{{fields} set: {{}}}}}}]"))).expect_err("fields");
    assert_eq!(errors.len(), limits::DIAGNOSTICS);
    let names: String = (0..15_000).map(|n| format!("name{n:030}: {{after: PT1S}}, ")).collect();
    let tasks: String =
        (0..900).map(|n| format!("{{t{n}: {{set: {{}}, timeout: nema{n}}}}},")).collect();
    let text = format!("{}use: {{timeouts: {{{names}}}}}\n", document(&format!("[{tasks}]")));
    let errors = read(&text).expect_err("names");
    assert_eq!(errors.len(), limits::DIAGNOSTICS);
}

#[test]
fn keys_that_occur_twice_and_text_that_is_no_document_are_refused() {
    for text in ["a: 1\na: 2", "{", "\"", "- a\n- &b c", "a: !b c", "%", "\u{0}", "---\na\n---\nb"]
    {
        let errors = read(text).expect_err(text);
        assert!(!errors.is_empty(), "{text}");
    }
    assert!(flowmill_ows::read(&[0xff, 0xfe], Format::Detect).is_err());
}

/// One change of a document.
#[derive(Clone, Debug)]
enum Change {
    /// The value at a place becomes another one.
    Set(usize, usize),
    /// The value at a place becomes a copy of that at another one.
    Copy(usize, usize),
    /// The object at a place gets a field of the specification.
    Add(usize, usize, usize),
    /// The value at a place is put into a list.
    Wrap(usize),
}

const FIELDS: [&str; 24] = [
    "as", "at", "await", "call", "catch", "do", "each", "error", "errors", "export", "for", "fork",
    "if", "in", "input", "listen", "raise", "retry", "run", "set", "switch", "then", "try",
    "until",
];

fn change() -> impl Strategy<Value = Change> {
    let place = 0_usize..10_000;
    prop_oneof![
        (place.clone(), place.clone()).prop_map(|(at, value)| Change::Set(at, value)),
        (place.clone(), place.clone()).prop_map(|(at, from)| Change::Copy(at, from)),
        (place.clone(), place.clone(), place.clone()).prop_map(|(a, b, c)| Change::Add(a, b, c)),
        place.prop_map(Change::Wrap),
    ]
}

fn apply(value: &mut Value, change: &Change) {
    let places = count(value);
    let copy = |value: &Value, place: usize| {
        at(&mut value.clone(), &mut (place % places)).cloned().unwrap_or_default()
    };
    let (place, new) = match *change {
        Change::Set(place, misfit) => {
            let misfits = misfits();
            (place, misfits[misfit % misfits.len()].clone())
        }
        Change::Copy(place, from) => (place, copy(value, from)),
        Change::Wrap(place) => (place, Value::Array(vec![copy(value, place)])),
        Change::Add(place, field, from) => {
            let mut object = copy(value, place).as_object().cloned().unwrap_or_default();
            object.insert(FIELDS[field % FIELDS.len()].to_owned(), copy(value, from));
            (place, Value::Object(object))
        }
    };
    if let Some(found) = at(value, &mut (place % places)) {
        *found = new;
    }
}

proptest! {
    #[test]
    fn a_document_changed_at_random_is_read_or_refused(
        sample in 0..SAMPLES.len(),
        changes in proptest::collection::vec(change(), 1..5),
    ) {
        let mut value = samples().swap_remove(sample);
        changes.iter().for_each(|change| apply(&mut value, change));
        check(&value);
    }

    #[test]
    fn a_document_cut_or_with_bytes_changed_is_read_or_refused(
        sample in 0..SAMPLES.len(),
        cuts in proptest::collection::vec((0_usize..4_000, "[\\PC\n]{0,3}"), 1..4),
    ) {
        let mut text = SAMPLES[sample].to_owned();
        for (at, new) in cuts {
            let at = text.char_indices().map(|(index, _)| index).nth(at % text.len().max(1));
            let Some(at) = at else { continue };
            let end = at + text[at..].chars().next().map_or(0, char::len_utf8);
            text.replace_range(at..end, &new);
        }
        if let Err(errors) = read(&text) {
            prop_assert!(!errors.is_empty(), "{}", shown(&errors));
        }
    }
}
