//! `flowmill init`: makes what a cluster needs in Kafka and in the store.

use std::num::NonZeroU16;

use clap::Args;
use serde_json::json;

use super::role::SettingsArgs;
use crate::cli::OutputFormat;
use crate::exit::{Failure, Outcome};
use crate::node::{self, Plan};
use crate::terminal;

/// Make the topics and the keyspace of a cluster, or check that those there are fit.
///
/// May be run at any time, and again: what is there and fits is left as it is. What is there and
/// does not fit is named, and nothing is changed. A larger number of shards adds shards;
/// executions and flows that are there stay where they are.
#[derive(Debug, Args)]
pub(crate) struct InitArgs {
    #[command(flatten)]
    settings: SettingsArgs,
    /// How many shards the cluster is to have: how far executions can be spread over nodes. Can be
    /// raised later, never lowered. 16 for a new cluster unless set.
    #[arg(long, value_name = "N")]
    shards: Option<NonZeroU16>,
    /// Keep one copy of everything instead of three: for a Kafka with one broker and a store with
    /// one node. What is on a disk that fails is lost.
    #[arg(long)]
    single_broker: bool,
}

/// Makes it.
///
/// # Errors
/// When Kafka or the store cannot be reached, or hold what does not fit.
pub(crate) async fn execute(args: InitArgs, output: OutputFormat) -> Result<Outcome, Failure> {
    let config = args.settings.load()?;
    let plan = Plan { shards: args.shards, single_broker: args.single_broker };
    let prepared = node::prepare(&config, plan).await?;
    let text = match output {
        OutputFormat::Json => json!({
            "cluster": config.cluster_name(),
            "shards": prepared.shards,
            "changes": prepared.changes,
        })
        .to_string(),
        OutputFormat::Table => {
            let summary = format!(
                "cluster {} is ready for its nodes: {} shards",
                config.cluster_name(),
                prepared.shards
            );
            prepared.changes.iter().cloned().chain([summary]).collect::<Vec<_>>().join("\n")
        }
    };
    terminal::print(&text)?;
    Ok(Outcome::Done)
}
