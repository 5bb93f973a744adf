//! Routes of executions: start, get, history.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use flowmill_api::{ExecutionDto, HistoryPageDto, ProblemDto, StartAccepted};
use flowmill_model::Sequence;
use serde::Deserialize;
use utoipa::IntoParams;

use super::body::Content;
use super::extract::{
    CallHeaders, ExecutionPath, FlowPath, Kind, Params, page_limit, version, wait,
};
use super::{answer_position, dto};
use crate::{Gateway, Read, Refusal, StartRequest, Started};

/// Events on a page when the caller does not say.
const PAGE: usize = 100;

/// How long an answer to a wait that is over takes to find out the status.
const STATUS_WAIT: Duration = Duration::from_millis(200);

/// Parameters of a start.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct StartParams {
    /// The version to run; the flow's default one when left out.
    version: Option<String>,
    /// Wait for the outcome so long: `30s`, `500ms`, `PT30S`; at most 60 s.
    wait: Option<String>,
}

/// Parameters of a read.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct GetParams {
    /// Answer once the execution has ended, or after so long: `30s`, `500ms`, `PT30S`; at most
    /// 60 s.
    wait: Option<String>,
}

/// Parameters of a history.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct HistoryParams {
    /// Events on a page: 1 to 500, 100 when left out. Fewer come when they are large.
    #[param(value_type = Option<u16>, minimum = 1, maximum = 500)]
    limit: Option<String>,
    /// The `next` of the page before.
    page: Option<String>,
}

