//! Whole documents: those that compile, and every way in which one does not.

use std::time::Duration;

use flowmill_model::{NodeIndex, PortIndex};
use proptest::prelude::*;

use super::*;
use crate::diagnostic::DiagnosticCode;
use crate::graph::{MergeMode, NodeKind, SwitchMode, Wait};
use crate::retry::Backoff;

mod blocks;
mod broken;
mod control;
mod hostile;

const ORDERS: &str = include_str!("../../../../examples/orders.yaml");

fn flow(yaml: &str) -> Flow {
    compile(yaml.as_bytes(), Format::Detect).unwrap_or_else(|errors| {
        let all: Vec<_> = errors.iter().map(ToString::to_string).collect();
        panic!("{}\n{yaml}", all.join("\n"))
    })
}

fn node<'a>(flow: &'a Flow, id: &str) -> &'a crate::graph::Node {
    flow.node(flow.node_index(id).expect(id))
}

#[test]
fn the_order_flow_compiles_to_its_graph() {
    let flow = flow(ORDERS);
    assert_eq!(flow.document.flow_version().to_string(), "shop/orders@1.0.0");
    assert_eq!(flow.document.title.as_deref(), Some("Forward big orders"));
    assert_eq!(flow.start(), NodeIndex::new(0));
    assert_eq!(flow.topological_order(), [0, 1, 2, 3].map(NodeIndex::new));
    assert!(flow.input_schema.is_some() && flow.output_schema.is_none());
    let ids: Vec<_> = flow.nodes().iter().map(|node| node.id.as_str()).collect();
    assert_eq!(ids, ["source", "big", "shape", "send"]);
    let big = node(&flow, "big");
    assert_eq!((big.port("out"), big.error_port), (Some(PortIndex::new(0)), big.port("error")));
    assert_eq!(flow.connection(big.ports[0].connections[0]).to, NodeIndex::new(2));
    let send = node(&flow, "send");
    assert!(send.is_leaf() && !big.is_leaf());
    assert_eq!((send.timeout, send.retry.attempts), (Duration::from_secs(45), 5));
    assert_eq!(send.retry.delay, Duration::from_secs(1));
    assert!(matches!(&send.kind, NodeKind::HttpRequest { queue, .. } if queue.as_str() == "http"));
}

#[test]
fn every_example_compiles_and_fits_the_schema() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples");
    let schema = crate::schema::Schema::compile(&crate::schema().into()).expect("a schema");
    let mut seen = 0;
    for entry in std::fs::read_dir(folder).expect("the folder of examples") {
        let path = entry.expect("an entry").path();
        let name = path.to_string_lossy();
        if !name.ends_with(".yaml") || name.ends_with(".test.yaml") {
            continue;
        }
        let text = std::fs::read_to_string(&path).expect("an example");
        let flow = flow(&text);
        assert_eq!(path.file_stem().and_then(|s| s.to_str()), Some(flow.document.name.as_str()));
        let json = crate::Json::parse(&flow.to_json()).expect("canonical JSON");
        assert_eq!(schema.validate(&json), Ok(()), "{}", path.display());
        seen += 1;
    }
    assert!(seen >= 5, "only {seen} examples");
}

#[test]
fn spelling_does_not_change_the_content() {
    let yaml = flow(ORDERS);
    let json = String::from_utf8(yaml.to_json().to_vec()).expect("UTF-8");
    for format in [Format::Json, Format::Yaml, Format::Detect] {
        let again = compile(json.as_bytes(), format).expect("canonical JSON compiles");
        assert_eq!((again.hash, again.to_json()), (yaml.hash, yaml.to_json()), "{format:?}");
    }
    let reordered = ORDERS.replace(
        "{ namespace: shop, name: orders, version: 1.0.0,",
        "{ version: \"1.0.0\", name: 'orders', namespace: shop,",
    );
    assert_ne!(reordered, ORDERS);
    assert_eq!(flow(&reordered).hash, yaml.hash);
    let changed = ORDERS.replace("100", "101");
    assert_ne!(flow(&changed).hash, yaml.hash);
}

#[test]
fn tasks_have_the_standard_retry_and_timeout_and_others_none() {
    let flow = flow(&minimal("{ id: a, type: task, parameters: { type: t } }"));
    let task = node(&flow, "a");
    assert_eq!(task.retry, crate::RetryPolicy::standard());
    assert_eq!(task.retry.max_delay, Duration::from_secs(60));
    assert_eq!(task.timeout, Duration::from_secs(45));
    assert_eq!(node(&flow, "s").retry.attempts, 1);
    let NodeKind::Task { task_type, queue, input } = &task.kind else { panic!("a task") };
    assert_eq!((task_type.as_str(), queue.as_str()), ("t", "t"));
    let value = crate::Json::string("the value itself");
    assert_eq!(input.render(&value, &crate::Scope::default()), Ok(value));
}

