//! An error as users see it: RFC 9457 problem details, in a fault, on an `error` port, in an
//! answer of the API.

use std::fmt;

use bincode::{Decode, Encode};
use serde::{Deserialize, Serialize};

use crate::limits;

/// Problem details: what kind of error, how it maps to a status, what happened and where.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
pub struct Problem {
    /// A URI that names the kind of error.
    #[serde(rename = "type")]
    pub kind: String,
    /// The HTTP status that fits it best.
    pub status: u16,
    /// The kind in a few words; the same for every problem of the kind.
    pub title: String,
    /// What happened this time, and what to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// Where it happened: a JSON pointer into the definition, such as `/nodes/2`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<String>,
}

impl Problem {
    /// Makes a problem without detail and place.
    pub fn new(kind: impl Into<String>, status: u16, title: impl Into<String>) -> Self {
        Self { kind: kind.into(), status, title: title.into(), detail: None, instance: None }
    }

    /// Makes a problem of one of the engine's own kinds.
    pub fn of(code: crate::ErrorCode, detail: impl Into<String>) -> Self {
        Self::new(code.type_uri(), code.status(), code.title()).with_detail(detail)
    }

    /// Says what happened this time.
    #[must_use]
    pub fn with_detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// Says where it happened.
    #[must_use]
    pub fn with_instance(mut self, instance: impl Into<String>) -> Self {
        self.instance = Some(instance.into());
        self
    }

    /// Cuts texts that are longer than [`limits::PROBLEM_DETAIL_CHARS`], so that a problem that
    /// somebody else wrote fits into any record.
    #[must_use]
    pub fn bounded(mut self) -> Self {
        cut(&mut self.kind);
        cut(&mut self.title);
        self.detail.iter_mut().for_each(cut);
        self.instance.iter_mut().for_each(cut);
        self
    }
}

fn cut(text: &mut String) {
    if let Some((end, _)) = text.char_indices().nth(limits::PROBLEM_DETAIL_CHARS) {
        text.truncate(end);
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.detail {
            Some(detail) => write!(f, "{}: {detail}", self.title),
            None => write!(f, "{}", self.title),
        }
    }
}
