use super::*;
use crate::schema::Schema;
use crate::{Format, Json, compile};

/// The published schema; rewritten by running this test with `FLOWMILL_BLESS=1`.
const PUBLISHED: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/reference/flow.schema.json");

#[test]
fn the_published_schema_is_the_one_that_the_format_has() {
    let text = format!("{:#}\n", schema());
    if std::env::var_os("FLOWMILL_BLESS").is_some() {
        std::fs::write(PUBLISHED, &text).expect("the schema can be written");
    }
    let published = std::fs::read_to_string(PUBLISHED).unwrap_or_default();
    assert!(
        published == text,
        "{PUBLISHED} is not up to date: run this test with FLOWMILL_BLESS=1"
    );
}

#[test]
fn the_schema_refuses_what_the_compiler_refuses_by_shape() {
    let schema = Schema::compile(&schema().into()).expect("a schema");
    let document = |node: &str| {
        format!(
            r#"{{"flowmill":1,"document":{{"namespace":"a","name":"b","version":"1.0.0"}},
            "nodes":[{{"id":"s","type":"start"}},{node}],"connections":["s.out -> a.in"]}}"#
        )
    };
    let check = |node: &str, expect: bool| {
        let text = document(node);
        let value = Json::parse(text.as_bytes()).expect("JSON");
        assert_eq!(schema.validate(&value).is_ok(), expect, "schema: {node}");
        assert_eq!(compile(text.as_bytes(), Format::Json).is_ok(), expect, "compiler: {node}");
    };
    check(r#"{"id":"a","type":"end"}"#, true);
    check(r#"{"id":"a","type":"map","parameters":{"expression":"."}}"#, true);
    check(r#"{"id":"a","type":"map"}"#, false);
    check(r#"{"id":"a","type":"map","parameters":{"expression":1}}"#, false);
    check(r#"{"id":"a","type":"map","parameters":{"expression":".","x":1}}"#, false);
    check(r#"{"id":"a","type":"end","timeout":"PT1S"}"#, false);
    check(r#"{"id":"a","type":"nothing"}"#, false);
    check(r#"{"id":"1","type":"end"}"#, false);
    check(r#"{"id":"a","type":"wait","parameters":{"for":"PT5S"}}"#, true);
    check(r#"{"id":"a","type":"wait","parameters":{"for":{"seconds":5}}}"#, true);
    check(r#"{"id":"a","type":"wait","parameters":{"for":"5s"}}"#, false);
    check(r#"{"id":"a","type":"task","parameters":{"type":"t"},"retry":{"delay":"PT1S"}}"#, true);
    check(r#"{"id":"a","type":"task","parameters":{"type":"t"},"retry":{"x":"PT1S"}}"#, false);
    check(r#"{"id":"a","type":"merge","parameters":{"mode":"some"}}"#, false);
}

#[test]
fn the_reference_speaks_of_every_type_field_and_error() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/reference/flow.md");
    let reference = std::fs::read_to_string(path).expect("the reference");
    let check = |name: &str| {
        let quoted = format!("`{name}`");
        let inside = [
            format!("`{name}."),
            format!(".{name}`"),
            format!(".{name}."),
            format!("{name}}}"),
            format!("{{{name}"),
            format!(" {name}:"),
        ];
        let found =
            reference.contains(&quoted) || inside.iter().any(|form| reference.contains(form));
        assert!(found, "{name} is not in the reference");
    };
    for node_type in NODE_TYPES {
        assert!(reference.contains(&format!("### {}\n", node_type.name)), "{}", node_type.name);
        names(node_type.parameters).into_iter().for_each(check);
    }
    names(DOCUMENT).into_iter().chain(names(NODE)).for_each(check);
    crate::DiagnosticCode::ALL.iter().for_each(|code| check(code.as_str()));
}

/// The names of fields, and of the fields inside them.
fn names(fields: &[Field]) -> Vec<&'static str> {
    let mut all = Vec::new();
    for field in fields {
        all.push(field.name);
        if let Shape::Object(inside) = field.shape {
            all.extend(names(inside));
        }
    }
    all
}
