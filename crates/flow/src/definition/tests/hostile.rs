//! Documents that mean harm: they are refused quickly, in bounded memory, on a small stack.

use flowmill_model::limits;

use super::*;

/// Compiles on the stack of an ordinary thread and gives the first error.
fn first_error(text: &str) -> crate::Diagnostic {
    let text = text.to_owned();
    let compiled = std::thread::Builder::new()
        .stack_size(2 * 1024 * 1024)
        .spawn(move || compile(text.as_bytes(), Format::Detect))
        .expect("a thread")
        .join()
        .expect("no panic");
    compiled.expect_err("an error").remove(0)
}

#[test]
fn deep_nesting_is_refused() {
    let deep = 100_000;
    let check = |text: String, codes: &[DiagnosticCode]| {
        let error = first_error(&text);
        assert!(codes.contains(&error.code), "{error}");
    };
    use DiagnosticCode::{Syntax, TooDeep};
    check("[".repeat(deep), &[TooDeep]);
    check("{\"a\":".repeat(deep), &[TooDeep]);
    check("- ".repeat(deep), &[TooDeep]);
    check("{".repeat(deep), &[TooDeep, Syntax]);
    check("? ".repeat(deep), &[TooDeep, Syntax]);
    let indented: String = (0..500).map(|level| format!("{}a:\n", " ".repeat(level))).collect();
    check(indented, &[TooDeep]);
}

#[test]
fn yaml_bombs_are_refused_at_the_first_anchor() {
    let bomb = "a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n";
    let error = first_error(bomb);
    assert_eq!((error.code, error.line), (DiagnosticCode::UnsupportedYaml, 1));
    assert!(error.message.contains("anchor"), "{error}");
    assert!(error.help.contains("write the value out"), "{error}");
    for (text, word) in [("a: *b", "lias"), ("a: !!str b", "tag"), ("a: 1\n---\nb: 2", "document")]
    {
        assert!(first_error(text).to_string().contains(word), "{text}: {}", first_error(text));
    }
}

#[test]
fn very_many_keys_are_refused_as_one_mistake_after_the_other() {
    let keys: String = (0..80_000).map(|number| format!("k{number}: 1\n")).collect();
    let errors = compile(format!("flowmill: 1\n{keys}").as_bytes(), Format::Yaml);
    assert_eq!(errors.expect_err("unknown fields").len(), limits::DIAGNOSTICS);
}

#[test]
fn a_document_over_the_limit_is_refused_unread() {
    let text = format!("# {}\n{ORDERS}", "x".repeat(limits::DEFINITION_BYTES));
    let error = first_error(&text);
    assert_eq!(error.code, DiagnosticCode::TooLarge);
    let just = format!("# {}\n{ORDERS}", "x".repeat(limits::DEFINITION_BYTES - ORDERS.len() - 3));
    flow(&just);
}

#[test]
fn too_many_nodes_connections_and_errors_are_bounded() {
    let node = |id: usize| format!("  - {{ id: n{id}, type: merge }}\n");
    let nodes: String = (0..limits::FLOW_NODES + 1).map(node).collect();
    let head = "flowmill: 1\ndocument: { namespace: a, name: b, version: 1.0.0 }\nnodes:\n";
    let text = format!("{head}{nodes}");
    let errors = compile(text.as_bytes(), Format::Yaml).expect_err("too many");
    assert!(errors.iter().any(|error| error.code == DiagnosticCode::TooLarge));
    assert!(errors.len() <= limits::DIAGNOSTICS);
}

#[test]
fn a_flow_at_the_limits_compiles() {
    let layers = 100;
    let wide = limits::FLOW_CONNECTIONS / layers / 10;
    let mut text = "flowmill: 1\ndocument: { namespace: a, name: b, version: 1.0.0 }\nnodes:\n  - { id: s, type: start }\n".to_owned();
    let id = |layer: usize, at: usize| format!("n{layer}_{at}");
    for layer in 0..layers - 1 {
        for at in 0..wide {
            text.push_str(&format!("  - {{ id: {}, type: merge }}\n", id(layer, at)));
        }
    }
    text.push_str("connections:\n");
    for at in 0..wide {
        text.push_str(&format!("  - s.out -> {}.in\n", id(0, at)));
    }
    for layer in 1..layers - 1 {
        for (from, to) in (0..wide).flat_map(|from| (0..wide).map(move |to| (from, to))) {
            text.push_str(&format!("  - {}.out -> {}.in\n", id(layer - 1, from), id(layer, to)));
        }
    }
    let flow = flow(&text);
    assert_eq!(flow.topological_order().len(), 991);
    assert!(flow.connections().len() > 9_000);
}

#[test]
fn hostile_expressions_are_refused_when_they_are_compiled() {
    let check = |expression: String, words: &str| {
        let text = minimal("{ id: a, type: map, parameters: { expression: X } }");
        let quoted = serde_json::to_string(&expression).expect("a string");
        let error = first_error(&text.replace('X', &quoted));
        assert_eq!(error.code, DiagnosticCode::InvalidExpression, "{error}");
        assert!(error.message.contains(words), "{error}");
    };
    for (open, close) in [("(", ")"), ("[", "]"), ("{a:", "}"), ("\"\\(", ")\""), ("-", "")] {
        check(format!("{}1{}", open.repeat(1_000), close.repeat(1_000)), "nested");
    }
    check(format!("{}1{}", "if . then ".repeat(1_000), " end".repeat(1_000)), "nested");
    check(format!("{}1", "try ".repeat(1_000)), "nested");
    check(format!("{}1", ". as $x | ".repeat(1_000)), "nested");
    check(format!("{}1", "label $x | ".repeat(1_000)), "nested");
    check(format!("{}.{}", "reduce . as $x (0; ".repeat(500), ")".repeat(500)), "nested");
    check(" ".repeat(limits::EXPRESSION_BYTES + 1), "longer than");
    // A comment that goes on behind a backslash hides what is on the next line.
    check(format!("{}1", "(((( # \\\n)))) \n".repeat(500)), "nested");
}
