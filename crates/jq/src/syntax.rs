//! From a program's text to its tree.
//!
//! The depth of a tree is bounded by a number, so that whoever walks it may call itself. Chains
//! (pipes, commas, sums, suffixes, parts of a string) are lists and do not count.

pub(crate) mod ast;
mod lexer;
mod object;
mod operators;
mod parser;
mod pattern;
mod string;
mod term;

pub(crate) use parser::{library, parse};

/// Why a program's text cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CompileError {
    /// Where in the text, in bytes.
    pub offset: usize,
    /// What is wrong.
    pub kind: CompileErrorKind,
}

/// What is wrong with a program's text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CompileErrorKind {
    /// It breaks the grammar.
    Syntax {
        /// What is wrong.
        message: String,
        /// What to do.
        help: &'static str,
    },
    /// It is nested more deeply than this.
    TooDeep(usize),
    /// It needs more code than a program may have.
    TooLarge,
    /// It calls a function that is not there.
    UnknownFunction {
        /// The function's name.
        name: String,
        /// How many arguments it is given.
        arity: usize,
    },
    /// It names a variable or label that is not there.
    UnknownVariable(String),
    /// It uses what jq has and this language has not.
    NotAvailable {
        /// What it uses.
        name: String,
        /// Why it is not there, and what to do without.
        why: &'static str,
    },
}

impl CompileError {
    pub(crate) fn syntax(offset: usize, message: impl Into<String>, help: &'static str) -> Self {
        Self { offset, kind: CompileErrorKind::Syntax { message: message.into(), help } }
    }
}
