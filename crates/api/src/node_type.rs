//! Node types: what there is to make flows of.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The manifest of a node type.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = NodeType)]
pub struct NodeTypeDto {
    /// The node type, such as `http.request`.
    #[serde(rename = "type")]
    pub name: String,
    /// Its version; raised when a port or a parameter changes.
    pub version: String,
    /// `trigger` begins an execution, `control` directs values, `action` does something outside of
    /// the flow.
    pub kind: String,
    /// What it does.
    pub description: String,
    /// The ports that take values.
    pub inputs: Vec<PortDto>,
    /// The ports that give values. Those that depend on parameters, as of a `switch`, are not among
    /// them.
    pub outputs: Vec<PortDto>,
    /// The JSON Schema of the parameters.
    pub parameters: serde_json::Value,
    /// The rules about what may feed the inputs, where schemas do not say it all.
    pub compatibility_matrix: Vec<serde_json::Value>,
}

/// An end of a node that gives or takes values.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = Port)]
pub struct PortDto {
    /// Its name, as in connections.
    pub name: String,
    /// What passes through it.
    pub description: String,
    /// The JSON Schema of its values; `true` for any.
    pub schema: serde_json::Value,
}

/// The node types.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = NodeTypes)]
pub struct NodeTypesDto {
    /// Every node type, in the order of the reference.
    pub node_types: Vec<NodeTypeDto>,
}
