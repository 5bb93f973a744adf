//! Reading an expression's text: bounds first, then jaq's own lexer and parser, and what they say
//! in words a user understands.
//!
//! jaq's lexer, parser and compiler call themselves for every level of nesting. So the nesting is
//! measured before each of them runs.

use flowmill_model::limits;
use jaq_core::compile::Undefined;
use jaq_core::load::lex::{self, Lexer, StrPart, Tok, Token};
use jaq_core::load::parse::{self, Parser, Term};
use jaq_core::load::span;

use crate::diagnostic::{excerpt, suggest};

use super::Variable;
use super::library::{self, Library};

/// Why an expression's text cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SyntaxFault {
    /// Where in the text, in bytes.
    pub(crate) offset: usize,
    pub(crate) message: String,
    pub(crate) help: String,
}

impl SyntaxFault {
    pub(super) fn new(offset: usize, message: impl Into<String>, help: impl Into<String>) -> Self {
        Self { offset, message: message.into(), help: help.into() }
    }
}

/// Parses `source`, which must be one expression.
pub(super) fn parse(source: &str) -> Result<Term<&str>, SyntaxFault> {
    if source.len() > limits::EXPRESSION_BYTES {
        let message = format!("the expression is longer than {} bytes", limits::EXPRESSION_BYTES);
        return Err(SyntaxFault::new(0, message, "split it over several map nodes"));
    }
    if source.trim().is_empty() {
        return Err(SyntaxFault::new(
            0,
            "the expression is empty",
            "write `.` for the input itself",
        ));
    }
    if let Some(at) = source.find("\\\n").or_else(|| source.find("\\\r")) {
        return Err(SyntaxFault::new(at, "a line ends with a backslash", "remove the backslash"));
    }
    if brackets(source) > limits::EXPRESSION_DEPTH {
        return Err(too_deep(0));
    }
    let tokens = Lexer::new(source).lex().map_err(|errors| lexical(source, &errors))?;
    if let Some(Token(word @ ("import" | "include" | "module"), _)) = tokens.first() {
        let why = library::absent(word).unwrap_or_default();
        return Err(SyntaxFault::new(0, format!("`{word}` is not available"), why));
    }
    if depth(&tokens) > limits::EXPRESSION_DEPTH {
        return Err(too_deep(0));
    }
    let parsed = Parser::new(&tokens).parse(|parser| parser.term());
    parsed.map_err(|errors| grammatical(source, &errors))
}

