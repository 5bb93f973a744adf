//! How a call fails, and whether another attempt may help.
//!
//! Texts name the method and the address as the definition has it, without the query, and never a
//! header or a part of one.

use std::borrow::Cow;
use std::error::Error;
use std::time::Duration;

use flowmill_model::{ErrorCode, Problem};
use flowmill_worker_sdk::TaskError;
use reqwest::StatusCode;

use crate::policy::Refused;

/// What is said of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Named {
    /// Method, origin and path.
    pub(crate) call: String,
    /// Whether secrets were filled in. Then nothing that a server made up is quoted: it may
    /// repeat them.
    pub(crate) has_secrets: bool,
}

/// Why a call cannot be made as the node describes it, whoever tries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unusable(pub(crate) String);

impl Unusable {
    /// What the execution learns.
    pub(crate) fn into_task_error(self) -> TaskError {
        let detail = format!("the request cannot be made: {}", self.0);
        TaskError::fatal(Problem::of(ErrorCode::TaskFailed, detail))
    }
}

/// Why a call gave no answer to be passed on.
#[derive(Debug)]
pub(crate) enum CallError {
    /// The address must not be reached.
    Refused(Refused),
    /// Nothing came back, or not all of it.
    Transport {
        /// What went wrong.
        error: reqwest::Error,
        /// Whether a server had a say in it: where to go, or what to send.
        answered: bool,
    },
    /// It was sent from place to place.
    TooManyRedirects,
    /// It was sent to a place that is none.
    BadRedirect,
    /// The answer is larger than it may be.
    TooLarge {
        /// What is.
        what: &'static str,
        /// The limit, in bytes.
        limit: usize,
    },
    /// The other side refused, or failed.
    Status {
        /// What it said.
        status: StatusCode,
        /// The beginning of the answer's body.
        quote: String,
        /// The time it asked for.
        retry_after: Option<Duration>,
    },
}

impl CallError {
    /// What an error of the client means; `answered` when some server has answered before.
    pub(crate) fn of_client(error: reqwest::Error, answered: bool) -> Self {
        match source_of::<Refused>(&error) {
            Some(refused) => Self::Refused(*refused),
            None => Self::Transport { error: error.without_url(), answered },
        }
    }
}

impl From<Refused> for CallError {
    fn from(refused: Refused) -> Self {
        Self::Refused(refused)
    }
}

/// The first error of a kind among an error's sources.
fn source_of<'a, E: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a E> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        next = error.source();
    }
    None
}

impl CallError {
    /// What kind of failure it is: a word, or the status of the answer.
    pub(crate) fn kind(&self) -> Cow<'static, str> {
        match self {
            Self::Refused(_) => "refused".into(),
            Self::Transport { error, .. } if error.is_connect() => "no-connection".into(),
            Self::Transport { .. } => "no-answer".into(),
            Self::TooManyRedirects | Self::BadRedirect => "redirect".into(),
            Self::TooLarge { .. } => "too-large".into(),
            Self::Status { status, .. } => status.as_str().to_owned().into(),
        }
    }

    /// What the execution learns.
    pub(crate) fn into_task_error(self, named: &Named) -> TaskError {
        let call = &named.call;
        let fatal = |code, detail| TaskError::fatal(Problem::of(code, detail));
        match self {
            Self::Refused(refused) => fatal(ErrorCode::Communication, format!("{call}: {refused}")),
            Self::Transport { error, answered } => {
                let quotable = !named.has_secrets || (error.is_connect() && !answered);
                let detail = format!("{call}: {}", told(&error, quotable));
                TaskError::retryable(Problem::of(ErrorCode::Communication, detail))
            }
            Self::TooManyRedirects => {
                let most = flowmill_model::limits::REDIRECTS;
                let detail = format!("{call} was redirected more than {most} times");
                fatal(ErrorCode::Communication, detail)
            }
            Self::BadRedirect => {
                let detail = format!("{call} was redirected to no address of the web");
                fatal(ErrorCode::Communication, detail)
            }
            Self::TooLarge { what, limit } => {
                let detail = format!("{call}: {what} of the answer is larger than {limit} bytes");
                fatal(ErrorCode::TooLarge, detail)
            }
            Self::Status { status, quote, retry_after } => {
                refused(named, status, &quote, retry_after)
            }
        }
    }
}

/// An error, and its sources if they may be quoted, in one line.
fn told(error: &reqwest::Error, quotable: bool) -> String {
    if !quotable {
        let known = [
            (error.is_connect(), "no connection"),
            (error.is_body() || error.is_decode(), "the answer ended early"),
        ];
        let what = known.iter().find_map(|(is, what)| is.then_some(*what));
        return what.unwrap_or("no answer").to_owned();
    }
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

fn refused(
    named: &Named,
    status: StatusCode,
    quote: &str,
    retry_after: Option<Duration>,
) -> TaskError {
    let mut detail = format!("{} answered {status}", named.call);
    if !quote.is_empty() && !named.has_secrets {
        detail = format!("{detail}: {quote}");
    }
    let code = ErrorCode::Communication;
    let problem = Problem::new(code.type_uri(), status.as_u16(), code.title()).with_detail(detail);
    let error = if is_retryable(status) {
        TaskError::retryable(problem)
    } else {
        TaskError::fatal(problem)
    };
    match retry_after {
        Some(delay) => error.retry_after(delay),
        None => error,
    }
}

/// Whether the same request may succeed later.
pub(crate) fn is_retryable(status: StatusCode) -> bool {
    status.is_server_error() || matches!(status.as_u16(), 408 | 425 | 429)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_pass_is_retryable_and_what_stays_is_not() {
        let check = |status: u16, expect: bool| {
            let status = StatusCode::from_u16(status).expect("a status");
            assert_eq!(is_retryable(status), expect, "{status}");
        };
        for status in [408, 425, 429, 500, 501, 502, 503, 504, 599] {
            check(status, true);
        }
        for status in [300, 304, 400, 401, 403, 404, 409, 410, 422] {
            check(status, false);
        }
    }

    #[test]
    fn an_answer_is_quoted_only_where_it_cannot_repeat_a_secret() {
        let check = |has_secrets: bool, expect: &str| {
            let named = Named { call: "GET http://h/".to_owned(), has_secrets };
            let status = StatusCode::NOT_FOUND;
            let error = refused(&named, status, "no such order", None).to_string();
            assert_eq!(error, expect);
        };
        check(false, "The call failed: GET http://h/ answered 404 Not Found: no such order");
        check(true, "The call failed: GET http://h/ answered 404 Not Found");
    }
}
