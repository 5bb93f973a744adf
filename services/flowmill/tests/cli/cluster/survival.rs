//! Nodes, the broker and the store die under load. Nothing acknowledged is lost, nothing happens
//! twice.

use std::num::NonZeroU32;
use std::time::Duration;

use flowmill_client::{Client, Repeats};
use tokio::time::{Instant, sleep};

use super::figures::Figures;
use super::metrics::{LAG, STORE};
use super::node::{Node, Role};
use super::servers::{Cluster, SOON, Servers};
use crate::load::{Load, check, client, deploy};
use crate::sink::Sink;

/// A cluster under load, with two ways in.
struct Rig {
    cluster: Cluster,
    gateways: [Node; 2],
    _worker: Node,
    client: Client,
    sink: Sink,
}

impl Rig {
    async fn start(cluster: Cluster) -> Self {
        let gateways = [cluster.node(Role::Gateway), cluster.node(Role::Gateway)];
        let worker = cluster.node(Role::Worker);
        let (sink, client) = (Sink::start().await, client(&gateways[0].address(), patient()));
        deploy(&client, &sink).await;
        Self { cluster, gateways, _worker: worker, client, sink }
    }

    fn load(&self) -> Load {
        Load::start(self.gateways.iter().map(Node::address))
    }

    async fn goes_on(&self, load: &Load) {
        goes_on(&self.client, load).await;
    }

    async fn check(self, load: Load) {
        let acknowledged = load.end().await;
        println!("{} starts", acknowledged.len());
        check(&self.client, &acknowledged, &self.sink).await;
    }
}

/// Waits until every shard has an owner and more starts were taken.
pub(super) async fn goes_on(client: &Client, load: &Load) {
    let deadline = Instant::now() + SOON;
    while !client.ready().await.is_ok_and(|ready| ready.ready) {
        assert!(Instant::now() < deadline, "the cluster did not become ready again");
        sleep(Duration::from_millis(50)).await;
    }
    load.has_started(load.started() + 50).await;
}

/// A client that outlasts what happens here.
pub(super) fn patient() -> Repeats {
    Repeats { attempts: NonZeroU32::new(100).unwrap(), ..Repeats::default() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn orchestrators_die_leave_and_come_under_load() {
    let cluster = Cluster::new(8);
    let mut nodes = vec![cluster.node(Role::Orchestrator), cluster.node(Role::Orchestrator)];
    let rig = Rig::start(cluster).await;
    let load = rig.load();
    load.has_started(50).await;

    nodes.push(rig.cluster.node(Role::Orchestrator));
    rig.goes_on(&load).await;
    nodes.remove(0).kill();
    rig.goes_on(&load).await;
    let (status, said) = nodes.remove(0).terminate();
    assert_eq!(status.code(), Some(0), "{said}");
    assert!(said.contains("left to its next owner"), "{said}");
    assert!(!said.contains("in time"), "{said}");
    rig.goes_on(&load).await;
    nodes.push(rig.cluster.node(Role::Orchestrator));
    rig.goes_on(&load).await;
    rig.check(load).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_orchestrator_that_slept_through_its_sessions_end_commits_nothing() {
    let cluster = Cluster::new(4);
    let sleeper = cluster.node(Role::Orchestrator);
    let _other = cluster.node(Role::Orchestrator);
    let rig = Rig::start(cluster).await;
    let load = rig.load();
    load.has_started(50).await;
    sleeper.signal("-STOP");
    rig.goes_on(&load).await;
    sleeper.signal("-CONT");
    rig.goes_on(&load).await;
    rig.check(load).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_and_the_worker_die_under_load() {
    let cluster = Cluster::new(4);
    let _orchestrator = cluster.node(Role::Orchestrator);
    let rig = Rig::start(cluster).await;
    let spare = rig.cluster.node(Role::Gateway);
    let all = rig.gateways.iter().chain([&spare]);
    let load = Load::start(all.map(Node::address));
    load.has_started(50).await;
    let Rig { cluster, gateways: [first, second], _worker: worker, client, sink } = rig;
    second.kill();
    worker.kill();
    let worker = cluster.node(Role::Worker);
    let another = cluster.node(Role::Gateway);
    let rig = Rig { cluster, gateways: [first, another], _worker: worker, client, sink };
    rig.goes_on(&load).await;
    rig.check(load).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_broker_and_the_store_die_one_after_the_other_and_together() {
    let mut servers = Servers::start();
    let cluster = Cluster::on(&servers);
    // The first to ask this broker for anything.
    let made = cluster.init(&["--shards", "4"]).with_code(0);
    assert_eq!(made.stderr, "");
    let orchestrators = [cluster.node(Role::Orchestrator), cluster.node(Role::Orchestrator)];
    let rig = Rig::start(cluster).await;
    let load = rig.load();
    load.has_started(50).await;

    servers.kafka.kill(0).unwrap();
    servers.kafka.restart(0).unwrap();
    rig.goes_on(&load).await;
    servers.cql.kill(0).unwrap();
    for node in &orchestrators {
        let idle = |told: &Figures| told.sum("flowmill_shard_owned", &[]) == 0.0;
        let behind = |told: &Figures| told.max(LAG, &[]) > Some(2.0);
        let wanted = |told: &Figures| idle(told) || behind(told);
        Figures::until(node, "a projection that is behind", wanted).await;
    }
    servers.cql.restart(0).unwrap();
    rig.goes_on(&load).await;
    servers.kafka.kill(0).unwrap();
    servers.cql.kill(0).unwrap();
    servers.kafka.restart(0).unwrap();
    servers.cql.restart(0).unwrap();
    rig.goes_on(&load).await;
    rig.check(load).await;
    let mut unanswered = 0.0;
    for node in &orchestrators {
        let caught_up = |told: &Figures| told.max(LAG, &[]) == Some(0.0);
        let told = Figures::until(node, "a projection that has caught up", caught_up).await;
        told.at_least(1.0, "flowmill_kafka_errors_total", &[r#"kind="connection""#]);
        unanswered += told.sum(STORE, &[r#"outcome="unavailable""#]);
    }
    assert!(unanswered > 0.0, "the store was away and every call was answered");
}
