//! Routes for those who operate a node: health, readiness, metrics, the API's description.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use flowmill_api::{HealthDto, ReadyDto};
use flowmill_routing::ShardState;

use super::dto;
use super::openapi::openapi;
use crate::Gateway;

/// How the node stands, for people and dashboards. Always 200 while the process serves.
#[utoipa::path(
    get,
    path = "/healthz",
    tag = "operations",
    operation_id = "health",
    responses((status = 200, description = "How the node stands.", body = HealthDto)),
)]
pub(super) async fn health(State(gateway): State<Gateway>) -> Json<HealthDto> {
    let (shards, settings) = (gateway.shard_statuses(), &gateway.parts().settings);
    let halted = shards.iter().any(|(_, shard)| matches!(shard.state, ShardState::Halted(_)));
    Json(HealthDto {
        status: if halted { "degraded" } else { "ok" }.to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        roles: settings.roles.clone(),
        shards: shards.into_iter().map(dto::shard).collect(),
        queues: (settings.queues)().into_iter().map(dto::queue).collect(),
    })
}

/// Whether deploys, starts and reads work.
#[utoipa::path(
    get,
    path = "/readyz",
    tag = "operations",
    operation_id = "ready",
    responses(
        (status = 200, description = "They do.", body = ReadyDto),
        (status = 503, description = "They do not all; why is said.", body = ReadyDto),
    ),
)]
pub(super) async fn ready(State(gateway): State<Gateway>) -> impl IntoResponse {
    let reasons = gateway.not_ready().await;
    let ready = reasons.is_empty();
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(ReadyDto { ready, reasons }))
}

/// Metrics, in Prometheus' text format.
#[utoipa::path(
    get,
    path = "/metrics",
    tag = "operations",
    operation_id = "metrics",
    responses((status = 200, description = "The metrics.", body = String,
        content_type = "text/plain")),
)]
pub(super) async fn metrics(State(gateway): State<Gateway>) -> impl IntoResponse {
    let content_type = "text/plain; version=0.0.4; charset=utf-8";
    ([(CONTENT_TYPE, content_type)], (gateway.parts().settings.render)())
}

/// This description.
#[utoipa::path(
    get,
    path = "/openapi.json",
    tag = "operations",
    operation_id = "description",
    responses((status = 200, description = "OpenAPI 3.1.", body = serde_json::Value)),
)]
pub(super) async fn description() -> impl IntoResponse {
    ([(CONTENT_TYPE, "application/json")], openapi())
}
