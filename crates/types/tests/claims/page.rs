//! The examples of docs/explanation/types.md are what they say.

use std::fs;
use std::path::Path;

use flowmill_types::{Clash, Formats, Type, Verdict, relate};
use serde_json::json;

fn read(text: &str) -> Type {
    let schema = serde_json::from_str(text.trim_matches('`')).expect(text);
    Type::read(&schema, Formats::Checked).expect(text)
}

#[test]
fn every_row_of_the_page_is_right() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/explanation/types.md");
    let page = fs::read_to_string(page).expect("the page");
    let mut checked = 0;
    for row in page.lines().filter(|line| line.starts_with("| `{")) {
        let cells: Vec<&str> = row.split(" | ").map(|cell| cell.trim_matches(['|', ' '])).collect();
        let verdict = Verdict::from(relate(&read(cells[0]), &read(cells[1])));
        assert_eq!(verdict.word(), cells[2].trim_matches('`'), "{row}");
        checked += 1;
    }
    assert!(checked > 10, "the rows are found");
}

#[test]
fn the_clashes_that_the_page_names_are_the_ones_that_are_found() {
    let check = |source: &str, target: &str, pointer: &str, example: serde_json::Value| {
        let expect = Clash { pointer: pointer.to_owned(), example: Some(example) };
        let relation = relate(&read(source), &read(target));
        assert_eq!(relation.clash(), Some(&expect));
    };
    let id = r#"{"type": "object", "required": ["id"], "properties": {"id": {"type": "string"}}}"#;
    let closed = id.replace("}}}", "}}, \"additionalProperties\": false}");
    check(id, &closed, "/other", json!({"id": "a", "other": null}));
    let strings = r#"{"type": "array", "items": {"type": "string"}, "minItems": 1}"#;
    let numbers = r#"{"type": "array", "items": {"type": "number"}}"#;
    check(strings, numbers, "/0", json!(["a"]));
}
