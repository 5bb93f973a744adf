//! Blocks that nodes own: what they may contain, and mistakes in them.

use super::broken::check;
use super::*;

const MAP: &str = "type: map\n    parameters: { expression: \".x\" }";

/// A `for-each` in place of the map, with this body.
fn each(parameters: &str, body: &str) -> String {
    format!("type: for-each\n    parameters: {{ {parameters} }}\n    body: {body}")
}

#[track_caller]
fn check_each(parameters: &str, body: &str, code: DiagnosticCode, place: &str, words: &[&str]) {
    check(MAP, &each(parameters, body), code, place, words);
}

const BODY: &str = "{ nodes: [{ id: c, type: start }] }";

#[test]
fn a_block_has_a_start_of_its_own() {
    use DiagnosticCode as Code;
    check_each(
        "",
        "{ nodes: [] }",
        Code::MissingStart,
        "10:11 /nodes/1/body/nodes",
        &["the block has no start"],
    );
    check_each(
        "",
        "{ nodes: [{ id: c, type: start }, { id: d, type: start }] }",
        Code::SeveralNodes,
        "10:45 /nodes/1/body/nodes/1",
        &["second start"],
    );
    check_each(
        "",
        "{ nodes: [{ id: c, type: start }, { id: d, type: end }] }",
        Code::UnconnectedInput,
        "10:45 /nodes/1/body/nodes/1",
        &["other.out -> d.in"],
    );
}

#[test]
fn nodes_that_run_a_block_need_one_and_others_have_none() {
    use DiagnosticCode as Code;
    check(
        MAP,
        "type: for-each",
        Code::MissingField,
        "7:5 /nodes/1",
        &["a for-each node needs a `body`"],
    );
    check(
        MAP,
        &format!("{MAP}\n    body: {BODY}"),
        Code::UnknownField,
        "10:5 /nodes/1/body",
        &["a map node has no `body`", "only for-each, while, try and race"],
    );
    check(
        MAP,
        &format!("{}\n    finally: {BODY}", each("", BODY)),
        Code::UnknownField,
        "11:5 /nodes/1/finally",
        &["a for-each node has no `finally`"],
    );
    check(MAP, &each("", "[]"), Code::WrongType, "10:11 /nodes/1/body", &["an object is expected"]);
}

#[test]
fn ids_are_unique_in_the_whole_document() {
    check_each(
        "",
        "{ nodes: [{ id: b, type: start }] }",
        DiagnosticCode::DuplicateName,
        "11:9 /nodes/2/id",
        &["there are two nodes `b`", "/nodes/1/body/nodes/0"],
    );
}

#[test]
fn connections_stay_within_a_block() {
    let node = "{ id: d, type: map, parameters: { expression: . } }";
    let body = format!(
        "{{ nodes: [{{ id: c, type: start }}, {node}], connections: [c.out -> d.in, d.out -> b.in] }}"
    );
    check_each(
        "",
        &body,
        DiagnosticCode::UnknownNode,
        "10:128 /nodes/1/body/connections/1",
        &["`b` is in another block", "by its end"],
    );
    check(
        "  - s.out -> a.in",
        "  - s.out -> a.in\n  - s.out -> d.in",
        DiagnosticCode::UnknownNode,
        "17:5 /connections/1",
        &["there is no node `d`"],
    );
}

#[test]
fn names_are_bound_inside_and_nowhere_else() {
    use DiagnosticCode as Code;
    let body = |expression: &str| {
        format!(
            "{{ nodes: [{{ id: c, type: start }}, {{ id: d, type: map, parameters: {{ expression: \
             '{expression}' }} }}], connections: [c.out -> d.in] }}"
        )
    };
    let good = |parameters: &str, expression: &str| {
        flow(&GOOD_BLOCKS.replace("PARAMETERS", parameters).replace("BODY", &body(expression)));
    };
    good("", "[$item, $index, $nodes.s]");
    good("item: line, index: at", "[$line, $at]");
    check_each(
        "item: line",
        &body("$item"),
        Code::InvalidExpression,
        "10:92 /nodes/1/body/nodes/1/parameters/expression",
        &["`$item` is not defined"],
    );
    check(
        MAP,
        "type: map\n    parameters: { expression: $item }",
        Code::InvalidExpression,
        "9:31 /nodes/1/parameters/expression",
        &["`$item` is not defined"],
    );
    check_each(
        "item: input",
        BODY,
        Code::InvalidName,
        "9:25 /nodes/1/parameters/item",
        &["`$input` means something else"],
    );
    check_each(
        "item: x, index: x",
        BODY,
        Code::DuplicateName,
        "9:35 /nodes/1/parameters/index",
        &["both the item and its place"],
    );
    check_each(
        "item: a-b",
        BODY,
        Code::InvalidName,
        "9:25 /nodes/1/parameters/item",
        &["`$a-b` is no variable"],
    );
}

