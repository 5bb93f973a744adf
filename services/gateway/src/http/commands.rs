//! Routes of the commands to an execution: cancel, suspend, resume, signal.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use flowmill_api::{CommandPending, ControlRequest, ExecutionDto, ProblemDto};
use flowmill_model::ExecutionId;
use serde_json::Value;

use super::body::Content;
use super::extract::{CallHeaders, ExecutionPath, Kind, SignalPath};
use super::{answer_position, dto};
use crate::{Action, CommandAnswer, Envelope, Finding, Gateway, Refusal};

/// Documents a command without content of its own.
macro_rules! control_route {
    ($(#[doc = $doc:literal])* $name:ident, $path:literal, $operation:literal, $action:expr) => {
        $(#[doc = $doc])*
        #[utoipa::path(
            post,
            path = $path,
            tag = "executions",
            operation_id = $operation,
            params(
                ("id" = String, Path, description = "The execution's id."),
                ("Idempotency-Key" = Option<String>, Header,
                    description = "Makes the command repeatable: 1 to 256 visible ASCII characters."),
            ),
            request_body(content = Option<ControlRequest>, description = "May be left out."),
            responses(
                (status = 200, description = "The execution with the command applied.",
                    body = ExecutionDto,
                    headers(("Flowmill-Position" = String,
                        description = "Where the command stands."))),
                (status = 202, description = "The command is durable and not decided yet.",
                    body = CommandPending,
                    headers(("Flowmill-Position" = String,
                        description = "Where the command stands."))),
                (status = 404, description = "There is no such execution.",
                    body = ProblemDto, content_type = "application/problem+json"),
                (status = 409, description = "The command does not apply now.",
                    body = ProblemDto, content_type = "application/problem+json"),
            ),
        )]
        pub(super) async fn $name(
            State(gateway): State<Gateway>,
            ExecutionPath(id): ExecutionPath,
            headers: CallHeaders,
            kind: Kind,
            content: Content,
        ) -> Result<Response, Refusal> {
            control(&gateway, id, $action, headers, &control_request(&kind, content)?).await
        }
    };
}

control_route! {
    /// Cancel an execution: it ends now, and running tasks are abandoned.
    cancel, "/v1/executions/{id}/cancel", "cancelExecution", Action::Cancel
}
control_route! {
    /// Suspend an execution: running tasks finish, nothing more is started.
    suspend, "/v1/executions/{id}/suspend", "suspendExecution", Action::Suspend
}
control_route! {
    /// Resume an execution that is suspended or quarantined.
    resume, "/v1/executions/{id}/resume", "resumeExecution", Action::Resume
}

async fn control(
    gateway: &Gateway,
    id: ExecutionId,
    action: Action,
    headers: CallHeaders,
    request: &ControlRequest,
) -> Result<Response, Refusal> {
    let envelope = Envelope { key: headers.key, trace: headers.trace };
    let answer = gateway.control(id, action, request.reason.clone(), envelope).await?;
    Ok(answered(id, answer))
}

/// The body, which may be left out.
fn control_request(kind: &Kind, content: Content) -> Result<ControlRequest, Refusal> {
    if content.is_empty() {
        return Ok(ControlRequest::default());
    }
    kind.json()?;
    let (bytes, _share) = content.into_parts();
    // By way of an object: a struct would take an array, too.
    let object: Result<serde_json::Map<String, Value>, _> = serde_json::from_slice(&bytes);
    object.and_then(|object| serde_json::from_value(Value::Object(object))).map_err(|error| {
        let finding = Finding { message: error.to_string(), ..Finding::default() };
        let detail = "the body is an object with a `reason`, or left out";
        Refusal::bad_request(detail).with([finding])
    })
}

/// Send a signal to an execution.
///
/// The body is the signal's payload: the output of the node that takes it; `null` when left out.
/// One that comes before its node is kept, up to 100 per execution.
#[utoipa::path(
    post,
    path = "/v1/executions/{id}/signals/{name}",
    tag = "executions",
    operation_id = "signalExecution",
    params(
        ("id" = String, Path, description = "The execution's id."),
        ("name" = String, Path, description = "The signal's name."),
        ("Idempotency-Key" = Option<String>, Header,
            description = "Makes the signal repeatable: 1 to 256 visible ASCII characters."),
    ),
    request_body(content = Option<serde_json::Value>, description = "The payload."),
    responses(
        (status = 200, description = "The execution with the signal applied.", body = ExecutionDto,
            headers(("Flowmill-Position" = String, description = "Where the signal stands."))),
        (status = 202, description = "The signal is durable and not decided yet.",
            body = CommandPending,
            headers(("Flowmill-Position" = String, description = "Where the signal stands."))),
        (status = 404, description = "There is no such execution.",
            body = ProblemDto, content_type = "application/problem+json"),
        (status = 409, description = "The execution does not take the signal.",
            body = ProblemDto, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn signal(
    State(gateway): State<Gateway>,
    SignalPath(id, name): SignalPath,
    headers: CallHeaders,
    kind: Kind,
    content: Content,
) -> Result<Response, Refusal> {
    if !content.is_empty() {
        kind.json()?;
    }
    let (payload, _share) = content.into_parts();
    let envelope = Envelope { key: headers.key, trace: headers.trace };
    let answer = gateway.signal(id, name, payload, envelope).await?;
    Ok(answered(id, answer))
}

fn answered(id: ExecutionId, answer: CommandAnswer) -> Response {
    let position = answer_position(Some(answer.position));
    match answer.execution {
        Some(read) => (position, Json(dto::read(read))).into_response(),
        None => {
            let pending = CommandPending { id, position: answer.position.to_string() };
            (StatusCode::ACCEPTED, position, Json(pending)).into_response()
        }
    }
}
