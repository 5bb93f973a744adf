//! The route of the list of executions.

use axum::Json;
use axum::extract::State;
use flowmill_api::{ExecutionStatus, ListPageDto};
use flowmill_model::{FlowName, Name};
use flowmill_store::{ListQuery, Status};
use serde::Deserialize;
use utoipa::IntoParams;

use super::dto;
use super::extract::{Params, page_limit, since};
use crate::list::{page_token, parse_page_token};
use crate::{Gateway, Refusal};

/// Executions on a page when the caller does not say.
const PAGE: usize = 50;

/// Parameters of the list of executions.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct ListParams {
    /// Only this flow, as `namespace/name`.
    flow: Option<String>,
    /// Only this namespace.
    namespace: Option<String>,
    /// Only this status.
    #[param(value_type = Option<ExecutionStatus>)]
    status: Option<String>,
    /// Only those started since then: a time such as `2026-01-02T03:04:05Z`, or how long ago,
    /// such as `24h`.
    since: Option<String>,
    /// Executions on a page: 1 to 500, 50 when left out.
    #[param(value_type = Option<u16>, minimum = 1, maximum = 500)]
    limit: Option<String>,
    /// The `next` of the page before.
    page: Option<String>,
}

/// List executions, newest first.
///
/// A list may lag behind by a second or so; reading an execution by its id does not.
#[utoipa::path(
    get,
    path = "/v1/executions",
    tag = "executions",
    operation_id = "listExecutions",
    params(ListParams),
    responses((status = 200, description = "A page of executions.", body = ListPageDto)),
)]
pub(super) async fn list(
    State(gateway): State<Gateway>,
    Params(params): Params<ListParams>,
) -> Result<Json<ListPageDto>, Refusal> {
    let page = gateway.list(query(&gateway, &params)?).await?;
    Ok(Json(ListPageDto {
        executions: page.executions.into_iter().map(dto::listed).collect(),
        next: page.next.map(page_token),
    }))
}

fn query(gateway: &Gateway, params: &ListParams) -> Result<ListQuery, Refusal> {
    let wrong = |error: flowmill_model::InvalidName| Refusal::bad_request(error.to_string());
    let after = params.page.as_deref().map(|text| {
        let wrong = || Refusal::bad_request("`page` is the `next` of another page");
        parse_page_token(text).ok_or_else(wrong)
    });
    Ok(ListQuery {
        namespace: params.namespace.as_deref().map(Name::new).transpose().map_err(wrong)?,
        flow: params.flow.as_deref().map(str::parse::<FlowName>).transpose().map_err(wrong)?,
        status: params.status.as_deref().map(status).transpose()?,
        since: since(params.since.as_deref(), gateway.parts().clock.now())?,
        after: after.transpose()?,
        limit: page_limit(params.limit.as_deref(), PAGE)?,
    })
}

fn status(text: &str) -> Result<Status, Refusal> {
    Status::parse(text).ok_or_else(|| {
        let known: Vec<_> = Status::ALL.into_iter().map(Status::as_str).collect();
        Refusal::bad_request(format!("`status` is one of {}", known.join(", ")))
    })
}