fn too_deep(offset: usize) -> SyntaxFault {
    let message = format!(
        "the expression is nested, or its operators are chained, more than {} deep",
        limits::EXPRESSION_DEPTH
    );
    SyntaxFault::new(offset, message, "split it over several map nodes")
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

/// How deeply brackets and strings are nested, at most.
fn brackets(source: &str) -> usize {
    let mut scanner = Scanner::new();
    let mut deepest = 0;
    for byte in source.bytes() {
        scanner.closes_too_many(byte);
        deepest = deepest.max(scanner.open.len());
    }
    deepest
}

/// The offset of the brace that ends the expression at the start of `text`.
pub(crate) fn template_end(text: &str) -> Option<usize> {
    let mut scanner = Scanner::new();
    text.bytes().position(|byte| scanner.closes_too_many(byte) && byte == b'}')
}

/// An upper bound of the depth of the tree that the tokens are parsed into.
fn depth(tokens: &[Token<&str>]) -> usize {
    let mut chained = 1;
    let mut deepest = 0;
    for Token(text, token) in tokens {
        match token {
            Tok::Block(inner) => deepest = deepest.max(depth(inner)),
            Tok::Str(parts) => {
                chained += parts.len();
                let inner = parts.iter().map(|part| match part {
                    StrPart::Term(token) => depth(std::slice::from_ref(token)),
                    StrPart::Str(_) | StrPart::Char(_) => 0,
                });
                deepest = deepest.max(inner.max().unwrap_or(0));
            }
            Tok::Sym => {
                chained += usize::from(!text.starts_with(['.', ';', ':', '?', ')', ']', '}']))
            }
            Tok::Word => chained += usize::from(NESTING.contains(text)),
            Tok::Var | Tok::Fmt | Tok::Num => {}
        }
    }
    chained + deepest
}

/// Words that put what follows them one level deeper.
const NESTING: [&str; 11] =
    ["if", "elif", "try", "catch", "reduce", "foreach", "label", "def", "as", "and", "or"];

fn lexical(source: &str, errors: &[lex::Error<&str>]) -> SyntaxFault {
    let Some((expected, found)) = errors.first() else {
        return SyntaxFault::new(0, "the expression cannot be read", "check its syntax");
    };
    let offset = span(source, found).start;
    let shown = excerpt(found);
    if let lex::Expect::Delim(open) = expected {
        let message = format!("the {} for `{}` is missing", expected.as_str(), excerpt(open));
        return SyntaxFault::new(span(source, open).start, message, "close what is opened");
    }
    if let lex::Expect::Token = expected {
        let message = format!("`{shown}` is not part of the language");
        return SyntaxFault::new(offset, message, "remove it, or put it into double quotes");
    }
    let message = format!("a {} is missing at `{shown}`", expected.as_str());
    SyntaxFault::new(offset, message, "complete it")
}

fn grammatical(source: &str, errors: &[parse::TError<'_, &str>]) -> SyntaxFault {
    let Some((expected, found)) = errors.first() else {
        return SyntaxFault::new(0, "the expression cannot be read", "check its syntax");
    };
    let expected = if let parse::Expect::Term = expected {
        "an expression"
    } else if let parse::Expect::Nothing = expected {
        "the end of the expression"
    } else {
        expected.as_str()
    };
    match found {
        Some(Token(text, _)) => {
            let message = format!("`{}` stands where {expected} is expected", excerpt(text));
            SyntaxFault::new(span(source, text).start, message, "correct the expression there")
        }
        None => {
            let message = format!("the expression ends where {expected} is expected");
            SyntaxFault::new(source.len(), message, "complete the expression")
        }
    }
}

/// The first name of `errors` in words.
pub(super) fn undefined(
    source: &str,
    errors: &jaq_core::compile::Errors<&str, ()>,
    library: &Library,
    known: &[Variable],
) -> SyntaxFault {
    let all = errors.iter().flat_map(|(_, errors)| errors);
    let Some((name, kind)) = all.into_iter().next() else {
        return SyntaxFault::new(0, "the expression cannot be compiled", "check its names");
    };
    let within = source.as_bytes().as_ptr_range().contains(&name.as_ptr());
    let offset = if within { span(source, name).start } else { 0 };
    if let Some(why) = library::absent(name) {
        return SyntaxFault::new(offset, format!("`{name}` is not available"), why);
    }
    let shown = excerpt(name);
    match kind {
        Undefined::Var => {
            let known: Vec<_> = known.iter().map(|variable| variable.name()).collect();
            let all = || format!("the variables here are {}", known.join(", "));
            let help = suggest(name, known.iter().copied(), all);
            SyntaxFault::new(offset, format!("`{shown}` is not defined"), help)
        }
        Undefined::Filter(arity) => {
            let message = format!("there is no function `{shown}` with {arity} arguments");
            SyntaxFault::new(offset, message, function_help(name, library))
        }
        Undefined::Label | Undefined::Mod => {
            let what = kind.as_str();
            SyntaxFault::new(offset, format!("the {what} `{shown}` is not defined"), "define it")
        }
        _ => SyntaxFault::new(offset, format!("`{shown}` is not defined"), "define it"),
    }
}

fn function_help(name: &str, library: &Library) -> String {
    let arities = library.arities(name);
    if !arities.is_empty() {
        let counts: Vec<_> = arities.iter().map(ToString::to_string).collect();
        return format!("`{name}` takes {} arguments, separated by `;`", counts.join(" or "));
    }
    suggest(name, library.names(), || {
        "a text goes into double quotes; for an id with a hyphen write $nodes[\"a-b\"]".to_owned()
    })
}
