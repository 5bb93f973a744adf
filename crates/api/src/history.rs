//! Histories.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::RawJson;

/// A page of an execution's history, oldest first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = HistoryPage)]
pub struct HistoryPageDto {
    /// The events.
    pub events: Vec<EventDto>,
    /// The `page` parameter of the next page; `null` when there is no more for now.
    pub next: Option<String>,
}

/// One event.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Event)]
pub struct EventDto {
    /// Its place in the history, from 0 without gaps.
    pub sequence: u64,
    /// When it was decided, in RFC 3339.
    pub at: String,
    /// What happened, such as `node-completed`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The node it is about.
    pub node: Option<String>,
    /// Everything else about it: an object whose fields depend on the type.
    pub detail: RawJson,
}
