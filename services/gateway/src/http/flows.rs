//! Routes of flows: deploy, get, list, choose the default version.

use std::num::NonZeroU16;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use flowmill_api::{ActivateRequest, DeployResult, FlowDto, FlowPageDto, ProblemDto};
use flowmill_model::{FlowName, FlowVersion, Version};
use serde::Deserialize;
use utoipa::IntoParams;

use super::body::Content;
use super::extract::{CallHeaders, FlowPath, Kind, Params, page_limit, version};
use super::{answer_position, dto};
use crate::{DeployRequest, Gateway, Refusal};

/// Flows on a page when the caller does not say.
const PAGE: usize = 100;

/// Parameters of a deploy.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct DeployParams {
    /// How many shards carry the flow's executions. Only the first deploy of a flow's name sets
    /// it; all shards when left out.
    #[param(value_type = Option<u16>, minimum = 1)]
    spread: Option<String>,
}

/// Parameters of a flow.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct GetParams {
    /// The version whose definition is wanted; the default one when left out.
    version: Option<String>,
}

/// Parameters of the list of flows.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct ListParams {
    /// Flows on a page: 1 to 500, 100 when left out.
    #[param(value_type = Option<u16>, minimum = 1, maximum = 500)]
    limit: Option<String>,
    /// The `next` of the page before.
    page: Option<String>,
}

