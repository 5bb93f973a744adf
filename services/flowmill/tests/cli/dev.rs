//! `flowmill dev` and the commands that talk to it.

use serde_json::{Value, json};

use crate::program::{Ended, Files, repository_file};
use crate::server::Dev;

fn example(name: &str) -> String {
    let file = repository_file(&format!("examples/{name}.yaml"));
    file.to_str().unwrap().to_owned()
}

/// The id of the execution that a `start --output json` answered with.
fn id_of(ended: &Ended) -> String {
    ended.json()["id"].as_str().unwrap().to_owned()
}

const ROUTED: &str = r#"{"order_id": "a-1", "kg": 3.5}"#;

#[test]
fn an_execution_is_there_after_kill_and_restart() {
    let files = Files::new();
    let server = Dev::start(files.path());
    server.flowmill(&["deploy", &example("routing")]).with_code(0);
    let start = ["start", "shop/routing", "--input", ROUTED, "--wait", "30s", "--output", "json"];
    let started = server.flowmill(&start).with_code(0);
    assert_eq!(started.json()["status"], json!("completed"));
    let id = id_of(&started);
    let history = server.flowmill(&["executions", "history", &id, "--output", "json"]).json();
    let kinds: Vec<_> = history.as_array().unwrap().iter().map(|event| &event["type"]).collect();
    assert_eq!((kinds[0], *kinds.last().unwrap()), (&json!("started"), &json!("completed")));

    server.kill();
    let server = Dev::start(files.path());
    let again = server.flowmill(&["executions", "get", &id, "--output", "json"]).with_code(0);
    assert_eq!(again.json()["output"], started.json()["output"]);
    let later = server.flowmill(&["executions", "history", &id, "--output", "json"]).json();
    assert_eq!(later, history);
    let flows = server.flowmill(&["flows", "list", "--output", "json"]).json();
    assert_eq!(flows[0]["flow"], json!("shop/routing"));
}

#[test]
fn the_version_chosen_for_starts_stays_chosen_after_kill_and_restart() {
    let files = Files::new();
    let server = Dev::start(&files.path().join("data"));
    let text = std::fs::read_to_string(example("routing")).unwrap();
    let version = |version: &str| text.replace("version: 1.0.0", &format!("version: {version}"));
    for number in ["1.0.0", "1.1.0"] {
        let file = files.write(&format!("{number}.yaml"), &version(number));
        server.flowmill(&["deploy", &file]).with_code(0);
    }
    let start = ["start", "shop/routing", "--input", ROUTED, "--wait", "30s", "--output", "json"];
    let started = |server: &Dev| server.flowmill(&start).with_code(0).json()["version"].clone();
    assert_eq!(started(&server), json!("1.1.0"));
    server.flowmill(&["flows", "activate", "shop/routing@1.0.0"]).with_code(0);
    assert_eq!(started(&server), json!("1.0.0"));
    server.flowmill(&["flows", "activate", "shop/routing"]).with_code(2);
    let unknown = server.flowmill(&["flows", "activate", "shop/routing@3.0.0"]);
    unknown.with_code(2);

    server.kill();
    let server = Dev::start(&files.path().join("data"));
    assert_eq!(started(&server), json!("1.0.0"));
}

#[test]
fn an_execution_that_waited_goes_on_after_kill_and_restart() {
    let files = Files::new();
    let server = Dev::start(files.path());
    server.flowmill(&["deploy", &example("approval")]).with_code(0);
    let input = r#"{"invoice": "2026-17", "amount": 480}"#;
    let start = ["start", "finance/approval", "--input", input, "--output", "json"];
    let id = id_of(&server.flowmill(&start).with_code(0));
    let shown = server.flowmill(&["executions", "get", &id]).with_code(0);
    assert!(shown.stdout.contains("signal of node decision"), "{}", shown.stdout);
    server.kill();

    let server = Dev::start(files.path());
    let payload = r#"{"approved": true, "by": "kim"}"#;
    let signal = ["executions", "signal", &id, "decision", "--payload", payload];
    server.flowmill(&signal).with_code(0);
    let ended = server.flowmill(&["executions", "get", &id, "--wait", "30s", "--output", "json"]);
    assert_eq!(ended.with_code(0).json()["output"]["state"], json!("approved"));
}

