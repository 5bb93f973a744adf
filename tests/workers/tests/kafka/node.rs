//! An orchestrator and a gateway on a real Kafka, with a store in memory.

use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use flowmill_catalog::Catalogue;
use flowmill_events::asyncapi::sample;
use flowmill_events::{decode_task, encode_result};
use flowmill_flow::Format;
use flowmill_gateway::{DeployRequest, Gateway, Parts, Settings, StartRequest};
use flowmill_log::kafka::{
    Clients, ClusterName, InitPlan, KafkaLog, KafkaSettings, Replicas, init,
};
use flowmill_log::{Log, Partition, ReadLimit, Reader, Record, Topic};
use flowmill_model::task::{ResultRecord, TaskRecord};
use flowmill_model::{ExecutionId, Offset, Queue};
use flowmill_orchestrator::Orchestrator;
use flowmill_rig::{Kafka, KafkaPlan};
use flowmill_routing::{Directory, ExecutionView, Owners};
use flowmill_runtime::{Clock, Entropy};
use flowmill_store::MemoryStore;
use flowmill_telemetry::Metrics;
use tokio::runtime::Handle;
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

/// How long what must happen may take.
const DEADLINE: Duration = Duration::from_secs(90);

const SHARDS: u16 = 4;

/// The broker that tests share. It ends with the process.
fn broker() -> &'static Kafka {
    static ONE: OnceLock<Kafka> = OnceLock::new();
    ONE.get_or_init(|| Kafka::start(&KafkaPlan::default()).unwrap())
}

pub(crate) struct Node {
    pub(crate) log: Arc<dyn Log>,
    cluster: ClusterName,
    gateway: Gateway,
    /// Readers of the queue `charge`, once it is there.
    tasks: Mutex<Vec<Box<dyn Reader>>>,
    _orchestrator: Orchestrator,
}

impl Node {
    /// A node of a cluster that no other test has.
    pub(crate) async fn start() -> Self {
        static CLUSTERS: AtomicU32 = AtomicU32::new(0);
        let number = CLUSTERS.fetch_add(1, Ordering::Relaxed);
        let cluster = ClusterName::new(format!("workers-{number}")).unwrap();
        let plain = KafkaSettings::plain(broker().bootstrap());
        let clients = Clients::new(KafkaSettings { cluster: cluster.clone(), ..plain });
        let plan = InitPlan { shards: Some(SHARDS), replicas: Replicas::SINGLE };
        init(&clients, plan).await.unwrap();
        let log: Arc<dyn Log> = Arc::new(KafkaLog::open(clients).await.unwrap());
        let (owners, store) = (Owners::default(), Arc::new(MemoryStore::new()));
        let parts = flowmill_orchestrator::Parts {
            catalogue: Catalogue::follow(&log),
            directory: Directory::follow(&log),
            log: Arc::clone(&log),
            store: store.clone(),
            owners: owners.clone(),
            clock: Clock::system(),
            entropy: Entropy::system(),
            metrics: Metrics::default(),
            deciders: Handle::current(),
        };
        let settings = flowmill_orchestrator::Settings { shards: SHARDS, ..Default::default() };
        let orchestrator = Orchestrator::start(parts, settings).await.unwrap();
        let gateway = Gateway::new(Parts {
            log: Arc::clone(&log),
            store,
            catalogue: Catalogue::follow(&log),
            owners,
            clock: Clock::system(),
            entropy: Entropy::system(),
            settings: Settings::default(),
        });
        until("the gateway is ready", async || gateway.not_ready().await.is_empty()).await;
        let tasks = Mutex::default();
        Self { log, cluster, gateway, tasks, _orchestrator: orchestrator }
    }

    /// The brokers' addresses.
    pub(crate) fn bootstrap(&self) -> String {
        broker().bootstrap()
    }

    /// What the cluster's topics begin with.
    pub(crate) fn prefix(&self) -> String {
        self.cluster.prefix()
    }

    pub(crate) async fn deploy(&self, source: &'static str) {
        let (format, expected, spread, trace) = (Format::Yaml, None, None, None);
        let source = Bytes::from_static(source.as_bytes());
        let request = DeployRequest { source, format, expected, spread, trace };
        self.gateway.deploy(request).await.unwrap();
    }

    /// Starts an execution of `shop/bill`.
    pub(crate) async fn begin(&self, input: &str) -> ExecutionId {
        let request = StartRequest {
            flow: "shop/bill".parse().unwrap(),
            version: None,
            input: Bytes::copy_from_slice(input.as_bytes()),
            key: None,
            trace: None,
        };
        self.gateway.start(request).await.unwrap().id
    }

    /// Its end.
    pub(crate) async fn end_of(&self, id: ExecutionId) -> ExecutionView {
        let deadline = Instant::now() + DEADLINE;
        loop {
            let waiting = self.gateway.wait(id, None, Duration::from_secs(30)).await.unwrap();
            if let Some(view) = waiting {
                return view;
            }
            assert!(Instant::now() < deadline, "{id} does not end");
        }
    }

    /// Runs an execution of `shop/bill` to its end.
    pub(crate) async fn run(&self, input: &str) -> ExecutionView {
        self.end_of(self.begin(input).await).await
    }

    /// The partitions of a topic.
    pub(crate) fn partitions(&self, topic: &Topic) -> Vec<Partition> {
        let count = self.log.partitions(topic).unwrap_or_default();
        (0..count).map(|number| Partition::new(topic.clone(), number)).collect()
    }

    /// The next task of the queue `charge`.
    pub(crate) async fn task(&self) -> TaskRecord {
        let topic = Topic::Tasks(Queue::new("charge").unwrap());
        until("the queue is there", async || self.log.partitions(&topic).is_some()).await;
        let mut readers = self.tasks.lock().await;
        if readers.is_empty() {
            let of = |partition| self.log.reader(&partition, Offset::default());
            readers.extend(self.partitions(&topic).into_iter().map(of));
        }
        let limit = ReadLimit { records: NonZeroUsize::MIN, bytes: usize::MAX };
        let reading = readers.iter_mut().map(|reader| reader.read(limit));
        let reading = futures::future::select_all(reading.collect::<Vec<_>>());
        let (read, ..) = timeout(DEADLINE, reading).await.expect("a task in time");
        decode_task(&read.unwrap()[0].record).unwrap()
    }

    /// A result of that kind, as a worker would write it.
    pub(crate) fn result_of(&self, task: &TaskRecord, kind: &str) -> Record {
        let (id, token) = (task.id, task.token);
        encode_result(&ResultRecord { id, token, ..sample::result(kind) })
    }

    /// Writes a record where the result of a task belongs.
    pub(crate) async fn put_result(&self, task: &TaskRecord, record: Record) {
        let to = Partition::of_shard(Topic::Results, task.id.execution.shard());
        self.log.append(&to, record).await.unwrap();
    }
}

/// Waits until a condition holds.
pub(crate) async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + DEADLINE;
    while !holds().await {
        assert!(Instant::now() < deadline, "not in time: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
