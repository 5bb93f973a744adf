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

#[tokio::test]
async fn a_keyspace_of_a_newer_build_is_refused_and_nothing_is_changed() {
    let cluster = Cluster::new(1);
    let keyspace = &cluster.name;
    let later = "(one, version, name) VALUES (0, 99, 'later')";
    cluster.cql(&format!("INSERT INTO {keyspace}.schema_versions {later}")).await;
    let roles = ["orchestrator", "gateway", "worker", "server"];
    let nodes = roles.map(|role| cluster.flowmill(&[role, "--listen", "127.0.0.1:0"]));
    for ended in nodes.into_iter().chain([cluster.init(&["--shards", "2"])]) {
        let said = ended.with_code(2).stderr;
        let expect = "schema version 99, this build knows up to ";
        assert!(said.contains(expect) && said.contains(keyspace), "{said}");
        assert!(said.contains("run the newer build that prepared it"), "{said}");
    }
    let back = "WHERE one = 0 AND version = 99";
    cluster.cql(&format!("DELETE FROM {keyspace}.schema_versions {back}")).await;
    let found = cluster.init(&["--output", "json"]).with_code(0).json();
    assert_eq!(found["shards"], 1, "it was refused, and has more shards: {found}");
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
    let bad = files.write("balance.toml", "[gateway]\nbalance = 'fair'\n");
    let ended = flowmill(&["config", "check", "--config", &bad]).with_code(2);
    let expect = "expected one of `least-busy`, `round-robin`, `weighted`";
    assert!(ended.stderr.contains(expect), "{}", ended.stderr);
}

#[test]
fn a_login_by_token_makes_no_topics_which_is_said_before_anything_is_asked() {
    let files = Files::new();
    let text = "[kafka]\nbrokers = ['k:1']\nprotocol = 'sasl-tls'\nmechanism = 'oauthbearer'\n\
                token-file = 'token'\n[cql]\nnodes = ['c:1']\n";
    let settings = files.write("token.toml", text);
    let expect = "with kafka.mechanism = \"oauthbearer\" no topic can be made, changed or trimmed";
    let checked = flowmill(&["config", "check", "--config", &settings]).with_code(0);
    assert!(checked.stdout.contains(&format!("\nbut {expect}")), "{checked:?}");
    let refused = flowmill(&["init", "--config", &settings]).with_code(2);
    assert!(refused.stderr.starts_with(&format!("error: {expect}")), "{refused:?}");
    assert_eq!(refused.stderr.lines().count(), 1, "{refused:?}");
}
