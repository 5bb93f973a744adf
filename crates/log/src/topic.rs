//! The topics the engine uses, and what each must promise.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use flowmill_model::{Queue, ShardId};

/// A topic of the engine.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Topic {
    /// What callers ask; one partition per shard.
    Commands,
    /// What came of tasks; one partition per shard.
    Results,
    /// The truth; one partition per shard.
    History,
    /// Work for the workers of one queue.
    Tasks(Queue),
    /// Deployed versions of flows; one partition, compacted.
    Definitions,
    /// Owner and epoch of each shard; one partition, compacted.
    Shards,
    /// Lifecycle events for the outside world.
    Lifecycle,
    /// Copies of inputs that could not be read.
    DeadLetters,
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Commands => f.write_str("commands"),
            Self::Results => f.write_str("results"),
            Self::History => f.write_str("history"),
            Self::Tasks(queue) => write!(f, "tasks.{queue}"),
            Self::Definitions => f.write_str("definitions"),
            Self::Shards => f.write_str("shards"),
            Self::Lifecycle => f.write_str("lifecycle"),
            Self::DeadLetters => f.write_str("dlq"),
        }
    }
}

/// Text that names no topic.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no topic of the engine")]
pub struct UnknownTopic(String);

impl FromStr for Topic {
    type Err = UnknownTopic;

    fn from_str(text: &str) -> Result<Self, UnknownTopic> {
        let unknown = || UnknownTopic(text.to_owned());
        Ok(match text {
            "commands" => Self::Commands,
            "results" => Self::Results,
            "history" => Self::History,
            "definitions" => Self::Definitions,
            "shards" => Self::Shards,
            "lifecycle" => Self::Lifecycle,
            "dlq" => Self::DeadLetters,
            other => {
                let queue = other.strip_prefix("tasks.").ok_or_else(unknown)?;
                Self::Tasks(Queue::new(queue).map_err(|_| unknown())?)
            }
        })
    }
}

/// One partition of a topic.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Partition {
    /// The topic.
    pub topic: Topic,
    /// The partition's number, counted from 0.
    pub number: u16,
}

impl Partition {
    /// Names a partition.
    pub const fn new(topic: Topic, number: u16) -> Self {
        Self { topic, number }
    }

    /// The partition of a per-shard topic that belongs to `shard`.
    pub const fn of_shard(topic: Topic, shard: ShardId) -> Self {
        Self { topic, number: shard.get() }
    }
}

impl fmt::Display for Partition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}[{}]", self.topic, self.number)
    }
}

/// How long records of a topic are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retention {
    /// Until [`Log::trim`](crate::Log::trim) is called.
    UntilTrimmed,
    /// At least this long, then any time.
    For(Duration),
    /// The last record of each key is kept for ever; earlier ones may go.
    Compacted,
}

/// Whether an acknowledged record outlives the process (and the machine's power).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Survival {
    /// It does: the acknowledgement comes after the record is safe.
    Durable,
    /// It may not: everything in the topic can be derived again from history. After a restart the
    /// partition may begin at an offset above every one it gave out before, with nothing in it.
    Derivable,
}

/// A topic and what is asked of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicSpec {
    /// The topic.
    pub topic: Topic,
    /// How many partitions; at least 1.
    pub partitions: u16,
    /// How long records are kept.
    pub retention: Retention,
    /// What the caller can live with; the log may promise more (see
    /// [`Log::survival`](crate::Log::survival)).
    pub survival: Survival,
}

impl TopicSpec {
    /// Whether `asked` would make a compacted topic of another one, or the other way round.
    pub(crate) fn changes_compaction(&self, asked: &Self) -> bool {
        (self.retention == Retention::Compacted) != (asked.retention == Retention::Compacted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topic_survives_its_text_form() {
        let tasks = Topic::Tasks(Queue::new("tasks.http").expect("a queue"));
        for topic in [
            Topic::Commands,
            Topic::Results,
            Topic::History,
            tasks,
            Topic::Definitions,
            Topic::Shards,
            Topic::Lifecycle,
            Topic::DeadLetters,
        ] {
            assert_eq!(topic.to_string().parse(), Ok(topic));
        }
        for text in ["", "tasks.", "tasks", "History"] {
            assert_eq!(text.parse::<Topic>(), Err(UnknownTopic(text.to_owned())));
        }
    }
}
