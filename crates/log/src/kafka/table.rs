//! The one table of topics: what `init` makes, what opening a log checks, and what the
//! documentation lists.

use std::time::Duration;

use flowmill_model::limits;

use super::clients::config::FRAME_BYTES;
use super::settings::ClusterName;
use crate::topic::{Retention, Topic, TopicSpec};

/// Partitions of commands, results and history unless `init` is told otherwise.
pub const DEFAULT_SHARDS: u16 = 16;

/// The most shards a cluster may have.
pub const SHARDS_MAX: u16 = 1_024;

/// Partitions of what is spread over workers and readers, not over shards.
pub const SPREAD: u16 = 12;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// A row of the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicRow {
    /// Which topic or topics.
    pub name: TopicName,
    /// How many partitions.
    pub partitions: Partitions,
    /// How long records are kept.
    pub retention: Retention,
    /// What the records' key is.
    pub key: &'static str,
    /// What is in it.
    pub holds: &'static str,
}

/// Which topics a row is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TopicName {
    /// One topic of the engine.
    Of(Topic),
    /// The topic of every task queue; made when the first flow that uses it is deployed.
    EachQueue,
    /// The topic that says which cluster this is.
    Identity,
}

/// How many partitions a topic has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Partitions {
    /// One for each shard.
    PerShard,
    /// So many, or more.
    AtLeast(u16),
    /// One: its records have one order.
    One,
}

/// On how many brokers each record is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Replicas {
    /// Replicas of each partition.
    pub count: u16,
    /// How many must have a record before it is acknowledged.
    pub in_sync: u16,
}

impl Replicas {
    /// Survives the loss of a broker, and takes appends meanwhile.
    pub const SAFE: Self = Self { count: 3, in_sync: 2 };

    /// One broker holds everything: for trying it out.
    pub const SINGLE: Self = Self { count: 1, in_sync: 1 };
}

/// Every row.
pub fn rows() -> Vec<TopicRow> {
    let row = |topic, partitions, retention, key, holds| TopicRow {
        name: TopicName::Of(topic),
        partitions,
        retention,
        key,
        holds,
    };
    let week = Retention::For(7 * DAY);
    let (each, spread) = (Partitions::PerShard, Partitions::AtLeast(SPREAD));
    let compacted = Retention::Compacted;
    vec![
        row(Topic::Commands, each, week, "none", "What callers ask of executions."),
        row(Topic::Results, each, week, "none", "What came of tasks."),
        row(
            Topic::History,
            each,
            Retention::UntilTrimmed,
            "none",
            "The truth: every transition of every execution. The engine trims it.",
        ),
        TopicRow {
            name: TopicName::EachQueue,
            ..row(Topic::Results, spread, week, "none", "Tasks for the workers of one queue.")
        },
        row(
            Topic::Definitions,
            Partitions::One,
            compacted,
            "namespace/name/version",
            "Deployed flows.",
        ),
        row(
            Topic::Shards,
            Partitions::One,
            compacted,
            "shard",
            "Owner, epoch and address of each shard.",
        ),
        row(
            Topic::Lifecycle,
            spread,
            week,
            "execution id",
            "Events for the outside world: started, completed, faulted.",
        ),
        row(
            Topic::DeadLetters,
            spread,
            Retention::For(30 * DAY),
            "none",
            "Copies of inputs that could not be read, with the reason.",
        ),
        TopicRow {
            name: TopicName::Identity,
            ..row(
                Topic::History,
                Partitions::One,
                Retention::UntilTrimmed,
                "none",
                "Which cluster this is. Whoever deletes it has a new one.",
            )
        },
    ]
}

impl TopicRow {
    /// The topic's name in Kafka; none for the row of all queues.
    pub(crate) fn kafka_name(&self, cluster: &ClusterName) -> Option<String> {
        match &self.name {
            TopicName::Of(topic) => Some(cluster.topic(topic)),
            TopicName::EachQueue => None,
            TopicName::Identity => Some(cluster.identity_topic()),
        }
    }

    /// How many partitions a new topic gets.
    pub(crate) fn partitions(&self, shards: u16) -> u16 {
        match self.partitions {
            Partitions::PerShard => shards,
            Partitions::AtLeast(count) => count,
            Partitions::One => 1,
        }
    }
}

/// The row of a topic.
pub(crate) fn row_of(topic: &Topic) -> TopicRow {
    let is_of = |row: &TopicRow| match (&row.name, topic) {
        (TopicName::EachQueue, Topic::Tasks(_)) => true,
        (TopicName::Of(of), topic) => of == topic,
        (TopicName::EachQueue | TopicName::Identity, _) => false,
    };
    rows().into_iter().find(is_of).expect("every topic has a row")
}

/// The settings that a topic of this retention must have.
pub fn settings(retention: Retention, replicas: Replicas) -> Vec<(&'static str, String)> {
    let mut settings = vec![
        ("cleanup.policy", policy(retention).to_owned()),
        ("max.message.bytes", (limits::RECORD_BYTES + FRAME_BYTES).to_string()),
        ("min.insync.replicas", replicas.in_sync.to_string()),
        ("unclean.leader.election.enable", "false".to_owned()),
    ];
    if let Some(kept) = retention_ms(retention) {
        settings.push(("retention.ms", kept));
        settings.push(("retention.bytes", "-1".to_owned()));
    }
    settings
}

pub(crate) const fn policy(retention: Retention) -> &'static str {
    match retention {
        Retention::Compacted => "compact",
        Retention::UntilTrimmed | Retention::For(_) => "delete",
    }
}

/// `retention.ms`; it means nothing to a compacted topic.
pub(crate) fn retention_ms(retention: Retention) -> Option<String> {
    match retention {
        Retention::UntilTrimmed => Some("-1".to_owned()),
        Retention::For(kept) => Some(kept.as_millis().to_string()),
        Retention::Compacted => None,
    }
}

/// The specification by which a role asks for a topic of its queue.
pub fn queue_spec(topic: Topic) -> TopicSpec {
    let row = row_of(&topic);
    let survival = crate::topic::Survival::Durable;
    TopicSpec { topic, partitions: SPREAD, retention: row.retention, survival }
}
