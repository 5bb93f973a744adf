//! Whole cases: what passes, and what is said about those that do not.

use flowmill_flow::{Format, compile, read_cases};
use proptest::prelude::*;

use super::*;

const ORDER: &str = "
flowmill: 1
document: { namespace: a, name: b, version: 1.0.0 }
input: { schema: { type: object, required: [total] } }
nodes:
  - { id: order, type: start }
  - { id: big, type: filter, parameters: { condition: .total > 100 } }
  - id: send
    type: task
    parameters: { type: send }
    retry: { delay: PT10S, backoff: constant, limit: { attempts: 3 } }
    timeout: PT30S
  - { id: grace, type: wait, parameters: { for: P3D } }
  - { id: done, type: end }
connections: [order.out -> big.in, big.out -> send.in, send.out -> grace.in, grace.out -> done.in]
";

const APPROVAL: &str = "
flowmill: 1
document: { namespace: a, name: b, version: 1.0.0 }
nodes:
  - { id: begin, type: start }
  - { id: decision, type: signal, parameters: { name: decide TIMEOUT } }
  - { id: late, type: map, parameters: { expression: '\"late\"' } }
  - { id: first, type: merge, parameters: { mode: any } }
  - { id: done, type: end }
connections:
  - begin.out -> decision.in
  - decision.out -> first.in
  - decision.error -> late.in
  - late.out -> first.in
  - first.out -> done.in
";

/// Runs the one case of a text.
fn report(flow: &str, case: &str) -> CaseReport {
    let flow = compile(flow.as_bytes(), Format::Yaml).expect("a flow");
    let text = format!("flowmill: 1\ncases:\n  - {case}\n");
    let cases = read_cases(text.as_bytes(), Format::Yaml, &flow).expect(case);
    let report = run(&flow, &cases[0]);
    assert_eq!(report, run(&flow, &cases[0]), "a report is a function of flow and case");
    report
}

fn passes(flow: &str, case: &str) {
    let report = report(flow, case);
    assert!(report.passed(), "{case}: {report:?}");
}

/// Asserts that a case fails with these words, and nothing else is wrong.
fn fails(flow: &str, case: &str, words: &[&str]) -> CaseReport {
    let report = report(flow, case);
    let whats: Vec<_> = report.failures.iter().map(|failure| failure.what.as_str()).collect();
    assert_eq!(whats, words, "{case}");
    report
}

#[test]
fn tasks_have_their_outcomes_and_waits_take_no_time() {
    passes(
        ORDER,
        "{ name: x, input: { total: 120 }, tasks: { send: [{ output: { id: 7 } }] }, \
         expect: { output: { id: 7 }, path: [order, big, send, grace, done] } }",
    );
    passes(
        ORDER,
        "{ name: x, input: { total: 1 }, expect: { path: [order, big], never: [send] } }",
    );
}

#[test]
fn attempts_follow_each_other_until_one_succeeds_or_none_is_left() {
    passes(
        ORDER,
        "{ name: x, input: { total: 120 }, \
         tasks: { send: [{ error: { status: 503 }, times: 2 }, { output: 1 }] }, \
         expect: { output: 1, visits: [send] } }",
    );
    passes(
        ORDER,
        "{ name: x, input: { total: 120 }, tasks: { send: [{ error: { status: 503 }, times: 3 }] }, \
         expect: { error: { status: 503, instance: /nodes/2 }, never: [grace] } }",
    );
    passes(
        ORDER,
        "{ name: x, input: { total: 120 }, \
         tasks: { send: [{ error: { title: Gone, retryable: false } }] }, \
         expect: { error: { title: Gone } } }",
    );
}

#[test]
fn an_attempt_that_takes_longer_than_it_may_is_timed_out() {
    passes(
        ORDER,
        "{ name: x, input: { total: 120 }, \
         tasks: { send: [{ output: 1, after: PT31S }, { output: 2, after: PT30S }] }, \
         expect: { output: 2 } }",
    );
    passes(
        ORDER,
        "{ name: x, input: { total: 120 }, tasks: { send: [{ output: 1, after: PT1M, times: 3 }] }, \
         expect: { error: { status: 408 } } }",
    );
}

