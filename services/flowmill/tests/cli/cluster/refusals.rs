//! What a node and `flowmill init` refuse, and what they say.

use super::servers::Cluster;
use crate::program::{Files, flowmill};

#[test]
fn init_may_be_run_again_and_names_what_it_did() {
    let cluster = Cluster::unmade();
    let first = cluster.init(&["--shards", "3", "--output", "json"]).with_code(0).json();
    assert_eq!(first["shards"], 3);
    let made = first["changes"].as_array().unwrap();
    assert!(made.iter().any(|change| change == &format!("made topic {}.history", cluster.name)));
    let again = cluster.init(&["--output", "json"]).with_code(0).json();
    assert_eq!(again["shards"], 3);
    assert_eq!(again["changes"].as_array().unwrap().len(), 0, "{again}");
    let fewer = cluster.init(&["--shards", "2"]).with_code(2);
    assert!(fewer.stderr.contains("shards are never removed"), "{}", fewer.stderr);
}

#[test]
fn a_node_of_a_cluster_that_was_not_made_says_how_to_make_it() {
    let cluster = Cluster::unmade();
    for role in ["orchestrator", "gateway", "worker", "server"] {
        let ended = cluster.flowmill(&[role, "--listen", "127.0.0.1:0"]).with_code(2);
        assert!(ended.stderr.contains("flowmill init"), "{role}: {}", ended.stderr);
    }
}

#[test]
fn three_copies_on_one_broker_are_refused() {
    let cluster = Cluster::unmade();
    let ended = cluster.flowmill(&["init"]).with_code(2);
    assert!(ended.stderr.contains("--single-broker"), "{}", ended.stderr);
}

#[test]
fn brokers_that_are_not_there_are_named() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let nowhere = listener.local_addr().unwrap().to_string();
    drop(listener);
    let cluster = Cluster { kafka: nowhere.clone(), ..Cluster::unmade() };
    let ended = cluster.init(&[]).with_code(2);
    assert!(ended.stderr.contains(&nowhere), "{}", ended.stderr);
}

#[test]
fn a_node_is_not_reached_by_other_machines_without_a_token() {
    let cluster = Cluster::unmade();
    let ended = cluster.flowmill(&["gateway", "--listen", "0.0.0.0:0"]).with_code(2);
    assert!(ended.stderr.contains("FLOWMILL_API_TOKEN"), "{}", ended.stderr);
}

#[test]
fn settings_are_checked_and_shown_without_secrets() {
    let files = Files::new();
    let good = files.write(
        "good.toml",
        "api-token = 'hunter2-hunter2-hunter2'\n[kafka]\nbrokers = ['k:1']\n[cql]\nnodes = ['c:1']\n",
    );
    flowmill(&["config", "check", "--config", &good]).with_code(0);
    let shown = flowmill(&["config", "show", "--config", &good]).with_code(0);
    assert!(shown.stdout.contains("brokers = [\"k:1\"]"), "{}", shown.stdout);
    assert!(!shown.stdout.contains("hunter2"), "{}", shown.stdout);
    let bad = files.write("bad.toml", "[kafka]\nbrokers = ['k:1']\npasword = 'hunter2'\n");
    let ended = flowmill(&["config", "check", "--config", &bad]).with_code(2);
    assert!(ended.stderr.contains("unknown field `pasword`"), "{}", ended.stderr);
    assert!(!ended.stderr.contains("hunter2"), "{}", ended.stderr);
}
