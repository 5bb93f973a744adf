//! `flowmill graph`: a definition as a picture.

use clap::{Args, ValueEnum};

use crate::definition;
use crate::exit::{Failure, Outcome};
use crate::terminal;

/// Draw a flow; no server is needed.
///
/// Prints text that Mermaid or Graphviz draw: Markdown pages show a `mermaid` block as a picture,
/// and `dot -Tsvg` makes one of the other.
#[derive(Debug, Args)]
pub(crate) struct GraphArgs {
    /// The definition, as YAML or JSON; `-` for standard input.
    #[arg(value_name = "FILE")]
    file: String,
    /// The language of the picture.
    #[arg(long = "as", value_enum, default_value_t, value_name = "LANGUAGE")]
    language: Language,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Language {
    /// A Mermaid flowchart.
    #[default]
    Mermaid,
    /// A graph for Graphviz.
    Dot,
}

/// Prints the picture.
///
/// # Errors
/// When the file cannot be read or the output is closed. A wrong definition is an outcome.
pub(crate) fn execute(args: &GraphArgs) -> Result<Outcome, Failure> {
    match definition::load(&args.file)? {
        Ok(definition) => {
            let text = match args.language {
                Language::Mermaid => definition.flow.to_mermaid(),
                Language::Dot => definition.flow.to_dot(),
            };
            terminal::print(text.trim_end())?;
            Ok(Outcome::Done)
        }
        Err(wrong) => {
            wrong.report();
            Ok(Outcome::Wrong)
        }
    }
}
