//! A gateway with everything around it, and ways to ask it.

use std::net::SocketAddr;
use std::num::NonZeroU16;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use flowmill_catalog::Catalogue;
use flowmill_flow::Format;
use flowmill_gateway::{
    Abandoned, DeployRequest, Gateway, Parts, QueueFigures, Settings, StartRequest,
};
use flowmill_log::{Log, MemoryLog, Retention, Survival, Topic, TopicSpec};
use flowmill_model::{FlowName, ShardId, Timestamp};
use flowmill_routing::{Inbox, Owners, ShardState, ShardStatus};
use flowmill_runtime::{Clock, Entropy};
use flowmill_store::MemoryStore;
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode};
use serde_json::Value;
use tokio::task::JoinHandle;

use crate::owner::{Manners, Owner};

pub(crate) const SHARDS: u16 = 4;

/// A definition with one node that holds executions until they get the signal `go`.
pub(crate) fn definition(name: &str, version: &str) -> String {
    format!(
        "flowmill: 1
document: {{ namespace: shop, name: {name}, version: {version}, title: A flow }}
input: {{ schema: {{ type: object, required: [total] }} }}
nodes:
  - {{ id: source, type: start }}
  - {{ id: hold, type: signal, parameters: {{ name: go }} }}
connections: [source.out -> hold.in]
"
    )
}

pub(crate) struct Rig {
    pub(crate) gateway: Gateway,
    pub(crate) log: MemoryLog,
    pub(crate) store: MemoryStore,
    pub(crate) owners: Owners,
    manners: Arc<Manners>,
    running: Vec<JoinHandle<()>>,
}

impl Rig {
    /// A gateway whose shards all have an owner.
    pub(crate) async fn new() -> Self {
        Self::without_owners().await.with_owners().await
    }

    /// A gateway with these settings whose shards all have an owner.
    pub(crate) async fn owned(settings: Settings) -> Self {
        Self::with(settings).await.with_owners().await
    }

    async fn with_owners(self) -> Self {
        let mut rig = self;
        for shard in 0..SHARDS {
            let inbox = rig.owners.register(ShardId::new(shard));
            rig.own(shard, inbox);
        }
        while rig.owners.statuses().values().any(|status| status.state != ShardState::Open) {
            tokio::task::yield_now().await;
        }
        rig
    }

    pub(crate) async fn without_owners() -> Self {
        let queue = QueueFigures { queue: "http.request".into(), active: 2, waiting: Some(3) };
        Self::with(Settings {
            roles: vec!["gateway".into(), "orchestrator".into()],
            render: Arc::new(|| "flowmill_executions_started_total 1\n".into()),
            queues: Arc::new(move || vec![queue.clone()]),
            ..Settings::default()
        })
        .await
    }

    /// A gateway whose shards have no owners.
    pub(crate) async fn with(settings: Settings) -> Self {
        let (log, store, owners) = (MemoryLog::new(), MemoryStore::new(), Owners::default());
        let shared: Arc<dyn Log> = Arc::new(log.clone());
        for (topic, partitions, retention) in [
            (Topic::Commands, SHARDS, Retention::UntilTrimmed),
            (Topic::Definitions, 1, Retention::Compacted),
        ] {
            let survival = Survival::Durable;
            shared.ensure(TopicSpec { topic, partitions, retention, survival }).await.unwrap();
        }
        let gateway = Gateway::new(Parts {
            log: Arc::clone(&shared),
            store: Arc::new(store.clone()),
            catalogue: Catalogue::follow(&shared),
            owners: owners.clone(),
            clock: Clock::starting_at(Timestamp::from_millis(1_767_323_045_678)),
            entropy: Entropy::seeded(7),
            settings,
        });
        let manners = Arc::new(Manners::default());
        Self { gateway, log, store, owners, manners, running: Vec::new() }
    }

    fn own(&mut self, shard: u16, inbox: Inbox) {
        let log: Arc<dyn Log> = Arc::new(self.log.clone());
        let owner = Owner::new(ShardId::new(shard), SHARDS, log, Arc::clone(&self.manners));
        self.running.push(flowmill_runtime::spawn("owner", owner.run(inbox)));
    }

    /// From now on owners tell nobody what they decide.
    pub(crate) fn silence_outcomes(&self) {
        self.manners.silent.store(true, Ordering::Relaxed);
    }

    /// The next `times` who ask for an outcome are told that it is forgotten.
    pub(crate) fn forget_outcomes(&self, times: usize) {
        self.manners.forgetful.store(times, Ordering::Relaxed);
    }

    /// From now on nobody owns a shard.
    pub(crate) async fn stop_owners(&mut self) {
        for running in self.running.drain(..) {
            running.abort();
            assert!(running.await.is_err(), "an owner ended by itself");
        }
    }

    /// Says how a shard stands; nobody answers for it any more.
    pub(crate) fn set_state(&self, shard: u16, state: ShardState) -> Inbox {
        self.set_status(shard, ShardStatus { state, ..ShardStatus::default() })
    }

