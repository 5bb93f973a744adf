//! Routes of node types: what flows are made of.

use axum::Json;
use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use flowmill_api::{NodeTypeDto, NodeTypesDto, PortDto, ProblemDto};
use flowmill_flow::{built_in, built_in_type};
use flowmill_types::{Manifest, Port};
use serde_json::Value;

use crate::Refusal;

/// List the node types, each with its manifest.
#[utoipa::path(
    get,
    path = "/v1/node-types",
    tag = "node-types",
    operation_id = "listNodeTypes",
    responses((status = 200, description = "The node types.", body = NodeTypesDto)),
)]
pub(super) async fn list() -> Json<NodeTypesDto> {
    let node_types = built_in().iter().map(|built_in| node_type(&built_in.manifest));
    Json(NodeTypesDto { node_types: node_types.collect() })
}

/// Get the manifest of a node type: its ports and parameters.
#[utoipa::path(
    get,
    path = "/v1/node-types/{type}",
    tag = "node-types",
    operation_id = "getNodeType",
    params(("type" = String, Path, description = "The node type, such as `http.request`.")),
    responses(
        (status = 200, description = "The manifest.", body = NodeTypeDto),
        (status = 404, description = "There is no such node type; the one probably meant is named.",
            body = ProblemDto, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn get(
    name: Result<Path<String>, PathRejection>,
) -> Result<Json<NodeTypeDto>, Refusal> {
    let Path(name) = name.map_err(|_| Refusal::bad_request("the path is no text"))?;
    let found = built_in_type(&name).map_err(|error| Refusal::not_found(error.to_string()))?;
    Ok(Json(node_type(&found.manifest)))
}

/// A manifest as the API gives it.
pub fn node_type(manifest: &Manifest) -> NodeTypeDto {
    let any = Value::Bool(true);
    let parameters = manifest.parameters().map_or(&any, |parameters| parameters.schema());
    let matrix = manifest.to_value().get("compatibilityMatrix").and_then(Value::as_array).cloned();
    NodeTypeDto {
        name: manifest.node().to_string(),
        version: manifest.version().to_string(),
        kind: manifest.kind().as_str().to_owned(),
        description: manifest.description().to_owned(),
        inputs: manifest.inputs().iter().map(port).collect(),
        outputs: manifest.outputs().iter().map(port).collect(),
        parameters: parameters.clone(),
        compatibility_matrix: matrix.unwrap_or_default(),
    }
}

fn port(port: &Port) -> PortDto {
    PortDto {
        name: port.name().to_string(),
        description: port.description().to_owned(),
        schema: port.schema().clone(),
    }
}
