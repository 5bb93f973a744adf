//! How executions are shown, whichever command asked.

use flowmill_api::{ExecutionDto, ExecutionStatus, PendingDto, RawJson};

use crate::cli::OutputFormat;
use crate::exit::{Failure, Outcome};
use crate::table::Table;
use crate::terminal;

/// Characters of a payload that a table shows.
const PAYLOAD_CHARS: usize = 200;

/// Prints an execution.
///
/// # Errors
/// When the output is closed.
pub(super) fn execution(execution: &ExecutionDto, output: OutputFormat) -> Result<(), Failure> {
    if output == OutputFormat::Json {
        return terminal::print_json(execution);
    }
    let mut table = Table::plain();
    table.row(["id", &execution.id.to_string()]);
    table.row(["flow", &format!("{}@{}", execution.flow, execution.version)]);
    let stale = if execution.stale { " (as last known; its owner could not be asked)" } else { "" };
    table.row(["status", &format!("{}{stale}", execution.status)]);
    let optional = [
        ("started", execution.started_at.clone()),
        ("ended", execution.ended_at.clone()),
        ("input", execution.input.as_ref().map(excerpt)),
        ("output", execution.output.as_ref().map(excerpt)),
        ("error", execution.error.as_ref().map(ToString::to_string)),
    ];
    for (name, value) in optional {
        if let Some(value) = value {
            table.row([name, &value]);
        }
    }
    for pending in &execution.pending {
        table.row(["waits for", &wait(pending)]);
    }
    terminal::print(&table.to_string())
}

/// One thing an execution waits for, in words.
fn wait(pending: &PendingDto) -> String {
    let PendingDto { node, reason, attempt, since, until } = pending;
    let attempt = attempt.map(|attempt| format!(", attempt {attempt}")).unwrap_or_default();
    let until = until.as_ref().map(|until| format!(", until {until}")).unwrap_or_default();
    format!("{reason} of node {node}{attempt}, since {since}{until}")
}

/// The beginning of a payload.
pub(super) fn excerpt(payload: &RawJson) -> String {
    let text = payload.get();
    let mut cut: String = text.chars().take(PAYLOAD_CHARS).collect();
    if text.chars().nth(PAYLOAD_CHARS).is_some() {
        cut.push('…');
    }
    cut
}

/// How a command ends that waited for an execution's end.
pub(super) const fn outcome(status: ExecutionStatus) -> Outcome {
    match status {
        ExecutionStatus::Completed => Outcome::Done,
        ExecutionStatus::Faulted | ExecutionStatus::Cancelled => Outcome::Faulted,
        ExecutionStatus::Pending
        | ExecutionStatus::Running
        | ExecutionStatus::Waiting
        | ExecutionStatus::Suspended => Outcome::TimeUp,
    }
}