#[test]
fn a_retry_keeps_the_standard_for_what_it_leaves_out() {
    let retry = |retry: &str| {
        let text = format!("{{ id: a, type: task, parameters: {{ type: t }}, retry: {retry} }}");
        node(&flow(&minimal(&text)), "a").retry.clone()
    };
    let given = retry("{ limit: { attempts: 2, duration: PT1H } }");
    assert_eq!((given.attempts, given.limit), (2, Some(Duration::from_secs(3_600))));
    assert_eq!(given.backoff, Backoff::Exponential { multiplier: 2.0 });
    let slow = retry("{ delay: { minutes: 5 }, backoff: constant }");
    assert_eq!((slow.delay, slow.max_delay), (Duration::from_secs(300), Duration::from_secs(300)));
    let jitter = retry("{ jitter: { to: PT1S } }").jitter.expect("a jitter");
    assert_eq!((jitter.from, jitter.to), (Duration::ZERO, Duration::from_secs(1)));
    assert_eq!(retry("{ multiplier: 1.5 }").backoff, Backoff::Exponential { multiplier: 1.5 });
}

#[test]
fn a_switch_has_a_port_for_each_case_and_for_its_default() {
    let ports = |default: &str| {
        let text = format!(
            "{{ id: a, type: switch, parameters: {{ cases: [{{ name: x, when: .x }}, \
             {{ name: y, when: .y }}]{default} }} }}"
        );
        let flow = flow(&minimal(&text));
        let a = node(&flow, "a").clone();
        let NodeKind::Switch { default, .. } = a.kind else { panic!("a switch") };
        let names: Vec<_> = a.ports.into_iter().map(|port| port.name).collect();
        (names.join(" "), default.map(PortIndex::get))
    };
    assert_eq!(ports(""), ("x y error".to_owned(), None));
    assert_eq!(ports(", default: other"), ("x y other error".to_owned(), Some(2)));
    assert_eq!(ports(", default: y"), ("x y error".to_owned(), Some(1)));
}

#[test]
fn nodes_that_can_fail_have_an_error_port_and_others_have_not() {
    let check = |node_text: &str, ports: &[&str]| {
        let flow = flow(&minimal(node_text));
        let a = node(&flow, "a");
        let names: Vec<_> = a.ports.iter().map(|port| port.name.as_str()).collect();
        assert_eq!(names, ports, "{node_text}");
        assert_eq!(a.error_port.is_some(), ports.contains(&"error"), "{node_text}");
    };
    check("{ id: a, type: end }", &[]);
    check("{ id: a, type: fail, parameters: { error: { title: no } } }", &[]);
    check("{ id: a, type: merge }", &["out"]);
    check("{ id: a, type: merge, parameters: { count: 1 } }", &["out", "error"]);
    check("{ id: a, type: wait, parameters: { for: PT1S } }", &["out"]);
    check("{ id: a, type: wait, parameters: { until: .t } }", &["out", "error"]);
    check("{ id: a, type: filter, parameters: { condition: . } }", &["out", "error"]);
    check("{ id: a, type: map, parameters: { expression: . } }", &["out", "error"]);
    check("{ id: a, type: signal, parameters: { name: go } }", &["out", "error"]);
    check("{ id: a, type: task, parameters: { type: t } }", &["out", "error"]);
    check(
        "{ id: a, type: http.request, parameters: { method: GET, url: \"http://x\" } }",
        &["out", "error"],
    );
}

#[test]
fn parameters_reach_the_node() {
    let kind = |text: &str| node(&flow(&minimal(text)), "a").kind.clone();
    assert!(matches!(
        kind("{ id: a, type: merge, parameters: { mode: any } }"),
        NodeKind::Merge { mode: MergeMode::Any }
    ));
    assert!(matches!(kind("{ id: a, type: merge }"), NodeKind::Merge { mode: MergeMode::All }));
    assert!(matches!(
        kind("{ id: a, type: merge, parameters: { count: 1 } }"),
        NodeKind::Merge { mode: MergeMode::Count(one) } if one.get() == 1
    ));
    let switch = |mode: &str| {
        let cases = "cases: [{ name: x, when: . }]";
        kind(&format!("{{ id: a, type: switch, parameters: {{ {cases}{mode} }} }}"))
    };
    assert!(matches!(switch(""), NodeKind::Switch { mode: SwitchMode::First, .. }));
    assert!(matches!(switch(", mode: first"), NodeKind::Switch { mode: SwitchMode::First, .. }));
    assert!(matches!(switch(", mode: all"), NodeKind::Switch { mode: SwitchMode::All, .. }));
    assert!(matches!(
        kind("{ id: a, type: wait, parameters: { for: { seconds: 5 } } }"),
        NodeKind::Wait(Wait::For(time)) if time == Duration::from_secs(5)
    ));
    let NodeKind::Signal { name, timeout } =
        kind("{ id: a, type: signal, parameters: { name: go, timeout: P1D } }")
    else {
        panic!("a signal")
    };
    assert_eq!((name.as_str(), timeout), ("go", Some(Duration::from_secs(86_400))));
}

