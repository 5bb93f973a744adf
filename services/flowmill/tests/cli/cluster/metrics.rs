//! What the nodes of a cluster tell those who operate it.

use flowmill_client::{DefinitionFormat, DeployRequest, Repeats};
use serde_json::json;

use super::figures::Figures;
use super::node::{Node, Role};
use super::servers::Cluster;
use crate::load::{ENDED_WITHIN, Load, check, client, deploy, start};
use crate::program::repository_file;
use crate::sink::Sink;
use crate::workers::charge;

const SHARDS: u16 = 2;

/// Starts that are made before figures are looked at.
const STARTS: usize = 100;

const CLAIMS: &str = "flowmill_shard_claims_total";
pub(super) const LAG: &str = "flowmill_projection_lag_seconds";
const DEPTH: &str = "flowmill_queue_depth";
const REQUEST: &str = "flowmill_kafka_request_seconds";
const PRODUCED: &str = "flowmill_kafka_produce_duration_seconds_count";
pub(super) const STORE: &str = "flowmill_store_call_duration_seconds_count";

/// Histograms of what an owner does once for each claim.
const TAKEOVERS: [&str; 2] =
    ["flowmill_shard_takeover_duration_seconds", "flowmill_replay_duration_seconds"];

/// Demands what a claim of every shard leaves behind, and waits for it.
async fn has_claimed(node: &Node) -> Figures {
    let shards = f64::from(SHARDS);
    let served = |figures: &Figures| figures.sum("flowmill_shard_owned", &[]) >= shards;
    let figures = Figures::until(node, "every shard", served).await;
    figures.at_least(shards, CLAIMS, &[]);
    for name in TAKEOVERS {
        figures.at_least(shards, &format!("{name}_count"), &[]);
        assert!(figures.sum(&format!("{name}_sum"), &[]) > 0.0, "{name} takes no time");
    }
    figures
}

/// Demands that brokers answer the node's clients in some time.
async fn is_answered_by_kafka(node: &Node) {
    for quantile in [r#"quantile="0.5""#, r#"quantile="0.99""#] {
        let measured = |figures: &Figures| figures.max(REQUEST, &[quantile]) > Some(0.0);
        Figures::until(node, "a time of requests", measured).await;
    }
    let figures = Figures::of(node).await;
    assert!(!figures.all("flowmill_kafka_requests_in_flight", &[]).is_empty());
    assert!(!figures.all("flowmill_kafka_disconnects_total", &[]).is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_node_tells_what_it_does_and_how_the_log_and_the_store_answer() {
    let cluster = Cluster::new(SHARDS);
    let orchestrator = cluster.node(Role::Orchestrator);
    let (gateway, worker) = (cluster.node(Role::Gateway), cluster.node(Role::Worker));
    let (sink, client) = (Sink::start().await, client(&gateway.address(), Repeats::default()));
    deploy(&client, &sink).await;
    let load = Load::start([gateway.address()]);
    load.has_started(STARTS).await;
    check(&client, &load.end().await, &sink).await;
    // Large enough for a task.
    let order = json!({ "order_id": "large", "total": 180 });
    let id = start(&client, &"shop/orders".parse().unwrap(), "large", &order).await;
    client.wait(id, ENDED_WITHIN).await.unwrap();

    let starts = STARTS as f64;
    has_claimed(&orchestrator).await.at_least(starts, PRODUCED, &[r#"outcome="delivered""#]);
    let of_gateway = Figures::of(&gateway).await;
    of_gateway.at_least(starts, PRODUCED, &[r#"client="inputs""#, r#"outcome="delivered""#]);
    of_gateway.at_least(1.0, STORE, &[r#"operation="list""#, r#"outcome="ok""#]);
    Figures::of(&worker).await.at_least(1.0, PRODUCED, &[r#"outcome="delivered""#]);
    for node in [&orchestrator, &gateway, &worker] {
        is_answered_by_kafka(node).await;
    }
    let empty = |figures: &Figures| figures.all(DEPTH, &[r#"queue="http""#]) == [0.0];
    Figures::until(&worker, "an empty queue", empty).await;
    // At rest nothing is behind, though the last batch is never covered by a watermark.
    let stored = |figures: &Figures| figures.all(LAG, &[]) == [0.0; SHARDS as usize];
    let stored = Figures::until(&orchestrator, "a store that has everything", stored).await;
    for operation in ["write", "set-watermark", "watermarks"] {
        stored.at_least(1.0, STORE, &[&format!(r#"operation="{operation}""#), r#"outcome="ok""#]);
    }
    stored.at_least(0.000_1, "flowmill_store_call_duration_seconds_sum", &[]);

    orchestrator.kill();
    let heir = cluster.node(Role::Orchestrator);
    has_claimed(&heir).await.at_least(1.0, "flowmill_replayed_batches_total", &[]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_queue_without_a_worker_deepens_until_one_comes() {
    const TASKS: u8 = 5;
    let cluster = Cluster::new(SHARDS);
    let _orchestrator = cluster.node(Role::Orchestrator);
    let (gateway, node) = (cluster.node(Role::Gateway), cluster.node(Role::Worker));
    let client = client(&gateway.address(), Repeats::default());
    let source = std::fs::read_to_string(repository_file("examples/workers/bill.yaml")).unwrap();
    let source = source.replace("PT30S", "PT1H").into();
    let flow: flowmill_model::FlowName = "shop/bill".parse().unwrap();
    let format = DefinitionFormat::Yaml;
    let request = DeployRequest { flow: flow.clone(), source, format, spread: None };
    client.deploy(request).await.unwrap();
    let holds = |tasks: u8| {
        move |figures: &Figures| figures.all(DEPTH, &[r#"queue="charge""#]) == [f64::from(tasks)]
    };
    Figures::until(&node, "a queue that is known", holds(0)).await;
    for number in 0..TASKS {
        start(&client, &flow, &format!("bill-{number}"), &json!({ "cents": 7 })).await;
    }
    Figures::until(&node, "a task for each execution", holds(TASKS)).await;

    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let worker = charge::worker(&gateway.url).unwrap();
    let running = flowmill_runtime::spawn("worker", worker.run(async { drop(stopped.await) }));
    Figures::until(&node, "an empty queue", holds(0)).await;
    stop.send(()).unwrap();
    assert_eq!(running.await.unwrap().given_up, 0);
}
