//! Tasks that are lent to workers, what these say of them, and the workers themselves.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::RawJson;

/// The body of a poll.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PollTasksRequest {
    /// The queue: the task type, unless the flow names another.
    pub queue: String,
    /// How many tasks at most; 1 when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_tasks: Option<u32>,
    /// How long to wait for the first task, such as `30s`; 30 seconds when left out, at most a
    /// minute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait: Option<String>,
    /// Who asks, for the list of workers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worker: Option<String>,
    /// The worker's share of the tasks beside those of others, where the gateway shares them out by
    /// weight: at most 100; 1 when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weight: Option<u32>,
}

/// Tasks that are lent to who polled.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = Tasks)]
pub struct TasksDto {
    /// The tasks; none when there was none in time.
    pub tasks: Vec<TaskDto>,
}

/// One attempt at one task.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Task)]
pub struct TaskDto {
    /// Names the attempt in every answer. Opaque.
    pub token: String,
    /// The queue it came from.
    pub queue: String,
    /// The type: which handler runs it.
    pub task_type: String,
    /// The input.
    pub input: RawJson,
    /// The execution, 32 hexadecimal digits.
    pub execution_id: String,
    /// Execution, node and run, and attempt.
    pub task_id: String,
    /// Which attempt it is, from 1.
    pub attempt: u32,
    /// The flow, as `namespace/name`.
    pub flow: String,
    /// Milliseconds until the attempt is over, unless a heartbeat comes.
    pub timeout_ms: u64,
    /// For calls that change something: the same in all attempts of the task and in no other.
    pub idempotency_key: String,
    /// The trace to continue.
    pub traceparent: Option<String>,
}

/// Why an attempt failed: problem details (RFC 9457), every member of which may be left out.
/// Becomes part of the execution's history.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct TaskProblem {
    /// A URI that names the kind.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// An HTTP status of 400 to 599; 500 when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// The kind in a few words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// What happened this time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// The body of a failure after which another attempt may succeed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FailTaskRequest {
    /// What happened.
    #[serde(default)]
    pub problem: TaskProblem,
    /// No attempt before this time has passed, such as `5s`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<String>,
}

/// The body of a failure for good.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ThrowTaskRequest {
    /// What happened.
    #[serde(default)]
    pub problem: TaskProblem,
}

/// The body of a task that is handed back untried.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PostponeTaskRequest {
    /// After which time it is to come again, such as `30s`.
    pub delay: String,
}

/// What was said of a task is durable.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = TaskAccepted)]
pub struct TaskAccepted {
    /// Always true.
    pub accepted: bool,
}

/// The workers that a gateway lends tasks to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Workers)]
pub struct WorkersDto {
    /// The workers, by name.
    pub workers: Vec<WorkerDto>,
}

/// A worker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Worker)]
pub struct WorkerDto {
    /// Its name; `anonymous` when it gave none.
    pub name: String,
    /// Whether it waits for tasks now.
    pub connected: bool,
    /// The queues it waits for, or waited for last.
    pub queues: Vec<String>,
    /// Tasks that it may have at the same time: those it has and those it still takes.
    pub capacity: u64,
    /// Tasks that it has.
    pub running: u64,
    /// Tasks that it has completed at this gateway.
    pub completed: u64,
    /// Attempts that it has reported as failed at this gateway.
    pub failed: u64,
    /// Milliseconds since this gateway last heard of it.
    pub silent_ms: u64,
}
