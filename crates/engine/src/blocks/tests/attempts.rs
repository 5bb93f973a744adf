//! `try` with its attempts, what undoes and what comes last; and `race`.

use super::*;

/// A `try` around one task, with this besides.
fn trying(more: &str) -> Flow {
    around_with_errors(&format!("{{ id: n, type: try, body: {}{more} }}", task("${ . }")))
}

#[test]
fn try_passes_on_what_its_body_gives() {
    let mut driver = Driver::started(trying(""), "7");
    complete(&mut driver, "7", "\"done\"");
    assert_eq!(driver.output(), "\"done\"");
}

#[test]
fn the_error_port_of_a_try_takes_what_nothing_inside_takes() {
    let mut driver = Driver::started(trying(""), "7");
    let events = fail(&mut driver, "7");
    assert_eq!(names(&events), ["frame-closed", "node-failed", "node-completed", "completed"]);
    assert!(driver.output().contains("/nodes/1/body/nodes/1"), "{}", driver.output());
}

#[test]
fn a_try_that_nobody_looks_after_faults_the_execution() {
    let flow = around(&format!("{{ id: n, type: try, body: {} }}", mapping("error(\"no\")")));
    assert_eq!(run_faulting(flow, "1").instance.as_deref(), Some("/nodes/1/body/nodes/1"));
}

#[test]
fn a_fail_inside_is_taken_outside() {
    let fail = "{ id: f, type: fail, parameters: { error: { title: Broken, status: 409 } } }";
    let body = block(&[START, fail], &["b.out -> f.in"]);
    let output = run(around_with_errors(&format!("{{ id: n, type: try, body: {body} }}")), "1");
    assert!(output.contains("\"status\":409,\"title\":\"Broken\""), "{output}");
}

#[test]
fn a_try_runs_its_whole_body_again() {
    let retry = ", retry: { delay: PT2S, backoff: constant, limit: { attempts: 3 } }";
    let mut driver = Driver::started(trying(retry), "7");
    let first = driver.execution.tasks().next().expect("it runs");
    assert_eq!(names(&fail(&mut driver, "7")), ["frame-closed", "scope-delayed"]);
    assert_eq!(driver.status(), Status::Waiting);
    let [pending] = driver.execution.pending()[..] else { panic!("one thing is pending") };
    assert_eq!((pending.reason, pending.attempt), (PendingReason::Retry, Some(2)));
    let opened = driver.fire_due(TimerKind::Block, Whereabouts::NotATask);
    assert_eq!(names(&opened), ["frame-opened", "node-completed", "task-scheduled"]);
    let second = driver.execution.tasks().next().expect("it runs again");
    assert_ne!(first.activation, second.activation, "it is another task, with another key");
    fail(&mut driver, "7");
    driver.fire_due(TimerKind::Block, Whereabouts::NotATask);
    let last = fail(&mut driver, "7");
    assert_eq!(names(&last), ["frame-closed", "node-failed", "node-completed", "completed"]);
}

#[test]
fn retries_of_a_try_end_with_their_time() {
    let retry =
        ", retry: { delay: PT2S, backoff: constant, limit: { attempts: 100, duration: PT5S } }";
    let mut driver = Driver::started(trying(retry), "7");
    for _ in 0..2 {
        fail(&mut driver, "7");
        driver.fire_due(TimerKind::Block, Whereabouts::NotATask);
    }
    fail(&mut driver, "7");
    assert_eq!(driver.status(), Status::Completed);
}

/// A `try` around one task, with a task called `last` after it.
fn with_finally() -> Driver {
    let last = "{ id: l, type: start }, { id: last, type: task, parameters: { type: t, input: \
                last }, retry: { limit: { attempts: 1 } } }";
    let finally = format!(", finally: {{ nodes: [{last}], connections: [l.out -> last.in] }}");
    Driver::started(trying(&finally), "7")
}

