//! Why a schema is no type, and what to do about it.

use crate::steps::Excess;

/// Why a schema cannot be read as a type.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{fault}")]
pub struct TypeError {
    /// What is wrong.
    pub fault: Fault,
    /// Where in the schema, as a JSON pointer; empty for the schema itself.
    pub pointer: String,
}

/// What is wrong with a schema.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// A schema is neither an object nor a boolean.
    #[error("this is no schema")]
    NoSchema,
    /// The value of a keyword is of the wrong kind.
    #[error("`{keyword}` must be {expected}")]
    Malformed {
        /// The keyword.
        keyword: String,
        /// What it must be.
        expected: &'static str,
    },
    /// The schema is written for another version of JSON Schema.
    #[error("the schema is not one of JSON Schema 2020-12")]
    Dialect,
    /// A part of the schema has an identifier of its own.
    #[error("an `$id` inside a schema is not supported")]
    InnerId,
    /// A reference leads to another document.
    #[error("the reference `{0}` leads out of the schema")]
    OutsideReference(String),
    /// A reference is no JSON pointer.
    #[error("the reference `{0}` is no JSON pointer such as #/$defs/a")]
    NoPointer(String),
    /// A reference leads to nothing.
    #[error("the reference `{0}` leads nowhere")]
    DeadReference(String),
    /// A reference leads to itself without looking inside the value.
    #[error("the reference `{0}` leads in a circle that never looks inside the value")]
    Circle(String),
    /// The schema is too large or too deep.
    #[error("the schema is too large for a type")]
    Excess(#[source] Excess),
}

impl TypeError {
    /// What to do.
    pub fn help(&self) -> String {
        match &self.fault {
            Fault::NoSchema => "write an object of keywords, true or false".to_owned(),
            Fault::Malformed { keyword, expected } => format!("write {expected} for `{keyword}`"),
            Fault::Dialect => "rewrite it for 2020-12, or remove `$schema`".to_owned(),
            Fault::InnerId => "remove it, and refer to the part by its place".to_owned(),
            Fault::OutsideReference(_) => {
                "copy the other schema into `$defs`, and refer to it as #/$defs/name".to_owned()
            }
            Fault::NoPointer(_) => {
                "refer to the part by its place, such as #/$defs/name".to_owned()
            }
            Fault::DeadReference(_) => "correct the name, or add the part to `$defs`".to_owned(),
            Fault::Circle(_) => {
                "let it pass through `properties` or `items`, or remove it".to_owned()
            }
            Fault::Excess(excess) => {
                format!("it has {excess}: describe the outer part, and leave the inner one open")
            }
        }
    }
}

/// A text from outside, cut to what a message can carry.
pub(crate) fn excerpt(text: &str) -> String {
    const CHARS: usize = 60;
    let shown = text.chars().take(CHARS).map(|c| if c.is_control() { ' ' } else { c });
    let rest = text.chars().nth(CHARS).map(|_| '…');
    shown.chain(rest).collect()
}
