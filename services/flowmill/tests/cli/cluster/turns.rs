//! Nodes of every role are restarted one after the other, and gateways die in the middle of a start.

use std::collections::BTreeSet;
use std::os::unix::process::ExitStatusExt;
use std::time::Duration;

use flowmill_client::{Client, ListQuery, Repeats};
use flowmill_model::{ExecutionId, FlowName};
use flowmill_runtime::Entropy;
use futures::TryStreamExt;
use serde_json::json;
use tokio::time::{Instant, sleep};

use super::node::{Node, Role};
use super::servers::{Cluster, SOON};
use super::survival::{goes_on, patient};
use crate::kill::free_address;
use crate::load::{Load, check, client, deploy, start, try_start};
use crate::sink::Sink;

/// How a process ends that aborts.
const ABORTED: i32 = 6;

/// A node that comes back to its address.
struct Place {
    role: Role,
    listen: String,
    node: Option<Node>,
}

impl Place {
    fn restart(&mut self, cluster: &Cluster, kill: bool) {
        let node = self.node.take().unwrap();
        if kill {
            node.kill();
        } else {
            let (status, said) = node.terminate();
            assert_eq!(status.code(), Some(0), "{said}");
        }
        self.start(cluster);
    }

    fn start(&mut self, cluster: &Cluster) {
        self.node = Some(cluster.node_at(self.role, &self.listen));
    }
}

/// Three nodes of a role, started side by side.
fn three(cluster: &Cluster, role: Role, entropy: &Entropy) -> Vec<Place> {
    let place = |_| Place { role, listen: free_address(entropy), node: None };
    let mut places: Vec<Place> = (0..3).map(place).collect();
    std::thread::scope(|scope| {
        for place in &mut places {
            scope.spawn(move || place.start(cluster));
        }
    });
    places
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_of_every_role_are_restarted_in_turn_under_load() {
    let (cluster, entropy) = (Cluster::new(6), Entropy::system());
    let mut places = three(&cluster, Role::Orchestrator, &entropy);
    let gateways = three(&cluster, Role::Gateway, &entropy);
    let ways_in: Vec<String> = gateways.iter().map(|place| place.listen.clone()).collect();
    places.extend(gateways);
    places.extend(three(&cluster, Role::Worker, &entropy));
    let (sink, client) = (Sink::start().await, client(&ways_in[0], patient()));
    deploy(&client, &sink).await;
    let load = Load::start(ways_in);
    load.has_started(50).await;
    for (turn, place) in places.iter_mut().enumerate() {
        place.restart(&cluster, turn % 2 == 0);
        goes_on(&client, &load).await;
    }
    let acknowledged = load.end().await;
    println!("{} starts", acknowledged.len());
    check(&client, &acknowledged, &sink).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_start_that_its_gateway_dies_in_is_the_same_execution_at_another_one() {
    let cluster = Cluster::new(4);
    let _orchestrator = cluster.node(Role::Orchestrator);
    let survivor = cluster.node(Role::Gateway);
    let (sink, there) = (Sink::start().await, client(&survivor.address(), Repeats::default()));
    deploy(&there, &sink).await;
    let (flow, input): (FlowName, _) = ("test/pause".parse().unwrap(), json!({ "n": 1 }));
    let mut known = BTreeSet::new();
    for last in [1, 4] {
        // It is durable by then, and its caller was told nothing.
        let dies_at = format!("command-appended:{last}");
        let doomed = cluster.node_with(Role::Gateway, &[("FLOWMILL_CRASH_AT", &dies_at)]);
        let here = client(&doomed.address(), Repeats::none());
        for number in 1..last {
            let key = format!("{last}-{number}");
            known.insert(try_start(&here, &flow, &key, &input).await.unwrap());
        }
        let key = format!("{last}-{last}");
        let cut = try_start(&here, &flow, &key, &input).await.unwrap_err();
        assert_eq!(cut.status(), None, "{cut}");
        let (status, said) = doomed.ended();
        assert_eq!(status.signal(), Some(ABORTED), "{said}");

        let listed = listed(&there, known.len() + 1).await;
        let again = start(&there, &flow, &key, &input).await;
        assert!(known.insert(again), "the key names an execution of another one");
        assert_eq!(known, listed, "the repeat has started another execution");
    }
    assert_eq!(listed(&there, known.len()).await, known);
}

/// The executions that are listed, once there are so many.
async fn listed(client: &Client, count: usize) -> BTreeSet<ExecutionId> {
    let deadline = Instant::now() + SOON;
    loop {
        let ids = client.list(ListQuery::default()).map_ok(|entry| entry.id);
        let ids: BTreeSet<_> = ids.try_collect().await.unwrap();
        if ids.len() >= count {
            return ids;
        }
        assert!(Instant::now() < deadline, "{} of {count} are listed", ids.len());
        sleep(Duration::from_millis(50)).await;
    }
}
