//! Flows: deploys, versions, lists.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::RawJson;

/// A flow and its versions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Flow)]
pub struct FlowDto {
    /// The flow, as `namespace/name`.
    pub flow: String,
    /// The namespace.
    pub namespace: String,
    /// The name within it.
    pub name: String,
    /// The version that a start without one gets.
    pub default: String,
    /// Every version, the latest deploy last.
    pub versions: Vec<FlowVersionDto>,
    /// The definition of the version asked for, or of the default one. Not in lists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub definition: Option<RawJson>,
}

/// One version of a flow.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = FlowVersion)]
pub struct FlowVersionDto {
    /// The version.
    pub version: String,
    /// The title, for people.
    pub title: Option<String>,
    /// SHA-256 of the canonical definition, in hexadecimal digits.
    pub hash: String,
    /// When it was deployed, in RFC 3339.
    pub deployed_at: String,
}

/// A page of flows, in order of their names.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = FlowPage)]
pub struct FlowPageDto {
    /// The flows.
    pub flows: Vec<FlowDto>,
    /// The `page` parameter of the next page; `null` on the last one.
    pub next: Option<String>,
}

/// The version that starts are to get which name none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ActivateRequest {
    /// The version; it must be deployed.
    pub version: String,
}

/// A version that is deployed: new with status 201, as it was before with status 200.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeployResult {
    /// The flow, as `namespace/name`.
    pub flow: String,
    /// The version.
    pub version: String,
    /// SHA-256 of the canonical definition, in hexadecimal digits.
    pub hash: String,
    /// Whether this deploy made it known.
    pub created: bool,
}