/// Start an execution.
///
/// The body is the input. The answer comes once the start is durable; nothing that is answered
/// with 202 is lost. With an `Idempotency-Key` the start can be repeated: the same key, flow and
/// input name the same execution for as long as it is kept, whatever the version.
#[utoipa::path(
    post,
    path = "/v1/flows/{namespace}/{name}/executions",
    tag = "executions",
    operation_id = "startExecution",
    params(
        ("namespace" = String, Path, description = "The flow's namespace."),
        ("name" = String, Path, description = "The flow's name."),
        ("Idempotency-Key" = Option<String>, Header,
            description = "Makes the start repeatable: 1 to 256 visible ASCII characters."),
        ("traceparent" = Option<String>, Header, description = "The trace to continue."),
        StartParams,
    ),
    request_body(description = "The input: any JSON value.", content = serde_json::Value),
    responses(
        (status = 202, description = "The start is durable; with `wait`, time is up.",
            body = StartAccepted,
            headers(("Flowmill-Position" = String, description = "Where the start stands."))),
        (status = 200, description = "With `wait`: the execution has ended, also by a fault.",
            body = ExecutionDto,
            headers(("Flowmill-Position" = String, description = "Where the start stands."))),
        (status = 400, description = "The body is no JSON.",
            body = ProblemDto, content_type = "application/problem+json"),
        (status = 404, description = "The flow or the version is not deployed.",
            body = ProblemDto, content_type = "application/problem+json"),
        (status = 413, description = "The input is larger than 1 MiB.",
            body = ProblemDto, content_type = "application/problem+json"),
        (status = 422, description = "The input does not fit the flow's schema, or the key came \
            with another input before.",
            body = ProblemDto, content_type = "application/problem+json"),
        (status = 429, description = "Too much at once; see Retry-After.",
            body = ProblemDto, content_type = "application/problem+json"),
        (status = 503, description = "Not taken for now; see Retry-After.",
            body = ProblemDto, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn start(
    State(gateway): State<Gateway>,
    FlowPath(flow): FlowPath,
    Params(params): Params<StartParams>,
    headers: CallHeaders,
    kind: Kind,
    content: Content,
) -> Result<Response, Refusal> {
    let version = version(params.version.as_deref())?;
    let within = wait(params.wait.as_deref())?;
    if content.is_empty() {
        return Err(Refusal::bad_request("send the input as JSON; `null` if there is none"));
    }
    kind.json()?;
    let (input, share) = content.into_parts();
    let (key, trace) = (headers.key, headers.trace);
    let started = gateway.start(StartRequest { flow, version, input, key, trace }).await?;
    drop(share);
    let Some(within) = within else { return Ok(accepted(&started)) };
    let (id, position) = (started.id, Some(started.position));
    match gateway.wait(id, position, within).await {
        Ok(Some(view)) => {
            Ok((answer_position(position), Json(dto::execution(view))).into_response())
        }
        // The start stands, whatever becomes of the wait.
        Ok(None) | Err(_) => Ok(accepted(&with_status(&gateway, started).await)),
    }
}

fn accepted(started: &Started) -> Response {
    let position = answer_position(Some(started.position));
    (StatusCode::ACCEPTED, position, Json(dto::started(started))).into_response()
}

/// The start with the status that its execution has now, if that is quickly known.
async fn with_status(gateway: &Gateway, started: Started) -> Started {
    let reading = gateway.read(started.id, Some(started.position));
    match tokio::time::timeout(STATUS_WAIT, reading).await {
        Ok(Ok(Read::Current(view))) => Started { status: view.status, ..started },
        Ok(Ok(Read::Stale(_) | Read::Accepted { .. }) | Err(_)) | Err(_) => started,
    }
}

/// Get an execution.
///
/// Never 404 for a start that was answered with 202. `stale` says that the execution's owner
/// could not be asked, and the answer may be behind.
#[utoipa::path(
    get,
    path = "/v1/executions/{id}",
    tag = "executions",
    operation_id = "getExecution",
    params(
        ("id" = String, Path, description = "The execution's id."),
        ("Flowmill-Position" = Option<String>, Header,
            description = "A write that the answer must have seen."),
        GetParams,
    ),
    responses(
        (status = 200, description = "The execution.", body = ExecutionDto),
        (status = 404, description = "There is no such execution.",
            body = ProblemDto, content_type = "application/problem+json"),
        (status = 503, description = "It is not known for now; see Retry-After.",
            body = ProblemDto, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn get(
    State(gateway): State<Gateway>,
    ExecutionPath(id): ExecutionPath,
    Params(params): Params<GetParams>,
    headers: CallHeaders,
) -> Result<Json<ExecutionDto>, Refusal> {
    if let Some(within) = wait(params.wait.as_deref())?
        && let Some(view) = gateway.wait(id, headers.position, within).await?
    {
        return Ok(Json(dto::execution(view)));
    }
    gateway.read(id, headers.position).await.map(dto::read).map(Json)
}

/// Get an execution's history, oldest event first.
#[utoipa::path(
    get,
    path = "/v1/executions/{id}/history",
    tag = "executions",
    operation_id = "getHistory",
    params(
        ("id" = String, Path, description = "The execution's id."),
        ("Flowmill-Position" = Option<String>, Header,
            description = "A write that the answer must have seen."),
        HistoryParams,
    ),
    responses(
        (status = 200, description = "A page of events.", body = HistoryPageDto),
        (status = 404, description = "There is no such execution.",
            body = ProblemDto, content_type = "application/problem+json"),
        (status = 503, description = "It is not known for now; see Retry-After.",
            body = ProblemDto, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn history(
    State(gateway): State<Gateway>,
    ExecutionPath(id): ExecutionPath,
    Params(params): Params<HistoryParams>,
    headers: CallHeaders,
) -> Result<Json<HistoryPageDto>, Refusal> {
    let limit = page_limit(params.limit.as_deref(), PAGE)?;
    let from = params.page.as_deref().map(str::parse).transpose();
    let from = from.map_err(|_| Refusal::bad_request("`page` is the `next` of another page"))?;
    if headers.position.is_some() {
        gateway.read(id, headers.position).await?;
    }
    let page = gateway.history(id, Sequence::new(from.unwrap_or_default()), limit).await?;
    Ok(Json(dto::history(page)))
}
