//! `flowmill test`.

use serde_json::json;

use crate::program::{Files, flowmill};
use crate::validate::examples;

const FLOW: &str = r#"
flowmill: 1
document: { namespace: test, name: double, version: 1.0.0 }
nodes:
  - { id: begin, type: start }
  - { id: send, type: http.request, parameters: { method: POST, url: "http://127.0.0.1:1", body: "${ . }" } }
  - { id: done, type: end }
connections:
  - begin.out -> send.in
  - send.out -> done.in
"#;

const CASES: &str = r#"
flowmill: 1
cases:
  - name: it is sent
    input: { n: 1 }
    tasks: { send: [{ output: { status: 200, headers: {}, body: { n: 1 } } }] }
    expect: { output: { status: 200, headers: {}, body: { n: 2 } }, path: [begin, send, done] }
  - name: nobody says what comes back
    input: { n: 2 }
    expect: {}
  - name: it fails
    tasks: { send: [{ error: { status: 410, retryable: false } }] }
    expect: { error: { status: 410 } }
"#;

#[test]
fn the_cases_of_the_examples_pass() {
    let files = examples();
    let arguments: Vec<&str> =
        std::iter::once("test").chain(files.iter().map(String::as_str)).collect();
    let ended = flowmill(&arguments).with_code(0);
    assert!(ended.stdout.trim_end().ends_with(" passed, 0 failed"), "{}", ended.stdout);
    assert!(ended.stdout.lines().filter(|line| line.starts_with("  ok")).count() >= 20);
}

#[test]
fn a_case_that_fails_says_what_differs_and_what_to_write() {
    let files = Files::new();
    let flow = files.write("double.yaml", FLOW);
    files.write("double.test.yaml", CASES);
    let ended = flowmill(&["test", &flow]).with_code(1);
    for part in [
        "FAILED  it is sent",
        "output at /body/n",
        "expected  2",
        "found     1",
        "no outcome for attempt 1 of `send`",
        "\"body\":{\"n\":2}",
        "tasks: { send: [{ output: { status: 200, headers: {}, body: null } }] }",
        "ok      it fails",
        "1 passed, 2 failed",
    ] {
        assert!(ended.stdout.contains(part), "{part}: {}", ended.stdout);
    }
    let reports = flowmill(&["test", &flow, "--json"]).with_code(1).json();
    let case = &reports[0]["cases"][0];
    assert_eq!((&case["name"], &case["passed"]), (&json!("it is sent"), &json!(false)));
    assert_eq!(case["failures"][0]["what"], json!("output at /body/n"));
    assert_eq!(case["failures"][0]["expected"], json!(2));
    assert_eq!(case["found"]["path"], json!(["begin", "send", "done"]));
    flowmill(&["test", &flow, "--only", "it fails"]).with_code(0);
}

#[test]
fn cases_may_stand_elsewhere() {
    let files = Files::new();
    let flow = files.write("double.yaml", FLOW);
    let cases = files.write("other.yaml", CASES);
    flowmill(&["test", &flow, "--cases", &cases]).with_code(1);
    flowmill(&["test", &flow]).with_code(2);
    flowmill(&["test", &flow, &flow, "--cases", &cases]).with_code(2);
    flowmill(&["test", &flow, "--cases", &cases, "--only", "nothing"]).with_code(2);
}

#[test]
fn a_wrong_file_is_code_2_with_its_errors_and_their_places() {
    let files = Files::new();
    let flow = files.write("double.yaml", FLOW);
    let check = |right: &str, wrong: &str, line: usize, help: &str| {
        let cases = files.write("double.test.yaml", &CASES.replace(right, wrong));
        let ended = flowmill(&["test", &flow]).with_code(2);
        assert!(ended.stderr.contains(&format!("{cases}:{line}:")), "{}", ended.stderr);
        assert!(ended.stderr.contains(help), "{}", ended.stderr);
    };
    check("path: [begin", "path: [begni", 7, "did you mean `begin`?");
    check("error: { status: 410,", "eror: { status: 410,", 12, "did you mean `error`?");
    check("cases:", "cases: [", 4, "error[syntax]");
}
