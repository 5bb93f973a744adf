//! What nodes that own blocks do with them, and what happens when something in them goes wrong.

mod attempts;

use flowmill_flow::Flow;
use flowmill_model::event::Event;
use flowmill_model::limits;
use flowmill_model::task::Outcome;

use crate::command::Whereabouts;
use crate::driver::{
    Driver, around, around_with_errors, failure, names, payload, run, run_faulting,
};
use crate::execution::{PendingReason, Status, TimerKind};
use crate::rejection::Rejection;

const START: &str = "{ id: b, type: start }";

/// A block of these nodes and connections.
fn block(nodes: &[&str], connections: &[&str]) -> String {
    format!("{{ nodes: [{}], connections: [{}] }}", nodes.join(", "), connections.join(", "))
}

/// A block of one `map`, which is called `m`.
fn mapping(expression: &str) -> String {
    let map = format!("{{ id: m, type: map, parameters: {{ expression: '{expression}' }} }}");
    block(&[START, &map], &["b.out -> m.in"])
}

/// A block of one task, which is called `t` and tried once.
fn task(input: &str) -> String {
    let task = format!(
        "{{ id: t, type: task, parameters: {{ type: t, input: '{input}' }}, \
         retry: {{ limit: {{ attempts: 1 }} }} }}"
    );
    block(&[START, &task], &["b.out -> t.in"])
}

fn node(node_type: &str, parameters: &str, body: &str) -> String {
    format!("{{ id: n, type: {node_type}, parameters: {{ {parameters} }}, body: {body} }}")
}

fn for_each(parameters: &str, body: &str) -> Flow {
    around(&node("for-each", parameters, body))
}

/// The tasks that are sent, each with its input.
fn inputs(driver: &Driver) -> Vec<String> {
    driver.execution.tasks().map(|task| crate::driver::text(&task.input)).collect()
}

/// Completes the task with this input.
fn complete(driver: &mut Driver, input: &str, output: &str) -> Vec<Event> {
    let task = driver.execution.tasks().find(|task| crate::driver::text(&task.input) == input);
    let task = task.unwrap_or_else(|| panic!("no task with the input {input}"));
    driver.report(&task, Outcome::Completed(payload(output))).expect("it is pending")
}

fn fail(driver: &mut Driver, input: &str) -> Vec<Event> {
    let task = driver.execution.tasks().find(|task| crate::driver::text(&task.input) == input);
    let task = task.unwrap_or_else(|| panic!("no task with the input {input}"));
    driver.report(&task, Outcome::Failed(failure(true))).expect("it is pending")
}

/// Fires the timers of loops that have set themselves one until none is left.
fn go_on(driver: &mut Driver) -> usize {
    let mut times = 0;
    while driver.execution.timers().any(|timer| timer.kind == TimerKind::Block) {
        driver.fire_due(TimerKind::Block, Whereabouts::NotATask);
        times += 1;
    }
    times
}

#[test]
fn for_each_gives_the_results_in_the_order_of_the_items() {
    let check = |parameters: &str, body: &str, input: &str, expect: &str| {
        assert_eq!(run(for_each(parameters, &mapping(body)), input), expect, "{parameters} {body}");
    };
    check("", ". * 2", "[1,2,3]", "[2,4,6]");
    check("", ".", "[]", "[]");
    check("items: .lines", "[$index, $item, .]", "{\"lines\":[\"a\"]}", "[[0,\"a\",\"a\"]]");
    check("item: line, index: at", "{($line): $at}", "[\"x\",\"y\"]", "[{\"x\":0},{\"y\":1}]");
    check("parallel: 10", ". + 1", "[1,2,3]", "[2,3,4]");
    check("", "$nodes.s | length", "[7,8]", "[2,2]");
    check("", "[$input[0], $task.iteration]", "[7,8]", "[[7,0],[7,1]]");
}

#[test]
fn what_is_no_array_is_a_failure_of_the_node() {
    let problem = run_faulting(for_each("", &mapping(".")), "{\"a\":1}");
    assert!(problem.kind.ends_with("/expression"), "{problem:?}");
    assert_eq!(problem.instance.as_deref(), Some("/nodes/1"));
    let flow = around_with_errors(&node("for-each", "items: .x.y", &mapping(".")));
    assert!(run(flow, "{\"x\":1}").contains("/errors/expression"));
}

#[test]
fn items_are_worked_on_beside_each_other_up_to_the_limit() {
    let flow = for_each("parallel: 2", &task("${ . }"));
    let mut driver = Driver::started(flow, "[1,2,3,4]");
    assert_eq!(inputs(&driver), ["1", "2"]);
    complete(&mut driver, "2", "\"b\"");
    assert_eq!(inputs(&driver), ["1", "3"]);
    complete(&mut driver, "3", "\"c\"");
    complete(&mut driver, "4", "\"d\"");
    assert_eq!(driver.status(), Status::Running);
    let events = complete(&mut driver, "1", "\"a\"");
    let expect =
        ["task-completed", "frame-closed", "scope-completed", "node-completed", "completed"];
    assert_eq!(names(&events), expect);
    assert_eq!(driver.output(), "[\"a\",\"b\",\"c\",\"d\"]");
}

