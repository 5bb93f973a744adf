//! How a command ends: its exit code, and what is said about a failure.

use std::process::ExitCode;
use std::time::Duration;

use flowmill_api::{DiagnosticDto, ProblemDto};
use flowmill_client::ClientError;
use flowmill_gateway::{Finding, Refusal};
use flowmill_model::ShardId;

use crate::terminal;

/// The exit code of [`Failure::Stuck`].
const STUCK: u8 = 5;

/// How a command ended that did what it was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Done.
    Done,
    /// The flow faulted or was cancelled, or a check found something wrong; it was said already.
    Faulted,
    /// A definition is wrong; it was said already.
    Wrong,
    /// Time was up before the execution ended; it was said already.
    TimeUp,
    /// The caller ended it.
    Interrupted,
}

impl Outcome {
    /// The process's exit code.
    pub(crate) fn code(self) -> ExitCode {
        ExitCode::from(match self {
            Self::Done => 0,
            Self::Faulted => 1,
            Self::Wrong => 2,
            Self::TimeUp => 4,
            Self::Interrupted => 130,
        })
    }
}

/// Why a command could not be done. What is not listed with a code of its own ends with 1.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The caller must change something first.
    #[error("{0}")]
    Wrong(String),
    /// A server's answer, or its absence.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The answer of an engine in this process.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// A shard of this node holds what it has until the process ends.
    #[error(
        "the loop of shard {0} was stuck and could not be stopped, so the process ends and the \
         shards of this node go to others\n  start it again, or have a supervisor do so; report \
         what was logged before"
    )]
    Stuck(ShardId),
    /// Whoever reads the output has gone. Nothing is wrong with that.
    #[error("the output was closed")]
    OutputClosed,
    /// Something else.
    #[error(transparent)]
    Other(#[from] anyhow::Error),
}

impl Failure {
    /// A failure by the caller's doing.
    pub(crate) fn wrong(text: impl Into<String>) -> Self {
        Self::Wrong(text.into())
    }

    /// Says what went wrong and what to do, on standard error.
    pub(crate) fn report(&self) {
        match self {
            Self::OutputClosed => {}
            Self::Client(error) => report_client(error),
            Self::Refused(refusal) => {
                report_error(&refusal.detail, refusal.findings.iter().map(own_finding));
            }
            Self::Other(error) => report_error(&format!("{error:#}"), []),
            Self::Wrong(text) => report_error(text, []),
            Self::Stuck(_) => report_error(&self.to_string(), []),
        }
    }

    /// The process's exit code.
    pub(crate) fn code(&self) -> ExitCode {
        ExitCode::from(match self {
            Self::OutputClosed => 0,
            Self::Wrong(_) => 2,
            Self::Client(error) => client_code(error),
            Self::Refused(refusal) => status_code(refusal.code.status()),
            Self::Stuck(_) => STUCK,
            Self::Other(_) => 1,
        })
    }
}

/// Ends the process as [`Failure::Stuck`] does, at the latest after `within`: what is stuck may be
/// all threads but the one that waits here.
pub(crate) fn stuck_at_latest(within: Duration) {
    let last = std::thread::Builder::new().name("last resort".to_owned()).spawn(move || {
        std::thread::sleep(within);
        std::process::exit(i32::from(STUCK));
    });
    if let Err(error) = last {
        tracing::warn!(%error, "nobody sees to it that the process ends");
    }
}

fn client_code(error: &ClientError) -> u8 {
    match error {
        ClientError::Unreachable { .. } | ClientError::Answer { .. } => 3,
        ClientError::Refused { status, .. } => status_code(*status),
        ClientError::Setup(_) => 1,
    }
}

const fn status_code(status: u16) -> u8 {
    match status {
        429 | 502..=504 => 3,
        400..=499 => 2,
        _ => 1,
    }
}

fn report_client(error: &ClientError) {
    match error {
        ClientError::Unreachable { server, source } => {
            report_error(&format!("{error}: {}", innermost(source)), []);
            terminal::note(
                "  start one with `flowmill dev`, or name the one you mean with `--server URL`",
            );
            terminal::note(&format!("  or the environment's FLOWMILL_SERVER; asked was {server}"));
        }
        ClientError::Answer { .. } => {
            report_error(&error.to_string(), []);
            terminal::note("  is there another program at this address? See `--server URL`");
        }
        ClientError::Refused { problem, .. } => report_problem(problem),
        ClientError::Setup(source) => report_error(&format!("{error}: {source}"), []),
    }
}

/// Says what a server refused, each single error on a line.
fn report_problem(problem: &ProblemDto) {
    report_error(&problem.to_string(), problem.errors.iter().map(finding));
    if problem.code.is_some() && problem.status >= 429 {
        terminal::note(&format!("  see {}", problem.kind));
    }
}

fn finding(error: &DiagnosticDto) -> String {
    let DiagnosticDto { line, column, pointer, message, help, code: _ } = error;
    let place = line.zip(*column).map(|(line, column)| format!("{line}:{column}"));
    located(place, pointer.as_deref(), message, help.as_deref())
}

fn own_finding(finding: &Finding) -> String {
    let Finding { place, pointer, message, help, code: _ } = finding;
    let place = place.map(|(line, column)| format!("{line}:{column}"));
    located(place, pointer.as_deref(), message, help.as_deref())
}

fn located(
    place: Option<String>,
    pointer: Option<&str>,
    message: &str,
    help: Option<&str>,
) -> String {
    let place = place.or_else(|| pointer.filter(|p| !p.is_empty()).map(str::to_owned));
    let place = place.map(|place| format!("{place}: ")).unwrap_or_default();
    let help = help.map(|help| format!(" ({help})")).unwrap_or_default();
    format!("{place}{message}{help}")
}

fn report_error(text: &str, findings: impl IntoIterator<Item = String>) {
    terminal::note(&format!("error: {text}"));
    findings.into_iter().for_each(|finding| terminal::note(&format!("  {finding}")));
}

fn innermost<'a>(
    error: &'a (dyn std::error::Error + 'static),
) -> &'a (dyn std::error::Error + 'static) {
    error.source().map_or(error, innermost)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answers_status_says_whose_turn_it_is() {
        let check = |status, expect| assert_eq!(status_code(status), expect, "{status}");
        for status in [400, 404, 409, 413, 415, 422] {
            check(status, 2);
        }
        for status in [429, 502, 503, 504] {
            check(status, 3);
        }
        check(500, 1);
    }
}
