//! `flowmill validate`: checks definitions without a server.

use clap::Args;
use flowmill_flow::Diagnostic;
use serde::Serialize;

use crate::cli::OutputFormat;
use crate::definition::{self, Definition, WrongDefinition};
use crate::exit::{Failure, Outcome};
use crate::terminal;

/// Check flow definitions; no server is needed.
///
/// Every error of every file is printed, with its place and what to do. Exits with 2 when there
/// is one.
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
            terminal::print(&format!("{file}: ok, {flow}, {nodes} nodes"))
        }
        Err(wrong) => {
            wrong.report();
            Ok(())
        }
    }
}

fn verdict<'a>(file: &'a str, result: &'a Result<Definition, WrongDefinition>) -> Verdict<'a> {
    let version = result.as_ref().ok().map(|definition| definition.flow.document.flow_version());
    Verdict {
        file,
        valid: result.is_ok(),
        flow: version.as_ref().map(|version| version.flow.to_string()),
        version: version.as_ref().map(|version| version.version.to_string()),
        errors: result.as_ref().err().map_or(&[], |wrong| &wrong.diagnostics),
    }
}
