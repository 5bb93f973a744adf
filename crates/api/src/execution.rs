//! Executions: their start, their state, lists of them, commands to them.

use flowmill_model::ExecutionId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{ProblemDto, RawJson};

/// Where an execution is in its life, in the words of the Open Workflow Specification.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum ExecutionStatus {
    /// Accepted, nothing done yet.
    Pending,
    /// A task is to be run or runs.
    Running,
    /// Only a timer or a signal can move it.
    Waiting,
    /// Told to stand still, or quarantined.
    Suspended,
    /// Ended by a caller.
    Cancelled,
    /// Ended by an error.
    Faulted,
    /// Ended with its output.
    Completed,
}

impl ExecutionStatus {
    /// Every status.
    pub const ALL: [Self; 7] = [
        Self::Pending,
        Self::Running,
        Self::Waiting,
        Self::Suspended,
        Self::Cancelled,
        Self::Faulted,
        Self::Completed,
    ];

    /// The status as the API writes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::Waiting => "waiting",
            Self::Suspended => "suspended",
            Self::Cancelled => "cancelled",
            Self::Faulted => "faulted",
            Self::Completed => "completed",
        }
    }

    /// Reads what [`ExecutionStatus::as_str`] wrote.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == text)
    }

    /// Whether nothing can change it any more.
    pub const fn is_ended(self) -> bool {
        matches!(self, Self::Cancelled | Self::Faulted | Self::Completed)
    }
}

impl std::fmt::Display for ExecutionStatus {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

/// A start that is durable.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct StartAccepted {
    /// The execution's id: 32 hexadecimal digits.
    #[schema(value_type = String)]
    pub id: ExecutionId,
    /// The flow, as `namespace/name`.
    pub flow: String,
    /// The version that runs.
    pub version: String,
    /// The status, as far as it is known.
    pub status: ExecutionStatus,
}

/// An execution.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Execution)]
pub struct ExecutionDto {
    /// The id: 32 hexadecimal digits.
    #[schema(value_type = String)]
    pub id: ExecutionId,
    /// The flow, as `namespace/name`.
    pub flow: String,
    /// The version it runs.
    pub version: String,
    /// The status.
    pub status: ExecutionStatus,
    /// The input; `null` also where only the start's acceptance is known yet.
    pub input: Option<RawJson>,
    /// The output; `null` until completed.
    pub output: Option<RawJson>,
    /// The fault, once faulted; what went wrong, while quarantined.
    pub error: Option<ProblemDto>,
    /// When it started, in RFC 3339.
    pub started_at: Option<String>,
    /// When it ended, in RFC 3339.
    pub ended_at: Option<String>,
    /// Whether the answer may be behind: the execution's owner could not be asked.
    pub stale: bool,
    /// What it waits for.
    pub pending: Vec<PendingDto>,
}

/// One thing an execution waits for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Pending)]
pub struct PendingDto {
    /// The node's id.
    pub node: String,
    /// Why: `task`, `retry`, `wait` or `signal`.
    pub reason: String,
    /// The attempt that runs or comes next, from 1; `null` where there are none.
    pub attempt: Option<u32>,
    /// Since when, in RFC 3339.
    pub since: String,
    /// Until when at most, in RFC 3339, if that is known.
    pub until: Option<String>,
}

/// A page of executions, newest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ListPage)]
pub struct ListPageDto {
    /// The executions.
    pub executions: Vec<ListedDto>,
    /// The `page` parameter of the next page; `null` on the last one.
    pub next: Option<String>,
}

/// An execution as lists show it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Listed)]
pub struct ListedDto {
    /// The id: 32 hexadecimal digits.
    #[schema(value_type = String)]
    pub id: ExecutionId,
    /// The flow, as `namespace/name`.
    pub flow: String,
    /// The version it runs.
    pub version: String,
    /// The status.
    pub status: ExecutionStatus,
    /// When it started, in RFC 3339.
    pub started_at: String,
    /// When it ended, in RFC 3339.
    pub ended_at: Option<String>,
}

/// The body of cancel, suspend and resume; may be left out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ControlRequest {
    /// Why, for those who read the history.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// A command that is durable but not decided yet. Read the execution with the position to see
/// what became of it, or send the command again with the same idempotency key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CommandPending {
    /// The execution's id: 32 hexadecimal digits.
    #[schema(value_type = String)]
    pub id: ExecutionId,
    /// The same as the `Flowmill-Position` header.
    pub position: String,
}
