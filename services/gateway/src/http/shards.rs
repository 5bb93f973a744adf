//! Routes for those who operate a cluster's shards.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use flowmill_api::{ProblemDto, ShardsDto};
use flowmill_model::ShardId;

use super::dto;
use super::extract::ShardPath;
use crate::{Gateway, Refusal};

/// List the shards, and how each stands as far as this gateway knows.
#[utoipa::path(
    get,
    path = "/v1/shards",
    tag = "operations",
    operation_id = "listShards",
    responses((status = 200, description = "The shards, by number.", body = ShardsDto)),
)]
pub(super) async fn list(State(gateway): State<Gateway>) -> Json<ShardsDto> {
    let shards = gateway.every_shard().into_iter();
    let shards = shards.map(|(shard, status)| match status {
        Some(status) => dto::shard((shard, status)),
        None => dto::unowned(shard),
    });
    Json(ShardsDto { shards: shards.collect() })
}

/// Have a halted shard taken over again, once what halted it is repaired.
///
/// The node that halted it reads its history and claims it anew. Whether that succeeds shows in the
/// list of shards: what is not repaired halts it again.
#[utoipa::path(
    post,
    path = "/v1/shards/{shard}/resume",
    tag = "operations",
    operation_id = "resumeShard",
    params(("shard" = u16, Path, description = "The shard's number.")),
    responses(
        (status = 202, description = "It is being taken over."),
        (status = 404, description = "There is no such shard.",
            body = ProblemDto, content_type = "application/problem+json"),
        (status = 409, description = "It is not halted.",
            body = ProblemDto, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn resume(
    State(gateway): State<Gateway>,
    ShardPath(shard): ShardPath,
) -> Result<StatusCode, Refusal> {
    gateway.resume_shard(ShardId::new(shard)).await?;
    Ok(StatusCode::ACCEPTED)
}
