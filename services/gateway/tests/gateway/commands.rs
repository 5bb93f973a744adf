//! Commands to executions.

use reqwest::Method;

use crate::rig::{Answer, Served};

#[tokio::test]
async fn a_command_answers_with_the_execution_it_changed() {
    let served = Served::with_flows().await;
    let id = served.start("hold").await;
    for (action, status) in
        [("suspend", "suspended"), ("resume", "waiting"), ("cancel", "cancelled")]
    {
        let path = format!("/v1/executions/{id}/{action}");
        let answer = Answer::of(served.request(Method::POST, &path)).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(answer.body["status"], status);
        assert_eq!(answer.body["id"], id);
        assert!(answer.header("flowmill-position").is_some());
    }
    let again = served.post(&format!("/v1/executions/{id}/cancel"), "{}").await;
    again.assert_problem(409, "conflict");
    assert_eq!(again.text("/detail"), "the execution has already ended");
}

#[tokio::test]
async fn a_command_whose_outcome_is_forgotten_is_told_by_a_repeat() {
    let served = Served::with_flows().await;
    let id = served.start("hold").await;
    served.rig.forget_outcomes(1);
    let before = served.rig.commands_written().await;
    let path = format!("/v1/executions/{id}/suspend");
    let answer = Answer::of(served.request(Method::POST, &path)).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.body["status"], "suspended");
    assert_eq!(served.rig.commands_written().await, before + 2);

    served.rig.forget_outcomes(2);
    let undecided = Answer::of(served.request(Method::POST, &path)).await;
    assert_eq!(undecided.status, 202, "{undecided:?}");
}

#[tokio::test]
async fn a_reason_is_taken_and_bounded() {
    let served = Served::with_flows().await;
    let id = served.start("hold").await;
    let path = format!("/v1/executions/{id}/suspend");
    let answer = served.post(&path, r#"{"reason": "a look at it"}"#).await;
    assert_eq!(answer.text("/error/detail"), "a look at it");
    assert_eq!(answer.text("/error/code"), "quarantined");
    let long = format!(r#"{{"reason": "{}"}}"#, "x".repeat(1_001));
    for body in ["[]", "{", r#"{"because": "x"}"#, &long] {
        served.post(&path, body).await.assert_problem(400, "bad-request");
    }
}

#[tokio::test]
async fn commands_to_what_is_not_there_are_not_found() {
    let served = Served::with_flows().await;
    let unknown = "00010000000000000000000000000001";
    let no_shard = "ffff0000000000000000000000000001";
    for id in [unknown, no_shard, "nonsense"] {
        for action in ["cancel", "suspend", "resume", "signals/go"] {
            let answer = served.post(&format!("/v1/executions/{id}/{action}"), "{}").await;
            answer.assert_problem(404, "not-found");
        }
    }
}

#[tokio::test]
async fn a_signal_brings_its_payload_or_null() {
    let served = Served::with_flows().await;
    let id = served.start("hold").await;
    let path = format!("/v1/executions/{id}/signals/go");
    let answer = served.post(&path, r#"{"ok": true}"#).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.body["output"]["ok"], true);

    let id = served.start("hold").await;
    let path = format!("/v1/executions/{id}/signals/go");
    let empty = Answer::of(served.request(Method::POST, &path)).await;
    assert_eq!(empty.status, 200, "{empty:?}");
    assert!(empty.body["output"].is_null());
}

#[tokio::test]
async fn a_signal_that_nobody_takes_is_a_conflict() {
    let served = Served::with_flows().await;
    let id = served.start("hold").await;
    let answer = served.post(&format!("/v1/executions/{id}/signals/stop"), "1").await;
    answer.assert_problem(409, "conflict");
    let no_name = served.post(&format!("/v1/executions/{id}/signals/a%20b"), "1").await;
    no_name.assert_problem(400, "bad-request");
    let no_json = served.post(&format!("/v1/executions/{id}/signals/go"), "{").await;
    no_json.assert_problem(400, "bad-request");
}