#[test]
fn items_come_one_after_the_other_unless_told_otherwise() {
    let mut driver = Driver::started(for_each("", &task("${ . }")), "[1,2]");
    assert_eq!(inputs(&driver), ["1"]);
    complete(&mut driver, "1", "10");
    assert_eq!(inputs(&driver), ["2"]);
    complete(&mut driver, "2", "20");
    assert_eq!(driver.output(), "[10,20]");
}

#[test]
fn a_failed_item_fails_the_node_and_what_runs_beside_it_is_abandoned() {
    let flow = around_with_errors(&node("for-each", "parallel: 3", &task("${ . }")));
    let mut driver = Driver::started(flow, "[1,2,3]");
    let other = driver.execution.tasks().last().expect("three run");
    let events = fail(&mut driver, "2");
    assert_eq!(names(&events), ["frame-closed", "node-failed", "node-completed", "completed"]);
    assert!(driver.output().contains("/nodes/1/body/nodes/1"), "{}", driver.output());
    let late = driver.report(&other, Outcome::Completed(payload("1")));
    assert_eq!(late, Err(Rejection::Stale));
    assert_eq!(driver.execution.timers().count(), 0);
}

#[test]
fn a_failed_item_may_leave_its_error_or_nothing() {
    let check = |failures: &str| {
        let body = mapping("if . == 2 then error(\"no\") else . end");
        run(for_each(&format!("failures: {failures}"), &body), "[1,2,3]")
    };
    assert_eq!(check("drop"), "[1,3]");
    let kept = check("keep");
    assert!(kept.starts_with("[1,{\"type\":") && kept.ends_with("},3]"), "{kept}");
    assert!(kept.contains("/nodes/1/body/nodes/1"), "{kept}");
}

#[test]
fn a_failure_that_is_taken_inside_is_none_of_the_item() {
    let map = "{ id: m, type: map, parameters: { expression: 'error(\"no\")' } }";
    let other = "{ id: o, type: map, parameters: { expression: '0' } }";
    let body = block(&[START, map, other], &["b.out -> m.in", "m.error -> o.in"]);
    let output = run(for_each("", &body), "[1]");
    // Both the map's own output, which did not come, and the other's are leaves.
    assert_eq!(output, "[0]");
}

#[test]
fn blocks_are_nested_and_see_what_is_around_them() {
    let inner = block(
        &[
            "{ id: c, type: start }",
            "{ id: i, type: map, parameters: { expression: '[$row, ., $nodes.first]' } }",
        ],
        &["c.out -> i.in"],
    );
    let first = "{ id: first, type: map, parameters: { expression: 'length' } }";
    let each =
        format!("{{ id: cells, type: for-each, parameters: {{ items: $row }}, body: {inner} }}");
    let outer = block(&[START, first, &each], &["b.out -> first.in", "first.out -> cells.in"]);
    let output = run(for_each("item: row", &outer), "[[1,2],[3]]");
    assert_eq!(output, "[[[[1,2],1,2],[[1,2],2,2]],[[[3],3,1]]]");
}

#[test]
fn a_merge_in_a_body_joins_within_its_own_run() {
    let body = block(
        &[
            START,
            "{ id: t, type: task, parameters: { type: t, input: '${ . }' } }",
            "{ id: m, type: map, parameters: { expression: '. * 10' } }",
            "{ id: j, type: merge }",
            "{ id: f, type: end }",
        ],
        &["b.out -> t.in", "b.out -> m.in", "t.out -> j.in", "m.out -> j.in", "j.out -> f.in"],
    );
    let mut driver = Driver::started(for_each("parallel: 2", &body), "[1,2]");
    complete(&mut driver, "2", "\"b\"");
    complete(&mut driver, "1", "\"a\"");
    assert_eq!(driver.output(), "[[\"a\",10],[\"b\",20]]");
}

#[test]
fn a_merge_that_passes_one_value_does_so_in_each_run_of_its_body() {
    for parameter in ["mode: any", "count: 1"] {
        let merge = format!("{{ id: j, type: merge, parameters: {{ {parameter} }} }}");
        let copy = "{ id: m, type: map, parameters: { expression: . } }";
        let body =
            block(&[START, copy, &merge], &["b.out -> m.in", "b.out -> j.in", "m.out -> j.in"]);
        let expect = if parameter.starts_with("mode") { "[1,2]" } else { "[[1],[2]]" };
        assert_eq!(run(for_each("", &body), "[1,2]"), expect, "{parameter}");
    }
}

#[test]
fn many_items_take_several_decisions_and_the_result_is_the_same() {
    let items: Vec<usize> = (0..2_000).collect();
    let input = serde_json::to_string(&items).expect("numbers");
    let mut driver = Driver::started(for_each("parallel: 100", &mapping(". + 1")), &input);
    assert_eq!(driver.status(), Status::Waiting);
    assert!(driver.execution.pending().is_empty(), "it waits for nobody");
    let times = go_on(&mut driver);
    assert!(times > 10, "{times}");
    let expect: Vec<usize> = (1..=2_000).collect();
    assert_eq!(driver.output(), serde_json::to_string(&expect).expect("numbers"));
}

