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
    /// The connections of that version with their verdicts, in the order of the definition. Not in
    /// lists.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub connections: Vec<ConnectionDto>,
}

/// A connection, and whether the values that pass by it fit what it leads to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Connection)]
pub struct ConnectionDto {
    /// The output port that it leaves, as `node.port`.
    pub from: String,
    /// The input port that it enters, as `node.port`.
    pub to: String,
    /// What is known of every value that can pass.
    pub verdict: VerdictDto,
    /// The type of what is given, in short. Left out where nothing says what is taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub given: Option<String>,
    /// The type of what is taken, in short. Left out where nothing says it: then all is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub taken: Option<String>,
    /// Why the verdict is no better, often with a value that is given and refused. Left out where
    /// every value fits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// Whether the values that pass by a connection fit what it leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
#[schema(as = Verdict)]
pub enum VerdictDto {
    /// What is given and what is taken are the same values.
    Exact,
    /// Every value that is given is taken.
    Subtype,
    /// The receiving node names an expression that makes the one of the other; its result is
    /// checked.
    Convertible,
    /// Some values may not be taken: each is checked when it comes.
    RuntimeCheck,
    /// No value that is given is taken. Only of versions that an earlier build deployed: each value
    /// is checked.
    Incompatible,
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
    /// The connections with their verdicts, in the order of the definition.
    #[serde(default)]
    pub connections: Vec<ConnectionDto>,
}
