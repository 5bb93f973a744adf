//! `flowmill nodes`: what flows are made of.

use clap::{Args, Subcommand};
use flowmill_api::NodeTypesDto;
use flowmill_flow::{BuiltIn, built_in, built_in_type};
use flowmill_gateway::node_type;

use crate::cli::OutputFormat;
use crate::exit::{Failure, Outcome};
use crate::table::Table;
use crate::terminal;

/// Show the node types that flows are made of; no server is needed.
#[derive(Debug, Args)]
pub(crate) struct NodesArgs {
    #[command(subcommand)]
    command: NodesCommand,
}

#[derive(Debug, Subcommand)]
enum NodesCommand {
    /// List the node types.
    List {
        /// The same as --output json.
        #[arg(long)]
        json: bool,
    },
    /// Show one node type: its parameters, its ports and an example.
    ///
    /// With `--json` its manifest, with the JSON Schemas of its parameters and ports.
    Show {
        /// The node type, such as http.request.
        #[arg(value_name = "TYPE")]
        node_type: String,
        /// The same as --output json.
        #[arg(long)]
        json: bool,
    },
}

/// Prints what is asked for.
///
/// # Errors
/// When there is no such node type, or the output is closed.
pub(crate) fn execute(args: &NodesArgs, output: OutputFormat) -> Result<Outcome, Failure> {
    match &args.command {
        NodesCommand::List { json } => match output.or_json(*json) {
            OutputFormat::Table => print_list()?,
            OutputFormat::Json => {
                let node_types = built_in().iter().map(|built_in| node_type(&built_in.manifest));
                terminal::print_json(&NodeTypesDto { node_types: node_types.collect() })?;
            }
        },
        NodesCommand::Show { node_type: name, json } => {
            let found = built_in_type(name).map_err(|error| Failure::wrong(error.to_string()))?;
            match output.or_json(*json) {
                OutputFormat::Table => print(found)?,
                OutputFormat::Json => terminal::print_json(&node_type(&found.manifest))?,
            }
        }
    }
    Ok(Outcome::Done)
}

fn print_list() -> Result<(), Failure> {
    let mut table = Table::new(["TYPE", "KIND", "DOES"]);
    for built_in in built_in() {
        let manifest = &built_in.manifest;
        table.row([manifest.node().as_str(), manifest.kind().as_str(), manifest.description()]);
    }
    terminal::print(&table.to_string())
}

fn print(built_in: &BuiltIn) -> Result<(), Failure> {
    let manifest = &built_in.manifest;
    terminal::print(&format!("{}: {}", manifest.node(), manifest.description()))?;
    let mut ports = Table::new(["PORT", "", "VALUES", "MEANING"]);
    for port in manifest.inputs() {
        ports.row([port.name().as_str(), "in", &port.value().describe(), port.description()]);
    }
    for port in manifest.outputs() {
        ports.row([port.name().as_str(), "out", &port.value().describe(), port.description()]);
    }
    terminal::print(&format!("\n{ports}"))?;
    if !built_in.further_outputs.is_empty() {
        terminal::print(&format!("further output ports: {}", built_in.further_outputs))?;
    }
    if !built_in.parameters.is_empty() {
        let mut parameters = Table::new(["PARAMETER", "", "FORM", "MEANING"]);
        for line in &built_in.parameters {
            let required = if line.required { "required" } else { "" };
            parameters.row([&*line.path, required, &line.form, line.meaning]);
        }
        terminal::print(&format!("\n{parameters}"))?;
    }
    if !built_in.settings.is_empty() {
        terminal::print(&format!("\nsettings: {}", built_in.settings.join(", ")))?;
    }
    terminal::print(&format!("\nexample:\n{}", built_in.example.trim_end()))
}