    /// As [`Rig::set_state`], with figures.
    pub(crate) fn set_status(&self, shard: u16, status: ShardStatus) -> Inbox {
        let inbox = self.owners.register(ShardId::new(shard));
        inbox.status.send_replace(status);
        inbox
    }

    pub(crate) async fn deploy(&self, name: &str) {
        self.deploy_on(name, None).await;
    }

    pub(crate) async fn deploy_on(&self, name: &str, spread: Option<NonZeroU16>) {
        let source = Bytes::from(definition(name, "1.0.0"));
        let (format, expected, trace) = (Format::Yaml, None, None);
        let request = DeployRequest { source, format, expected, spread, trace };
        self.gateway.deploy(request).await.unwrap();
    }

    pub(crate) async fn serve(self) -> Served {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let serving =
            flowmill_gateway::serve(listener, self.gateway.clone(), std::future::pending());
        let serving = flowmill_runtime::spawn("serve", serving);
        let client = Client::builder().no_proxy().build().unwrap();
        Served { rig: self, address, client, _serving: serving }
    }
}

/// A start of a flow of the namespace `shop`.
pub(crate) fn start_request(flow: &str, input: &'static str) -> StartRequest {
    StartRequest {
        flow: flow_name(flow),
        version: None,
        input: Bytes::from_static(input.as_bytes()),
        key: None,
        trace: None,
    }
}

pub(crate) fn flow_name(name: &str) -> FlowName {
    format!("shop/{name}").parse().unwrap()
}

/// A gateway behind its HTTP server.
pub(crate) struct Served {
    pub(crate) rig: Rig,
    pub(crate) address: SocketAddr,
    client: Client,
    _serving: JoinHandle<Result<(), Abandoned>>,
}

impl Served {
    /// A gateway with the flows `shop/echo` and `shop/hold`.
    pub(crate) async fn with_flows() -> Self {
        let rig = Rig::new().await;
        rig.deploy("echo").await;
        rig.deploy("hold").await;
        rig.serve().await
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("http://{}{path}", self.address))
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        Answer::of(self.request(Method::GET, path)).await
    }

    pub(crate) async fn post(&self, path: &str, body: &str) -> Answer {
        Answer::of(self.json(Method::POST, path, body)).await
    }

    pub(crate) fn json(&self, method: Method, path: &str, body: &str) -> RequestBuilder {
        let request = self.request(method, path).body(body.to_owned());
        request.header("content-type", "application/json")
    }

    pub(crate) async fn put_yaml(&self, path: &str, body: impl Into<String>) -> Answer {
        let request = self.request(Method::PUT, path).body(body.into());
        Answer::of(request.header("content-type", "application/yaml")).await
    }

    /// Starts an execution of a flow; gives its id.
    pub(crate) async fn start(&self, flow: &str) -> String {
        let path = format!("/v1/flows/shop/{flow}/executions");
        let answer = self.post(&path, r#"{"total": 1}"#).await;
        assert_eq!(answer.status, 202, "{answer:?}");
        answer.text("/id")
    }
}

/// An answer, read.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: reqwest::header::HeaderMap,
    pub(crate) body: Value,
}

impl Answer {
    pub(crate) async fn of(request: RequestBuilder) -> Self {
        Self::read(request.send().await.unwrap()).await
    }

    async fn read(response: Response) -> Self {
        let (status, headers) = (response.status(), response.headers().clone());
        let text = response.text().await.unwrap();
        let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
        Self { status, headers, body }
    }

    /// The string at a JSON pointer.
    pub(crate) fn text(&self, pointer: &str) -> String {
        let found = self.body.pointer(pointer).and_then(Value::as_str);
        found.unwrap_or_else(|| panic!("no text at {pointer}: {self:?}")).to_owned()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// Checks that the answer is a whole problem of this status and code.
    #[track_caller]
    pub(crate) fn assert_problem(&self, status: u16, code: &str) {
        assert_eq!(self.status, status, "{self:?}");
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{self:?}");
        assert_eq!(self.text("/code"), code, "{self:?}");
        assert_eq!(self.text("/type"), format!("https://flowmill.dev/errors/{code}"));
        assert_eq!(self.body["status"], status);
        assert!(!self.text("/title").is_empty());
        assert!(!self.text("/detail").is_empty());
        assert!(self.text("/instance").starts_with('/'));
        let retryable = matches!(status, 429 | 503);
        assert_eq!(self.header("retry-after").is_some(), retryable, "{self:?}");
    }
}

impl Rig {
    /// How many results a shard has.
    pub(crate) async fn log_end_of_results(&self, shard: u16) -> u64 {
        let partition = flowmill_log::Partition::of_shard(Topic::Results, ShardId::new(shard));
        self.log.bounds(&partition).await.unwrap().end.get()
    }

    /// How many commands are in the log.
    pub(crate) async fn commands_written(&self) -> u64 {
        let mut commands = 0;
        for shard in 0..SHARDS {
            let partition = flowmill_log::Partition::of_shard(Topic::Commands, ShardId::new(shard));
            commands += self.log.bounds(&partition).await.unwrap().end.get();
        }
        commands
    }
}
