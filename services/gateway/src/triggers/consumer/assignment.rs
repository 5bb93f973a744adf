//! What the group gives a consumer and takes away, kept until its thread looks.
//!
//! A partition that is given is paused at once, within the rebalance: nothing of it is fetched
//! before it is known where it begins.

use flowmill_log::kafka::rdkafka::TopicPartitionList;
use flowmill_log::kafka::rdkafka::consumer::{BaseConsumer, Consumer as _};
use flowmill_log::kafka::{Context, Rebalances};
use flowmill_model::TopicName;
use parking_lot::Mutex;

/// A change of what is assigned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Change {
    Assigned(TopicName, i32),
    Revoked(TopicName, i32),
}

/// The changes that nobody has looked at.
#[derive(Debug, Default)]
pub(super) struct Assignment(Mutex<Vec<Change>>);

impl Assignment {
    /// The changes since the last call, in order.
    pub(super) fn take(&self) -> Vec<Change> {
        std::mem::take(&mut *self.0.lock())
    }

    fn note(&self, partitions: &TopicPartitionList, change: fn(TopicName, i32) -> Change) {
        let named = partitions.elements();
        let named = named.iter().filter_map(|element| {
            Some(change(TopicName::new(element.topic()).ok()?, element.partition()))
        });
        self.0.lock().extend(named);
    }
}

impl Rebalances for Assignment {
    fn assigned(&self, consumer: &BaseConsumer<Context<Self>>, partitions: &TopicPartitionList) {
        if partitions.count() > 0
            && let Err(error) = consumer.pause(partitions)
        {
            tracing::debug!(%error, "a partition cannot be paused");
        }
        self.note(partitions, Change::Assigned);
    }

    fn revoked(
        &self,
        _consumer: &BaseConsumer<Context<Self>>,
        partitions: &TopicPartitionList,
        _lost: bool,
    ) {
        self.note(partitions, Change::Revoked);
    }
}
