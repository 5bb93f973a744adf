//! What does not fit a port is a failure of its node.

use flowmill_flow::Flow;
use flowmill_model::{ErrorCode, Problem};

use crate::command::Command;
use crate::driver::{Driver, around, around_with_errors, flow_with, names, run, run_faulting};
use crate::execution::Status;
use crate::incident::quarantine_start;

const START: &str = "{ id: s, type: start }";
const END: &str = "{ id: e, type: end }";

fn map(more: &str) -> String {
    format!("{{ id: n, type: map, parameters: {{ expression: '.x' }}{more} }}")
}

const WITH_X: &str = ", input: { schema: { type: object, required: [x] } }";
const WHOLE: &str = ", output: { schema: { type: integer } }";

#[test]
fn a_value_that_does_not_fit_what_a_node_takes_is_a_failure_of_the_node() {
    assert_eq!(run(around(&map(WITH_X)), "{\"x\":5}"), "5");
    let problem = run_faulting(around(&map(WITH_X)), "{\"y\":5}");
    assert!(problem.kind.ends_with("/invalid-input"), "{problem:?}");
    assert_eq!((problem.status, problem.instance.as_deref()), (422, Some("/nodes/1")));
    let detail = problem.detail.unwrap_or_default();
    assert_eq!(detail, "what came to `n` does not fit its schema: \"x\" is a required property");
    let caught = run(around_with_errors(&map(WITH_X)), "{\"y\":5}");
    assert!(caught.contains("/errors/invalid-input"), "{caught}");
}

#[test]
fn a_value_that_does_not_fit_what_a_node_makes_is_a_failure_of_the_node() {
    assert_eq!(run(around(&map(WHOLE)), "{\"x\":5}"), "5");
    let problem = run_faulting(around(&map(WHOLE)), "{\"x\":\"5\"}");
    assert!(problem.kind.ends_with("/invalid-output"), "{problem:?}");
    let caught = run(around_with_errors(&map(WHOLE)), "{\"x\":\"5\"}");
    assert!(caught.contains("/errors/invalid-output"), "{caught}");
    // What is written as null is null.
    let node = map(", output: { schema: { type: number } }").replace(".x", "nan");
    assert!(run_faulting(around(&node), "1").kind.ends_with("/invalid-output"));
}

#[test]
fn what_is_certain_to_fit_is_not_looked_at() {
    let given = "input: { schema: { type: object, required: [x, y] } }";
    let nodes = [START, &map(WITH_X), END];
    let flow = flow_with(given, &nodes, &["s.out -> n.in", "n.out -> e.in"]);
    assert!(!flow.connections()[0].fit.is_in_doubt());
    assert_eq!(run(flow, "{\"x\":5,\"y\":6}"), "5");
}

#[test]
fn a_value_that_goes_past_a_node_is_not_looked_at() {
    let node = map(&format!("{WITH_X}, if: has(\"x\")"));
    assert_eq!(run(around(&node), "{\"x\":5}"), "5");
    assert_eq!(run(around(&node), "{\"y\":5}"), "{\"y\":5}");
}

#[test]
fn each_kind_of_node_that_takes_values_looks_at_them() {
    let schema = "input: { schema: { type: object } }";
    for node in [
        "type: filter, parameters: { condition: 'true' }",
        "type: map, parameters: { expression: . }",
        "type: set, parameters: { context: { a: 1 } }",
        "type: wait, parameters: { for: PT1S }",
        "type: signal, parameters: { name: go }",
        "type: task, parameters: { type: t }",
        "type: http.request, parameters: { method: GET, url: 'http://127.0.0.1:9/' }",
        "type: kafka.produce, parameters: { topic: t }",
    ] {
        let flow = around(&format!("{{ id: n, {node}, {schema} }}"));
        let problem = run_faulting(flow, "1");
        assert!(problem.kind.ends_with("/invalid-input"), "{node}: {problem:?}");
    }
    let end = format!("{{ id: e, type: end, {schema} }}");
    let flow = || flow_with("", &[START, &end], &["s.out -> e.in"]);
    assert!(run_faulting(flow(), "1").kind.ends_with("/invalid-input"));
    assert_eq!(run(flow(), "{}"), "{}");
    let fail =
        format!("{{ id: n, type: fail, {schema}, parameters: {{ error: {{ title: no }} }} }}");
    let flow = || flow_with("", &[START, &fail], &["s.out -> n.in"]);
    assert!(run_faulting(flow(), "1").kind.ends_with("/invalid-input"));
    assert_eq!(run_faulting(flow(), "{}").title, "no");
}

fn task(more: &str) -> String {
    let once = "retry: { limit: { attempts: 3 } }";
    format!("{{ id: n, type: task, parameters: {{ type: t }}, {once}{more} }}")
}

