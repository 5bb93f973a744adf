//! Mistakes in what decides where values go and whether a node runs.

use super::broken::check;
use super::*;

#[test]
fn a_condition_that_is_none_or_that_its_node_cannot_have_is_refused() {
    use DiagnosticCode as Code;
    let map = "type: map\n    parameters";
    check(
        map,
        "type: map\n    if: \".x +\"\n    parameters",
        Code::InvalidExpression,
        "9:14 /nodes/1/if",
        &["complete"],
    );
    check(
        "{ id: s, type: start }",
        "{ id: s, type: start, if: . }",
        Code::UnknownField,
        "6:27 /nodes/0/if",
        &["a start node has no `if`", "a filter or a switch"],
    );
}

#[test]
fn a_merge_waits_for_as_many_branches_as_there_are_and_in_one_way_only() {
    use DiagnosticCode as Code;
    let map = "type: map\n    parameters: { expression: \".x\" }";
    check(
        map,
        "type: merge\n    parameters: { count: 2 }",
        Code::InvalidValue,
        "7:5 /nodes/1/parameters/count",
        &["waits for 2 branches and 1 lead", "to 1 at most"],
    );
    check(
        map,
        "type: merge\n    parameters: { count: 1, mode: any }",
        Code::InvalidValue,
        "9:26 /nodes/1/parameters/count",
        &["both `mode` and `count`"],
    );
    check(
        map,
        "type: merge\n    parameters: { count: 0 }",
        Code::InvalidValue,
        "9:26 /nodes/1/parameters/count",
        &["from 1 to"],
    );
}
