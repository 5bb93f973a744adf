//! `flowmill deploy`: deploys definitions to a server.

use std::num::NonZeroU16;

use clap::Args;
use flowmill_api::DeployResult;
use flowmill_client::{Client, DefinitionFormat, DeployRequest};
use flowmill_flow::Format;

use super::ServerArgs;
use crate::cli::OutputFormat;
use crate::definition::{self, Definition};
use crate::exit::{Failure, Outcome};
use crate::terminal;

/// Deploy flow definitions to a server.
///
/// All files are checked before the first one is sent. Deploying the same content again changes
/// nothing; a version's content never changes, so raise `document.version` for a change.
#[derive(Debug, Args)]
pub(crate) struct DeployArgs {
    /// The definitions, as YAML or JSON; `-` for standard input.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<String>,
    /// How many shards carry the flow's executions. Only the first deploy of a flow's name sets
    /// it; all shards when left out.
    #[arg(long, value_name = "SHARDS")]
    spread: Option<NonZeroU16>,
    #[command(flatten)]
    server: ServerArgs,
}

/// Checks the files, then deploys one after the other.
///
/// # Errors
/// When a file cannot be read, or the server refuses one or cannot be reached.
pub(crate) async fn execute(args: DeployArgs, output: OutputFormat) -> Result<Outcome, Failure> {
    let Some(definitions) = load_all(&args.files)? else { return Ok(Outcome::Wrong) };
    let client = args.server.client()?;
    let mut results = Vec::with_capacity(definitions.len());
    for definition in definitions {
        let result = deploy(&client, definition, args.spread).await?;
        if output == OutputFormat::Table {
            let state = if result.created { "deployed" } else { "was deployed before" };
            terminal::print(&format!("{}@{} {state}", result.flow, result.version))?;
        }
        results.push(result);
    }
    if output == OutputFormat::Json {
        terminal::print_json(&results)?;
    }
    Ok(Outcome::Done)
}

/// The definitions; `None` when any has errors, which are printed.
fn load_all(files: &[String]) -> Result<Option<Vec<Definition>>, Failure> {
    let mut definitions = Some(Vec::with_capacity(files.len()));
    for file in files {
        match definition::load(file)? {
            Ok(definition) => {
                if let Some(definitions) = &mut definitions {
                    definitions.push(definition);
                }
            }
            Err(wrong) => {
                wrong.report();
                definitions = None;
            }
        }
    }
    Ok(definitions)
}

async fn deploy(
    client: &Client,
    definition: Definition,
    spread: Option<NonZeroU16>,
) -> Result<DeployResult, Failure> {
    let Definition { source, format, flow } = definition;
    let format = match format {
        Format::Json => DefinitionFormat::Json,
        Format::Yaml => DefinitionFormat::Yaml,
        Format::Detect if source.trim_ascii_start().starts_with(b"{") => DefinitionFormat::Json,
        Format::Detect => DefinitionFormat::Yaml,
    };
    let flow = flow.document.flow_version().flow;
    Ok(client.deploy(DeployRequest { flow, source, format, spread }).await?)
}
