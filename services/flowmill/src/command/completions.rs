//! `flowmill completions`: a completion script for a shell.

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use crate::cli::Cli;
use crate::exit::{Failure, Outcome};
use crate::terminal;

/// Print a completion script for a shell.
///
/// For bash: `flowmill completions bash > ~/.local/share/bash-completion/completions/flowmill`.
#[derive(Debug, Args)]
pub(crate) struct CompletionsArgs {
    /// The shell.
    #[arg(value_enum)]
    shell: Shell,
}

/// Prints the script.
///
/// # Errors
/// When the output is closed.
pub(crate) fn execute(args: &CompletionsArgs) -> Result<Outcome, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "flowmill", &mut script);
    terminal::print(String::from_utf8_lossy(&script).trim_end())?;
    Ok(Outcome::Done)
}
