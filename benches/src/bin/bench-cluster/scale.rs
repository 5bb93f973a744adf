//! From one orchestrator to three and back under load: how soon a new node works, and how long each
//! shard pauses.
//!
//! Every shard has a caller that sends one command after the other to an execution of that shard.
//! Only the shard's owner can answer, so the longest time that an answer took is the pause.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::ensure;
use flowmill_client::{Client, Control, Repeats, StartAnswer, StartKey, StartRequest};
use flowmill_model::{ExecutionId, ShardId};
use flowmill_nodes::{Metrics, Node, Probe, Role, Times, deploy};
use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep};

use crate::cluster::{Cluster, Servers};
use crate::load::Load;
use crate::report::Report;

const SHARDS: u16 = 12;

/// Executions a second meanwhile.
const RATE: &str = "100";

/// How long the cluster is left alone after a change.
const SETTLE: Duration = Duration::from_secs(20);

/// Between two commands to a shard.
const PAUSE: Duration = Duration::from_millis(20);

/// How long a new node may take until it is given up.
const WORKS_WITHIN: Duration = Duration::from_secs(60);

const DAY: &str = "
flowmill: 1
document: { namespace: bench, name: day, version: 1.0.0 }
nodes:
  - { id: begin, type: start }
  - { id: day, type: wait, parameters: { for: P1D } }
connections:
  - begin.out -> day.in
";

pub(crate) async fn measure(servers: &Servers, report: &mut Report) -> anyhow::Result<()> {
    let cluster = Cluster::make(servers, SHARDS)?;
    let (first, gateway, client) = cluster.nodes().await?;
    deploy(&client, "bench/day", DAY).await?;
    let probes = probes(&client, &gateway).await?;
    let how = ["--workload", "three-tasks", "--rate", RATE];
    let times = (Duration::from_secs(5), SETTLE * 5);
    let load = Load::start(&cluster, &gateway, times, &how)?;
    sleep(SETTLE).await;
    tell(&probes, "one at rest", report);

    let second = cluster.node(Role::Orchestrator).await?;
    let third = cluster.node(Role::Orchestrator).await?;
    for (name, node) in [("second", &second), ("third", &third)] {
        let name = format!("{name} works after, s");
        report.add("scale", &name, works(node).await?.as_secs_f64());
    }
    sleep(SETTLE).await;
    tell(&probes, "one to three", report);

    third.kill();
    sleep(SETTLE).await;
    tell(&probes, "kill -9 of one of three", report);

    let begun = Instant::now();
    spawn_blocking(|| second.terminate()).await??;
    report.add("scale", "SIGTERM until the process is gone, s", begun.elapsed().as_secs_f64());
    sleep(SETTLE).await;
    tell(&probes, "two to one by SIGTERM", report);
    let loaded = load.end().await?;
    report.add("scale", "executions/s", loaded.per_second());
    report.add("scale", "failed", loaded.failed());
    report.add("scale", "end to end max, ms", loaded.latency("max"));
    drop(first);
    Ok(())
}

/// How long after its process began a node has committed something.
async fn works(node: &Node) -> anyhow::Result<Duration> {
    loop {
        let metrics = Metrics::of(node).await?;
        if metrics.sum("flowmill_commit_latency_seconds_count") > 0.0 {
            return Ok(node.begun.elapsed());
        }
        ensure!(node.begun.elapsed() < WORKS_WITHIN, "a new node has got nothing to do");
        sleep(Duration::from_millis(20)).await;
    }
}

/// A caller for every shard.
async fn probes(client: &Client, gateway: &Node) -> anyhow::Result<Vec<Probe>> {
    let mut targets = BTreeMap::<ShardId, ExecutionId>::new();
    while targets.len() < usize::from(SHARDS) {
        let (key, input) = (StartKey::Absent, "null".into());
        let request = StartRequest { flow: "bench/day".parse()?, version: None, input, key };
        let StartAnswer::Accepted(start) = client.start(&request, None).await? else { continue };
        targets.insert(start.id.shard(), start.id);
    }
    let caller = Client::new(gateway.url.parse()?, Repeats::none())?;
    let probe = |id: ExecutionId| {
        let caller = caller.clone();
        Probe::start(PAUSE, move || {
            let caller = caller.clone();
            async move { decided(&caller, id).await }
        })
    };
    Ok(targets.into_values().map(probe).collect())
}

/// Whether the owner has decided on a command. It is one that does not apply, and that is said by
/// the owner alone.
async fn decided(caller: &Client, id: ExecutionId) -> bool {
    let answer = caller.control(id, Control::Resume, None, None).await;
    answer.is_err_and(|error| error.status() == Some(409))
}

/// The longest that an answer took, over the shards, since it was told last.
fn tell(probes: &[Probe], what: &str, report: &mut Report) {
    let mut longest = Times::default();
    for probe in probes {
        let seen = probe.take().millis(1.0);
        longest.record(Duration::from_secs_f64(seen / 1e3));
    }
    report.add("scale", &format!("{what}: a shard's longest pause p50, ms"), longest.millis(0.5));
    report.add("scale", &format!("{what}: a shard's longest pause p99, ms"), longest.millis(0.99));
}