const GOOD_BLOCKS: &str = r"flowmill: 1
document: { namespace: shop, name: orders, version: 1.0.0 }
nodes:
  - { id: s, type: start }
  - { id: n, type: for-each, parameters: { PARAMETERS }, body: BODY }
connections: [s.out -> n.in]
";

#[test]
fn expressions_inside_look_at_what_comes_before_the_node_that_owns_the_block() {
    use DiagnosticCode as Code;
    let body = |id: &str| {
        format!(
            "{{ nodes: [{{ id: c, type: start }}, {{ id: d, type: map, parameters: {{ expression: \
             $nodes.{id} }} }}], connections: [c.out -> d.in] }}"
        )
    };
    for id in ["s", "c"] {
        flow(&GOOD_BLOCKS.replace("PARAMETERS", "").replace("BODY", &body(id)));
    }
    let place = "10:98 /nodes/1/body/nodes/1/parameters/expression";
    check_each("", &body("b"), Code::NotUpstream, place, &["`b` does not come before `d`"]);
    check_each("", &body("a"), Code::NotUpstream, place, &["`a` does not come before `d`"]);
    let outside = "type: work, input: { k: \"v ${ .y }\" }";
    let text = "type: work, input: { k: \"${ $nodes.c }\" }";
    let good = broken::GOOD.replace(MAP, &each("", BODY)).replace(outside, text);
    assert_eq!(codes(&good), [Code::NotUpstream], "what is inside is not seen from outside");
}

#[test]
fn a_circle_inside_is_reported_once() {
    let map = |id: &str| format!("{{ id: {id}, type: map, parameters: {{ expression: . }} }}");
    let body = format!(
        "{{ nodes: [{{ id: c, type: start }}, {}, {}], connections: [c.out -> d.in, d.out -> e.in, \
         e.out -> d.in] }}",
        map("d"),
        map("e"),
    );
    let text = GOOD_BLOCKS.replace("PARAMETERS", "").replace("BODY", &body);
    assert_eq!(codes(&text), [DiagnosticCode::Cycle]);
}

#[test]
fn a_circle_around_a_node_that_owns_blocks_is_reported_once() {
    let text = GOOD_BLOCKS
        .replace("PARAMETERS", "")
        .replace("BODY", BODY)
        .replace("[s.out -> n.in]", "[s.out -> n.in, n.out -> n.in]");
    assert_eq!(codes(&text), [DiagnosticCode::Cycle]);
}

#[test]
fn only_a_try_is_tried_again_as_a_whole() {
    flow(
        &GOOD_BLOCKS
            .replace("for-each, parameters: { PARAMETERS }", "try, retry: { delay: PT1S }")
            .replace("BODY", BODY),
    );
    check_each(
        "",
        &format!("{BODY}\n    retry: {{ delay: PT1S }}"),
        DiagnosticCode::UnknownField,
        "11:5 /nodes/1/retry",
        &["a try node"],
    );
}

#[test]
fn nodes_of_all_blocks_count() {
    let starts = |from: usize| -> String {
        let node =
            |id: usize| format!("{{ id: m{id}, type: map, parameters: {{ expression: . }} }}");
        (from..from + 600).map(node).collect::<Vec<_>>().join(", ")
    };
    let text = GOOD_BLOCKS
        .replace("PARAMETERS", "")
        .replace("BODY", &format!("{{ nodes: [{{ id: c, type: start }}, {}] }}", starts(0)))
        .replace(
            "connections:",
            &format!("  - {}\nconnections:", starts(600).replace("}, {", "}\n  - {")),
        );
    assert!(codes(&text).contains(&DiagnosticCode::TooLarge));
}

#[test]
fn only_what_is_in_the_body_of_a_try_can_be_undone() {
    let undo = "compensate: { nodes: [{ id: u, type: start }] }";
    let task = format!("{{ id: d, type: task, parameters: {{ type: t }}, {undo} }}");
    let body =
        format!("{{ nodes: [{{ id: c, type: start }}, {task}], connections: [c.out -> d.in] }}");
    let text = |node: &str| {
        GOOD_BLOCKS.replace("for-each, parameters: { PARAMETERS }", node).replace("BODY", &body)
    };
    flow(&text("try"));
    for node in ["for-each", "race", "while, parameters: { condition: . }"] {
        assert_eq!(codes(&text(node)), [DiagnosticCode::UnknownField], "{node}");
    }
    check(
        "retry: { delay: PT1S }",
        undo,
        DiagnosticCode::UnknownField,
        "13:17 /nodes/2/compensate",
        &["only a node in the body of a try"],
    );
    check(
        MAP,
        &format!("{MAP}\n    {undo}"),
        DiagnosticCode::UnknownField,
        "10:5 /nodes/1/compensate",
        &["a map node has no `compensate`"],
    );
}
