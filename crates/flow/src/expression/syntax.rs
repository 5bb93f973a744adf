//! Reading an expression's text: bounds first, and what is wrong in words a user understands.

use flowmill_jq::{CompileError, CompileErrorKind, Program, functions};
use flowmill_model::limits;

use crate::diagnostic::{excerpt, suggest};

use super::Names;

/// Why an expression's text cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyntaxFault {
    /// Where in the text, in bytes.
    pub offset: usize,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub help: String,
}

impl SyntaxFault {
    pub(super) fn new(offset: usize, message: impl Into<String>, help: impl Into<String>) -> Self {
        Self { offset, message: message.into(), help: help.into() }
    }
}

/// Compiles `source`, which must be one expression that uses no other variables than `names`.
pub(super) fn compile(source: &str, names: &Names) -> Result<Program, SyntaxFault> {
    if source.len() > limits::EXPRESSION_BYTES {
        let message = format!("the expression is longer than {} bytes", limits::EXPRESSION_BYTES);
        return Err(SyntaxFault::new(0, message, "split it over several map nodes"));
    }
    if source.trim().is_empty() {
        let help = "write `.` for the input itself";
        return Err(SyntaxFault::new(0, "the expression is empty", help));
    }
    let program = Program::compile(source, &names.bare(), limits::EXPRESSION_DEPTH);
    program.map_err(|error| explained(error, names))
}

/// An error in words.
fn explained(CompileError { offset, kind }: CompileError, names: &Names) -> SyntaxFault {
    match kind {
        CompileErrorKind::Syntax { message, help } => SyntaxFault::new(offset, message, help),
        CompileErrorKind::TooDeep(limit) => {
            let message = format!("the expression is nested more than {limit} deep");
            SyntaxFault::new(offset, message, "split it over several map nodes")
        }
        CompileErrorKind::TooLarge => {
            let message = "the expression is too large";
            SyntaxFault::new(offset, message, "split it over several map nodes")
        }
        CompileErrorKind::UnknownFunction { name, arity } => {
            let shown = excerpt(&name);
            let message = format!("there is no function `{shown}` with {arity} arguments");
            SyntaxFault::new(offset, message, function_help(&name))
        }
        CompileErrorKind::UnknownVariable(name) => {
            let name = format!("${name}");
            let known: Vec<_> = names.bare().iter().map(|name| format!("${name}")).collect();
            let all = || format!("the variables here are {}", known.join(", "));
            let help = suggest(&name, known.iter().map(String::as_str), all);
            SyntaxFault::new(offset, format!("`{}` is not defined", excerpt(&name)), help)
        }
        CompileErrorKind::NotAvailable { name, why } => {
            SyntaxFault::new(offset, format!("`{name}` is not available"), why)
        }
    }
}

fn function_help(name: &str) -> String {
    let all = functions();
    let named = all.iter().filter(|(other, _)| *other == name);
    let counts: Vec<_> = named.map(|(_, arity)| arity.to_string()).collect();
    if !counts.is_empty() {
        return format!("`{name}` takes {} arguments, separated by `;`", counts.join(" or "));
    }
    suggest(name, all.iter().map(|(name, _)| *name), || {
        "a text goes into double quotes; for an id with a hyphen write $nodes[\"a-b\"]".to_owned()
    })
}

/// Where a scan of jq text is.
#[derive(Clone, Copy, PartialEq)]
enum Scan {
    Code,
    Text,
}

/// Walks jq text byte by byte, knowing strings, their interpolations and comments.
struct Scanner {
    /// The open brackets and strings.
    open: Vec<Scan>,
    escaped: bool,
    comment: bool,
}

impl Scanner {
    const fn new() -> Self {
        Self { open: Vec::new(), escaped: false, comment: false }
    }

    /// Takes the next byte; says whether it closes a bracket that was never opened.
    fn closes_too_many(&mut self, byte: u8) -> bool {
        let in_text = self.open.last() == Some(&Scan::Text);
        if self.comment {
            self.comment = byte != b'\n';
            return false;
        }
        if in_text {
            self.text(byte);
            return false;
        }
        match byte {
            b'(' | b'[' | b'{' => self.open.push(Scan::Code),
            b')' | b']' | b'}' => return self.open.pop().is_none(),
            b'"' => self.open.push(Scan::Text),
            b'#' => self.comment = true,
            _ => {}
        }
        false
    }

    fn text(&mut self, byte: u8) {
        match (std::mem::take(&mut self.escaped), byte) {
            (true, b'(') => self.open.push(Scan::Code),
            (true, _) => {}
            (false, b'\\') => self.escaped = true,
            (false, b'"') => {
                self.open.pop();
            }
            (false, _) => {}
        }
    }
}

/// The offset of the brace that ends the expression at the start of `text`.
pub fn template_end(text: &str) -> Option<usize> {
    let mut scanner = Scanner::new();
    text.bytes().position(|byte| scanner.closes_too_many(byte) && byte == b'}')
}
