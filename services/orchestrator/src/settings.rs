//! What can be set for the orchestrator role.

use std::time::Duration;

use flowmill_model::limits;

/// The orchestrator's settings.
#[derive(Clone, Debug)]
pub struct Settings {
    /// This node's name, as claims show it.
    pub node: String,
    /// Where other nodes ask this one, `http://HOST:PORT`; nothing in one process.
    pub address: Option<String>,
    /// How many shards there are: partitions of commands, results and history.
    pub shards: u16,
    /// How long finished executions are kept.
    pub retention: Duration,
    /// How long an execution is kept in memory after its last input.
    pub passivate_after: Duration,
    /// How long the projector gathers changes before it writes them.
    pub flush_every: Duration,
    /// How often the log is told what it may forget.
    pub trim_every: Duration,
    /// How many partitions a task queue gets when it is made.
    pub task_partitions: u16,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            node: "node-1".into(),
            address: None,
            shards: 4,
            retention: limits::RETENTION,
            passivate_after: Duration::from_secs(5),
            flush_every: Duration::from_millis(200),
            trim_every: Duration::from_secs(10),
            task_partitions: 4,
        }
    }
}
