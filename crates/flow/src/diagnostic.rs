//! What is wrong with a definition: each error with its place and what to do about it.
//!
//! [`Report`] collects errors while a document is read, so that all of them are found at once. It
//! is bounded: a hostile document cannot make it grow.

use std::fmt;

use flowmill_model::limits;
use serde::Serialize;

use crate::nearest;

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $text:literal;)*) => {
        /// The kind of a [`Diagnostic`]. Its text is part of the API.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        #[serde(rename_all = "kebab-case")]
        pub enum DiagnosticCode {
            $($(#[$doc])* $name,)*
        }

        impl DiagnosticCode {
            /// Every code, in the order of the reference.
            pub const ALL: &'static [DiagnosticCode] = &[$(DiagnosticCode::$name,)*];

            /// The code as users see it.
            pub const fn as_str(self) -> &'static str {
                match self { $(DiagnosticCode::$name => $text,)* }
            }
        }
    };
}

codes! {
    /// The text is no YAML or JSON.
    Syntax = "syntax";
    /// The document, or a part of it, is larger than its limit.
    TooLarge = "too-large";
    /// The document is nested too deeply.
    TooDeep = "too-deep";
    /// A key occurs twice in one mapping.
    DuplicateKey = "duplicate-key";
    /// A YAML feature that definitions do not use: anchors, aliases, tags, several documents.
    UnsupportedYaml = "unsupported-yaml";
    /// The document is of a format version that this build does not read.
    UnsupportedFormat = "unsupported-format";
    /// The document asks for something of the Open Workflow Specification that is not run.
    UnsupportedConstruct = "unsupported-construct";
    /// A required field is missing.
    MissingField = "missing-field";
    /// A field is not one its place has.
    UnknownField = "unknown-field";
    /// A value is of the wrong type.
    WrongType = "wrong-type";
    /// A value is of the right type but not a possible one.
    InvalidValue = "invalid-value";
    /// A name or identifier breaks the rules of its kind.
    InvalidName = "invalid-name";
    /// Two nodes, or two cases of one switch, have one name.
    DuplicateName = "duplicate-name";
    /// The node type does not exist.
    UnknownType = "unknown-type";
    /// An expression or a template cannot be compiled.
    InvalidExpression = "invalid-expression";
    /// `$nodes.<id>` names no node.
    UnknownReference = "unknown-reference";
    /// `$nodes.<id>` names a node that has not run when the expression does.
    NotUpstream = "not-upstream";
    /// `$secrets` stands where no secret may go.
    MisplacedSecret = "misplaced-secret";
    /// A JSON Schema cannot be used.
    InvalidSchema = "invalid-schema";
    /// A connection cannot be read.
    InvalidConnection = "invalid-connection";
    /// A connection names a node that does not exist.
    UnknownNode = "unknown-node";
    /// A connection names a port its node does not have.
    UnknownPort = "unknown-port";
    /// Two connections join the same ports.
    DuplicateConnection = "duplicate-connection";
    /// The flow has no `start` node.
    MissingStart = "missing-start";
    /// The flow has several `start` or `end` nodes.
    SeveralNodes = "several-nodes";
    /// Connections lead in a circle.
    Cycle = "cycle";
    /// A node's input port has no connection.
    UnconnectedInput = "unconnected-input";
    /// No path leads from `start` to a node.
    Unreachable = "unreachable";
    /// No value that a connection gives is one that is taken.
    IncompatibleTypes = "incompatible-types";
}

/// One error of a definition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Diagnostic {
    /// What kind of error.
    pub code: DiagnosticCode,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub help: String,
    /// The line, counted from 1.
    pub line: usize,
    /// The column in characters, counted from 1.
    pub column: usize,
    /// The place as a JSON pointer; empty for the whole document.
    pub pointer: String,
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { code, message, help, line, column, pointer } = self;
        write!(f, "{line}:{column}: {message} [{}]", code.as_str())?;
        if !pointer.is_empty() {
            write!(f, " at {pointer}")?;
        }
        write!(f, "\n  help: {help}")
    }
}

/// A place in the text, counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The line.
    pub line: usize,
    /// The column in characters.
    pub column: usize,
}

impl Place {
    pub(crate) const START: Self = Self { line: 1, column: 1 };
}

/// An error without its place.
#[derive(Clone, Debug)]
pub struct Finding {
    /// What kind of error.
    pub code: DiagnosticCode,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub help: String,
}

impl Finding {
    /// What is wrong, and what to do.
    pub fn new(code: DiagnosticCode, message: impl Into<String>, help: impl Into<String>) -> Self {
        Self { code, message: message.into(), help: help.into() }
    }

    /// The error with its place in the text, and as a JSON pointer.
    pub fn at(self, place: Place, pointer: impl Into<String>) -> Diagnostic {
        Diagnostic {
            code: self.code,
            message: self.message,
            help: self.help,
            line: place.line,
            column: place.column,
            pointer: pointer.into(),
        }
    }
}

/// The errors found so far.
#[derive(Debug, Default)]
pub(crate) struct Report {
    found: Vec<Diagnostic>,
}

impl Report {
    /// Whether further errors are dropped, so that looking for them is of no use.
    pub(crate) const fn is_full(&self) -> bool {
        self.found.len() >= limits::DIAGNOSTICS
    }

    pub(crate) fn add(&mut self, diagnostic: Diagnostic) {
        if !self.is_full() {
            self.found.push(diagnostic);
        }
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// The errors in the order of the text.
    pub(crate) fn into_diagnostics(mut self) -> Vec<Diagnostic> {
        self.found.sort_by_key(|found| (found.line, found.column, found.code));
        self.found
    }
}

/// `did you mean ...`, or else `alternative`.
pub fn suggest<'a>(
    name: &str,
    known: impl IntoIterator<Item = &'a str>,
    alternative: impl FnOnce() -> String,
) -> String {
    match nearest::nearest(name, known) {
        Some(near) => format!("did you mean `{near}`?"),
        None => alternative(),
    }
}

/// A text from outside, cut to what a message can carry.
pub fn excerpt(text: &str) -> String {
    const CHARS: usize = 60;
    let mut cut: String =
        text.chars().take(CHARS).map(|c| if c.is_control() { ' ' } else { c }).collect();
    if text.chars().nth(CHARS).is_some() {
        cut.push('…');
    }
    cut
}
