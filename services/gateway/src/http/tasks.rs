//! Routes for workers: tasks are taken by a poll and answered by their token.

use std::time::Duration;

use axum::Json;
use axum::extract::{Path, State};
use flowmill_api::{
    FailTaskRequest, PollTasksRequest, PostponeTaskRequest, ProblemDto, TaskAccepted, TaskDto,
    TaskProblem, TasksDto, ThrowTaskRequest, WorkerDto, WorkersDto,
};
use flowmill_model::{ErrorCode, Payload, Problem};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::body::Content;
use super::dto::raw;
use super::extract::{Kind, delay, wait};
use crate::workers::{Answer, LentTask, PollRequest, WorkerView};
use crate::{Finding, Gateway, Refusal};

/// Take tasks: wait for the first, and get those that come with it.
///
/// A task is lent for its `timeoutMs`; a heartbeat begins that time anew. The gateway tells the
/// owner that the task was picked up, so take only what is run at once.
#[utoipa::path(
    post,
    path = "/v1/tasks/poll",
    tag = "tasks",
    operation_id = "pollTasks",
    request_body = PollTasksRequest,
    responses((status = 200, description = "The tasks; none when there was none in time.",
        body = TasksDto)),
)]
pub(super) async fn poll(
    State(gateway): State<Gateway>,
    kind: Kind,
    content: Content,
) -> Result<Json<TasksDto>, Refusal> {
    let PollTasksRequest { queue, max_tasks, wait: waits, worker, weight } = body(&kind, content)?;
    let wait = wait(waits.as_deref())?.unwrap_or(DEFAULT_WAIT);
    let (worker, weight) = (worker.unwrap_or_default(), weight.unwrap_or_default());
    let max_tasks = max_tasks.unwrap_or(1);
    let lent = gateway.poll(PollRequest { worker, weight, queue, max_tasks, wait }).await?;
    Ok(Json(TasksDto { tasks: lent.into_iter().map(task).collect() }))
}

/// How long a poll waits that does not say.
const DEFAULT_WAIT: Duration = Duration::from_secs(30);

fn task(lent: LentTask) -> TaskDto {
    let LentTask { token, queue, context, input } = lent;
    let id = context.task_id();
    TaskDto {
        token,
        queue: queue.to_string(),
        task_type: context.task_type().to_string(),
        input: raw(&input).unwrap_or_else(null),
        execution_id: id.execution.to_string(),
        task_id: id.to_string(),
        attempt: id.attempt,
        flow: context.flow().to_string(),
        timeout_ms: u64::try_from(context.timeout().as_millis()).unwrap_or(u64::MAX),
        idempotency_key: context.idempotency_key(),
        traceparent: context.trace().map(|trace| trace.to_string()),
    }
}

fn null() -> flowmill_api::RawJson {
    flowmill_api::RawJson::from_text("null").expect("it is JSON")
}

/// Documents an answer to a task.
macro_rules! answer_route {
    ($(#[doc = $doc:literal])* $name:ident, $path:literal, $operation:literal, $body:ty,
        |$gateway:ident, $token:ident, $kind:ident, $content:ident| $answer:expr) => {
        $(#[doc = $doc])*
        #[utoipa::path(
            post,
            path = $path,
            tag = "tasks",
            operation_id = $operation,
            params(("token" = String, Path, description = "The task's token.")),
            request_body(content = $body),
            responses(
                (status = 200, description = "It is durable.", body = TaskAccepted),
                (status = 409, description = "The token is not, or not any more, that of a task \
                    that waits for this; drop the task.",
                    body = ProblemDto, content_type = "application/problem+json"),
                (status = 413, description = "The output is larger than 1 MiB.",
                    body = ProblemDto, content_type = "application/problem+json"),
            ),
        )]
        pub(super) async fn $name(
            State($gateway): State<Gateway>,
            Path($token): Path<String>,
            $kind: Kind,
            $content: Content,
        ) -> Result<Json<TaskAccepted>, Refusal> {
            $answer.await?;
            Ok(Json(TaskAccepted { accepted: true }))
        }
    };
}

