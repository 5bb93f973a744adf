//! One execution at a time: what a hop costs when nothing waits for anything else.

use std::time::Duration;

use crate::cluster::{Cluster, Servers};
use crate::load::Load;
use crate::report::Report;

/// A broker costs several times as much in its first half minute, and with one at a time that
/// minute is long: so others warm it up.
const WARM_UP: Duration = Duration::from_secs(20);
const WARMING: [&str; 4] = ["--workload", "three-tasks", "--concurrency", "32"];

/// How long the one is alone before it is measured.
const ALONE: Duration = Duration::from_secs(5);

const DURATION: Duration = Duration::from_secs(20);

pub(crate) async fn measure(
    servers: &Servers,
    shards: u16,
    report: &mut Report,
) -> anyhow::Result<()> {
    let cluster = Cluster::make(servers, shards)?;
    let (_orchestrator, gateway, _) = cluster.nodes().await?;
    let how = ["--workload", "three-tasks", "--concurrency", "1"];
    Load::start(&cluster, &gateway, (Duration::ZERO, WARM_UP), &WARMING)?.end().await?;
    let loaded = Load::start(&cluster, &gateway, (ALONE, DURATION), &how)?.end().await?;
    for part in ["p50", "p95", "p99"] {
        report.add("one", &format!("end to end {part}, ms"), loaded.latency(part));
        report.add("one", &format!("per hop {part}, ms"), loaded.hop(part));
    }
    let how = ["--workload", "inline", "--concurrency", "1", "--until", "accepted"];
    let short = (Duration::from_secs(3), Duration::from_secs(10));
    let loaded = Load::start(&cluster, &gateway, short, &how)?.end().await?;
    report.add("one", "start accepted p50, ms", loaded.latency("p50"));
    report.add("one", "start accepted p99, ms", loaded.latency("p99"));
    Ok(())
}
