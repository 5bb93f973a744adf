//! Callers that start executions whatever happens to the servers, and the check of what became of
//! everything that was acknowledged to them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use flowmill_api::ExecutionStatus;
use flowmill_client::{
    Client, ClientError, DefinitionFormat, DeployRequest, ListQuery, Repeats, StartAnswer,
    StartKey, StartRequest,
};
use flowmill_model::{ExecutionId, FlowName};
use flowmill_runtime::spawn as spawn_task;
use futures::future::join_all;
use futures::{StreamExt, TryStreamExt, stream};
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use crate::program::repository_file;
use crate::sink::Sink;

/// Callers that start executions.
const CALLERS: u64 = 8;

/// Between two starts of a caller, so that the check at the end has an end.
pub(crate) const PACE: Duration = Duration::from_millis(5);

/// How long everything may take to end after the last kill.
pub(crate) const ENDED_WITHIN: Duration = Duration::from_secs(120);

const PAUSE: &str = "
flowmill: 1
document: { namespace: test, name: pause, version: 1.0.0 }
nodes:
  - { id: begin, type: start }
  - { id: pause, type: wait, parameters: { for: PT0.3S } }
  - { id: done, type: end }
connections:
  - begin.out -> pause.in
  - pause.out -> done.in
";

const PATIENT: &str = "
flowmill: 1
document: { namespace: test, name: patient, version: 1.0.0 }
nodes:
  - { id: begin, type: start }
  - id: call
    type: http.request
    parameters: { method: POST, url: URL/orders, body: '${ . }' }
    timeout: PT1H
  - { id: done, type: end }
connections:
  - begin.out -> call.in
  - call.out -> done.in
";

/// A start that was acknowledged.
pub(crate) struct Acknowledged {
    pub(crate) id: ExecutionId,
    pub(crate) flow: FlowName,
    pub(crate) key: String,
    pub(crate) input: Value,
}

/// Callers that start executions.
pub(crate) struct Load {
    stop: Arc<AtomicBool>,
    /// Starts acknowledged so far.
    started: Arc<AtomicUsize>,
    callers: Vec<JoinHandle<Vec<Acknowledged>>>,
}

impl Load {
    /// Starts callers that take the servers at `addresses` in turn.
    pub(crate) fn start(addresses: impl IntoIterator<Item = String>) -> Self {
        // Callers come back sooner than the server asks for.
        let clients: Arc<[Client]> =
            addresses.into_iter().map(|address| client(&address, Repeats::none())).collect();
        let stop = Arc::new(AtomicBool::new(false));
        let started = Arc::new(AtomicUsize::new(0));
        let callers = (0..CALLERS).map(|caller| {
            spawn_task(
                "caller",
                call(Arc::clone(&clients), caller, Arc::clone(&stop), Arc::clone(&started)),
            )
        });
        Self { callers: callers.collect(), started, stop }
    }

    /// Starts acknowledged so far.
    pub(crate) fn started(&self) -> usize {
        self.started.load(Ordering::Relaxed)
    }

    /// Waits until so many starts are acknowledged.
    pub(crate) async fn has_started(&self, count: usize) {
        let deadline = Instant::now() + ENDED_WITHIN;
        while self.started() < count {
            assert!(Instant::now() < deadline, "{} of {count} starts are taken", self.started());
            sleep(PACE).await;
        }
    }

    /// Lets the callers come to an end, and gives what was acknowledged to them.
    pub(crate) async fn end(self) -> Vec<Acknowledged> {
        self.stop.store(true, Ordering::Relaxed);
        let ended = join_all(self.callers).await;
        ended.into_iter().flat_map(Result::unwrap).collect()
    }
}

pub(crate) fn client(address: &str, repeats: Repeats) -> Client {
    Client::new(format!("http://{address}").parse().unwrap(), repeats).unwrap()
}

pub(crate) async fn deploy(client: &Client, sink: &Sink) {
    let orders = std::fs::read_to_string(repository_file("examples/orders.yaml")).unwrap();
    let orders = orders.replace("http://127.0.0.1:9000", &sink.url);
    let patient = PATIENT.replace("URL", &sink.url);
    let flows =
        [("shop/orders", orders), ("test/pause", PAUSE.to_owned()), ("test/patient", patient)];
    for (flow, source) in flows {
        let flow = flow.parse().unwrap();
        let (source, format) = (source.into(), DefinitionFormat::Yaml);
        let request = DeployRequest { flow, source, format, spread: None };
        client.deploy(request).await.unwrap();
    }
}

