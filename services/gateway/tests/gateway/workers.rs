//! Workers that take tasks from the gateway, over HTTP and gRPC.

mod balance;
mod grpc;
mod http;
mod sdk;
mod tokens;

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use flowmill_catalog::Catalogue;
use flowmill_events::{decode_result, encode_task};
use flowmill_gateway::{Balance, Gateway, Parts, Settings};
use flowmill_log::{
    Log, Partition, ReadLimit, Reader, Retention, Survival, Topic, TopicSpec, task_partition,
};
use flowmill_model::task::{Outcome, ResultRecord, TaskRecord};
use flowmill_model::{
    Activation, BatchNumber, Epoch, ExecutionId, NodeIndex, Offset, Payload, Queue, ShardId,
    TaskId, TaskToken, Timestamp,
};
use flowmill_runtime::{Clock, Entropy};
use flowmill_telemetry::Metrics;
use tokio::time::timeout;

use crate::rig::{Rig, SHARDS, Served, flow_name};

/// How long anything here may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// The queue of these tests.
const QUEUE: &str = "charge";

/// A served gateway whose log has a queue, and what is written for it.
struct Shop {
    served: Served,
    metrics: Metrics,
    results: Vec<Box<dyn Reader>>,
}

impl Shop {
    async fn open() -> Self {
        Self::balanced(Balance::default()).await
    }

    /// One that shares tasks by this rule.
    async fn balanced(balance: Balance) -> Self {
        let metrics = Metrics::default();
        let settings = Settings { metrics: metrics.clone(), balance, ..Settings::default() };
        let rig = Rig::owned(settings).await;
        rig.deploy("work").await;
        let tasks = Topic::Tasks(queue());
        for topic in [Topic::Results, tasks] {
            let (retention, survival) = (Retention::UntilTrimmed, Survival::Derivable);
            let spec = TopicSpec { topic, partitions: SHARDS, retention, survival };
            rig.log.ensure(spec).await.unwrap();
        }
        let reader = |shard| {
            let of = Partition::of_shard(Topic::Results, ShardId::new(shard));
            rig.log.reader(&of, Offset::default())
        };
        let results = (0..SHARDS).map(reader).collect();
        Self { served: rig.serve().await, metrics, results }
    }

    /// Puts a task into the queue.
    async fn put(&self, task: &TaskRecord) {
        let number = task_partition(task.id.execution.shard(), SHARDS);
        let to = Partition::new(Topic::Tasks(queue()), number);
        self.served.rig.log.append(&to, encode_task(task)).await.unwrap();
    }

    /// The next result for a shard.
    async fn result(&mut self, shard: u16) -> ResultRecord {
        let limit = ReadLimit { records: NonZeroUsize::MIN, bytes: usize::MAX };
        let reading = self.results[usize::from(shard)].read(limit);
        let read = timeout(PATIENCE, reading).await.expect("a result in time").unwrap();
        decode_result(&read[0].record).expect("it is a result")
    }

    /// How often answers of that kind ended so.
    fn counted(&self, what: &str, outcome: &str) -> u64 {
        let labels = format!("{{outcome=\"{outcome}\",what=\"{what}\"}}");
        let line = format!("flowmill_worker_answers_total{labels} ");
        let text = self.metrics.render();
        let found = text.lines().find_map(|text| text.strip_prefix(&line));
        found.map_or(0, |count| count.parse().unwrap())
    }

    /// Another gateway on the same log, which has lent nothing.
    async fn another_gateway(&self) -> Gateway {
        let log: Arc<dyn Log> = Arc::new(self.served.rig.log.clone());
        let catalogue = Catalogue::follow(&log);
        catalogue.caught_up(&log).await.unwrap();
        Gateway::new(Parts {
            log,
            store: Arc::new(self.served.rig.store.clone()),
            catalogue,
            owners: self.served.rig.owners.clone(),
            clock: Clock::starting_at(Timestamp::from_millis(1_767_323_045_678)),
            entropy: Entropy::seeded(8),
            settings: Settings::default(),
        })
    }
}

fn queue() -> Queue {
    Queue::new(QUEUE).unwrap()
}

/// A task of shard 0 with a time-out of a minute, told from others by its number.
fn task(number: u64) -> TaskRecord {
    task_of(ExecutionId::new(ShardId::new(0), u128::from(number)), number)
}

/// A task of an execution of the flow `shop/work`.
fn task_of(execution: ExecutionId, number: u64) -> TaskRecord {
    let activation = Activation::new(NodeIndex::new(1), 0);
    TaskRecord {
        id: TaskId { execution, activation, attempt: 1 },
        token: TaskToken::new(number + 1_000),
        epoch: Epoch::new(1),
        batch: BatchNumber::new(1),
        task_type: queue(),
        flow: flow_name("work"),
        input: Payload::from(format!("{{\"number\":{number}}}").into_bytes()),
        timeout_ms: 60_000,
        trace: None,
    }
}

fn completed(output: &'static str) -> Outcome {
    Outcome::Completed(Payload::from(output))
}
