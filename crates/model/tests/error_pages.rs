//! Every error code has a page in docs/errors that says of it what the code says, and nothing
//! else has.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use flowmill_model::ErrorCode;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/errors")
}

fn page(name: &str) -> String {
    let file = folder().join(name);
    fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

const fn again(code: ErrorCode) -> &'static str {
    if code.is_retryable() { "may succeed" } else { "needs a change first" }
}

/// The lines that must stand in a code's page.
fn facts(code: ErrorCode) -> [String; 5] {
    let (text, uri) = (code.as_str(), code.type_uri());
    [
        format!("# {text}"),
        format!("| Type | `{uri}` |"),
        format!("| Title | {} |", code.title()),
        format!("| HTTP status | {} |", code.status()),
        format!("| The same again | {} |", again(code)),
    ]
}

#[test]
fn every_code_has_a_page_with_its_type_title_and_status() {
    for code in ErrorCode::ALL {
        let name = format!("{}.md", code.as_str());
        let text = page(&name);
        for fact in facts(*code) {
            assert!(text.lines().any(|line| line == fact), "docs/errors/{name} lacks: {fact}");
        }
    }
}

#[test]
fn every_page_shows_a_problem_of_its_code() {
    for code in ErrorCode::ALL {
        let name = format!("{}.md", code.as_str());
        let text = page(&name);
        let kind = format!("\"type\": \"{}\"", code.type_uri());
        let title = format!("\"title\": \"{}\"", code.title());
        let examples: Vec<_> = text.split("```json").skip(1).collect();
        assert!(!examples.is_empty(), "docs/errors/{name} has no example");
        for example in examples {
            let is_of_code = example.contains(&kind) && example.contains(&title);
            assert!(is_of_code, "docs/errors/{name} has an example of something else: {example}");
        }
    }
}

#[test]
fn the_index_lists_the_codes_in_their_order_and_nothing_else() {
    let row = |code: &ErrorCode| {
        let (text, status, title) = (code.as_str(), code.status(), code.title());
        format!("| [`{text}`]({text}.md) | {status} | {title} | {} |", again(*code))
    };
    let index = page("README.md");
    let listed: Vec<_> = index.lines().filter(|line| line.starts_with("| [`")).collect();
    let expected: Vec<_> = ErrorCode::ALL.iter().map(row).collect();
    assert_eq!(listed, expected, "docs/errors/README.md");
}

#[test]
fn no_page_is_left_over() {
    let entries = fs::read_dir(folder()).expect("the folder is there");
    let names = entries.map(|entry| entry.expect("it is readable").file_name());
    let found: BTreeSet<_> = names.map(|name| name.to_string_lossy().into_owned()).collect();
    let pages = ErrorCode::ALL.iter().map(|code| format!("{}.md", code.as_str()));
    let expected: BTreeSet<_> = pages.chain(["README.md".to_owned()]).collect();
    assert_eq!(found, expected);
}
