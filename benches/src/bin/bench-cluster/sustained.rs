//! A rate that is kept up, with what it costs in each process, and the highest rate there is.

use std::time::Duration;

use flowmill_client::{Client, ListQuery, StartAnswer, StartKey, StartRequest};
use flowmill_model::FlowName;
use futures::{StreamExt, TryStreamExt};
use tokio::time::{Instant, sleep};

use crate::cluster::{Cluster, Servers, deploy, ready};
use crate::load::Load;
use crate::metrics::Metrics;
use crate::node::{Node, Role};
use crate::probe::{Probe, Times};
use crate::report::Report;
use crate::usage::{Processes, megabytes};

const WARM_UP: Duration = Duration::from_secs(20);

/// How long the highest rate is looked for.
const HIGHEST: Duration = Duration::from_secs(30);

/// Between two looks at the projection's lag.
const LOOK: Duration = Duration::from_secs(1);

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
    let orchestrator = cluster.node(Role::Orchestrator).await?;
    let gateway = cluster.node(Role::Gateway).await?;
    let client = ready(&gateway).await?;
    deploy(&client, "bench/visible", VISIBLE).await?;

    let rate = rate.to_string();
    let how = ["--workload", "three-tasks", "--rate", &rate];
    let load = Load::start(&cluster, &gateway, (WARM_UP, duration), &how)?;
    sleep(WARM_UP + Duration::from_secs(1)).await;
    let how = ["--workload", "inline", "--rate", "20", "--until", "accepted"];
    let short = duration.saturating_sub(Duration::from_secs(3));
    let starts = Load::start(&cluster, &gateway, (Duration::from_secs(1), short), &how)?;
    let visible = Probe::start(Duration::from_millis(500), move || visible(client.clone()));
    let processes = [
        ("orchestrator", orchestrator.pid()),
        ("gateway", gateway.pid()),
        ("load and worker", load.pid()),
        ("kafka", cluster.kafka_pid()),
        ("cql", cluster.cql_pid()),
    ];
    let (processes, begun) = (Processes::look(&processes)?, Instant::now());
    let lag = lag_until(begun + short, &orchestrator).await?;
    let (used, took) = (processes.again()?, begun.elapsed().as_secs_f64());
    let (visible, starts, loaded) = (visible.take(), starts.end().await?, load.end().await?);

    let mut add = |name: &str, value| report.add("sustained", name, value);
    add("executions/s", loaded.per_second());
    add("failed", loaded.failed());
    for part in ["p50", "p95", "p99"] {
        add(&format!("end to end {part}, ms"), loaded.latency(part));
    }
    add("start accepted p50, ms", starts.latency("p50"));
    add("start accepted p99, ms", starts.latency("p99"));
    add("projection lag p50, ms", lag.millis(0.5));
    add("projection lag p99, ms", lag.millis(0.99));
    add("started until listed p50, ms", visible.millis(0.5));
    add("started until listed p99, ms", visible.millis(0.99));
    let thousands = loaded.per_second() * took / 1e3;
    for (name, cpu_seconds, usage) in used {
        add(&format!("{name}: cpu s per 1,000 executions"), cpu_seconds / thousands);
        add(&format!("{name}: memory, MB"), megabytes(usage.rss));
    }
    highest(&cluster, &gateway, report).await
}

/// As many as there can be with so many in flight.
async fn highest(cluster: &Cluster<'_>, gateway: &Node, report: &mut Report) -> anyhow::Result<()> {
    for concurrency in ["64", "256"] {
        let how = ["--workload", "three-tasks", "--concurrency", concurrency];
        let times = (Duration::from_secs(5), HIGHEST);
        let loaded = Load::start(cluster, gateway, times, &how)?.end().await?;
        let name = format!("{concurrency} in flight: executions/s");
        report.add("sustained", &name, loaded.per_second());
        let name = format!("{concurrency} in flight: end to end p50, ms");
        report.add("sustained", &name, loaded.latency("p50"));
    }
    Ok(())
}

/// Looks at how far the projection is behind until then.
async fn lag_until(until: Instant, orchestrator: &Node) -> anyhow::Result<Times> {
    let mut lag = Times::new();
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