/// Deploy a version of a flow.
///
/// The body is the definition, as YAML or JSON. The last version deployed is the one that starts
/// get which name none. Deploying the same content again changes nothing; a version's content
/// never changes.
#[utoipa::path(
    put,
    path = "/v1/flows/{namespace}/{name}",
    tag = "flows",
    operation_id = "deployFlow",
    params(
        ("namespace" = String, Path, description = "The flow's namespace."),
        ("name" = String, Path, description = "The flow's name."),
        DeployParams,
    ),
    request_body(
        description = "The definition; see the flow schema.",
        content((serde_json::Value = "application/yaml"), (serde_json::Value = "application/json")),
    ),
    responses(
        (status = 201, description = "The version is new.", body = DeployResult,
            headers(("Flowmill-Position" = String, description = "Where the deploy stands."))),
        (status = 200, description = "The version was there with the same content.",
            body = DeployResult),
        (status = 409, description = "The version is there with other content, or it has triggers \
            and as many flows have some as may.",
            body = ProblemDto, content_type = "application/problem+json"),
        (status = 422, description = "The definition has errors; all of them are listed.",
            body = ProblemDto, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn deploy(
    State(gateway): State<Gateway>,
    FlowPath(expected): FlowPath,
    Params(params): Params<DeployParams>,
    headers: CallHeaders,
    kind: Kind,
    content: Content,
) -> Result<Response, Refusal> {
    let format = kind.definition()?;
    let spread = params.spread.as_deref().map(str::parse::<NonZeroU16>).transpose();
    let spread = spread.map_err(|_| Refusal::bad_request("`spread` is a number from 1 on"))?;
    let (source, _share) = content.into_parts();
    let (expected, trace) = (Some(expected), headers.trace);
    let deployed =
        gateway.deploy(DeployRequest { source, format, expected, spread, trace }).await?;
    let status = if deployed.created { StatusCode::CREATED } else { StatusCode::OK };
    // The deploy is answered once the catalogue has the version.
    let known = gateway.parts().catalogue.find(&deployed.flow);
    let connections = known.map(|known| dto::connections(&known.flow)).unwrap_or_default();
    let result = DeployResult {
        flow: deployed.flow.flow.to_string(),
        version: deployed.flow.version.to_string(),
        hash: deployed.hash.to_string(),
        created: deployed.created,
        connections,
    };
    Ok((status, answer_position(deployed.position), Json(result)).into_response())
}

/// Get a flow: its versions and a definition.
#[utoipa::path(
    get,
    path = "/v1/flows/{namespace}/{name}",
    tag = "flows",
    operation_id = "getFlow",
    params(
        ("namespace" = String, Path, description = "The flow's namespace."),
        ("name" = String, Path, description = "The flow's name."),
        GetParams,
    ),
    responses(
        (status = 200, description = "The flow.", body = FlowDto),
        (status = 404, description = "The flow or the version is not deployed.",
            body = ProblemDto, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn get(
    State(gateway): State<Gateway>,
    FlowPath(name): FlowPath,
    Params(params): Params<GetParams>,
) -> Result<Json<FlowDto>, Refusal> {
    let asked = version(params.version.as_deref())?;
    flow(&gateway, &name, asked.as_ref()).await.map(Json)
}

/// A flow with the definition of one version: of this one, else of the default one.
async fn flow(
    gateway: &Gateway,
    name: &FlowName,
    asked: Option<&Version>,
) -> Result<FlowDto, Refusal> {
    let asked = gateway.resolve(name, asked).await?;
    let default = gateway.resolve(name, None).await?;
    let versions = gateway.parts().catalogue.versions(name);
    let flow = dto::flow(name, &default.record.flow.version, versions);
    let connections = dto::connections(&asked.flow);
    Ok(FlowDto { definition: dto::definition(&asked), connections, ..flow })
}

/// Choose a flow's default version.
///
/// Starts get it which name none, until another one is chosen or deployed. Executions that run
/// already go on with theirs.
#[utoipa::path(
    put,
    path = "/v1/flows/{namespace}/{name}/default",
    tag = "flows",
    operation_id = "activateFlow",
    params(
        ("namespace" = String, Path, description = "The flow's namespace."),
        ("name" = String, Path, description = "The flow's name."),
    ),
    request_body = ActivateRequest,
    responses(
        (status = 200, description = "The flow, with the version as its default.", body = FlowDto,
            headers(("Flowmill-Position" = String, description = "Where the choice stands."))),
        (status = 404, description = "The flow or the version is not deployed.",
            body = ProblemDto, content_type = "application/problem+json"),
        (status = 409, description = "The version has triggers, and as many flows have some as may.",
            body = ProblemDto, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn activate(
    State(gateway): State<Gateway>,
    FlowPath(name): FlowPath,
    headers: CallHeaders,
    kind: Kind,
    content: Content,
) -> Result<Response, Refusal> {
    kind.json()?;
    let (body, _share) = content.into_parts();
    let request: ActivateRequest = serde_json::from_slice(&body).map_err(|error| {
        Refusal::bad_request(format!("the body is to be {{\"version\": \"...\"}}: {error}"))
    })?;
    let chosen = Version::new(&request.version);
    let chosen = chosen.map_err(|error| Refusal::bad_request(error.to_string()))?;
    let chosen = FlowVersion { flow: name, version: chosen };
    let position = gateway.activate(&chosen, headers.trace).await?;
    let found = flow(&gateway, &chosen.flow, Some(&chosen.version)).await?;
    Ok((answer_position(Some(position)), Json(found)).into_response())
}

/// List the flows, in order of their names.
#[utoipa::path(
    get,
    path = "/v1/flows",
    tag = "flows",
    operation_id = "listFlows",
    params(ListParams),
    responses((status = 200, description = "A page of flows.", body = FlowPageDto)),
)]
pub(super) async fn list(
    State(gateway): State<Gateway>,
    Params(params): Params<ListParams>,
) -> Result<Json<FlowPageDto>, Refusal> {
    let limit = page_limit(params.limit.as_deref(), PAGE)?;
    let after = params.page.as_deref().map(str::parse::<FlowName>).transpose();
    let after = after.map_err(|_| Refusal::bad_request("`page` is the `next` of another page"))?;
    let catalogue = &gateway.parts().catalogue;
    let mut defaults = catalogue.flows();
    defaults.retain(|flow| after.as_ref().is_none_or(|after| flow.record.flow.flow > *after));
    let more = defaults.len() > limit;
    defaults.truncate(limit);
    let next = defaults.last().filter(|_| more).map(|last| last.record.flow.flow.to_string());
    let flows = defaults.iter().map(|default| {
        let name = &default.record.flow.flow;
        dto::flow(name, &default.record.flow.version, catalogue.versions(name))
    });
    Ok(Json(FlowPageDto { flows: flows.collect(), next }))
}
