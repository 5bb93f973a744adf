//! Preparing a keyspace, and refusing one that is not this build's.

use flowmill_store::CqlStore;
use flowmill_store::cql::{InitError, InitPlan, InitReport, Replication, Server, init};

use crate::server::{session, settings};

#[tokio::test]
async fn a_keyspace_is_made_once_and_again_nothing_is_done() {
    let settings = settings("fresh");
    let refusal = CqlStore::open(&settings).await.expect_err("there is no keyspace").to_string();
    assert!(refusal.contains("`fresh` is not prepared; run `flowmill init --cql 127.0.0.1:"));
    let no = init(&settings, InitPlan { make_keyspace: false }).await;
    assert!(matches!(no, Err(InitError::NoKeyspace(_))), "{no:?}");
    let report = init(&settings, InitPlan::default()).await.expect("it is prepared");
    let expected = InitReport {
        server: Server::Cassandra,
        made_keyspace: true,
        applied: vec!["executions", "lists", "time"],
        version: 3,
    };
    assert_eq!(report, expected);
    let again = init(&settings, InitPlan::default()).await.expect("it is prepared");
    assert_eq!(again, InitReport { made_keyspace: false, applied: vec![], ..expected });
    CqlStore::open(&settings).await.expect("it opens");
}

#[tokio::test]
async fn two_that_prepare_a_keyspace_at_once_share_the_work() {
    let settings = settings("raced");
    let once = || init(&settings, InitPlan::default());
    let (one, other) = tokio::join!(once(), once());
    let reports = [one.expect("it is prepared"), other.expect("it is prepared")];
    let mut applied: Vec<_> = reports.iter().flat_map(|report| report.applied.clone()).collect();
    applied.sort_unstable();
    assert_eq!(applied, ["executions", "lists", "time"], "each of them once");
    CqlStore::open(&settings).await.expect("it opens");
}

#[tokio::test]
async fn an_older_schema_is_refused_until_it_is_migrated_and_a_newer_one_for_good() {
    let settings = settings("aged");
    init(&settings, InitPlan::default()).await.expect("it is prepared");
    let session = session(&settings).await;
    let change = async |text: &str| {
        session.query_unpaged(text, ()).await.expect("the change is made");
    };

    change("DELETE FROM aged.schema_versions WHERE one = 0 AND version = 3").await;
    let refusal = CqlStore::open(&settings).await.expect_err("it is older").to_string();
    assert!(refusal.contains("schema version 2, this build needs 3; run `flowmill init"));
    let report = init(&settings, InitPlan::default()).await.expect("it is migrated");
    assert_eq!(report.applied, ["time"]);

    change("INSERT INTO aged.schema_versions (one, version, name) VALUES (0, 99, 'later')").await;
    let refusal = CqlStore::open(&settings).await.expect_err("it is newer").to_string();
    assert!(refusal.contains("schema version 99, this build knows up to 3; run the newer build"));
    let refusal = init(&settings, InitPlan::default()).await.expect_err("it is newer");
    assert!(refusal.to_string().contains("run the newer build"), "{refusal}");
}

#[tokio::test]
async fn more_copies_than_nodes_are_refused() {
    let mut settings = settings("copied");
    settings.replication = Replication::Everywhere(3);
    let refusal = init(&settings, InitPlan::default()).await.expect_err("there is one node");
    assert!(matches!(refusal, InitError::TooFewNodes { copies: 3, nodes: 1 }), "{refusal}");
}
