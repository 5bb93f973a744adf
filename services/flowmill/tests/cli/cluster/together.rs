//! Roles that work together: one cluster, whichever node is asked.

use flowmill_client::{Client, Repeats, StartAnswer, StartKey, StartRequest};
use serde_json::json;

use super::node::Role;
use super::servers::Cluster;
use crate::load::{Load, check, client, deploy, start};
use crate::sink::Sink;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_gateway_takes_another_one_reads_at_once() {
    let cluster = Cluster::new(4);
    let _orchestrators = [cluster.node(Role::Orchestrator), cluster.node(Role::Orchestrator)];
    let (first, second) = (cluster.node(Role::Gateway), cluster.node(Role::Gateway));
    let (sink, one) = (Sink::start().await, client(&first.address(), Repeats::default()));
    deploy(&one, &sink).await;
    let flow = "test/pause".parse().unwrap();
    for number in 0..50 {
        let (key, input) = (StartKey::Absent, json!({ "n": number }).to_string().into());
        let request = StartRequest { flow: Clone::clone(&flow), version: None, input, key };
        let StartAnswer::Accepted(started) = one.start(&request, None).await.unwrap() else {
            panic!("an execution that waits has ended");
        };
        // A client that has written nothing: without a token of the write.
        let two = client(&second.address(), Repeats::none());
        let read = two.get(started.id).await;
        assert!(read.is_ok(), "{} is not known: {read:?}", started.id);
    }
}

#[test]
fn a_nodes_c_libraries_are_handed_zeroed_memory() {
    let node = Cluster::new(1).node(Role::Orchestrator);
    let variables = std::fs::read(format!("/proc/{}/environ", node.id())).unwrap();
    let variables = String::from_utf8_lossy(&variables);
    assert!(variables.contains("glibc.malloc.perturb=255"), "{variables}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_node_with_all_roles_is_a_cluster() {
    let cluster = Cluster::new(2);
    let node = cluster.node(Role::Server);
    let (sink, client) = (Sink::start().await, client(&node.address(), Repeats::default()));
    deploy(&client, &sink).await;
    let load = Load::start([node.address()]);
    load.has_started(100).await;
    let acknowledged = load.end().await;
    check(&client, &acknowledged, &sink).await;
    let (status, said) = node.terminate();
    assert_eq!(status.code(), Some(0), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_names_one_execution_before_and_after_shards_are_added() {
    let cluster = Cluster::new(2);
    let node = cluster.node(Role::Server);
    let (sink, one) = (Sink::start().await, client(&node.address(), Repeats::default()));
    deploy(&one, &sink).await;
    let (flow, input) = ("test/pause".parse().unwrap(), json!({ "n": 1 }));
    let mut before = vec![];
    for key in 0..20 {
        before.push(start(&one, &flow, &format!("key-{key}"), &input).await);
    }
    let (status, said) = node.terminate();
    assert_eq!(status.code(), Some(0), "{said}");
    cluster.init(&["--shards", "6"]).with_code(0);

    let node = cluster.node(Role::Server);
    let two = client(&node.address(), Repeats::default());
    for (key, id) in before.iter().enumerate() {
        let again = start(&two, &flow, &format!("key-{key}"), &input).await;
        assert_eq!(again, *id, "key-{key} names two executions");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_with_a_token_answers_only_those_who_present_it() {
    const TOKEN: &str = "a-token-of-some-length";
    let mut cluster = Cluster::new(2);
    cluster.variables.push(("FLOWMILL_API_TOKEN", TOKEN.to_owned()));
    let (orchestrator, gateway) = (cluster.node(Role::Orchestrator), cluster.node(Role::Gateway));
    let stranger = client(&gateway.address(), Repeats::none());
    let refused = stranger.metrics().await.unwrap_err();
    assert_eq!(refused.status(), Some(401), "{refused}");
    // Reads come by the orchestrator: nodes present it to each other.
    let token = Some(flowmill_client::ApiToken::new(TOKEN).unwrap());
    let server = gateway.url.parse().unwrap();
    let known = Client::presenting(server, Repeats::default(), token).unwrap();
    let sink = Sink::start().await;
    deploy(&known, &sink).await;
    let flow = "test/pause".parse().unwrap();
    let id = start(&known, &flow, "one", &json!({ "n": 1 })).await;
    assert_eq!(known.get(id).await.unwrap().id, id);
    for node in [orchestrator, gateway] {
        assert!(!node.said().contains(TOKEN));
    }
}
