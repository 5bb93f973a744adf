//! A broker that asks for a certificate, and a store that asks for a password, both over TLS: who
//! has what they ask for is let in, and everybody else is told what to do.

use std::sync::LazyLock;

use flowmill_client::Repeats;

use super::node::Role;
use super::servers::{Cluster, Servers};
use crate::load::{Load, check, client, deploy};
use crate::sink::Sink;

/// Shared by the tests of this file.
static SERVERS: LazyLock<Servers> = LazyLock::new(Servers::start_secured);

const NODES: [&str; 4] = ["orchestrator", "gateway", "worker", "server"];

/// A name of its own on the secured servers, with everything that they ask for.
fn unmade() -> Cluster {
    let (kafka, cql) = (SERVERS.kafka.access().unwrap(), SERVERS.cql.access().unwrap());
    let variables = vec![
        ("FLOWMILL_KAFKA_PROTOCOL", "tls".to_owned()),
        ("FLOWMILL_KAFKA_CA", kafka.ca.display().to_string()),
        ("FLOWMILL_KAFKA_CERTIFICATE", kafka.certificate.display().to_string()),
        ("FLOWMILL_KAFKA_KEY", kafka.key.display().to_string()),
        ("FLOWMILL_CQL_CA", cql.ca.display().to_string()),
        ("FLOWMILL_CQL_USER", cql.user.clone()),
        ("FLOWMILL_CQL_PASSWORD", cql.password.clone()),
    ];
    Cluster { variables, ..Cluster::on(&SERVERS) }
}

/// The same, but for one variable.
fn with(name: &str, value: &str) -> Cluster {
    let mut cluster = unmade();
    let named = |variable: &&mut (&'static str, String)| variable.0 == name;
    value.clone_into(&mut cluster.variables.iter_mut().find(named).unwrap().1);
    cluster
}

/// Everybody is refused, and says all of this; gives what they say.
#[track_caller]
fn refused(cluster: &Cluster, expect: &[&str]) -> String {
    let nodes = NODES.map(|role| cluster.flowmill(&[role, "--listen", "127.0.0.1:0"]));
    let all = nodes.into_iter().chain([cluster.init(&[])]).map(|ended| {
        let said = ended.with_code(2).stderr;
        for expect in expect {
            assert!(said.contains(expect), "{expect} is missing: {said}");
        }
        said
    });
    all.collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_has_a_certificate_and_the_password_has_a_cluster() {
    let cluster = unmade();
    cluster.init(&["--shards", "2"]).with_code(0);
    let nodes = [Role::Orchestrator, Role::Gateway, Role::Worker].map(|role| cluster.node(role));
    let gateway = nodes[1].address();
    let (sink, client) = (Sink::start().await, client(&gateway, Repeats::default()));
    deploy(&client, &sink).await;
    let load = Load::start([gateway]);
    load.has_started(50).await;
    let acknowledged = load.end().await;
    check(&client, &acknowledged, &sink).await;
    let password = &SERVERS.cql.access().unwrap().password;
    for node in nodes {
        let (status, said) = node.terminate();
        assert_eq!(status.code(), Some(0), "{said}");
        assert!(!said.contains(password), "{said}");
    }
}

/// The cluster is there, so that a node comes as far as the store.
fn made_with(name: &str, value: &str) -> Cluster {
    let made = unmade();
    made.init(&["--shards", "1"]).with_code(0);
    Cluster { name: made.name, ..with(name, value) }
}

#[test]
fn a_wrong_password_of_the_store_is_refused_and_never_told() {
    const WRONG: &str = "hunter2-hunter2";
    let cluster = made_with("FLOWMILL_CQL_PASSWORD", WRONG);
    let expect = ["refuse the user or the password", "check cql.user and cql.password"];
    let said = refused(&cluster, &expect);
    assert!(!said.contains(WRONG), "{said}");
}

#[test]
fn a_store_that_asks_for_a_user_says_so() {
    let mut cluster = made_with("FLOWMILL_CQL_USER", "");
    cluster.variables.retain(|(name, _)| *name != "FLOWMILL_CQL_PASSWORD");
    refused(&cluster, &["ask for a user", "set cql.user and cql.password"]);
}

#[test]
fn a_store_that_is_not_vouched_for_or_asks_for_tls_is_told_from_one_that_is_away() {
    // The broker's authority has not signed the store's certificate.
    let brokers = SERVERS.kafka.access().unwrap().ca.display().to_string();
    let distrustful = made_with("FLOWMILL_CQL_CA", &brokers);
    refused(&distrustful, &["certificate", "cql.ca", &distrustful.cql]);
    let open = made_with("FLOWMILL_CQL_CA", "");
    refused(&open, &["cql.ca", &open.cql]);
}

#[test]
fn a_broker_that_asks_for_a_certificate_says_so() {
    let mut cluster = made_with("FLOWMILL_KAFKA_CERTIFICATE", "");
    cluster.variables.retain(|(name, _)| *name != "FLOWMILL_KAFKA_KEY");
    refused(&cluster, &["set kafka.certificate and kafka.key", &cluster.kafka]);
}