#[test]
fn a_start_with_a_key_names_one_execution() {
    let files = Files::new();
    let server = Dev::start(files.path());
    server.flowmill(&["deploy", &example("routing")]).with_code(0);
    let start = |input: &str| {
        let key = ["--idempotency-key", "order-a-1", "--output", "json"];
        server.flowmill(&[&["start", "shop/routing", "--input", input][..], &key].concat())
    };
    let first = id_of(&start(ROUTED).with_code(0));
    assert_eq!(id_of(&start(ROUTED).with_code(0)), first);
    let other = start(r#"{"order_id": "a-1", "kg": 4}"#).with_code(2);
    assert!(other.stderr.contains("idempotency"), "{}", other.stderr);
}

#[test]
fn a_fault_of_a_start_that_is_waited_for_is_code_1() {
    let files = Files::new();
    let server = Dev::start(files.path());
    let failing = "
flowmill: 1
document: { namespace: test, name: fail, version: 1.0.0 }
nodes:
  - { id: begin, type: start }
  - { id: no, type: fail, parameters: { error: { type: 'urn:no', status: 409, title: No } } }
connections:
  - begin.out -> no.in
";
    server.flowmill(&["deploy", &files.write("fail.yaml", failing)]).with_code(0);
    let ended = server.flowmill(&["start", "test/fail", "--wait", "30s", "--output", "json"]);
    let ended = ended.with_code(1);
    assert_eq!(ended.json()["status"], json!("faulted"));
    let problem: Value = serde_json::from_str(&ended.stderr).unwrap();
    assert_eq!(problem["type"], json!("urn:no"));
}

#[test]
fn a_version_keeps_its_content() {
    let files = Files::new();
    let server = Dev::start(files.path());
    let text = std::fs::read_to_string(example("orders")).unwrap();
    let file = files.write("orders.yaml", &text);
    let first = server.flowmill(&["deploy", &file, "--output", "json"]).with_code(0);
    assert_eq!(first.json()[0]["created"], json!(true));
    let second = server.flowmill(&["deploy", &file, "--output", "json"]).with_code(0);
    assert_eq!(second.json()[0]["created"], json!(false));
    let changed = files.write("orders.yaml", &text.replace("total > 100", "total > 200"));
    let refused = server.flowmill(&["deploy", &changed]).with_code(2);
    assert!(refused.stderr.contains("other content"), "{}", refused.stderr);
}

#[test]
fn commands_change_an_execution_and_say_when_they_do_not_apply() {
    let files = Files::new();
    let server = Dev::start(files.path());
    server.flowmill(&["deploy", &example("approval")]).with_code(0);
    let start = ["start", "finance/approval", "--output", "json"];
    let id = id_of(&server.flowmill(&start).with_code(0));
    let status = |command: &[&str]| {
        let arguments = [&["executions", command[0], &id][..], &command[1..]].concat();
        let ended = server.flowmill(&[&arguments[..], &["--output", "json"]].concat());
        ended.with_code(0).json()["status"].as_str().unwrap().to_owned()
    };
    assert_eq!(status(&["suspend", "--reason", "audit"]), "suspended");
    assert_eq!(status(&["resume"]), "waiting");
    assert_eq!(status(&["cancel"]), "cancelled");
    let refused = server.flowmill(&["executions", "suspend", &id]).with_code(2);
    assert!(!refused.stderr.is_empty());
    let unknown = id.replace(|digit: char| digit.is_ascii_hexdigit(), "0");
    server.flowmill(&["executions", "get", &unknown]).with_code(2);
}
