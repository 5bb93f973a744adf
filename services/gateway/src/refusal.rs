//! Why a request was not done, in terms that every way in shares.

use std::time::Duration;

use flowmill_flow::{Diagnostic, JsonError, SchemaViolation};
use flowmill_model::ErrorCode;
use flowmill_routing::AskError;
use flowmill_store::StoreError;

/// A request that was not done: a code, what happened, and what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct Refusal {
    /// What kind of error.
    pub code: ErrorCode,
    /// What happened, for the caller. Never a payload, a key or an internal message.
    pub detail: String,
    /// The single errors, where there are several or their places are known.
    pub findings: Vec<Finding>,
}

/// One error of a definition or an input. What is not known is `None`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Finding {
    /// What kind of error.
    pub code: Option<&'static str>,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub help: Option<String>,
    /// Line and column in the text, from 1.
    pub place: Option<(usize, usize)>,
    /// The place as a JSON pointer.
    pub pointer: Option<String>,
}

impl Refusal {
    /// A refusal without single errors.
    pub fn new(code: ErrorCode, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into(), findings: Vec::new() }
    }

    /// Adds the single errors.
    #[must_use]
    pub fn with(mut self, findings: impl IntoIterator<Item = Finding>) -> Self {
        self.findings.extend(findings);
        self
    }

    /// When the same request may succeed; `None` when it needs a change first.
    pub fn retry_after(&self) -> Option<Duration> {
        match self.code.status() {
            _ if self.code == ErrorCode::StorageFull => Some(crate::room::REMEMBERED),
            429 | 503 => Some(Duration::from_secs(1)),
            _ => None,
        }
    }

    pub(crate) fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(ErrorCode::BadRequest, detail)
    }

    pub(crate) fn not_found(detail: impl Into<String>) -> Self {
        Self::new(ErrorCode::NotFound, detail)
    }

    pub(crate) fn unavailable(detail: impl Into<String>) -> Self {
        Self::new(ErrorCode::Unavailable, detail)
    }

    pub(crate) fn too_large(what: &str, bytes: usize, limit: usize) -> Self {
        let detail = format!("{what} has {bytes} bytes, {limit} are allowed");
        Self::new(ErrorCode::TooLarge, detail)
    }

    /// The body is no JSON.
    pub(crate) fn malformed(error: &JsonError) -> Self {
        let finding = Finding {
            message: error.what.to_owned(),
            place: Some((error.line, error.column)),
            ..Finding::default()
        };
        let JsonError { what, line, column } = error;
        let detail = format!("the body is no JSON: line {line}, column {column}: {what}");
        Self::bad_request(detail).with([finding])
    }

    /// The input does not fit the flow's schema.
    pub(crate) fn misfit(violations: Vec<SchemaViolation>) -> Self {
        let detail =
            format!("the input does not fit the flow's schema; errors: {}", violations.len());
        Self::new(ErrorCode::InvalidInput, detail).with(violations.into_iter().map(Finding::from))
    }

    /// The definition has errors.
    pub(crate) fn wrong_definition(diagnostics: Vec<Diagnostic>) -> Self {
        let detail = format!("the definition has errors: {}", diagnostics.len());
        let findings = diagnostics.into_iter().map(Finding::from);
        Self::new(ErrorCode::InvalidDefinition, detail).with(findings)
    }
}

impl From<Diagnostic> for Finding {
    fn from(diagnostic: Diagnostic) -> Self {
        let Diagnostic { code, message, help, line, column, pointer } = diagnostic;
        Self {
            code: Some(code.as_str()),
            message,
            help: Some(help),
            place: Some((line, column)),
            pointer: Some(pointer),
        }
    }
}

impl From<SchemaViolation> for Finding {
    fn from(violation: SchemaViolation) -> Self {
        let SchemaViolation { message, pointer } = violation;
        Self { message, pointer: Some(pointer), ..Self::default() }
    }
}

impl From<AskError> for Refusal {
    fn from(error: AskError) -> Self {
        let code = match error {
            AskError::Busy(_) => ErrorCode::Overloaded,
            AskError::NoOwner(_) | AskError::Moved(_) | AskError::TimedOut(_) => {
                ErrorCode::Unavailable
            }
        };
        Self::new(code, format!("{error}; try again"))
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        match &error {
            StoreError::Unavailable(_) => tracing::warn!(%error, "the store does not answer"),
            StoreError::Full => {}
            StoreError::Damaged(_) => tracing::error!(%error, "the store cannot be read"),
        }
        Self::unavailable("the store cannot be asked for now; try again")
    }
}
