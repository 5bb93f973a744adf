//! What can go wrong with a request.

use flowmill_api::ProblemDto;

use crate::Server;

/// Why a request was not done, or is not known to be done.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// No answer came, also after repeating. A write may have been taken: send it again with the
    /// same idempotency key to be sure.
    #[error("the server at {server} cannot be reached")]
    Unreachable {
        /// The server.
        server: Server,
        /// What went wrong the last time.
        source: reqwest::Error,
    },
    /// The server answered that it did not do it, and why.
    #[error("{problem}")]
    Refused {
        /// The answer's status.
        status: u16,
        /// The server's words.
        problem: Box<ProblemDto>,
    },
    /// Something answered that is no server of this API, or one of another version.
    #[error(
        "the server at {server} gave an answer with status {status} that cannot be read: {reason}"
    )]
    Answer {
        /// The server.
        server: Server,
        /// The answer's status.
        status: u16,
        /// What is wrong with it.
        reason: String,
    },
    /// The client cannot be made.
    #[error("no HTTP client can be made")]
    Setup(#[source] reqwest::Error),
}

impl ClientError {
    /// The server's problem details, if it gave any.
    pub fn problem(&self) -> Option<&ProblemDto> {
        match self {
            Self::Refused { problem, .. } => Some(problem),
            Self::Unreachable { .. } | Self::Answer { .. } | Self::Setup(_) => None,
        }
    }

    /// The status of the server's answer, if it gave any.
    pub const fn status(&self) -> Option<u16> {
        match self {
            Self::Refused { status, .. } | Self::Answer { status, .. } => Some(*status),
            Self::Unreachable { .. } | Self::Setup(_) => None,
        }
    }
}
