//! Why a record is no task or no result.

use flowmill_model::limits;

/// A record that does not follow the contract.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ContractError {
    /// A header is not there.
    #[error("the header `{0}` is missing")]
    Missing(&'static str),
    /// A header is there more than once.
    #[error("the header `{0}` is there twice")]
    Twice(&'static str),
    /// A header's value is not what it must be.
    #[error("the header `{header}` is `{found}`, not {expected}")]
    Header {
        /// The header's name.
        header: &'static str,
        /// The start of its value.
        found: String,
        /// What it must be.
        expected: &'static str,
    },
    /// The record is something else.
    #[error("its type is `{found}`, not {expected}")]
    OtherType {
        /// The start of its type.
        found: String,
        /// What was looked for.
        expected: &'static str,
    },
    /// The record has a version newer than this build reads.
    #[error("its type is `{0}`, of which this build reads version 1")]
    NewerVersion(String),
    /// The value is not what the headers say.
    #[error("the value is no problem: {0}")]
    Problem(String),
    /// There are more headers than any honest writer adds.
    #[error("it has {0} headers, {limit} are allowed", limit = limits::RECORD_HEADERS)]
    TooManyHeaders(usize),
}

impl ContractError {
    /// Whether a newer build may be able to read the record.
    pub const fn is_newer_format(&self) -> bool {
        matches!(self, Self::NewerVersion(_))
    }

    pub(crate) fn header(header: &'static str, found: &[u8], expected: &'static str) -> Self {
        Self::Header { header, found: shown(found), expected }
    }
}

/// Characters of a foreign text that an error quotes.
const SHOWN: usize = 64;

/// The start of a foreign text.
pub(crate) fn shown(bytes: &[u8]) -> String {
    let start = &bytes[..bytes.len().min(4 * SHOWN)];
    String::from_utf8_lossy(start).chars().take(SHOWN).collect()
}
