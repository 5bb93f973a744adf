//! `flowmill validate`: checks definitions without a server.

use clap::Args;
use flowmill_flow::{Connection, Diagnostic, Flow, Type};
use serde::Serialize;

use crate::cli::OutputFormat;
use crate::definition::{self, Definition, WrongDefinition};
use crate::exit::{Failure, Outcome};
use crate::table::Table;
use crate::terminal;

/// Check flow definitions; no server is needed.
///
/// Every error of every file is printed, with its place and what to do. Exits with 2 when there
/// is one. Of a valid flow, the verdict of each connection is printed that leads to a node which
/// says what it takes: whether what is given fits, or is checked when it comes.
#[derive(Debug, Args)]
pub(crate) struct ValidateArgs {
    /// The definitions, as YAML or JSON; `-` for standard input.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<String>,
}

/// What is said of a file with `--output json`.
#[derive(Serialize)]
struct Verdict<'a> {
    file: &'a str,
    valid: bool,
    flow: Option<String>,
    version: Option<String>,
    errors: &'a [Diagnostic],
    /// Every connection, in the order of the definition.
    connections: Vec<Passage>,
}

/// What is said of a connection with `--output json`.
#[derive(Serialize)]
struct Passage {
    from: String,
    to: String,
    verdict: &'static str,
    /// The types of both sides in short, where it is said what is taken.
    given: Option<String>,
    taken: Option<String>,
    why: Option<String>,
}

/// Checks the files and prints a verdict on each.
///
/// # Errors
/// When a file cannot be read or the output is closed.
pub(crate) fn execute(args: &ValidateArgs, output: OutputFormat) -> Result<Outcome, Failure> {
    let load = |file: &String| Ok((file.clone(), definition::load(file)?));
    let files = args.files.iter().map(load).collect::<Result<Vec<_>, Failure>>()?;
    match output {
        OutputFormat::Table => {
            files.iter().try_for_each(|(file, result)| print_verdict(file, result))?;
        }
        OutputFormat::Json => {
            let verdicts: Vec<_> =
                files.iter().map(|(file, result)| verdict(file, result)).collect();
            terminal::print_json(&verdicts)?;
        }
    }
    let wrong = files.iter().any(|(_, result)| result.is_err());
    Ok(if wrong { Outcome::Wrong } else { Outcome::Done })
}

fn print_verdict(file: &str, result: &Result<Definition, WrongDefinition>) -> Result<(), Failure> {
    match result {
        Ok(definition) => {
            let (flow, nodes) =
                (definition.flow.document.flow_version(), definition.flow.nodes().len());
            terminal::print(&format!("{file}: ok, {flow}, {nodes} nodes"))?;
            print_connections(&definition.flow)
        }
        Err(wrong) => {
            wrong.report();
            Ok(())
        }
    }
}

/// Prints the connections into nodes that say what they take.
fn print_connections(flow: &Flow) -> Result<(), Failure> {
    let mut connections = passages(flow);
    connections.retain(|passage| passage.taken.is_some());
    if connections.is_empty() {
        return Ok(());
    }
    let mut table = Table::plain();
    for passage in &connections {
        let path = format!("  {} -> {}", passage.from, passage.to);
        table.row([&*path, passage.verdict, passage.why.as_deref().unwrap_or_default()]);
    }
    terminal::print(&table.to_string())
}

fn passages(flow: &Flow) -> Vec<Passage> {
    let passage = |connection: &Connection| {
        let fit = &connection.fit;
        Passage {
            from: flow.source_of(connection),
            to: flow.target_of(connection),
            verdict: fit.verdict.word(),
            given: fit.taken.as_ref().map(|_| fit.given.describe()),
            taken: fit.taken.as_ref().map(Type::describe),
            why: fit.why(),
        }
    };
    flow.connections().iter().map(passage).collect()
}

fn verdict<'a>(file: &'a str, result: &'a Result<Definition, WrongDefinition>) -> Verdict<'a> {
    let version = result.as_ref().ok().map(|definition| definition.flow.document.flow_version());
    Verdict {
        file,
        valid: result.is_ok(),
        flow: version.as_ref().map(|version| version.flow.to_string()),
        version: version.as_ref().map(|version| version.version.to_string()),
        errors: result.as_ref().err().map_or(&[], |wrong| &wrong.diagnostics),
        connections: result.as_ref().map_or_else(|_| Vec::new(), |known| passages(&known.flow)),
    }
}