#[test]
fn finally_runs_after_the_body_however_that_ended() {
    let mut driver = with_finally();
    complete(&mut driver, "7", "\"done\"");
    assert_eq!(inputs(&driver), ["\"last\""]);
    complete(&mut driver, "\"last\"", "\"ignored\"");
    assert_eq!(driver.output(), "\"done\"");

    let mut driver = with_finally();
    fail(&mut driver, "7");
    assert_eq!(inputs(&driver), ["\"last\""]);
    complete(&mut driver, "\"last\"", "\"ignored\"");
    assert!(driver.output().contains("/nodes/1/body/nodes/1"), "{}", driver.output());
}

#[test]
fn a_finally_that_fails_fails_the_try() {
    let mut driver = with_finally();
    complete(&mut driver, "7", "\"done\"");
    fail(&mut driver, "\"last\"");
    assert!(driver.output().contains("/nodes/1/finally/nodes/1"), "{}", driver.output());
}

/// A race between two tasks, each into the end.
const RACE: &str = "{ nodes: [{ id: b, type: start }, \
    { id: x, type: task, parameters: { type: t, input: x }, retry: { limit: { attempts: 1 } } }, \
    { id: y, type: task, parameters: { type: t, input: y }, retry: { limit: { attempts: 1 } } }, \
    { id: f, type: end }], \
    connections: [b.out -> x.in, b.out -> y.in, x.out -> f.in, y.out -> f.in] }";

#[test]
fn the_first_value_wins_a_race_and_the_others_are_abandoned() {
    let mut driver = Driver::started(around(&node("race", "", RACE)), "1");
    let loser = driver.execution.tasks().next().expect("two run");
    let events = complete(&mut driver, "\"y\"", "\"won\"");
    let ends = ["scope-completed", "node-completed", "completed"];
    assert_eq!(names(&events)[..3], ["task-completed", "node-completed", "frame-closed"]);
    assert_eq!(names(&events)[3..], ends);
    assert_eq!(driver.output(), "\"won\"");
    let late = driver.report(&loser, Outcome::Completed(payload("1")));
    assert_eq!(late, Err(Rejection::Stale));
    assert_eq!(driver.execution.timers().count(), 0);
}

#[test]
fn what_could_still_run_in_a_race_that_is_decided_does_not() {
    let second = "{ id: x, type: map, parameters: { expression: 'error(\"late\")' } }";
    let body = block(
        &[START, "{ id: a, type: map, parameters: { expression: '1' } }", second],
        &["b.out -> a.in", "b.out -> x.in"],
    );
    let driver = Driver::started(around(&node("race", "", &body)), "0");
    assert_eq!(driver.output(), "1");
}

#[test]
fn a_failure_ends_a_race_and_one_without_a_winner_gives_null() {
    let mut driver = Driver::started(around_with_errors(&node("race", "", RACE)), "1");
    fail(&mut driver, "\"x\"");
    assert!(driver.output().contains("/nodes/1/body/nodes/1"), "{}", driver.output());
    let drop = "{ id: d, type: filter, parameters: { condition: 'false' } }";
    let body = block(&[START, drop], &["b.out -> d.in"]);
    assert_eq!(run(around(&node("race", "", &body)), "1"), "null");
}

#[test]
fn each_item_may_be_a_race_of_its_own() {
    let race = format!("{{ id: r, type: race, body: {RACE} }}")
        .replace("id: b,", "id: c,")
        .replace("b.out", "c.out");
    let body = block(&[START, &race], &["b.out -> r.in"]);
    let mut driver = Driver::started(for_each("parallel: 2", &body), "[1,2]");
    assert_eq!(driver.execution.tasks().count(), 4);
    complete(&mut driver, "\"x\"", "10");
    assert_eq!(driver.execution.tasks().count(), 2);
    complete(&mut driver, "\"y\"", "20");
    assert_eq!(driver.output(), "[10,20]");
}

