//! What can be set for the orchestrator role.

use std::collections::BTreeMap;
use std::time::Duration;

use flowmill_model::{Name, Timestamp, limits};

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
    pub retention: Retention,
    /// How long an execution is kept in memory after its last input.
    pub passivate_after: Duration,
    /// How long the projector gathers changes before it writes them.
    pub flush_every: Duration,
    /// How long it holds an execution back that has not ended. Most end soon, and are then written
    /// once; one that goes on is in lists, and in the watermark, so much later.
    pub hold_back: Duration,
    /// How often the log is told what it may forget.
    pub trim_every: Duration,
    /// How many partitions a task queue gets when it is made.
    pub task_partitions: u16,
    /// Whether steps in executions' lives are told on the `lifecycle` topic. It costs two records
    /// for each execution, so it is for logs that somebody outside can read.
    pub lifecycle: bool,
    /// How the node is broken on purpose.
    #[cfg(feature = "mutations")]
    pub mutation: Option<crate::mutations::Mutation>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            node: "node-1".into(),
            address: None,
            shards: 4,
            retention: Retention::default(),
            passivate_after: Duration::from_secs(5),
            flush_every: Duration::from_millis(200),
            hold_back: Duration::from_secs(1),
            trim_every: Duration::from_secs(10),
            task_partitions: 4,
            lifecycle: false,
            #[cfg(feature = "mutations")]
            mutation: None,
        }
    }
}

/// How long finished executions are kept, counted from their end.
///
/// It is looked up when an execution ends: what has ended before a change keeps its time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retention {
    /// In every namespace that is not named.
    pub otherwise: Duration,
    /// By namespace.
    pub namespaces: BTreeMap<Name, Duration>,
}

impl Default for Retention {
    fn default() -> Self {
        Self::of(limits::RETENTION)
    }
}

impl Retention {
    /// The same time in every namespace.
    pub const fn of(time: Duration) -> Self {
        Self { otherwise: time, namespaces: BTreeMap::new() }
    }

    /// When an execution of `namespace` that ended at `end` may be purged.
    pub fn purge_at(&self, namespace: &Name, end: Timestamp) -> Timestamp {
        end.after(*self.namespaces.get(namespace).unwrap_or(&self.otherwise))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_namespace_has_its_own_time_or_that_of_all_others() {
        let name = |text: &str| Name::new(text).expect("a name");
        let (second, end) = (Duration::from_secs(1), Timestamp::from_millis(5_000));
        let mut retention = Retention::of(second);
        retention.namespaces.insert(name("audit"), 10 * second);
        let millis = |namespace| retention.purge_at(&name(namespace), end).as_millis();
        assert_eq!((millis("shop"), millis("audit")), (6_000, 15_000));
    }
}
