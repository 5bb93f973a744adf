//! A shard that stands still, since what is in the store must not be: who says so, and how it goes on.

use std::time::Duration;

use flowmill_client::Repeats;
use scylla::client::session::Session;
use scylla::client::session_builder::SessionBuilder;
use serde_json::Value;
use tokio::time::{Instant, sleep};

use super::node::{Node, Role};
use super::servers::{Cluster, SOON};
use crate::load::{Load, check, client, deploy};
use crate::program::{Ended, flowmill};
use crate::sink::Sink;

/// A shard's number, its watermark, and the time that the store has for it.
type Mark = (i32, Vec<u8>, i64);

/// So much later than what a node writes meanwhile, by the time that it gives its writes: an offset.
const LATER: i64 = 1_000_000;

struct Store(Session);

impl Store {
    async fn of(cluster: &Cluster) -> Self {
        let session = SessionBuilder::new().known_node(&cluster.cql).build().await.unwrap();
        session.use_keyspace(&cluster.name, true).await.unwrap();
        Self(session)
    }

    async fn marks(&self) -> Vec<Mark> {
        let select = "SELECT shard, watermark, writetime(watermark) FROM watermarks";
        let rows = self.0.query_unpaged(select, ()).await.unwrap().into_rows_result().unwrap();
        rows.rows().unwrap().map(Result::unwrap).collect()
    }

    async fn write(&self, (shard, watermark, time): &Mark) {
        let update = "UPDATE watermarks USING TIMESTAMP ? SET watermark = ? WHERE shard = ?";
        self.0.query_unpaged(update, (time, watermark, shard)).await.unwrap();
    }
}

fn ask(gateway: &Node, arguments: &[&str]) -> Ended {
    flowmill(&[arguments, &["--server", &gateway.url]].concat())
}

/// The shards' numbers by their states.
fn in_state(gateway: &Node, state: &str) -> Vec<i32> {
    let listed = ask(gateway, &["shards", "list", "--output", "json"]).with_code(0).json();
    let shards = listed.as_array().unwrap().iter();
    let shards = shards.filter(|shard| shard["state"] == state);
    shards.map(|shard| i32::try_from(shard["shard"].as_i64().unwrap()).unwrap()).collect()
}

async fn until(what: &str, is: impl Fn() -> bool) {
    let deadline = Instant::now() + SOON;
    while !is() {
        assert!(Instant::now() < deadline, "{what}");
        sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shard_that_is_halted_says_why_and_goes_on_once_that_is_repaired() {
    const SHARDS: usize = 4;
    let cluster = Cluster::new(u16::try_from(SHARDS).unwrap());
    let (first, _second) = (cluster.node(Role::Orchestrator), cluster.node(Role::Orchestrator));
    let gateway = cluster.node(Role::Gateway);
    until("not all shards are open", || in_state(&gateway, "open").len() == SHARDS).await;
    ask(&gateway, &["doctor"]).with_code(0);
    let open = ask(&gateway, &["shards", "resume", "0"]).with_code(2);
    assert!(open.stderr.contains("not halted"), "{}", open.stderr);
    ask(&gateway, &["shards", "resume", "9"]).with_code(2);

    let (sink, client) = (Sink::start().await, client(&gateway.address(), Repeats::default()));
    deploy(&client, &sink).await;
    let load = Load::start([gateway.address()]);
    load.has_started(100).await;
    check(&client, &load.end().await, &sink).await;
    let store = Store::of(&cluster).await;
    let marks = store.marks().await;
    assert_eq!(marks.len(), SHARDS);
    for (shard, watermark, time) in &marks {
        store.write(&(*shard, vec![0xFF; watermark.len()], time + LATER)).await;
    }
    first.kill();
    until("no shard is halted", || !in_state(&gateway, "halted").is_empty()).await;
    // Those of the other node go on.
    until("too many shards are halted", || in_state(&gateway, "open").len() == SHARDS / 2).await;
    let found = ask(&gateway, &["doctor", "--output", "json"]).with_code(1).json();
    let is_told = |check: &Value| {
        check["verdict"] == "wrong" && check["found"].as_str().unwrap().contains("watermarks")
    };
    assert!(found.as_array().unwrap().iter().any(is_told), "{found}");

    let halted = in_state(&gateway, "halted");
    assert_eq!(halted.len(), SHARDS / 2);
    // What is not repaired halts it again.
    ask(&gateway, &["shards", "resume", &halted[0].to_string()]).with_code(0);
    until("it is not halted again", || in_state(&gateway, "halted").len() == SHARDS / 2).await;
    for (shard, watermark, time) in marks.into_iter().filter(|mark| halted.contains(&mark.0)) {
        store.write(&(shard, watermark, time + 2 * LATER)).await;
        ask(&gateway, &["shards", "resume", &shard.to_string()]).with_code(0);
    }
    until("not all shards are open again", || in_state(&gateway, "open").len() == SHARDS).await;
    ask(&gateway, &["doctor"]).with_code(0);
}