#[test]
fn the_output_of_a_task_that_does_not_fit_fails_it_without_another_attempt() {
    let mut driver = Driver::started(around_with_errors(&task(WHOLE)), "1");
    let events = driver.complete("n", "\"x\"");
    assert_eq!(names(&events)[0], "node-failed");
    assert!(driver.output().contains("/errors/invalid-output"), "{}", driver.output());
    let mut driver = Driver::started(around(&task(WHOLE)), "1");
    driver.complete("n", "7");
    assert_eq!(driver.output(), "7");
}

/// A call whose answer goes to a node that says what it takes, or not.
fn call(taken: &str) -> Flow {
    let call =
        "{ id: n, type: http.request, parameters: { method: GET, url: 'http://127.0.0.1:9/' } }";
    let end = format!("{{ id: e, type: end{taken} }}");
    flow_with("", &[START, call, &end], &["s.out -> n.in", "n.out -> e.in"])
}

#[test]
fn an_answer_is_held_to_its_shape_where_a_verdict_rests_on_it() {
    let mut driver = Driver::started(call(", input: { schema: { required: [status] } }"), "1");
    assert!(!driver.flow.connections()[1].fit.is_in_doubt());
    driver.complete("n", "{\"answer\":1}");
    assert!(driver.problem().kind.ends_with("/invalid-output"), "{:?}", driver.problem());
    let mut driver = Driver::started(call(""), "1");
    driver.complete("n", "{\"answer\":1}");
    assert_eq!(driver.output(), "{\"answer\":1}");
}

#[test]
fn a_problem_is_what_its_type_says() {
    let nodes = [
        START,
        "{ id: n, type: map, parameters: { expression: 'error(\"no\")' } }",
        "{ id: e, type: end, input: { schema: { type: object, additionalProperties: false, \
         required: [type, status, title, detail, instance], properties: { type: { type: string }, \
         status: { type: integer, minimum: 0, maximum: 65535 }, title: { type: string }, \
         detail: { type: [string, 'null'] }, instance: { type: [string, 'null'] } } } } }",
    ];
    let flow = flow_with("", &nodes, &["s.out -> n.in", "n.error -> e.in"]);
    assert_eq!(flow.connections()[1].fit.verdict.word(), "exact");
    let schema = flow.nodes()[2].schemas.input.clone().expect("a schema");
    let output = run(flow, "1");
    let output = flowmill_flow::Json::parse(output.as_bytes()).expect("JSON");
    assert_eq!(schema.validate(&output), Ok(()));
}

fn signal(more: &str) -> String {
    format!("{{ id: n, type: signal, parameters: {{ name: go }}{more} }}")
}

#[test]
fn a_signal_whose_content_does_not_fit_is_taken_once_and_fails_its_node() {
    let mut driver = Driver::started(around_with_errors(&signal(WHOLE)), "1");
    let command = driver.signal_command("go", "\"x\"");
    let events = driver.apply(&command).expect("it waits");
    assert_eq!(names(&events)[..2], ["signal-delivered", "node-failed"]);
    assert!(driver.output().contains("/errors/invalid-output"), "{}", driver.output());
    assert!(driver.apply(&command).is_err(), "it was applied");
    let mut driver = Driver::started(around(&signal(WHOLE)), "1");
    driver.signal("go", "7").expect("it waits");
    assert_eq!(driver.output(), "7");
    let mut driver = Driver::started(around(&signal(WHOLE)), "1");
    driver.signal("go", "\"x\"").expect("it waits");
    assert_eq!(driver.status(), Status::Faulted);
}

#[test]
fn a_signal_that_came_before_its_node_and_does_not_fit_is_not_taken_again() {
    let nodes = [
        START,
        "{ id: w, type: task, parameters: { type: t } }",
        "{ id: one, type: signal, parameters: { name: go }, output: { schema: { type: integer } } }",
        "{ id: two, type: signal, parameters: { name: go } }",
        "{ id: m, type: merge }",
    ];
    let connections = [
        "s.out -> w.in",
        "w.out -> one.in",
        "one.error -> two.in",
        "one.out -> m.in",
        "two.out -> m.in",
    ];
    let mut driver = Driver::started(flow_with("", &nodes, &connections), "1");
    driver.signal("go", "\"first\"").expect("kept");
    driver.signal("go", "\"second\"").expect("kept");
    driver.complete("w", "1");
    assert_eq!(driver.output(), "[\"second\"]");
}

#[test]
fn an_input_that_nobody_has_looked_at_is_looked_at_when_its_quarantine_ends() {
    let check = |input: &str| {
        let given = "input: { schema: { type: object } }";
        let mut driver = Driver::new(flow_with(given, &[START, END], &["s.out -> e.in"]));
        let Command::Start { start, trace, sent_at } = driver.start_command(input) else {
            unreachable!("it is a start")
        };
        let panicked = Problem::of(ErrorCode::Quarantined, "the engine panicked");
        let (before, moment) = (driver.execution.clone(), driver.moment());
        driver.take(quarantine_start(&before, &start, trace, sent_at, panicked, &moment));
        driver.resume().expect("it is suspended");
        driver
    };
    assert_eq!(check("{}").output(), "{}");
    assert!(check("1").problem().kind.ends_with("/invalid-input"));
}
