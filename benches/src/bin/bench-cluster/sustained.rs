//! A rate that is kept up, with what it costs in each process, and the highest rate there is.

use std::time::Duration;

use flowmill_client::{Client, ListQuery, StartAnswer, StartKey, StartRequest};
use flowmill_model::FlowName;
use flowmill_nodes::{Metrics, Node, Probe, Processes, Times, deploy, megabytes};
use futures::{StreamExt, TryStreamExt};
use tokio::time::{Instant, sleep};

use crate::cluster::{Cluster, Servers};
use crate::load::Load;
use crate::report::Report;

/// The servers' virtual machines compile what they find busy. After four minutes of load they still
/// took an eighth of the machine's time for that.
const WARM_UP: Duration = Duration::from_secs(5 * 60);

/// How long the highest rate is looked for.
const HIGHEST: Duration = Duration::from_secs(30);

/// Between two looks at the projection's lag.
const LOOK: Duration = Duration::from_secs(1);

/// Executions that ended, and how long each took, as the orchestrator counts them.
const ENDED: &str = "flowmill_executions_ended_total";
const DURATION: &str = "flowmill_execution_duration_seconds";

/// Entries of the list in which a new execution is looked for.
const NEWEST: usize = 10;

const VISIBLE: &str = "
flowmill: 1
document: { namespace: bench, name: visible, version: 1.0.0 }
nodes:
  - { id: begin, type: start }
  - { id: done, type: end }
connections:
  - begin.out -> done.in
";

pub(crate) async fn measure(
    servers: &Servers,
    shards: u16,
    rate: u32,
    duration: Duration,
    report: &mut Report,
) -> anyhow::Result<()> {
    let cluster = Cluster::make(servers, shards)?;
    let (orchestrator, gateway, client) = cluster.nodes().await?;
    deploy(&client, "bench/visible", VISIBLE).await?;

    let rate = rate.to_string();
    let how = ["--workload", "three-tasks", "--rate", &rate, "--until", "accepted"];
    let load = Load::start(&cluster, &gateway, (WARM_UP, duration), &how)?;
    sleep(WARM_UP + Duration::from_secs(1)).await;
    let short = duration.saturating_sub(Duration::from_secs(3));
    let visible = Probe::start(Duration::from_millis(500), move || visible(client.clone()));
    let processes = [
        ("orchestrator", orchestrator.pid()),
        ("gateway", gateway.pid()),
        ("load and worker", load.pid()),
        ("kafka", cluster.kafka_pid()),
        ("cql", cluster.cql_pid()),
    ];
    let (before, begun) = (Metrics::of(&orchestrator).await?, Instant::now());
    let processes = Processes::look(&processes)?;
    let lag = lag_until(begun + short, &orchestrator).await?;
    let (after, took) = (Metrics::of(&orchestrator).await?, begun.elapsed().as_secs_f64());
    let used = processes.again()?;
    let (visible, loaded) = (visible.take(), load.end().await?);

    let mut add = |name: &str, value| report.add("sustained", name, value);
    let ended = after.sum(ENDED) - before.sum(ENDED);
    add("started/s", loaded.per_second());
    add("ended/s", ended / took);
    add("refused or failed", loaded.failed());
    for (part, share) in [("p50", 0.5), ("p95", 0.95), ("p99", 0.99)] {
        let seconds = after.quantile_since(&before, DURATION, share);
        add(&format!("start to end {part}, ms"), seconds * 1e3);
    }
    for part in ["p50", "p95", "p99"] {
        add(&format!("start accepted {part}, ms"), loaded.latency(part));
    }
    add("projection lag p50, ms", lag.millis(0.5));
    add("projection lag p99, ms", lag.millis(0.99));
    add("started until listed p50, ms", visible.millis(0.5));
    add("started until listed p99, ms", visible.millis(0.99));
    let thousands = ended / 1e3;
    for (name, cpu_seconds, usage) in used {
        add(&format!("{name}: cpu s per 1,000 executions"), cpu_seconds / thousands);
        add(&format!("{name}: memory, MB"), megabytes(usage.rss));
    }
    highest(&cluster, &gateway, report).await
}

/// As many as there can be with so many in flight.
async fn highest(cluster: &Cluster<'_>, gateway: &Node, report: &mut Report) -> anyhow::Result<()> {
    for concurrency in ["64", "256", "1024"] {
        let how = ["--workload", "three-tasks", "--concurrency", concurrency];
        let times = (Duration::from_secs(5), HIGHEST);
        let loaded = Load::start(cluster, gateway, times, &how)?.end().await?;
        let name = format!("{concurrency} in flight: executions/s");
        report.add("sustained", &name, loaded.per_second());
        let name = format!("{concurrency} in flight: end to end p50, ms");
        report.add("sustained", &name, loaded.latency("p50"));
    }
    let how = ["--workload", "three-tasks", "--concurrency", "1"];
    let times = (Duration::from_secs(5), Duration::from_secs(20));
    let loaded = Load::start(cluster, gateway, times, &how)?.end().await?;
    report.add(
        "sustained",
        "1 in flight after all this: end to end p50, ms",
        loaded.latency("p50"),
    );
    report.add("sustained", "1 in flight after all this: per hop p50, ms", loaded.hop("p50"));
    Ok(())
}

/// Looks at how far the projection is behind until then.
async fn lag_until(until: Instant, orchestrator: &Node) -> anyhow::Result<Times> {
    let mut lag = Times::default();
    while Instant::now() < until {
        let metrics = Metrics::of(orchestrator).await?;
        lag.record(Duration::from_secs_f64(metrics.max("flowmill_projection_lag_seconds")));
        sleep(LOOK).await;
    }
    Ok(lag)
}

/// Starts an execution and waits until it is in the list.
async fn visible(client: Client) -> bool {
    let flow: FlowName = "bench/visible".parse().expect("a constant name");
    let (key, input) = (StartKey::Absent, "null".into());
    let request = StartRequest { flow: flow.clone(), version: None, input, key };
    let Ok(StartAnswer::Accepted(started)) = client.start(&request, None).await else {
        return false;
    };
    let query = ListQuery { flow: Some(flow), ..ListQuery::default() };
    loop {
        let newest = client.list(query.clone()).map_ok(|entry| entry.id).take(NEWEST);
        let newest: Result<Vec<_>, _> = newest.try_collect().await;
        if newest.is_ok_and(|newest| newest.contains(&started.id)) {
            return true;
        }
        sleep(Duration::from_millis(20)).await;
    }
}