#[test]
fn a_condition_belongs_to_its_node_and_counts_among_its_expressions() {
    let text = "{ id: a, type: task, if: $nodes.s.x, parameters: { type: t } }";
    let flow = flow(&minimal(text));
    let a = node(&flow, "a");
    assert_eq!(a.condition.as_ref().map(|condition| condition.source()), Some("$nodes.s.x"));
    assert!(a.expressions().iter().any(|expression| expression.source() == "$nodes.s.x"));
    assert!(node(&flow, "s").output_referenced);
    assert!(node(&flow, "s").condition.is_none());
}

#[test]
fn outputs_that_expressions_look_at_are_marked() {
    let check = |expression: &str, expect: [bool; 4]| {
        let text = format!(
            "flowmill: 1
document: {{ namespace: a, name: b, version: 1.0.0 }}
nodes:
  - {{ id: s, type: start }}
  - {{ id: one, type: map, parameters: {{ expression: . }} }}
  - {{ id: two, type: map, parameters: {{ expression: . }} }}
  - {{ id: last, type: map, parameters: {{ expression: '{expression}' }} }}
connections: [s.out -> one.in, one.out -> two.in, two.out -> last.in]
"
        );
        let flow = flow(&text);
        let marked: Vec<_> = flow.nodes().iter().map(|node| node.output_referenced).collect();
        assert_eq!(marked, expect, "{expression}");
    };
    check(".", [false, false, false, false]);
    check("$nodes.one", [false, true, false, false]);
    check("[$nodes.two.x, $nodes[\"s\"]]", [true, false, true, false]);
    check("$nodes | keys", [true, true, true, false]);
}

/// A flow of a start and one node, called `a`.
fn minimal(node: &str) -> String {
    format!(
        "flowmill: 1
document: {{ namespace: a, name: b, version: 1.0.0 }}
nodes:
  - {{ id: s, type: start }}
  - {node}
connections: [s.out -> a.in]
"
    )
}

/// The codes of the errors of a document.
fn codes(text: &str) -> Vec<DiagnosticCode> {
    let errors = compile(text.as_bytes(), Format::Detect).err().unwrap_or_default();
    errors.iter().map(|error| error.code).collect()
}

/// Small strings that are likely to mean something in a definition.
fn fragment() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("${ . }".to_owned()),
        Just("$nodes.a".to_owned()),
        Just("- ".to_owned()),
        Just("&a *a".to_owned()),
        Just("PT5S".to_owned()),
        Just("\n    ".to_owned()),
        Just("{ id: x, type: map }".to_owned()),
        Just("[".to_owned()),
        Just("}".to_owned()),
        Just("\"".to_owned()),
        Just("| def f: f; f".to_owned()),
        Just("null".to_owned()),
        "\\PC{0,5}",
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn arbitrary_bytes_are_refused_and_never_panic(bytes: Vec<u8>) {
        for format in [Format::Json, Format::Yaml, Format::Detect] {
            let errors = compile(&bytes, format).expect_err("no flow");
            prop_assert!(!errors.is_empty());
        }
    }

    #[test]
    fn mutated_documents_compile_or_are_refused_with_places(
        edits in prop::collection::vec((any::<prop::sample::Index>(), 0_usize..12, fragment()), 1..6),
        which in 0_usize..2,
    ) {
        let json = String::from_utf8(flow(ORDERS).to_json().to_vec()).expect("UTF-8");
        let mut text = if which == 0 { ORDERS.to_owned() } else { json };
        for (at, length, fragment) in edits {
            let bounds: Vec<_> = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
            let from = at.index(bounds.len());
            let to = (from + length).min(bounds.len() - 1);
            text.replace_range(bounds[from]..bounds[to], &fragment);
        }
        match compile(text.as_bytes(), Format::Detect) {
            Ok(flow) => {
                let again = compile(&flow.to_json(), Format::Json).expect("compiles again");
                prop_assert_eq!(again.hash, flow.hash);
            }
            Err(errors) => {
                let lines = text.lines().count() + 1;
                prop_assert!(!errors.is_empty());
                for error in errors {
                    prop_assert!((1..=lines).contains(&error.line), "{}", error);
                    prop_assert!(error.column >= 1 && !error.help.is_empty(), "{}", error);
                }
            }
        }
    }
}
