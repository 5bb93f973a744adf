//! `flowmill workers`: who takes tasks from the worker gateway.

use clap::Args;
use flowmill_api::WorkerDto;

use super::ServerArgs;
use crate::cli::OutputFormat;
use crate::exit::{Failure, Outcome};
use crate::table::Table;
use crate::terminal;

/// List the workers that take tasks from the server's worker gateway.
///
/// Each gateway knows the workers that talk to it. Workers that read from Kafka are not among
/// them. A worker is forgotten a minute after it was last heard of.
#[derive(Debug, Args)]
pub(crate) struct WorkersArgs {
    #[command(flatten)]
    server: ServerArgs,
}

/// Asks the server and prints what it says.
///
/// # Errors
/// When the server refuses or cannot be reached.
pub(crate) async fn execute(args: WorkersArgs, output: OutputFormat) -> Result<Outcome, Failure> {
    let workers = args.server.client()?.workers().await?;
    if output == OutputFormat::Json {
        terminal::print_json(&workers)?;
        return Ok(Outcome::Done);
    }
    let titles = ["WORKER", "CONNECTED", "QUEUES", "RUNNING", "CAPACITY", "COMPLETED", "FAILED"];
    let mut table = Table::new(titles);
    workers.iter().for_each(|worker| add(&mut table, worker));
    terminal::print(&table.to_string())?;
    Ok(Outcome::Done)
}

fn add(table: &mut Table, worker: &WorkerDto) {
    let counts = [worker.running, worker.capacity, worker.completed, worker.failed];
    let [running, capacity, completed, failed] = counts.map(|count| count.to_string());
    let connected = if worker.connected { "yes" } else { "no" }.to_owned();
    let (name, queues) = (worker.name.clone(), worker.queues.join(","));
    table.row([name, connected, queues, running, capacity, completed, failed]);
}