#[test]
fn a_loop_that_goes_on_later_rests_during_a_suspension() {
    let input = serde_json::to_string(&vec![0; 1_000]).expect("numbers");
    let mut driver = Driver::started(for_each("", &mapping(".")), &input);
    driver.suspend().expect("it runs");
    let held = driver.fire_due(TimerKind::Block, Whereabouts::NotATask);
    assert_eq!(names(&held), ["timer-held"]);
    driver.resume().expect("it is suspended");
    go_on(&mut driver);
    assert_eq!(driver.status(), Status::Completed);
}

#[test]
fn an_item_that_fails_during_a_suspension_is_seen_to_after_it() {
    let flow = for_each("failures: drop", &task("${ . }"));
    let mut driver = Driver::started(flow, "[1,2]");
    driver.suspend().expect("it runs");
    fail(&mut driver, "1");
    assert_eq!(inputs(&driver), Vec::<String>::new());
    driver.resume().expect("it is suspended");
    complete(&mut driver, "2", "20");
    assert_eq!(driver.output(), "[20]");
}

#[test]
fn more_items_than_may_be_are_a_failure() {
    let input = serde_json::to_string(&vec![0; limits::FOR_EACH_ITEMS + 1]).expect("numbers");
    let problem = run_faulting(for_each("", &mapping(".")), &input);
    assert!(problem.kind.ends_with("/payload-too-large"), "{problem:?}");
}

#[test]
fn results_that_are_too_large_together_are_a_failure() {
    let flow = for_each("", &mapping("[range(60000)]"));
    let problem = run_faulting(flow, "[1,2,3,4]");
    assert!(problem.kind.ends_with("-too-large"), "{problem:?}");
}

#[test]
fn while_goes_on_with_what_its_body_gave() {
    let check = |parameters: &str, body: &str, input: &str, expect: &str| {
        let flow = around(&node("while", parameters, &mapping(body)));
        assert_eq!(run(flow, input), expect, "{parameters} {body}");
    };
    check("condition: . < 100", ". * 2", "3", "192");
    check("condition: 'false'", ". * 2", "3", "3");
    check("condition: $index < 3", ". + [$index]", "[]", "[0,1,2]");
    check("condition: $round < 2, index: round", ". + $round", "10", "11");
}

#[test]
fn while_ends_after_its_rounds() {
    let flow = around(&node("while", "condition: 'true', rounds: 3", &mapping(".")));
    let problem = run_faulting(flow, "1");
    assert!(problem.kind.ends_with("/too-many-rounds"), "{problem:?}");
    let flow = around(&node("while", "condition: $index < 3, rounds: 3", &mapping(". + 1")));
    assert_eq!(run(flow, "0"), "3");
}

#[test]
fn a_condition_or_a_body_that_fails_fails_a_while() {
    let flow = around_with_errors(&node("while", "condition: .x.y", &mapping(".")));
    assert!(run(flow, "{\"x\":1}").contains("/errors/expression"));
    let flow = around_with_errors(&node("while", "condition: 'true'", &mapping("error(\"no\")")));
    assert!(run(flow, "1").contains("/nodes/1/body/nodes/1"));
}

#[test]
fn a_long_while_takes_several_decisions() {
    let parameters = "condition: . < 5000, rounds: 10000";
    let mut driver = Driver::started(around(&node("while", parameters, &mapping(". + 1"))), "0");
    assert!(go_on(&mut driver) > 20);
    assert_eq!(driver.output(), "5000");
}

#[test]
fn cancelling_leaves_nothing_of_what_ran_inside() {
    let mut driver = Driver::started(for_each("parallel: 3", &task("${ . }")), "[1,2,3]");
    driver.cancel().expect("it runs");
    assert_eq!(driver.execution.tasks().count(), 0);
    assert_eq!(driver.execution.timers().count(), 0);
    assert!(driver.execution.pending().is_empty());
}

#[test]
fn signals_and_waits_in_bodies_are_each_their_own() {
    let body =
        block(&[START, "{ id: w, type: signal, parameters: { name: go } }"], &["b.out -> w.in"]);
    let mut driver = Driver::started(for_each("parallel: 2", &body), "[1,2]");
    driver.signal("go", "\"one\"").expect("two wait");
    driver.signal("go", "\"two\"").expect("one waits");
    assert_eq!(driver.output(), "[\"one\",\"two\"]");
    let body =
        block(&[START, "{ id: w, type: wait, parameters: { for: PT1S } }"], &["b.out -> w.in"]);
    let mut driver = Driver::started(for_each("", &body), "[1,2]");
    driver.fire_due(TimerKind::Wait, Whereabouts::NotATask);
    driver.fire_due(TimerKind::Wait, Whereabouts::NotATask);
    assert_eq!(driver.output(), "[1,2]");
}
