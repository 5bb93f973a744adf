//! The figures of a cluster: its roles as processes of their own, a real Kafka, a real CQL server
//! and the load, all on this machine.
//!
//! Each scenario makes a cluster of its own on the same two servers, prints what it found as it
//! goes, and takes the cluster down. Nothing is judged here: a figure belongs to the machine it was
//! taken on. The load is `flowmill bench`, so its figures are those that a user gets; its processor
//! time counts among the others'.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "this program's purpose is to print"
)]

mod cluster;
mod growth;
mod load;
mod many;
mod one;
mod report;
mod scale;
mod sustained;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use clap::{Parser, ValueEnum};

use crate::cluster::Servers;
use crate::report::Report;

/// Measure a cluster whose every process is on this machine.
#[derive(Debug, Parser)]
#[command(name = "bench-cluster")]
struct Args {
    /// The program to measure: a release build of `flowmill`.
    #[arg(long, value_name = "FILE")]
    flowmill: PathBuf,
    /// What is measured; everything unless said.
    #[arg(long, value_enum, value_delimiter = ',')]
    scenario: Vec<Scenario>,
    /// Seconds of the sustained load.
    #[arg(long, value_name = "SECONDS", default_value_t = 300)]
    seconds: u64,
    /// Starts a second of the sustained load.
    #[arg(long, value_name = "N", default_value_t = 1_000)]
    rate: u32,
    /// Shards of the cluster, where a scenario does not say.
    #[arg(long, value_name = "N", default_value_t = 4)]
    shards: u16,
    /// Executions that are open in `many`.
    #[arg(long, value_name = "N", default_value_t = 10_000)]
    open: u32,
    /// Where the figures go as JSON, beside standard output.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Scenario {
    /// One execution at a time: the latency of a hop.
    One,
    /// A rate of three-task executions that is kept up, and the highest rate there is.
    Sustained,
    /// Many open executions beside a few that come and go: memory, and the API's latency.
    Many,
    /// From one orchestrator to three and back, one of them killed.
    Scale,
    /// Bytes and processor time of an execution, with 1 shard and with 16.
    Growth,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    let scenarios = match &args.scenario[..] {
        [] => Scenario::value_variants(),
        some => some,
    };
    eprintln!("starting Kafka and Cassandra");
    let mut servers = tokio::task::spawn_blocking(Servers::start).await??;
    servers.flowmill = args.flowmill.clone();
    let mut report = Report::begin();
    for scenario in scenarios {
        match scenario {
            Scenario::One => one::measure(&servers, args.shards, &mut report).await,
            Scenario::Sustained => {
                let duration = Duration::from_secs(args.seconds);
                sustained::measure(&servers, args.shards, args.rate, duration, &mut report).await
            }
            Scenario::Many => many::measure(&servers, args.shards, args.open, &mut report).await,
            Scenario::Scale => scale::measure(&servers, &mut report).await,
            Scenario::Growth => growth::measure(&mut servers, &mut report).await,
        }
        .with_context(|| format!("the scenario {scenario:?}"))?;
    }
    match args.json {
        Some(file) => report.write(&file),
        None => Ok(()),
    }
}