/// Two tasks after each other, each undone by a task of its own, and a third one.
fn saga(more: &str) -> Driver {
    let step = |id: &str, undo: &str| {
        format!(
            "{{ id: {id}, type: task, parameters: {{ type: t, input: {id} }}, retry: {{ limit: {{ \
             attempts: 1 }} }}{undo} }}"
        )
    };
    let undone = |id: &str| {
        let input = "'${ {undo: .} }'";
        step(
            id,
            &format!(
                ", compensate: {{ nodes: [{{ id: {id}s, type: start }}, {{ id: {id}u, type: task, \
                 parameters: {{ type: t, input: {input} }}, retry: {{ limit: {{ attempts: 1 }} }} }}], \
                 connections: [{id}s.out -> {id}u.in] }}"
            ),
        )
    };
    let body = block(
        &[START, &undone("x"), &undone("y"), &step("z", "")],
        &["b.out -> x.in", "x.out -> y.in", "y.out -> z.in"],
    );
    let node = format!("{{ id: n, type: try, body: {body}{more} }}");
    Driver::started(around_with_errors(&node), "1")
}

#[test]
fn what_was_done_is_undone_in_reverse_order_before_the_try_fails() {
    let mut driver = saga("");
    complete(&mut driver, "\"x\"", "10");
    complete(&mut driver, "\"y\"", "20");
    fail(&mut driver, "\"z\"");
    assert_eq!(inputs(&driver), ["{\"undo\":20}"]);
    complete(&mut driver, "{\"undo\":20}", "null");
    assert_eq!(inputs(&driver), ["{\"undo\":10}"]);
    complete(&mut driver, "{\"undo\":10}", "null");
    assert!(driver.output().contains("/nodes/1/body/nodes/3"), "{}", driver.output());
}

#[test]
fn what_has_not_been_done_is_not_undone_nor_is_anything_if_all_goes_well() {
    let mut driver = saga("");
    complete(&mut driver, "\"x\"", "10");
    fail(&mut driver, "\"y\"");
    assert_eq!(inputs(&driver), ["{\"undo\":10}"]);
    complete(&mut driver, "{\"undo\":10}", "null");
    assert_eq!(driver.status(), Status::Completed);
    let mut driver = saga("");
    for (input, output) in [("\"x\"", "10"), ("\"y\"", "20"), ("\"z\"", "30")] {
        complete(&mut driver, input, output);
    }
    assert_eq!(driver.output(), "30");
}

#[test]
fn each_attempt_is_undone_before_the_next_one() {
    let mut driver = saga(", retry: { delay: PT1S, limit: { attempts: 2 } }");
    complete(&mut driver, "\"x\"", "10");
    fail(&mut driver, "\"y\"");
    complete(&mut driver, "{\"undo\":10}", "null");
    driver.fire_due(TimerKind::Block, Whereabouts::NotATask);
    complete(&mut driver, "\"x\"", "11");
    fail(&mut driver, "\"y\"");
    assert_eq!(inputs(&driver), ["{\"undo\":11}"]);
    complete(&mut driver, "{\"undo\":11}", "null");
    assert_eq!(driver.status(), Status::Completed);
}

#[test]
fn what_cannot_be_undone_fails_the_try_and_the_rest_is_undone_all_the_same() {
    let finally = ", retry: { limit: { attempts: 5 } }, finally: { nodes: [{ id: l, type: start }, \
                   { id: last, type: task, parameters: { type: t, input: last } }], \
                   connections: [l.out -> last.in] }";
    let mut driver = saga(finally);
    complete(&mut driver, "\"x\"", "10");
    complete(&mut driver, "\"y\"", "20");
    fail(&mut driver, "\"z\"");
    fail(&mut driver, "{\"undo\":20}");
    complete(&mut driver, "{\"undo\":10}", "null");
    complete(&mut driver, "\"last\"", "null");
    let output = driver.output();
    assert!(output.contains("/nodes/1/body/nodes/2/compensate/nodes/1"), "{output}");
}
