//! The HTTP API: routes, wire types, problem details, and the server.
//!
//! One file per group of routes. What all of them share sits around the router: a request's body
//! is read in one place, bounded in size, time and memory; every answer that is an error becomes
//! problem details in one place, whoever made it.

mod answer;
mod body;
mod commands;
mod dto;
mod executions;
mod extract;
mod flows;
mod idle;
mod lists;
mod node_types;
mod openapi;
mod operations;
mod preface;
mod problem;
mod serve;
mod shards;
mod tasks;

use std::sync::Arc;

use axum::Router;
use axum::response::AppendHeaders;
use axum::routing::{get, post, put};
use flowmill_api::headers;
use flowmill_model::{ErrorCode, limits};
use flowmill_routing::Position;
use tokio::sync::Semaphore;

use crate::{Gateway, Refusal};

pub use node_types::node_type;
pub use openapi::openapi;
pub use serve::{Abandoned, serve};

/// The API's routes, with everything around them but connections.
pub fn router(gateway: Gateway) -> Router {
    let routes = flow_routes()
        .merge(execution_routes())
        .merge(task_routes())
        .merge(shard_routes())
        .merge(operation_routes())
        .fallback(no_such_address)
        .method_not_allowed_fallback(no_such_method);
    within_what_all_share(routes, gateway)
}

/// Health, readiness and metrics alone, for a node that does not serve the API. Other services may
/// be added to them.
pub fn operations(gateway: Gateway) -> Router {
    within_what_all_share(health_routes(), gateway)
}

fn within_what_all_share(routes: Router<Gateway>, gateway: Gateway) -> Router {
    let bodies = Arc::new(Semaphore::new(limits::HTTP_BODIES_BYTES));
    let settings = &gateway.parts().settings;
    let (metrics, token) = (settings.metrics.clone(), settings.token.clone());
    let around = answer::Around { bodies, metrics, token };
    let around = axum::middleware::from_fn_with_state(around, answer::answer);
    routes.layer(around).with_state(gateway)
}

fn flow_routes() -> Router<Gateway> {
    Router::new()
        .route("/v1/flows", get(flows::list))
        .route("/v1/flows/{namespace}/{name}", put(flows::deploy).get(flows::get))
        .route("/v1/flows/{namespace}/{name}/default", put(flows::activate))
        .route("/v1/flows/{namespace}/{name}/executions", post(executions::start))
        .route("/v1/node-types", get(node_types::list))
        .route("/v1/node-types/{type}", get(node_types::get))
}

fn execution_routes() -> Router<Gateway> {
    Router::new()
        .route("/v1/executions", get(lists::list))
        .route("/v1/executions/{id}", get(executions::get))
        .route("/v1/executions/{id}/history", get(executions::history))
        .route("/v1/executions/{id}/cancel", post(commands::cancel))
        .route("/v1/executions/{id}/suspend", post(commands::suspend))
        .route("/v1/executions/{id}/resume", post(commands::resume))
        .route("/v1/executions/{id}/signals/{name}", post(commands::signal))
}

fn task_routes() -> Router<Gateway> {
    Router::new()
        .route("/v1/tasks/poll", post(tasks::poll))
        .route("/v1/tasks/{token}/complete", post(tasks::complete))
        .route("/v1/tasks/{token}/fail", post(tasks::fail))
        .route("/v1/tasks/{token}/throw", post(tasks::throw))
        .route("/v1/tasks/{token}/postpone", post(tasks::postpone))
        .route("/v1/tasks/{token}/heartbeat", post(tasks::heartbeat))
        .route("/v1/workers", get(tasks::workers))
}

fn shard_routes() -> Router<Gateway> {
    Router::new()
        .route("/v1/shards", get(shards::list))
        .route("/v1/shards/{shard}/resume", post(shards::resume))
}

fn operation_routes() -> Router<Gateway> {
    health_routes().route("/openapi.json", get(operations::description))
}

fn health_routes() -> Router<Gateway> {
    Router::new()
        .route("/healthz", get(operations::health))
        .route("/readyz", get(operations::ready))
        .route("/metrics", get(operations::metrics))
}

async fn no_such_address() -> Refusal {
    Refusal::not_found("there is no such address; see /openapi.json for those there are")
}

async fn no_such_method() -> Refusal {
    let detail = "the address does not take this method; the `Allow` header names those it takes";
    Refusal::new(ErrorCode::MethodNotAllowed, detail)
}

/// The header that tells where a write stands, if there was one.
fn answer_position(position: Option<Position>) -> AppendHeaders<Option<(&'static str, String)>> {
    AppendHeaders(position.map(|position| (headers::POSITION, position.to_string())))
}
