//! A node with every role, on a log and a store in memory.

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;
use flowmill_catalog::Catalogue;
use flowmill_flow::Format;
use flowmill_gateway::triggers::{TriggerParts, Triggers};
use flowmill_gateway::{DeployRequest, Gateway, Parts, Settings};
use flowmill_log::{Log, MemoryLog, Partition, Record, Topic};
use flowmill_model::command::{Command, CommandRecord};
use flowmill_model::{ExecutionId, ShardId, envelope};
use flowmill_orchestrator::Orchestrator;
use flowmill_routing::{Directory, ExecutionView, Inbox, Owners, ShardState, ShardStatus};
use flowmill_runtime::{Clock, Entropy, spawn};
use flowmill_store::{ListQuery, MemoryStore, Store};
use flowmill_telemetry::Metrics;
use flowmill_worker::{KafkaAccess, http_worker};
use tokio::runtime::Handle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::broker::{DEADLINE, User};

const SHARDS: u16 = 4;

pub(crate) struct Node {
    pub(crate) log: MemoryLog,
    store: Arc<dyn Store>,
    owners: Owners,
    pub(crate) metrics: Metrics,
    pub(crate) gateway: Gateway,
    pub(crate) user: User,
    orchestrator: Option<Orchestrator>,
    _worker: tokio_util::sync::DropGuard,
}

impl Node {
    /// A node with an orchestrator and a worker, and without triggers.
    pub(crate) async fn start(user: User) -> Self {
        let log = MemoryLog::new();
        let shared: Arc<dyn Log> = Arc::new(log.clone());
        flowmill_orchestrator::ensure_topics(shared.as_ref(), SHARDS).await.unwrap();
        let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
        let (owners, metrics) = (Owners::default(), Metrics::default());
        let gateway = gateway(&shared, &store, &owners, &metrics);
        let stop = CancellationToken::new();
        let settings = flowmill_worker::Settings {
            kafka: KafkaAccess::to(user.clients.clone()),
            ..flowmill_worker::Settings::new(Clock::system())
        };
        let worker = http_worker(Arc::clone(&shared), settings).unwrap();
        spawn("worker", worker.run(stop.clone().cancelled_owned()));
        let worker = stop.drop_guard();
        let mut node = Self {
            log,
            store,
            owners,
            metrics,
            gateway,
            user,
            orchestrator: None,
            _worker: worker,
        };
        node.start_orchestrator().await;
        node
    }

    pub(crate) async fn start_orchestrator(&mut self) {
        let log: Arc<dyn Log> = Arc::new(self.log.clone());
        let parts = flowmill_orchestrator::Parts {
            catalogue: Catalogue::follow(&log),
            store: Arc::clone(&self.store),
            directory: Directory::follow(&log),
            log,
            owners: self.owners.clone(),
            clock: Clock::system(),
            entropy: Entropy::system(),
            metrics: self.metrics.clone(),
            deciders: Handle::current(),
        };
        let settings = flowmill_orchestrator::Settings {
            shards: SHARDS,
            lifecycle: true,
            ..flowmill_orchestrator::Settings::default()
        };
        self.orchestrator = Some(Orchestrator::start(parts, settings).await.unwrap());
        until("the gateway is ready", async || self.gateway.not_ready().await.is_empty()).await;
    }

    /// Ends the orchestrator; what is given stands for shards that are full until it is dropped.
    pub(crate) async fn fill_shards(&mut self) -> Vec<Inbox> {
        self.orchestrator.take().expect("an orchestrator").stop().await;
        let full = |shard| {
            let inbox = self.owners.register(ShardId::new(shard));
            let status = ShardStatus { state: ShardState::Full, ..ShardStatus::default() };
            inbox.status.send_replace(status);
            inbox
        };
        (0..SHARDS).map(full).collect()
    }

    /// The triggers of a gateway of their own, as another process would have it.
    pub(crate) fn triggers(&self) -> Triggers {
        let log: Arc<dyn Log> = Arc::new(self.log.clone());
        let gateway = gateway(&log, &self.store, &self.owners, &self.metrics);
        Triggers::start(TriggerParts { gateway, clients: self.user.clients.clone() })
    }

