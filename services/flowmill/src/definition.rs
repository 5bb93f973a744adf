//! Definitions on disk: reading, compiling, and printing what is wrong as a compiler does.

use std::fmt::Write;

use bytes::Bytes;
use flowmill_flow::{Case, Diagnostic, Flow, Format, compile, read_cases};
use flowmill_model::limits;

use crate::exit::Failure;
use crate::{input, terminal};

/// A definition that compiled.
pub(crate) struct Definition {
    /// Its text.
    pub(crate) source: Bytes,
    /// What the text says it is written in, by its file's name.
    pub(crate) format: Format,
    /// What it says.
    pub(crate) flow: Flow,
}

/// Reads and compiles a file (`-` for standard input).
///
/// # Errors
/// When it cannot be read. A definition with errors is the inner error: all of them.
pub(crate) fn load(file: &str) -> Result<Result<Definition, WrongDefinition>, Failure> {
    let source = read(file)?;
    let format = format_of(file);
    Ok(match compile(&source, format) {
        Ok(flow) => Ok(Definition { source, format, flow }),
        Err(diagnostics) => Err(WrongDefinition { file: file.to_owned(), source, diagnostics }),
    })
}

/// Reads the test cases of a flow.
///
/// # Errors
/// When the file cannot be read. Errors in it are the inner error: all of them.
pub(crate) fn load_cases(
    file: &str,
    flow: &Flow,
) -> Result<Result<Vec<Case>, WrongDefinition>, Failure> {
    let source = read(file)?;
    let cases = read_cases(&source, format_of(file), flow);
    Ok(cases.map_err(|diagnostics| WrongDefinition { file: file.to_owned(), source, diagnostics }))
}

/// Reads a file that is not larger than a definition may be.
fn read(file: &str) -> Result<Bytes, Failure> {
    let source = input::read_source(file)?;
    if source.len() > limits::DEFINITION_BYTES {
        let (bytes, limit) = (source.len(), limits::DEFINITION_BYTES);
        let detail = format!("{file} has {bytes} bytes, a definition has at most {limit}");
        return Err(Failure::Wrong(detail));
    }
    Ok(source)
}

/// The format that a file's name says.
pub(crate) fn format_of(file: &str) -> Format {
    match std::path::Path::new(file).extension().and_then(std::ffi::OsStr::to_str) {
        Some("json") => Format::Json,
        Some("yaml" | "yml") => Format::Yaml,
        Some(_) | None => Format::Detect,
    }
}

/// A definition and everything that is wrong with it.
pub(crate) struct WrongDefinition {
    /// The file, as the caller named it.
    pub(crate) file: String,
    source: Bytes,
    /// The errors, in the order of the text.
    pub(crate) diagnostics: Vec<Diagnostic>,
}

impl WrongDefinition {
    pub(crate) fn new(file: &str, source: Bytes, diagnostics: Vec<Diagnostic>) -> Self {
        Self { file: file.to_owned(), source, diagnostics }
    }

    /// Prints every error on standard error: `file:line:column`, what is wrong, the line itself
    /// with the place marked, what to do.
    pub(crate) fn report(&self) {
        let source = String::from_utf8_lossy(&self.source);
        for diagnostic in &self.diagnostics {
            terminal::note(&render(&self.file, &source, diagnostic));
        }
        let count = self.diagnostics.len();
        let plural = if count == 1 { "error" } else { "errors" };
        terminal::note(&format!("{}: {count} {plural}", self.file));
    }
}

/// Characters of a source line that are shown. A definition may be one long line.
const SHOWN: usize = 120;

fn render(file: &str, source: &str, diagnostic: &Diagnostic) -> String {
    let Diagnostic { code, message, help, line, column, pointer } = diagnostic;
    let mut text = format!("{file}:{line}:{column}: error[{}]: {message}\n", code.as_str());
    if let Some((shown, mark)) = excerpt(source, *line, *column) {
        let margin = " ".repeat(line.to_string().len());
        push(&mut text, format_args!("{margin} |\n{line} | {shown}\n{margin} | {mark}\n"));
    }
    if !pointer.is_empty() {
        push(&mut text, format_args!("  at {pointer}\n"));
    }
    push(&mut text, format_args!("  help: {help}\n"));
    text
}

fn push(text: &mut String, more: std::fmt::Arguments<'_>) {
    text.write_fmt(more).expect("writing to a string does not fail");
}

/// The part of a line around a column, and a mark below the column. Both count from 1.
fn excerpt(source: &str, line: usize, column: usize) -> Option<(String, String)> {
    let text: Vec<char> = source.lines().nth(line.checked_sub(1)?)?.chars().collect();
    let column = column.checked_sub(1)?.min(text.len());
    let from = column.saturating_sub(SHOWN / 2);
    let shown = text.iter().skip(from).take(SHOWN);
    let shown: String = shown.map(|c| if c.is_control() { ' ' } else { *c }).collect();
    Some((shown.trim_end().to_owned(), format!("{}^", " ".repeat(column - from))))
}

#[cfg(test)]
mod tests {
    use super::*;

    const WRONG: &str = "\
flowmill: 1
document: { namespace: shop, name: orders, version: 1.0.0 }
nodes:
  - { id: source, type: start }
  - { id: big, type: filtre, parameters: { condition: .total > 100 } }
connections:
  - source.out -> big.in
";

    #[test]
    fn an_error_is_shown_with_its_place_its_line_and_what_to_do() {
        let diagnostics = compile(WRONG.as_bytes(), Format::Yaml).unwrap_err();
        let text = render("orders.yaml", WRONG, &diagnostics[0]);
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines[0].starts_with("orders.yaml:5:"), "{text}");
        assert!(lines[0].contains("error[unknown-type]"), "{text}");
        assert_eq!(
            lines[2],
            "5 |   - { id: big, type: filtre, parameters: { condition: .total > 100 } }"
        );
        let (mark, expect) = (lines[3].find('^').unwrap(), lines[2].find("filtre").unwrap());
        assert_eq!(mark, expect, "{text}");
        assert!(text.contains("help: "), "{text}");
    }

    #[test]
    fn a_long_line_is_cut_around_the_place() {
        let long = format!("{}X{}", "a".repeat(500), "b".repeat(500));
        let (shown, mark) = excerpt(&long, 1, 501).unwrap();
        assert_eq!(shown.chars().count(), SHOWN);
        assert_eq!(shown.chars().nth(mark.len() - 1), Some('X'));
        assert_eq!(excerpt("a\nb", 3, 1), None);
        assert_eq!(excerpt("ab", 1, 99), Some(("ab".into(), "  ^".into())));
    }
}