/// Starts one execution after the other, each at the next server; it is repeated under its key, at
/// one server after the other, until it is acknowledged.
async fn call(
    clients: Arc<[Client]>,
    caller: u64,
    stop: Arc<AtomicBool>,
    started: Arc<AtomicUsize>,
) -> Vec<Acknowledged> {
    let mut acknowledged = vec![];
    for number in 0.. {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let key = format!("{caller}-{number}");
        let (flow, input) = if number % 5 == 0 {
            ("test/pause", json!({ "n": number }))
        } else {
            ("shop/orders", json!({ "order_id": key, "total": 50 + number % 100 }))
        };
        let flow: FlowName = flow.parse().unwrap();
        let first = usize::try_from(caller + number).unwrap() % clients.len();
        let (before, from) = clients.split_at(first);
        let servers = from.iter().chain(before).cycle();
        let id = start_at_any(servers, &flow, &key, &input).await;
        acknowledged.push(Acknowledged { id, flow, key, input });
        started.fetch_add(1, Ordering::Relaxed);
        sleep(PACE).await;
    }
    acknowledged
}

/// Starts an execution, and again until that is acknowledged.
pub(crate) async fn start(
    client: &Client,
    flow: &FlowName,
    key: &str,
    input: &Value,
) -> ExecutionId {
    start_at_any(std::iter::repeat(client), flow, key, input).await
}

/// Starts an execution at the first of these servers, and again at the next until that is
/// acknowledged.
async fn start_at_any<'a>(
    servers: impl Iterator<Item = &'a Client>,
    flow: &FlowName,
    key: &str,
    input: &Value,
) -> ExecutionId {
    for server in servers {
        match try_start(server, flow, key, input).await {
            Ok(id) => return id,
            Err(error) => {
                let again = error.status().is_none_or(|status| matches!(status, 429 | 503));
                assert!(again, "{error}: {error:?}");
                sleep(PACE).await;
            }
        }
    }
    panic!("there are no more servers");
}

/// Asks once to start an execution.
pub(crate) async fn try_start(
    client: &Client,
    flow: &FlowName,
    key: &str,
    input: &Value,
) -> Result<ExecutionId, ClientError> {
    let key = StartKey::Given(key.to_owned());
    let input = input.to_string().into();
    let request = StartRequest { flow: flow.clone(), version: None, input, key };
    Ok(match client.start(&request, None).await? {
        StartAnswer::Accepted(start) => start.id,
        StartAnswer::Ended(execution) => execution.id,
    })
}

pub(crate) async fn check(client: &Client, acknowledged: &[Acknowledged], sink: &Sink) {
    assert!(!acknowledged.is_empty());
    let ids: BTreeSet<_> = acknowledged.iter().map(|start| start.id).collect();
    assert_eq!(ids.len(), acknowledged.len(), "two starts have one id");
    let checks = acknowledged.iter().map(|start| check_execution(client, start));
    stream::iter(checks).buffer_unordered(16).collect::<Vec<()>>().await;
    check_list(client, &ids).await;
    check_sink(acknowledged, sink);
}

/// The execution has completed, its key still names it, and its history has every event once.
async fn check_execution(client: &Client, start: &Acknowledged) {
    let execution = client.wait(start.id, ENDED_WITHIN).await.unwrap();
    assert_eq!(execution.status, ExecutionStatus::Completed, "{execution:?}");
    let again = self::start(client, &start.flow, &start.key, &start.input).await;
    assert_eq!(again, start.id, "the key {} names two executions", start.key);
    let events: Vec<_> = client.history(start.id).try_collect().await.unwrap();
    let sequences: Vec<_> = events.iter().map(|event| event.sequence).collect();
    let expect: Vec<_> = (0..sequences.len() as u64).collect();
    assert_eq!(sequences, expect, "the history of {} has gaps or repeats", start.id);
    let ends = events.iter().filter(|event| event.kind == "completed").count();
    assert_eq!(ends, 1, "{events:?}");
}

/// There are the acknowledged executions and no others.
async fn check_list(client: &Client, ids: &BTreeSet<ExecutionId>) {
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        let listed = client.list(ListQuery::default()).map_ok(|entry| entry.id);
        let listed: Vec<_> = listed.try_collect().await.unwrap();
        let unique: BTreeSet<_> = listed.iter().copied().collect();
        assert_eq!(unique.len(), listed.len(), "an execution is listed twice");
        assert!(unique.is_subset(ids), "there are executions that nobody started");
        if unique == *ids {
            return;
        }
        assert!(Instant::now() < deadline, "{} of {} are listed", unique.len(), ids.len());
        sleep(Duration::from_millis(100)).await;
    }
}

/// Every big order arrived under one key, and none of the others did.
fn check_sink(acknowledged: &[Acknowledged], sink: &Sink) {
    let orders = acknowledged.iter().filter(|start| start.input["total"].as_u64() > Some(100));
    let expect: BTreeMap<&str, Value> = orders
        .map(|start| {
            let body = json!({ "id": start.key, "amount": start.input["total"] });
            (start.key.as_str(), body)
        })
        .collect();
    let arrived = sink.by_key();
    let found: BTreeMap<&str, Value> =
        arrived.values().map(|body| (body["id"].as_str().unwrap(), body.clone())).collect();
    assert_eq!(found, expect);
    assert_eq!(arrived.len(), expect.len(), "an order arrived under two keys");
}
