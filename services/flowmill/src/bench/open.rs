//! Many executions that wait: the memory they cost, and the start of an engine that finds them.

use std::num::NonZeroU32;
use std::time::Duration;

use anyhow::{Context, ensure};
use bytes::Bytes;
use flowmill_gateway::Gateway;
use flowmill_model::FlowName;
use futures::{StreamExt, TryStreamExt, stream};
use serde::Serialize;
use tokio::time::{Instant, sleep};

use super::machine::Machine;
use super::process::Usage;
use super::target::{deploy_embedded, start_request};
use crate::engine::{Engine, EngineOptions};
use crate::progress::Progress;
use crate::table::Table;
use crate::terminal;

/// Starts in flight.
const CONCURRENCY: usize = 512;

/// How long the engine may take to be ready again.
const READY_WITHIN: Duration = Duration::from_secs(300);

/// How long the engine may take until no execution is in memory.
const IDLE_WITHIN: Duration = Duration::from_secs(300);

const DAY: &str = "
flowmill: 1
document: { namespace: bench, name: open, version: 1.0.0 }
nodes:
  - { id: begin, type: start }
  - { id: day, type: wait, parameters: { for: P1D } }
connections:
  - begin.out -> day.in
";

/// What was found.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OpenReport {
    executions: u32,
    starts_per_second: f64,
    rss_bytes: Option<u64>,
    peak_rss_bytes: Option<u64>,
    /// From the start of an engine on the same data until it serves.
    start_seconds: f64,
    rss_bytes_after_start: Option<u64>,
    machine: Machine,
}

/// Starts the executions, waits until none of them is in memory, and starts another engine on
/// the same data.
///
/// # Errors
/// When an engine cannot start or does not take an execution.
pub(crate) async fn measure(
    options: EngineOptions,
    count: NonZeroU32,
) -> anyhow::Result<OpenReport> {
    let engine = Engine::start(options.clone()).await?;
    engine.ready(READY_WITHIN).await?;
    deploy_embedded(engine.gateway(), Bytes::from_static(DAY.as_bytes())).await?;
    let begun = Instant::now();
    start_all(engine.gateway(), count.get()).await?;
    let starts_per_second = f64::from(count.get()) / begun.elapsed().as_secs_f64();
    passivated(engine.gateway()).await?;
    let open = Usage::now();
    engine.stop().await;
    terminal::note("starting again");
    let begun = Instant::now();
    let engine = Engine::start(options).await?;
    engine.ready(READY_WITHIN).await?;
    let start_seconds = begun.elapsed().as_secs_f64();
    let again = Usage::now();
    engine.stop().await;
    Ok(OpenReport {
        executions: count.get(),
        starts_per_second,
        rss_bytes: open.rss,
        peak_rss_bytes: open.peak_rss,
        start_seconds,
        rss_bytes_after_start: again.rss,
        machine: Machine::this(),
    })
}

async fn start_all(gateway: &Gateway, count: u32) -> anyhow::Result<()> {
    let flow: FlowName = "bench/open".parse().context("a constant name")?;
    let mut progress = Progress::begin();
    let starts = (0..count).map(|_| gateway.start(start_request(&flow)));
    let mut starts = stream::iter(starts).buffer_unordered(CONCURRENCY);
    let mut done = 0_u32;
    while starts.try_next().await?.is_some() {
        done += 1;
        progress.say(|| format!("{done} of {count} started"));
    }
    progress.end();
    Ok(())
}

/// Waits until no execution is in memory and everything is in the store.
async fn passivated(gateway: &Gateway) -> anyhow::Result<()> {
    let begun = Instant::now();
    let mut progress = Progress::begin();
    loop {
        let statuses = gateway.shard_statuses();
        let live: usize = statuses.iter().map(|(_, status)| status.actors).sum();
        // The last batch of a shard at rest only says that the others' outputs are sent.
        let behind: u64 = statuses.iter().map(|(_, s)| s.projection_lag.saturating_sub(1)).sum();
        if live == 0 && behind == 0 {
            progress.end();
            return Ok(());
        }
        ensure!(begun.elapsed() < IDLE_WITHIN, "{live} executions are still in memory");
        progress.say(|| format!("{live} executions in memory, {behind} batches to store"));
        sleep(Duration::from_millis(50)).await;
    }
}

impl OpenReport {
    /// The report as a table.
    pub(crate) fn table(&self) -> Table {
        let mut table = Table::plain();
        let megabytes = |bytes: Option<u64>| {
            bytes.map_or_else(|| "unknown".to_owned(), |bytes| format!("{} MB", bytes / 1_000_000))
        };
        table.row(["open executions", &self.executions.to_string()]);
        table.row(["started", &format!("{:.0}/s", self.starts_per_second)]);
        table.row(["memory", &megabytes(self.rss_bytes)]);
        table.row(["memory at most", &megabytes(self.peak_rss_bytes)]);
        table.row(["start with them", &format!("{:.2} s", self.start_seconds)]);
        table.row(["memory after it", &megabytes(self.rss_bytes_after_start)]);
        table.row(["machine", &self.machine.to_string()]);
        table
    }
}
