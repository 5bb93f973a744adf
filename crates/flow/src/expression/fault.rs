//! How an evaluation can fail.

use flowmill_jq::{Fault, Value};
use flowmill_model::limits;

use crate::diagnostic::excerpt;
use crate::json::{Json, Unfit};

/// An expression that gave no usable value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the expression `{expression}` {kind}")]
pub struct ExpressionFault {
    /// The expression's text, cut when it is long.
    pub expression: String,
    /// What went wrong.
    pub kind: FaultKind,
}

/// What went wrong in an evaluation.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FaultKind {
    /// It gave nothing.
    #[error("gave no value; it must give exactly one")]
    NoValue,
    /// It gave more than one value.
    #[error("gave several values; it must give exactly one (wrap it in [...] for an array)")]
    SeveralValues,
    /// It raised an error.
    #[error("failed: {0}")]
    Raised(String),
    /// Its value is too large.
    #[error("gave more than {} bytes of JSON", limits::PAYLOAD_BYTES)]
    TooLarge,
    /// Its value is nested too deeply.
    #[error("gave a value nested more than {} deep", limits::JSON_DEPTH)]
    TooDeep,
    /// Its evaluation took too long.
    #[error("ran for more than {} steps", limits::EXPRESSION_STEPS)]
    TooManySteps,
    /// Its evaluation needed too much memory.
    #[error("needs more than {} MiB of memory", limits::EXPRESSION_MEMORY_BYTES / (1024 * 1024))]
    TooMuchMemory,
    /// Its functions called each other, or left too much to come back to.
    #[error("calls functions inside each other more than {} deep", limits::EXPRESSION_STACK)]
    TooManyCalls,
    /// Its value is not one that its place takes.
    #[error("gave {found}; {expected}")]
    Unexpected {
        /// What it gave, in words.
        found: String,
        /// What its place takes.
        expected: &'static str,
    },
}

impl ExpressionFault {
    pub(crate) fn new(expression: &str, kind: FaultKind) -> Self {
        Self { expression: excerpt(expression), kind }
    }
}

impl FaultKind {
    /// The message of a raised error: its text, or its JSON, cut to a bounded length.
    pub(super) fn raised(error: &Json) -> Self {
        const CHARS: usize = 300;
        let text = match error.value() {
            Value::String(text) => text.chars().take(CHARS).collect(),
            Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::Array(_)
            | Value::Object(_) => error.value().excerpt(CHARS),
        };
        Self::Raised(text)
    }

    pub(crate) fn unexpected(found: &Json, expected: &'static str) -> Self {
        Self::Unexpected { found: found.kind().to_owned(), expected }
    }
}

impl From<Unfit> for FaultKind {
    fn from(unfit: Unfit) -> Self {
        match unfit {
            Unfit::TooLarge => Self::TooLarge,
            Unfit::TooDeep => Self::TooDeep,
        }
    }
}

impl From<Fault> for FaultKind {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Steps(_) => Self::TooManySteps,
            Fault::Bytes(_) => Self::TooMuchMemory,
            Fault::Stack(_) => Self::TooManyCalls,
            Fault::Nesting(_) => Self::TooDeep,
        }
    }
}
