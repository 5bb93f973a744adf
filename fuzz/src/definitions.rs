//! Texts that may be definitions of flows.
//!
//! Either a flow, whose canonical text is the same flow, or errors that have places. JSON is read
//! as JSON whether that was said or found out.

use flowmill_flow::{Diagnostic, Flow, Format, compile};
use flowmill_model::limits;

/// Compiles the bytes in every format.
pub fn check(data: &[u8]) {
    let json = check_format(data, Format::Json);
    let yaml = check_format(data, Format::Yaml);
    let detected = check_format(data, Format::Detect);
    let in_braces = data.trim_ascii_start().starts_with(b"{");
    if let (Some(json), true) = (&json, in_braces) {
        assert_eq!(detected.as_ref().map(|flow| flow.hash), Some(json.hash));
    }
    if let (Some(yaml), false) = (&yaml, in_braces) {
        assert_eq!(detected.as_ref().map(|flow| flow.hash), Some(yaml.hash));
    }
}

fn check_format(data: &[u8], format: Format) -> Option<Flow> {
    match compile(data, format) {
        Ok(flow) => {
            let text = flow.to_json();
            let again = compile(&text, Format::Json).expect("its own text is a definition");
            assert_eq!((again.hash, again.to_json()), (flow.hash, text));
            assert_eq!(again.nodes().len(), flow.nodes().len());
            Some(flow)
        }
        Err(errors) => {
            assert!((1..=limits::DIAGNOSTICS).contains(&errors.len()));
            errors.iter().for_each(|error| check_place(data, error));
            None
        }
    }
}

/// A place is one of the text, or right behind the end of a line, or of the text, as if that ended
/// with a line's end.
fn check_place(data: &[u8], error: &Diagnostic) {
    let text = String::from_utf8_lossy(data);
    // YAML ends a line with a carriage return, too; JSON does not.
    let returns = text.replace("\r\n", "\n").replace('\r', "\n");
    assert!(holds(&text, error) || holds(&returns, error), "{error}");
    assert!(error.pointer.is_empty() || error.pointer.starts_with('/'), "{error}");
    assert!(!error.message.is_empty() && !error.help.is_empty(), "{error}");
}

fn holds(text: &str, Diagnostic { line, column, .. }: &Diagnostic) -> bool {
    let mut lines = text.split('\n').chain([""]);
    let line = line.checked_sub(1).and_then(|before| lines.nth(before));
    line.is_some_and(|line| (1..=line.chars().count() + 1).contains(column))
}
