//! What a gateway is told by whoever starts it.

use std::fmt;
use std::sync::Arc;

use flowmill_routing::ClusterToken;
use flowmill_telemetry::Metrics;

use crate::workers::{Balance, TokenKey};

/// How a queue of tasks stands on this node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueFigures {
    /// Its name.
    pub queue: String,
    /// Tasks that this node's workers run.
    pub active: u64,
    /// Tasks that wait to be picked up; `None` while nobody has looked.
    pub waiting: Option<u64>,
}

/// When a node counts as ready.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Readiness {
    /// When deploys, starts and reads work: every shard has an owner.
    #[default]
    EveryShard,
    /// When the shards that are its turn are served.
    OwnShards,
    /// When it knows the deployed flows.
    Definitions,
}

/// What a gateway is told.
#[derive(Clone)]
pub struct Settings {
    /// What the process does, as `/healthz` names it.
    pub roles: Vec<String>,
    /// When the node counts as ready.
    pub readiness: Readiness,
    /// What callers must present; without one they are asked for nothing.
    pub token: Option<ClusterToken>,
    /// Where requests are counted.
    pub metrics: Metrics,
    /// Metrics in Prometheus' text format, as `/metrics` gives them.
    pub render: Arc<dyn Fn() -> String + Send + Sync>,
    /// How the queues of tasks stand, as `/healthz` gives it.
    pub queues: Arc<dyn Fn() -> Vec<QueueFigures> + Send + Sync>,
    /// What task tokens are signed with, the same in all gateways; from the cluster's id if none.
    pub task_token_key: Option<TokenKey>,
    /// By which rule tasks are shared among workers that take them from the gateway.
    pub balance: Balance,
}

impl Default for Settings {
    /// A gateway alone: no metrics, no queues.
    fn default() -> Self {
        Self {
            roles: vec!["gateway".into()],
            readiness: Readiness::default(),
            token: None,
            metrics: Metrics::default(),
            render: Arc::new(String::new),
            queues: Arc::new(Vec::new),
            task_token_key: None,
            balance: Balance::default(),
        }
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings").field("roles", &self.roles).finish_non_exhaustive()
    }
}
