//! `flowmill shards`: how a cluster's shards stand, and going on with one that was halted.

use clap::{Args, Subcommand};
use flowmill_api::ShardDto;
use flowmill_model::ShardId;

use super::ServerArgs;
use crate::cli::OutputFormat;
use crate::exit::{Failure, Outcome};
use crate::table::Table;
use crate::terminal;

/// Show how the shards stand, and go on with one that was halted.
#[derive(Debug, Args)]
pub(crate) struct ShardsArgs {
    #[command(subcommand)]
    command: ShardsCommand,
}

#[derive(Debug, Subcommand)]
enum ShardsCommand {
    /// List the shards, with why one is halted.
    ///
    /// States: `open`; `full` (no new keyed starts for now); `claiming`; `halted` (something is in its
    /// history or in the store that must not be, so it stands still); `unowned` (the server knows of
    /// no node that has it).
    List {
        #[command(flatten)]
        server: ServerArgs,
    },
    /// Have a halted shard taken over again, once what halted it is repaired.
    ///
    /// What is not repaired halts it again, which `flowmill shards list` shows.
    Resume {
        /// The shard's number.
        #[arg(value_name = "SHARD")]
        shard: u16,
        #[command(flatten)]
        server: ServerArgs,
    },
}

/// Asks the server and prints what it says.
///
/// # Errors
/// When the server refuses or cannot be reached.
pub(crate) async fn execute(args: ShardsArgs, output: OutputFormat) -> Result<Outcome, Failure> {
    match args.command {
        ShardsCommand::List { server } => print_list(&server.client()?.shards().await?, output)?,
        ShardsCommand::Resume { shard, server } => {
            server.client()?.resume_shard(ShardId::new(shard)).await?;
            terminal::note(&format!(
                "shard {shard} is taken over again; `flowmill shards list` shows how it stands"
            ));
        }
    }
    Ok(Outcome::Done)
}

fn print_list(shards: &[ShardDto], output: OutputFormat) -> Result<(), Failure> {
    if output == OutputFormat::Json {
        return terminal::print_json(&shards);
    }
    let titles = [
        "SHARD",
        "STATE",
        "EPOCH",
        "IN MEMORY",
        "WAITING",
        "DEFERRED",
        "TASKS",
        "NOT STORED",
        "WHY",
    ];
    let mut table = Table::new(titles);
    for shard in shards {
        let counts = [
            shard.epoch,
            shard.actors,
            shard.commands_waiting,
            shard.deferred,
            shard.tasks_in_flight,
            shard.projection_lag,
        ];
        let [epoch, actors, waiting, deferred, tasks, unstored] =
            counts.map(|count| count.to_string());
        let (number, state) = (shard.shard.to_string(), shard.state.clone());
        let why = shard.reason.clone().unwrap_or_default();
        table.row([number, state, epoch, actors, waiting, deferred, tasks, unstored, why]);
    }
    terminal::print(&table.to_string())
}
