//! What nodes did to the log and the store, and when: what neither shows afterwards.
//!
//! The checker needs it for what is said of an order in time: that a task went out after the batch
//! that scheduled it, that a mark came after what it says is sent.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use flowmill_events::decode_task;
use flowmill_log::{Partition, Record, Topic};
use flowmill_model::history::HistoryRecord;
use flowmill_model::{BatchNumber, Epoch, ExecutionId, Sequence, ShardId, TaskId, TaskToken};
use flowmill_store::{RowVersion, Watermark, Write};
use parking_lot::Mutex;
use tokio::time::Instant;

/// A load so soon after the same node wrote the execution's row is one that an input asked for
/// which was on its way as the node let the execution go.
const SOON: Duration = Duration::from_secs(2);

/// A shard's batch as its owner names it.
pub type BatchName = (ShardId, Epoch, BatchNumber);

/// What the nodes of a run did. Clones are the same.
#[derive(Clone, Debug, Default)]
pub struct Journal(Arc<Mutex<Pages>>);

/// What is in a journal.
#[derive(Clone, Debug, Default)]
pub struct Pages {
    /// When each sending of a task was first begun.
    pub tasks_begun: BTreeMap<(TaskId, TaskToken), Instant>,
    /// When each sending of a task was first acknowledged.
    pub tasks_sent: BTreeMap<(TaskId, TaskToken), Instant>,
    /// The copies of each sending of a task that were acknowledged.
    pub copies: BTreeMap<(TaskId, TaskToken), Vec<TaskCopy>>,
    /// The epochs under which each sending of a task went out.
    pub task_epochs: BTreeMap<(TaskId, TaskToken), Vec<Epoch>>,
    /// When the append of each batch was first begun.
    pub batches: BTreeMap<BatchName, Instant>,
    /// Batches whose append ended without an answer that says whether they are there.
    pub unknown: Vec<BatchName>,
    /// Acknowledged rows of each execution, with what they hold.
    pub rows: BTreeMap<ExecutionId, Vec<(Instant, Sequence)>>,
    /// Watermarks that were asked for.
    pub watermarks: Vec<(Instant, ShardId, Watermark)>,
    /// Rows that another node, or another life of it, had written before.
    pub rewritten: usize,
    /// Loads of executions that the same node had just let go.
    pub reloaded: usize,
    writers: BTreeMap<(ExecutionId, RowVersion), u64>,
    released: BTreeMap<(u64, ExecutionId), Instant>,
}

/// One record of a task in its queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TaskCopy {
    /// The epoch under which it was sent.
    pub epoch: Epoch,
    /// The batch that it says it is of.
    pub batch: BatchNumber,
}

impl Journal {
    /// What was written down so far.
    pub fn pages(&self) -> Pages {
        self.0.lock().clone()
    }

    /// A node appends a record.
    pub fn append(&self, to: &Partition, record: &Record) {
        let (mut pages, now) = (self.0.lock(), Instant::now());
        if let Some((task, (epoch, _))) = task_of(to, record) {
            pages.tasks_begun.entry(task).or_insert(now);
            let epochs = pages.task_epochs.entry(task).or_default();
            if !epochs.contains(&epoch) {
                epochs.push(epoch);
            }
        }
        if let Some(batch) = batch_of(to, &record.value) {
            pages.batches.entry(batch).or_insert(now);
        }
    }

    /// A record that a node appended was acknowledged.
    pub fn acknowledged(&self, to: &Partition, record: &Record) {
        if let Some((task, (epoch, batch))) = task_of(to, record) {
            let (mut pages, at) = (self.0.lock(), Instant::now());
            pages.tasks_sent.entry(task).or_insert(at);
            pages.copies.entry(task).or_default().push(TaskCopy { epoch, batch });
        }
    }

    /// Nobody told a node whether a record that it appended is there.
    pub fn unknown(&self, to: &Partition, record: &Record) {
        self.0.lock().unknown.extend(batch_of(to, &record.value));
    }

    /// A node's rows were acknowledged.
    pub fn written(&self, node: u64, write: &Write) {
        let (mut pages, now) = (self.0.lock(), Instant::now());
        for entry in &write.executions {
            let writer = *pages.writers.entry((entry.id, entry.version)).or_insert(node);
            pages.rewritten += usize::from(writer != node);
            pages.rows.entry(entry.id).or_default().push((now, entry.sequence));
            pages.released.insert((node, entry.id), now);
        }
    }

    /// A node asks for a watermark.
    pub fn watermark(&self, shard: ShardId, watermark: Watermark) {
        self.0.lock().watermarks.push((Instant::now(), shard, watermark));
    }

    /// A node begins to take a shard over.
    pub fn takes_over(&self, node: u64, shard: ShardId) {
        self.0.lock().released.retain(|(of, id), _| *of != node || id.shard() != shard);
    }

    /// A node loads an execution.
    pub fn loads(&self, node: u64, id: ExecutionId) {
        let mut pages = self.0.lock();
        let released = pages.released.remove(&(node, id));
        pages.reloaded += usize::from(released.is_some_and(|at| at.elapsed() < SOON));
    }
}

/// The sending of a task that a record is, with its epoch and the batch that it says it is of.
type Sending = ((TaskId, TaskToken), (Epoch, BatchNumber));

fn task_of(to: &Partition, record: &Record) -> Option<Sending> {
    match to.topic {
        Topic::Tasks(_) => {
            let task = decode_task(record).ok()?;
            Some(((task.id, task.token), (task.epoch, task.batch)))
        }
        Topic::Commands
        | Topic::Results
        | Topic::History
        | Topic::Definitions
        | Topic::Shards
        | Topic::Lifecycle
        | Topic::DeadLetters => None,
    }
}

fn batch_of(to: &Partition, value: &Bytes) -> Option<BatchName> {
    if to.topic != Topic::History {
        return None;
    }
    match HistoryRecord::decode(value).ok()? {
        HistoryRecord::Batch(batch) => Some((ShardId::new(to.number), batch.epoch, batch.number)),
        HistoryRecord::Claim(_) => None,
    }
}