#[test]
fn a_signal_comes_when_a_node_waits_for_it() {
    let flow = APPROVAL.replace("TIMEOUT", ", timeout: P3D");
    passes(&flow, "{ name: x, signals: [{ name: decide, payload: 5 }], expect: { output: 5 } }");
    passes(&flow, "{ name: x, expect: { output: late, visits: [late] } }");
    let late = "{ name: x, signals: [{ name: decide, after: P4D }], expect: { output: late } }";
    fails(&flow, late, &["the signal `decide` was not sent: no node waited for it"]);
}

#[test]
fn what_waits_for_ever_says_for_what() {
    let flow = APPROVAL.replace("TIMEOUT", "");
    passes(&flow, "{ name: x, expect: { status: waiting, path: [begin, decision] } }");
    let report = fails(&flow, "{ name: x, expect: {} }", &["status"]);
    assert_eq!(report.failures[0].found, Some("waiting".into()));
    assert!(report.failures[0].help.contains("signals: [{ name: decide }]"), "{report:?}");
}

#[test]
fn a_task_without_an_outcome_says_its_input_and_what_to_write() {
    let case = "{ name: x, input: { total: 120 }, expect: {} }";
    let report = fails(ORDER, case, &["the case has no outcome for attempt 1 of `send`, a task"]);
    let failure = &report.failures[0];
    assert_eq!(failure.found.as_ref().and_then(|input| input.get("total")), Some(120.into()));
    assert!(failure.help.contains("tasks: { send: [{ output: null }] }"), "{failure:?}");
    let case = "{ name: x, input: { total: 120 }, tasks: { send: [{ error: {} }] }, expect: {} }";
    let report = fails(ORDER, case, &["the case has no outcome for attempt 2 of `send`, a task"]);
    assert!(report.failures[0].help.contains("it has 1"), "{report:?}");
}

#[test]
fn everything_that_differs_is_said() {
    let case = "{ name: x, input: { total: 120 }, tasks: { send: [{ output: [1, 2] }] }, \
                expect: { output: [1, 3], path: [order], visits: [done], never: [big] } }";
    fails(ORDER, case, &["output at /1", "path", "the node `big` ran"]);
    let case = "{ name: x, input: { total: 1 }, tasks: { send: [{ output: 1 }] }, \
                expect: { status: faulted, error: { status: 1 } } }";
    let case = case.replace("status: 1 ", "status: 418 ");
    fails(ORDER, &case, &["status", "0 of the 1 outcomes of `send` were used"]);
}

#[test]
fn an_input_that_does_not_fit_is_refused() {
    passes(ORDER, "{ name: x, expect: { status: refused, error: { status: 422 }, path: [] } }");
    let report = fails(ORDER, "{ name: x, expect: { output: 1 } }", &["status"]);
    assert!(report.failures[0].help.contains("total"), "{report:?}");
}

proptest! {
    /// Whatever becomes of the attempts, a case ends, and uses each outcome in turn.
    #[test]
    fn any_outcomes_lead_to_an_end(outcomes in prop::collection::vec((any::<bool>(), any::<bool>(), 0_u32..60), 3)) {
        let outcome = |(succeeds, retryable, after): &(bool, bool, u32)| match succeeds {
            true => format!("{{ output: 1, after: PT{after}S }}"),
            false => format!("{{ error: {{ retryable: {retryable} }}, after: PT{after}S }}"),
        };
        let outcomes: Vec<_> = outcomes.iter().map(outcome).collect();
        let case = format!(
            "{{ name: x, input: {{ total: 120 }}, tasks: {{ send: [{}] }}, expect: {{}} }}",
            outcomes.join(", ")
        );
        let report = report(ORDER, &case);
        prop_assert!(["completed", "faulted"].contains(&report.found.status), "{report:?}");
    }
}
