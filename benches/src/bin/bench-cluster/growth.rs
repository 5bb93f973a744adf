//! What an execution takes on the disks and of the processors, with few shards and with many.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, ensure};
use flowmill_nodes::{Metrics, Node, Processes};
use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep};

use crate::cluster::{Cluster, Servers, bytes_below};
use crate::load::Load;
use crate::report::Report;

const SHARDS: [u16; 2] = [1, 16];

/// Executions a second: the same for both, below what either can do.
const RATE: &str = "300";

const DURATION: Duration = Duration::from_secs(40);

/// How long the projection may take to catch up.
const STORED_WITHIN: Duration = Duration::from_secs(60);

pub(crate) async fn measure(servers: &mut Servers, report: &mut Report) -> anyhow::Result<()> {
    for shards in SHARDS {
        let (keyspace, count) = executed(servers, shards, report).await?;
        let name = |what: &str| format!("{shards} shards: {what}, bytes per execution");
        for (topic, bytes) in bytes_of_topics(servers.kafka.folder(), &keyspace)? {
            report.add("growth", &name(&topic), per(bytes, count));
        }
        // What is only in memory goes to the disk when the server ends in order.
        servers.cql.terminate(0)?;
        let folder = servers.cql.folder().join("node-1").join("data").join(&keyspace);
        let bytes = bytes_below(&folder, ".db").with_context(|| folder.display().to_string())?;
        report.add("growth", &name("cql"), per(bytes, count));
        servers.cql.restart(0)?;
    }
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "figures are shown with three digits")]
fn per(bytes: u64, count: f64) -> f64 {
    bytes as f64 / count
}

/// Executes three-task flows on a new cluster; its name and how many there were.
async fn executed(
    servers: &Servers,
    shards: u16,
    report: &mut Report,
) -> anyhow::Result<(String, f64)> {
    let cluster = Cluster::make(servers, shards)?;
    let (orchestrator, gateway, _) = cluster.nodes().await?;
    let how = ["--workload", "three-tasks", "--rate", RATE];
    let load = Load::start(&cluster, &gateway, (Duration::ZERO, DURATION), &how)?;
    let processes = [
        ("orchestrator", orchestrator.pid()),
        ("gateway", gateway.pid()),
        ("kafka", cluster.kafka_pid()),
        ("cql", cluster.cql_pid()),
    ];
    let processes = Processes::look(&processes)?;
    let loaded = load.end().await?;
    stored(&orchestrator, shards).await?;
    let used = processes.again()?;
    report.add("growth", &format!("{shards} shards: executions/s"), loaded.per_second());
    for (name, cpu_seconds, _) in used {
        let name = format!("{shards} shards: {name}, cpu s per 1,000 executions");
        report.add("growth", &name, cpu_seconds / loaded.count() * 1e3);
    }
    let name = cluster.program.name.clone();
    spawn_blocking(|| gateway.terminate().and_then(|_| orchestrator.terminate())).await??;
    Ok((name, loaded.count()))
}

/// Waits until everything is in the store.
async fn stored(orchestrator: &Node, shards: u16) -> anyhow::Result<()> {
    let begun = Instant::now();
    loop {
        let metrics = Metrics::of(orchestrator).await?;
        // The last batch of a shard at rest only says that the others' outputs are sent.
        if metrics.sum("flowmill_projection_lag_batches") <= f64::from(shards) {
            return Ok(());
        }
        ensure!(begun.elapsed() < STORED_WITHIN, "the projection does not catch up");
        sleep(Duration::from_millis(100)).await;
    }
}

/// Bytes of a cluster's records by topic, as they are on the broker's disk. A folder is named
/// `CLUSTER.TOPIC-PARTITION`.
fn bytes_of_topics(folder: &Path, cluster: &str) -> std::io::Result<BTreeMap<String, u64>> {
    let prefix = format!("{cluster}.");
    let mut topics = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder)? {
            let entry = entry?;
            if !entry.file_type()?.is_dir() {
                continue;
            }
            let name = entry.file_name().to_string_lossy().into_owned();
            let topic = name.strip_prefix(&prefix).and_then(|name| name.rsplit_once('-'));
            match topic {
                Some((topic, _)) => {
                    let bytes = bytes_below(&entry.path(), ".log")?;
                    *topics.entry(topic.to_owned()).or_default() += bytes;
                }
                None => folders.push(entry.path()),
            }
        }
    }
    Ok(topics)
}
