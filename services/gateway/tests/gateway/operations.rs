//! Health, readiness and metrics.

use std::sync::Arc;

use flowmill_gateway::Settings;
use flowmill_routing::ShardState;

use crate::rig::{Rig, Served};

#[tokio::test]
async fn a_gateway_whose_shards_are_open_or_full_is_ready() {
    let served = Served::with_flows().await;
    let ready = served.get("/readyz").await;
    assert_eq!(ready.status, 200, "{ready:?}");
    assert_eq!(ready.body, serde_json::json!({"ready": true, "reasons": []}));
    let _inbox = served.rig.set_state(2, ShardState::Full);
    assert_eq!(served.get("/readyz").await.status, 200);
}

#[tokio::test]
async fn a_gateway_says_why_it_is_not_ready() {
    let served = Rig::new().await.serve().await;
    let _claiming = served.rig.set_state(1, ShardState::Claiming);
    let _halted = served.rig.set_state(3, ShardState::Halted("the log lost a record".into()));
    let ready = served.get("/readyz").await;
    assert_eq!(ready.status, 503, "{ready:?}");
    assert_eq!(ready.header("content-type"), Some("application/json"));
    let reasons = ["shard 1 is being claimed", "shard 3 is halted: the log lost a record"];
    assert_eq!(ready.body, serde_json::json!({"ready": false, "reasons": reasons}));
    let health = served.get("/healthz").await;
    assert_eq!(health.status, 200);
    assert_eq!(health.body["status"], "degraded");

    let orphaned = Rig::without_owners().await.serve().await;
    let ready = orphaned.get("/readyz").await;
    assert_eq!(ready.text("/reasons/0"), "shard 0 has no owner");
}

#[tokio::test]
async fn every_shard_is_listed_and_only_a_halted_one_is_resumed() {
    let served = Rig::new().await.serve().await;
    let _halted = served.rig.set_state(3, ShardState::Halted("the log lost a record".into()));
    let listed = served.get("/v1/shards").await;
    assert_eq!(listed.body["shards"].as_array().unwrap().len(), 4);
    assert_eq!(listed.text("/shards/0/state"), "open");
    assert_eq!(listed.text("/shards/3/state"), "halted");
    assert_eq!(listed.text("/shards/3/reason"), "the log lost a record");
    served.post("/v1/shards/0/resume", "").await.assert_problem(409, "conflict");
    for unknown in ["4", "-1", "99999", "x"] {
        let answer = served.post(&format!("/v1/shards/{unknown}/resume"), "").await;
        answer.assert_problem(404, "not-found");
    }

    let orphaned = Rig::without_owners().await.serve().await;
    assert_eq!(orphaned.get("/v1/shards").await.text("/shards/0/state"), "unowned");
    orphaned.post("/v1/shards/0/resume", "").await.assert_problem(503, "unavailable");
}

#[tokio::test]
async fn health_names_roles_shards_and_queues() {
    let served = Served::with_flows().await;
    let health = served.get("/healthz").await;
    assert_eq!(health.body["status"], "ok");
    assert_eq!(health.body["roles"], serde_json::json!(["gateway", "orchestrator"]));
    let shard = serde_json::json!({
        "shard": 0, "state": "open", "epoch": 1, "actors": 0, "deferred": 0, "credits": 0,
        "projectionLag": 0, "tasksInFlight": 0, "commandsWaiting": 0, "commandsLagMs": 0,
    });
    assert_eq!(health.body["shards"][0], shard);
    let queue = serde_json::json!({"queue": "http.request", "active": 2, "waiting": 3});
    assert_eq!(health.body["queues"], serde_json::json!([queue]));
}

#[tokio::test]
async fn metrics_are_what_the_process_renders() {
    let served = Served::with_flows().await;
    let metrics = served.get("/metrics").await;
    assert_eq!(metrics.status, 200);
    assert_eq!(metrics.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    assert_eq!(metrics.body, "flowmill_executions_started_total 1\n");
}

#[tokio::test]
async fn a_panic_is_one_request_s_internal_error() {
    let render = Arc::new(|| panic!("the figures cannot be rendered"));
    let served = Rig::with(Settings { render, ..Settings::default() }).await.serve().await;
    for _ in 0..2 {
        served.get("/metrics").await.assert_problem(500, "internal");
    }
    assert_eq!(served.get("/healthz").await.status, 200);
}
