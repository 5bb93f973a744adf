//! Many executions that wait, beside a few that come and go.

use std::sync::Arc;
use std::time::Duration;

use flowmill_client::{Client, ListQuery, StartAnswer, StartKey, StartRequest};
use flowmill_model::ExecutionId;
use flowmill_nodes::{Probe, deploy, megabytes};
use flowmill_runtime::Entropy;
use futures::{StreamExt, TryStreamExt, stream};
use tokio::time::{Instant, sleep};

use crate::cluster::{Cluster, Servers};
use crate::load::Load;
use crate::report::Report;

/// Starts in flight while the executions are opened.
const CONCURRENCY: usize = 64;

/// Executions a second that come and go meanwhile.
const RATE: &str = "100";

const DURATION: Duration = Duration::from_secs(60);

/// Between two calls of a kind.
const PAUSE: Duration = Duration::from_millis(50);

/// An execution of this waits for a day, and for a task that nobody runs.
const OPEN: &str = "
flowmill: 1
document: { namespace: bench, name: open, version: 1.0.0 }
nodes:
  - { id: begin, type: start }
  - { id: day, type: wait, parameters: { for: P1D } }
  - { id: job, type: task, parameters: { type: nobody, input: { n: 1 } } }
connections:
  - begin.out -> day.in
  - begin.out -> job.in
";

pub(crate) async fn measure(
    servers: &Servers,
    shards: u16,
    count: u32,
    report: &mut Report,
) -> anyhow::Result<()> {
    let cluster = Cluster::make(servers, shards)?;
    let (orchestrator, gateway, client) = cluster.nodes().await?;
    deploy(&client, "bench/open", OPEN).await?;
    let begun = Instant::now();
    let open = Arc::new(open(&client, count).await?);
    let rate = f64::from(count) / begun.elapsed().as_secs_f64();
    report.add("many", "opened/s", rate);

    let how = ["--workload", "three-tasks", "--rate", RATE];
    let load = Load::start(&cluster, &gateway, (Duration::from_secs(10), DURATION), &how)?;
    sleep(Duration::from_secs(10)).await;
    let probes = probes(&client, &open);
    sleep(DURATION).await;
    for (name, probe) in probes {
        let seen = probe.take();
        report.add("many", &format!("{name} p50, ms"), seen.millis(0.5));
        report.add("many", &format!("{name} p95, ms"), seen.millis(0.95));
        report.add("many", &format!("{name} p99, ms"), seen.millis(0.99));
    }
    let loaded = load.end().await?;
    report.add("many", "executions/s beside them", loaded.per_second());
    report.add("many", "failed", loaded.failed());
    let (orchestrator, gateway) = (orchestrator.usage()?, gateway.usage()?);
    report.add("many", "orchestrator: memory, MB", megabytes(orchestrator.rss));
    report.add("many", "orchestrator: memory at most, MB", megabytes(orchestrator.peak_rss));
    report.add("many", "gateway: memory, MB", megabytes(gateway.rss));
    Ok(())
}

async fn open(client: &Client, count: u32) -> anyhow::Result<Vec<ExecutionId>> {
    let starts = (0..count).map(|_| start(client));
    stream::iter(starts).buffer_unordered(CONCURRENCY).try_collect().await
}

async fn start(client: &Client) -> anyhow::Result<ExecutionId> {
    let flow = "bench/open".parse()?;
    let (key, input) = (StartKey::Absent, "null".into());
    let request = StartRequest { flow, version: None, input, key };
    match client.start(&request, None).await? {
        StartAnswer::Accepted(start) => Ok(start.id),
        StartAnswer::Ended(execution) => Ok(execution.id),
    }
}

/// Callers of the API, one for each kind of call.
fn probes(client: &Client, open: &Arc<Vec<ExecutionId>>) -> [(&'static str, Probe); 4] {
    let (entropy, some) = (Arc::new(Entropy::system()), Arc::clone(open));
    let any = move || {
        let number = usize::try_from(entropy.next() >> 33).unwrap_or_default();
        some[number % some.len()]
    };
    let (one, two) = (any.clone(), any);
    let (first, second, third, fourth) =
        (client.clone(), client.clone(), client.clone(), client.clone());
    let get = move || {
        let (client, id) = (first.clone(), one());
        async move { client.get(id).await.is_ok() }
    };
    let history = move || {
        let (client, id) = (second.clone(), two());
        async move { client.history(id).try_collect::<Vec<_>>().await.is_ok() }
    };
    let list = move || {
        let client = third.clone();
        async move {
            let newest = client.list(ListQuery::default()).take(20);
            newest.try_collect::<Vec<_>>().await.is_ok()
        }
    };
    let start = move || {
        let client = fourth.clone();
        async move { start(&client).await.is_ok() }
    };
    [
        ("get", Probe::start(PAUSE, get)),
        ("history", Probe::start(PAUSE, history)),
        ("list", Probe::start(PAUSE, list)),
        ("start", Probe::start(PAUSE, start)),
    ]
}
