//! A campaign of faults: a real broker and store, three orchestrators, gateways and workers as
//! processes, callers that record what was acknowledged to them, and a service that records what it
//! was asked. Faults strike one after the other, each drawn from the seed. At the end everything is
//! compared with everything.
//!
//! Exits with 1 when something that must hold did not, or an execution never ends. A time that was
//! missed is printed as missed.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "this program's purpose is to print"
)]

mod availability;
mod callers;
mod campaign;
mod disks;
mod flows;
mod ledger;
mod nemesis;
mod pauses;
mod sink;
mod table;
mod verdict;
mod witness;
mod world;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::ensure;
use clap::Parser;

use crate::campaign::Campaign;
use crate::nemesis::Nemesis;

/// Torment a cluster, and check that nothing was lost and nothing happened twice.
#[derive(Debug, Parser)]
#[command(name = "flowmill-campaign")]
struct Args {
    /// The program: a debug build of `flowmill`, which can be made to die at named places.
    #[arg(long, value_name = "FILE")]
    flowmill: PathBuf,
    /// Another build of it, to which nodes are changed by N18: that of the previous commit, say. The
    /// same build unless said.
    #[arg(long, value_name = "FILE")]
    previous: Option<PathBuf>,
    /// Brokers, and nodes of the store: one or three.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = servers)]
    servers: usize,
    /// Which faults, in turn; a mixture of all unless said.
    #[arg(long, value_enum, value_delimiter = ',', value_name = "N1,N2,...")]
    nemesis: Vec<Nemesis>,
    /// For how long faults strike, in minutes.
    #[arg(long, value_name = "MINUTES", default_value_t = 5.0)]
    minutes: f64,
    /// What the faults are drawn from; drawn itself unless said.
    #[arg(long, value_name = "SEED")]
    seed: Option<u64>,
    /// Executions started a second.
    #[arg(long, value_name = "N", default_value_t = 40)]
    rate: u32,
    /// Executions that are open all the time.
    #[arg(long, value_name = "N", default_value_t = 2_000)]
    open: usize,
    /// For how long nothing is heard of a node until others take its shards over, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 6)]
    session: u32,
    /// Let N6, N13, N15 and N17 last as long and be as large as they are meant to be at most: ten
    /// minutes without the store, a hundred thousand timers. A strike takes many minutes then.
    #[arg(long)]
    large: bool,
    /// Where everything that callers saw, and every fault, is written, a line of JSON each.
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
}

fn servers(text: &str) -> Result<usize, String> {
    match text {
        "1" => Ok(1),
        "3" => Ok(3),
        other => Err(format!("{other} servers are not among what there is: 1 or 3")),
    }
}

fn main() -> anyhow::Result<ExitCode> {
    let args = Args::parse();
    if args.fills_disks() {
        ensure!(args.servers == 1, "N16 fills disks of one broker and one node of the store");
        disks::own_mounts()?;
    }
    tokio::runtime::Runtime::new()?.block_on(torment(&args))
}

impl Args {
    /// Whether servers are to have disks that can be filled.
    fn fills_disks(&self) -> bool {
        self.nemesis.contains(&Nemesis::N16)
    }
}

async fn torment(args: &Args) -> anyhow::Result<ExitCode> {
    let campaign = Campaign::start(args).await?;
    let table = campaign.run(args).await?;
    table.print();
    Ok(if table.verdict.violations.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
