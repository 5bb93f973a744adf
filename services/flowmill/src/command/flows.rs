//! `flowmill flows`: what is deployed, and which version starts get.

use clap::{Args, Subcommand};
use flowmill_api::FlowDto;
use flowmill_model::{FlowName, FlowVersion, Version};
use futures::TryStreamExt;

use super::ServerArgs;
use crate::cli::OutputFormat;
use crate::exit::{Failure, Outcome};
use crate::table::Table;
use crate::terminal;

/// Show what is deployed, and choose the version that starts get.
#[derive(Debug, Args)]
pub(crate) struct FlowsArgs {
    #[command(subcommand)]
    command: FlowsCommand,
}

#[derive(Debug, Subcommand)]
enum FlowsCommand {
    /// List the flows with the version that a start gets which names none.
    List {
        #[command(flatten)]
        server: ServerArgs,
    },
    /// Make a version the one that starts get which name none. Executions that run go on with theirs.
    Activate {
        /// The version, as NAMESPACE/NAME@VERSION.
        #[arg(value_name = "NS/NAME@VERSION", value_parser = flow_version)]
        version: FlowVersion,
        #[command(flatten)]
        server: ServerArgs,
    },
    /// Show one flow with all its versions; with `--output json` also a definition.
    Get {
        /// The flow, as NAMESPACE/NAME.
        #[arg(value_name = "NS/NAME")]
        flow: FlowName,
        /// The version whose definition is wanted; the default one when left out.
        #[arg(long)]
        version: Option<Version>,
        #[command(flatten)]
        server: ServerArgs,
    },
}

/// Asks the server and prints what it says.
///
/// # Errors
/// When the server refuses or cannot be reached.
pub(crate) async fn execute(args: FlowsArgs, output: OutputFormat) -> Result<Outcome, Failure> {
    match args.command {
        FlowsCommand::List { server } => {
            let client = server.client()?;
            let flows: Vec<FlowDto> = client.flows().try_collect().await?;
            print_list(&flows, output)?;
        }
        FlowsCommand::Activate { version, server } => {
            let found = server.client()?.activate(&version).await?;
            print_flow(&found, output)?;
        }
        FlowsCommand::Get { flow, version, server } => {
            let found = server.client()?.flow(&flow, version.as_ref()).await?;
            print_flow(&found, output)?;
        }
    }
    Ok(Outcome::Done)
}

fn flow_version(text: &str) -> Result<FlowVersion, String> {
    let (flow, version) = text.split_once('@').ok_or("write NAMESPACE/NAME@VERSION")?;
    let flow = flow.parse::<FlowName>().map_err(|error| error.to_string())?;
    let version = version.parse::<Version>().map_err(|error| error.to_string())?;
    Ok(FlowVersion { flow, version })
}

fn print_list(flows: &[FlowDto], output: OutputFormat) -> Result<(), Failure> {
    if output == OutputFormat::Json {
        return terminal::print_json(&flows);
    }
    let mut table = Table::new(["FLOW", "DEFAULT", "VERSIONS", "TITLE"]);
    for flow in flows {
        let default = flow.versions.iter().find(|version| version.version == flow.default);
        let title = default.and_then(|version| version.title.as_deref()).unwrap_or_default();
        table.row([&*flow.flow, &flow.default, &flow.versions.len().to_string(), title]);
    }
    terminal::print(&table.to_string())
}

fn print_flow(flow: &FlowDto, output: OutputFormat) -> Result<(), Failure> {
    if output == OutputFormat::Json {
        return terminal::print_json(flow);
    }
    let mut table = Table::new(["VERSION", "DEFAULT", "DEPLOYED", "HASH", "TITLE"]);
    for version in &flow.versions {
        let default = if version.version == flow.default { "yes" } else { "" };
        let hash = version.hash.get(..12).unwrap_or(&version.hash);
        let title = version.title.as_deref().unwrap_or_default();
        table.row([&*version.version, default, &version.deployed_at, hash, title]);
    }
    terminal::print(&table.to_string())
}