answer_route! {
    /// The attempt succeeded. The body is the output: any JSON value, at most 1 MiB.
    complete, "/v1/tasks/{token}/complete", "completeTask", serde_json::Value,
    |gateway, token, kind, content| {
        kind.json()?;
        let (output, _share) = content.into_parts();
        gateway.answer(&token, Answer::Complete(Payload::from(output)))
    }
}
answer_route! {
    /// The attempt failed, and another one may succeed; the node's `retry` decides when.
    fail, "/v1/tasks/{token}/fail", "failTask", Option<FailTaskRequest>,
    |gateway, token, kind, content| {
        let FailTaskRequest { problem: told, retry_after } = body_if_any(&kind, content)?;
        let after = delay("retryAfter", retry_after.as_deref())?.unwrap_or_default();
        gateway.answer(&token, Answer::Fail(problem(told), after))
    }
}
answer_route! {
    /// The task failed for good: its node's `error` port, or a fault of the execution.
    throw, "/v1/tasks/{token}/throw", "throwTask", Option<ThrowTaskRequest>,
    |gateway, token, kind, content| {
        let ThrowTaskRequest { problem: told } = body_if_any(&kind, content)?;
        gateway.answer(&token, Answer::Throw(problem(told)))
    }
}
answer_route! {
    /// The task was not tried and is to come again; no attempt is counted.
    postpone, "/v1/tasks/{token}/postpone", "postponeTask", PostponeTaskRequest,
    |gateway, token, kind, content| {
        let PostponeTaskRequest { delay: told } = body(&kind, content)?;
        let after = delay("delay", Some(&told))?.unwrap_or_default();
        gateway.answer(&token, Answer::Postpone(after))
    }
}

/// The attempt is alive: its time begins anew. More than one a second counts as one.
#[utoipa::path(
    post,
    path = "/v1/tasks/{token}/heartbeat",
    tag = "tasks",
    operation_id = "heartbeatTask",
    params(("token" = String, Path, description = "The task's token.")),
    responses(
        (status = 200, description = "The gateway knows.", body = TaskAccepted),
        (status = 409, description = "The token is not, or not any more, that of a task that \
            waits; drop the task.",
            body = ProblemDto, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn heartbeat(
    State(gateway): State<Gateway>,
    Path(token): Path<String>,
) -> Result<Json<TaskAccepted>, Refusal> {
    gateway.heartbeat(&token).await?;
    Ok(Json(TaskAccepted { accepted: true }))
}

/// List the workers that take tasks from this gateway, with what they have and may take.
///
/// Each gateway knows its own workers only, and those that read from Kafka none at all. A worker
/// is forgotten a minute after it was last heard of.
#[utoipa::path(
    get,
    path = "/v1/workers",
    tag = "tasks",
    operation_id = "listWorkers",
    responses((status = 200, description = "The workers, by name.", body = WorkersDto)),
)]
pub(super) async fn workers(State(gateway): State<Gateway>) -> Json<WorkersDto> {
    Json(WorkersDto { workers: gateway.workers().into_iter().map(worker).collect() })
}

fn worker(view: WorkerView) -> WorkerDto {
    WorkerDto {
        name: view.name,
        connected: view.connected,
        queues: view.queues,
        capacity: view.capacity as u64,
        running: view.running as u64,
        completed: view.completed,
        failed: view.failed,
        silent_ms: view.silent_ms,
    }
}

/// A body that must be there.
fn body<T: DeserializeOwned>(kind: &Kind, content: Content) -> Result<T, Refusal> {
    kind.json()?;
    let (bytes, _share) = content.into_parts();
    // By way of an object: a struct would take an array, too.
    let object: Result<serde_json::Map<String, Value>, _> = serde_json::from_slice(&bytes);
    object.and_then(|object| serde_json::from_value(Value::Object(object))).map_err(|error| {
        let finding = Finding { message: error.to_string(), ..Finding::default() };
        Refusal::bad_request("the body is not what the address takes").with([finding])
    })
}

/// A body that may be left out.
fn body_if_any<T: DeserializeOwned + Default>(kind: &Kind, content: Content) -> Result<T, Refusal> {
    if content.is_empty() { Ok(T::default()) } else { body(kind, content) }
}

/// A problem with what was left out filled in.
fn problem(told: TaskProblem) -> Problem {
    let failed = ErrorCode::TaskFailed;
    let status = told.status.filter(|status| (400..=599).contains(status));
    Problem {
        kind: told.kind.unwrap_or_else(|| failed.type_uri()),
        status: status.unwrap_or(failed.status()),
        title: told.title.unwrap_or_else(|| failed.title().to_owned()),
        detail: told.detail,
        instance: None,
    }
}
