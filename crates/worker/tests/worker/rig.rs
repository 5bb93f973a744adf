//! A log with a queue on it, tasks to put there, and results to read.

use std::num::NonZeroUsize;
use std::sync::Arc;

use flowmill_events::{decode_result, encode_task};
use flowmill_log::memory::MemorySettings;
use flowmill_log::{
    Log, MemoryLog, Partition, ReadLimit, Reader, Record, Retention, Survival, Topic, TopicSpec,
    task_partition, worker_group,
};
use flowmill_model::task::{Failure, Outcome, ResultRecord, TaskRecord};
use flowmill_model::{
    Activation, BatchNumber, Epoch, ExecutionId, FlowName, NodeIndex, Offset, Payload, Queue,
    ShardId, TaskId, TaskToken,
};
use flowmill_worker_sdk::{Drained, Worker, WorkerBuilder, WorkerError};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// The task type and queue of most tests.
pub(crate) const TYPE: &str = "charge";

/// A log with shards and one queue.
pub(crate) struct Rig {
    pub(crate) log: MemoryLog,
    results: Vec<Box<dyn Reader>>,
    partitions: u16,
}

/// A worker that runs.
pub(crate) struct Running {
    stop: CancellationToken,
    ended: JoinHandle<Result<Drained, WorkerError>>,
}

impl Running {
    /// Begins to run a worker.
    pub(crate) fn start(worker: Worker) -> Self {
        let stop = CancellationToken::new();
        let stopped = stop.clone().cancelled_owned();
        Self { stop, ended: flowmill_runtime::spawn("worker", worker.run(stopped)) }
    }

    /// Has it end, without waiting for that.
    pub(crate) fn stop(&self) {
        self.stop.cancel();
    }

    /// Has it end.
    pub(crate) async fn end(self) -> Drained {
        self.stop.cancel();
        self.ended.await.expect("it does not panic").expect("it ends well")
    }
}

impl Rig {
    /// A log with `partitions` shards and as many partitions of the queue.
    pub(crate) async fn new(partitions: u16) -> Self {
        Self::on(partitions, MemorySettings::default()).await
    }

    /// As [`Rig::new`], on a log with these settings.
    pub(crate) async fn on(partitions: u16, settings: MemorySettings) -> Self {
        let log = MemoryLog::with(settings);
        let rig = Self { results: Vec::new(), log, partitions };
        rig.ensure(Topic::Results).await;
        rig.ensure_shards().await;
        rig.ensure(Topic::Tasks(queue(TYPE))).await;
        let reader =
            |number| rig.log.reader(&Partition::new(Topic::Results, number), Offset::default());
        let results = (0..partitions).map(reader).collect();
        Self { results, ..rig }
    }

    pub(crate) async fn ensure(&self, topic: Topic) {
        let (partitions, retention) = (self.partitions, Retention::UntilTrimmed);
        let spec = TopicSpec { topic, partitions, retention, survival: Survival::Derivable };
        self.log.ensure(spec).await.expect("a new topic");
    }

    async fn ensure_shards(&self) {
        let (retention, survival) = (Retention::Compacted, Survival::Durable);
        let spec = TopicSpec { topic: Topic::Shards, partitions: 1, retention, survival };
        self.log.ensure(spec).await.expect("a new topic");
    }

    pub(crate) fn builder(&self) -> WorkerBuilder {
        Worker::builder(Arc::new(self.log.clone()))
    }

    /// Puts a task into the queue of its type.
    pub(crate) async fn send(&self, task: &TaskRecord) {
        self.put(&task.task_type, shard_of(task), encode_task(task)).await;
    }

    /// Puts a record into a queue's partition for `shard`.
    pub(crate) async fn put(&self, queue: &Queue, shard: ShardId, record: Record) {
        let number = task_partition(shard, self.partitions);
        let to = Partition::new(Topic::Tasks(queue.clone()), number);
        self.log.append(&to, record).await.expect("it is written");
    }

    /// The next result for a shard.
    pub(crate) async fn result_of(&mut self, shard: u16) -> ResultRecord {
        let limit = ReadLimit { records: NonZeroUsize::MIN, bytes: usize::MAX };
        let read = self.results[usize::from(shard)].read(limit).await.expect("it is readable");
        decode_result(&read[0].record).expect("it is a result")
    }

    /// The next outcome for shard 0.
    pub(crate) async fn outcome(&mut self) -> Outcome {
        self.result_of(0).await.outcome
    }

    /// The next failure for shard 0.
    pub(crate) async fn failure(&mut self) -> Failure {
        let outcome = self.outcome().await;
        let Outcome::Failed(failure) = outcome else { panic!("expected a failure: {outcome:?}") };
        failure
    }

    /// How far the group of [`TYPE`] has picked up a partition.
    pub(crate) async fn committed(&self, number: u16) -> Option<u64> {
        let queue = queue(TYPE);
        let partition = Partition::new(Topic::Tasks(queue.clone()), number);
        let committed = self.log.committed(&worker_group(&queue), &partition).await;
        committed.expect("it is readable").map(Offset::get)
    }
}

pub(crate) fn queue(name: &str) -> Queue {
    Queue::new(name).expect("a valid name")
}

pub(crate) fn shard_of(task: &TaskRecord) -> ShardId {
    task.id.execution.shard()
}

/// A task of shard 0 with a time-out of ten seconds, told from others by its number.
pub(crate) fn task(number: u64) -> TaskRecord {
    task_of(0, number)
}

pub(crate) fn task_of(shard: u16, number: u64) -> TaskRecord {
    let execution = ExecutionId::new(ShardId::new(shard), u128::from(number));
    let activation = Activation::new(NodeIndex::new(1), 0);
    TaskRecord {
        id: TaskId { execution, activation, attempt: 1 },
        token: TaskToken::new(number + 1_000),
        epoch: Epoch::new(1),
        batch: BatchNumber::new(1),
        task_type: queue(TYPE),
        flow: "shop/orders".parse::<FlowName>().expect("a valid name"),
        input: Payload::from(number.to_string().into_bytes()),
        timeout_ms: 10_000,
        trace: None,
    }
}

/// The output of a handler that gives back what it got.
pub(crate) fn echo(number: u64) -> Outcome {
    Outcome::Completed(Payload::from(number.to_string().into_bytes()))
}
