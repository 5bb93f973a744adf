//! How a node stands.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How a node stands: for people and dashboards.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Health)]
pub struct HealthDto {
    /// `ok`, or `degraded` when a shard is stopped.
    pub status: String,
    /// The program's version.
    pub version: String,
    /// What the process does, such as `gateway` and `orchestrator`.
    pub roles: Vec<String>,
    /// The shards whose owners this node knows.
    pub shards: Vec<ShardDto>,
    /// The queues of tasks.
    pub queues: Vec<QueueDto>,
}

/// The shards of a cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Shards)]
pub struct ShardsDto {
    /// Every shard, by number.
    pub shards: Vec<ShardDto>,
}

/// How a shard stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Shard)]
pub struct ShardDto {
    /// Its number.
    pub shard: u16,
    /// `claiming`, `open`, `full` or `halted`; in the list of all shards also `unowned`, if no node is
    /// known that has it.
    pub state: String,
    /// Why it is halted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The owner's epoch; 0 when unclaimed.
    pub epoch: u64,
    /// Executions live in memory.
    pub actors: u64,
    /// Commands in the log that are not in a batch.
    #[serde(default)]
    pub commands_waiting: u64,
    /// How long the oldest of them has waited, in milliseconds.
    #[serde(default)]
    pub commands_lag_ms: u64,
    /// Inputs that wait to be decided.
    pub deferred: u64,
    /// Credits left for reading commands.
    pub credits: u64,
    /// Batches committed and not yet in the store.
    pub projection_lag: u64,
    /// Tasks whose result is pending.
    pub tasks_in_flight: u64,
}

/// How a queue of tasks stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Queue)]
pub struct QueueDto {
    /// Its name.
    pub queue: String,
    /// Tasks that this node's workers run.
    pub active: u64,
    /// Tasks that wait to be picked up.
    pub waiting: u64,
}

/// Whether a node can serve.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Ready)]
pub struct ReadyDto {
    /// Whether deploys, starts and reads work.
    pub ready: bool,
    /// Why not.
    pub reasons: Vec<String>,
}
