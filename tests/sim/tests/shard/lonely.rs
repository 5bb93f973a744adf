//! One node on one shard, with nothing else around.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use flowmill_log::memory::{MemoryLog, MemorySettings};
use flowmill_log::{Log, Partition, Record, Topic};
use flowmill_model::command::{Command, CommandRecord};
use flowmill_model::history::{Batch, HistoryRecord};
use flowmill_model::{Offset, ShardId, Timestamp, envelope};
use flowmill_routing::ShardState;
use flowmill_runtime::Clock;
use flowmill_sim::node::{Node, Start as StartNode, settings};
use flowmill_store::memory::MemoryStore;

pub(crate) const SHARD: ShardId = ShardId::new(0);

pub(crate) struct Lonely {
    pub(crate) log: MemoryLog,
    pub(crate) store: MemoryStore,
    pub(crate) clock: Clock,
}

impl Lonely {
    pub(crate) fn new() -> Self {
        Self {
            log: MemoryLog::with(MemorySettings::default()),
            store: MemoryStore::default(),
            clock: Clock::starting_at(Timestamp::from_millis(1_767_225_600_000)),
        }
    }

    pub(crate) async fn node(&self) -> Node {
        self.start(self.log.clone(), 1).await
    }

    /// Starts a node of a cluster with so many shards on a session of the log.
    pub(crate) async fn start(&self, log: MemoryLog, shards: u16) -> Node {
        let start = StartNode {
            session: log.clone(),
            log: Arc::new(log),
            store: Arc::new(self.store.clone()),
            clock: self.clock,
            seed: 7,
            settings: settings("node-1".into(), shards),
        };
        Node::start(start).await.expect("the node starts")
    }

    /// A node that has claimed the shard.
    pub(crate) async fn owner(&self) -> Node {
        let node = self.node().await;
        serves(&node, SHARD).await;
        node
    }

    /// Gives the shard a command.
    pub(crate) async fn append(&self, command: Command) -> Offset {
        self.append_to(SHARD, command).await
    }

    /// Gives a shard a command.
    pub(crate) async fn append_to(&self, shard: ShardId, command: Command) -> Offset {
        let record = CommandRecord { sent_at: self.clock.now(), trace: None, command };
        let value = Bytes::from(envelope::encode(&record));
        let to = Partition::of_shard(Topic::Commands, shard);
        self.log.append(&to, Record::of(value)).await.expect("it is written")
    }

    /// The batches in the shard's history.
    pub(crate) fn batches(&self) -> Vec<Batch> {
        self.batches_of(SHARD)
    }

    /// The batches in a shard's history.
    pub(crate) fn batches_of(&self, shard: ShardId) -> Vec<Batch> {
        let history = Partition::of_shard(Topic::History, shard);
        let records = self.log.records(&history).into_iter();
        let decode = |value: Bytes| HistoryRecord::decode(&value).expect("it decodes");
        let batches = records.filter_map(|fetched| match decode(fetched.record.value) {
            HistoryRecord::Batch(batch) => Some(*batch),
            HistoryRecord::Claim(_) => None,
        });
        batches.collect()
    }
}

/// Waits until a node serves a shard.
pub(crate) async fn serves(node: &Node, shard: ShardId) {
    while node.owners.status(shard).is_none_or(|status| status.state != ShardState::Open) {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
