//! How an evaluation can fail.

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
        let text = match error.as_str() {
            Some(text) => text.chars().take(CHARS).collect(),
            None => String::from_utf8_lossy(&error.to_bytes()).chars().take(CHARS).collect(),
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
            Unfit::Bytes => Self::Unexpected {
                found: "bytes".to_owned(),
                expected: "JSON has none: turn them into text with @base64",
            },
            Unfit::Key => Self::Unexpected {
                found: "an object with a key that is no string".to_owned(),
                expected: "turn keys into strings with tostring",
            },
        }
    }
}
