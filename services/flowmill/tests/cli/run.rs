//! `flowmill run`.

use serde_json::{Value, json};

use crate::program::{Files, flowmill, flowmill_with_stdin, repository_file};

const DOUBLE: &str = r#"
flowmill: 1
document: { namespace: test, name: double, version: 1.0.0 }
input: { schema: { type: object, required: [n] } }
nodes:
  - { id: begin, type: start }
  - { id: double, type: map, parameters: { expression: "{twice: (.n * 2)}" } }
  - { id: done, type: end }
connections:
  - begin.out -> double.in
  - double.out -> done.in
"#;

const FAIL: &str = r#"
flowmill: 1
document: { namespace: test, name: fail, version: 1.0.0 }
nodes:
  - { id: begin, type: start }
  - id: give-up
    type: fail
    parameters:
      error: { type: "https://example.com/sold-out", status: 409, title: Sold out, detail: "none of ${ .sku }" }
connections:
  - begin.out -> give-up.in
"#;

const SIGNAL: &str = r#"
flowmill: 1
document: { namespace: test, name: signal, version: 1.0.0 }
nodes:
  - { id: begin, type: start }
  - { id: approval, type: signal, parameters: { name: approve } }
connections:
  - begin.out -> approval.in
"#;

#[test]
fn the_output_alone_is_on_standard_output() {
    let files = Files::new();
    let file = files.write("double.yaml", DOUBLE);
    let ended = flowmill(&["run", &file, "--input", r#"{"n": 21}"#]).with_code(0);
    assert_eq!((&*ended.stdout, &*ended.stderr), ("{\"twice\":42}\n", ""));
}

#[test]
fn the_better_of_two_quotes_is_taken() {
    let file = repository_file("examples/quotes.yaml");
    let run = |input: &str| flowmill(&["run", file.to_str().unwrap(), "--input", input]);
    let check = |input: &str, expect: &str| {
        assert_eq!(run(input).with_code(0).stdout, format!("{expect}\n"), "{input}");
    };
    check(r#"{"kg": 3, "worth": 2000}"#, r#"{"carrier":"post","price":7,"insured":true}"#);
    check(r#"{"kg": 3}"#, r#"{"carrier":"post","price":7}"#);
    check(r#"{"kg": 40}"#, r#"{"carrier":"rail","price":20}"#);
    let ended = run(r#"{"kg": 0.5}"#).with_code(1);
    assert!(ended.stderr.contains("Fewer than two carriers"), "{}", ended.stderr);
}

#[test]
fn an_order_is_split_into_parcels_and_each_is_priced() {
    let file = repository_file("examples/shipments.yaml");
    let run = |input: &str| flowmill(&["run", file.to_str().unwrap(), "--input", input]);
    let lines = r#"{"lines": [{"sku": "a", "kg": 6}, {"sku": "b", "kg": 3}, {"sku": "c", "kg": 4},
        {"sku": "d", "kg": 40}, {"sku": "e", "kg": 1}]}"#;
    let parcels = r#"{"parcels":[{"number":1,"kg":9,"skus":["a","b"],"price":8.5},{"number":2,"kg":4,"skus":["c"],"price":6},{"number":4,"kg":1,"skus":["e"],"price":3}],"total":17.5}"#;
    assert_eq!(run(lines).with_code(0).stdout, format!("{parcels}\n"));
    let none = run(r#"{"lines": []}"#).with_code(0).stdout;
    assert_eq!(none, "{\"parcels\":[],\"total\":0}\n");
}

#[test]
fn the_first_of_an_answer_and_a_time_counts() {
    let file = repository_file("examples/answer.yaml");
    let ended = flowmill(&["run", file.to_str().unwrap(), "--input", "{}"]).with_code(0);
    assert_eq!(ended.stdout, "{\"approved\":false,\"by\":\"nobody\"}\n");
}

#[test]
fn the_input_may_come_from_a_file_or_from_standard_input() {
    let files = Files::new();
    let file = files.write("double.yaml", DOUBLE);
    let input = files.write("input.json", r#"{"n": 4}"#);
    let ended = flowmill(&["run", &file, "--input", &format!("@{input}")]).with_code(0);
    assert_eq!(ended.stdout, "{\"twice\":8}\n");
    let ended = flowmill_with_stdin(&["run", &file, "--input", "-"], r#"{"n": 5}"#).with_code(0);
    assert_eq!(ended.stdout, "{\"twice\":10}\n");
    let ended = flowmill_with_stdin(&["run", "-", "--input", r#"{"n": 6}"#], DOUBLE).with_code(0);
    assert_eq!(ended.stdout, "{\"twice\":12}\n");
}

#[test]
fn a_fault_is_a_problem_on_standard_error_and_code_1() {
    let files = Files::new();
    let file = files.write("fail.yaml", FAIL);
    let ended = flowmill(&["run", &file, "--input", r#"{"sku": "x-1"}"#]).with_code(1);
    assert_eq!(ended.stdout, "");
    let problem: Value = serde_json::from_str(&ended.stderr).unwrap();
    assert_eq!(problem["type"], json!("https://example.com/sold-out"));
    assert_eq!(problem["status"], json!(409));
    assert_eq!(problem["detail"], json!("none of x-1"));
}

#[test]
fn a_wrong_definition_is_code_2_with_every_error_and_its_place() {
    let files = Files::new();
    let wrong = DOUBLE.replace("type: map", "type: mapp").replace("done.in", "gone.in");
    let file = files.write("wrong.yaml", &wrong);
    let ended = flowmill(&["run", &file]).with_code(2);
    assert_eq!(ended.stdout, "");
    assert!(ended.stderr.contains(&format!("{file}:7:")), "{}", ended.stderr);
    assert!(ended.stderr.contains("error[unknown-type]"), "{}", ended.stderr);
    assert!(ended.stderr.contains("error[unknown-node]"), "{}", ended.stderr);
    assert!(ended.stderr.contains("help: "), "{}", ended.stderr);
}

#[test]
fn an_input_that_cannot_be_used_is_code_2() {
    let files = Files::new();
    let file = files.write("double.yaml", DOUBLE);
    let check = |input: &str, expect: &str| {
        let ended = flowmill(&["run", &file, "--input", input]).with_code(2);
        assert!(ended.stderr.contains(expect), "{}", ended.stderr);
    };
    check("{}", "does not fit");
    check("{", "no JSON");
    check("@/there/is/no/such/file", "cannot be read");
}

#[test]
fn a_flow_that_waits_says_for_what_and_ends_with_its_time() {
    let files = Files::new();
    let file = files.write("signal.yaml", SIGNAL);
    let ended = flowmill(&["run", &file, "--timeout", "2s"]).with_code(4);
    assert_eq!(ended.stdout, "");
    assert!(ended.stderr.contains("waiting: signal of node approval"), "{}", ended.stderr);
    assert!(ended.stderr.contains("time was up"), "{}", ended.stderr);
}