    /// Deploys a flow of namespace `shop`; `body` is what follows its document.
    pub(crate) async fn deploy(&self, name: &str, version: &str, body: &str) {
        let source = format!(
            "flowmill: 1\n\
             document: {{ namespace: shop, name: {name}, version: {version} }}\n{body}\n"
        );
        let (format, expected, spread, trace) = (Format::Yaml, None, None, None);
        let source = Bytes::from(source);
        let request = DeployRequest { source, format, expected, spread, trace };
        self.gateway.deploy(request).await.unwrap_or_else(|refusal| panic!("{refusal:?}"));
    }

    /// The executions of a flow, as far as the store shows them.
    pub(crate) async fn executions(&self, flow: &str) -> BTreeSet<ExecutionId> {
        let query = ListQuery {
            namespace: None,
            flow: Some(format!("shop/{flow}").parse().unwrap()),
            status: None,
            since: None,
            after: None,
            limit: 100_000,
        };
        let listed = self.store.list(query).await.unwrap();
        listed.into_iter().map(|(position, _)| position.execution).collect()
    }

    /// Waits until a flow has so many executions, and checks that it has no more.
    pub(crate) async fn await_executions(&self, flow: &str, count: usize) -> BTreeSet<ExecutionId> {
        let enough = async || self.executions(flow).await.len() >= count;
        until(&format!("{count} executions of {flow}"), enough).await;
        let executions = self.executions(flow).await;
        assert_eq!(executions.len(), count, "{flow}");
        executions
    }

    /// Waits until a flow's trigger has committed these positions.
    pub(crate) async fn await_positions(&self, flow: &str, topic: &str, positions: &[i64]) {
        let count = i32::try_from(positions.len()).unwrap();
        let there = async || self.user.positions(flow, topic, count).await == positions;
        until(&format!("positions {positions:?} of {flow}"), there).await;
    }

    /// The end of an execution.
    pub(crate) async fn end_of(&self, id: ExecutionId) -> ExecutionView {
        self.gateway.wait(id, None, DEADLINE).await.unwrap().expect("it ends")
    }

    /// The outputs of a flow's executions, sorted.
    pub(crate) async fn outputs(&self, flow: &str) -> Vec<String> {
        let mut outputs = Vec::new();
        for id in self.executions(flow).await {
            let view = self.end_of(id).await;
            let output = view.output.unwrap_or_else(|| panic!("no output: {:?}", view.error));
            outputs.push(String::from_utf8(output.as_bytes().to_vec()).unwrap());
        }
        outputs.sort();
        outputs
    }

    /// Every start in the commands, in no order.
    pub(crate) fn starts(&self, flow: &str) -> Vec<CommandRecord> {
        let records = self.records(&Topic::Commands);
        let decoded = records.iter().map(|r| envelope::decode::<CommandRecord>(&r.value).unwrap());
        let of_flow = |record: &CommandRecord| match &record.command {
            Command::Start(start) => start.flow.flow.name.as_str() == flow,
            Command::Signal(_)
            | Command::Cancel(_)
            | Command::Suspend(_)
            | Command::Resume(_)
            | Command::Deploy(_)
            | Command::Activate(_) => false,
        };
        decoded.filter(of_flow).collect()
    }

    /// Every record of one of the engine's topics.
    pub(crate) fn records(&self, topic: &Topic) -> Vec<Record> {
        let partitions = self.log.partitions(topic).unwrap();
        let partitions = (0..partitions).map(|number| Partition::new(topic.clone(), number));
        let fetched = partitions.flat_map(|partition| self.log.records(&partition));
        fetched.map(|fetched| fetched.record).collect()
    }
}

fn gateway(
    log: &Arc<dyn Log>,
    store: &Arc<dyn Store>,
    owners: &Owners,
    metrics: &Metrics,
) -> Gateway {
    Gateway::new(Parts {
        log: Arc::clone(log),
        store: Arc::clone(store),
        catalogue: Catalogue::follow(log),
        owners: owners.clone(),
        clock: Clock::system(),
        entropy: Entropy::system(),
        settings: Settings { metrics: metrics.clone(), ..Settings::default() },
    })
}

/// The header of a record, as text.
pub(crate) fn header(record: &Record, name: &str) -> Option<String> {
    let found = record.headers.iter().find(|header| header.name == name)?;
    Some(String::from_utf8_lossy(&found.value).into_owned())
}

/// Waits until a condition holds.
pub(crate) async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + DEADLINE;
    while !holds().await {
        assert!(Instant::now() < deadline, "not in time: {what}");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}
