//! The server is killed at random moments under load, and started again on the same data.
//!
//! `FLOWMILL_KILLS` says how often (8 unless set), `FLOWMILL_SEED` which moments. And it is made
//! to die at every named place of `flowmill_runtime::crash`, at its first pass and at a later one.

use std::collections::{BTreeMap, BTreeSet};
use std::env::var;
use std::path::{Path, PathBuf};
use std::process::Child;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use flowmill_api::ExecutionStatus;
use flowmill_client::{
    Client, DefinitionFormat, DeployRequest, ListQuery, Repeats, StartAnswer, StartKey,
    StartRequest,
};
use flowmill_model::{ExecutionId, FlowName};
use flowmill_runtime::{Entropy, crash, spawn as spawn_task};
use futures::future::join_all;
use futures::{StreamExt, TryStreamExt, stream};
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use crate::program::{Files, repository_file};
use crate::server::spawn_saying_to;
use crate::sink::Sink;

/// Callers that start executions.
const CALLERS: u64 = 8;

/// Between two starts of a caller, so that the check at the end has an end.
const PACE: Duration = Duration::from_millis(5);

/// How long everything may take to end after the last kill.
const ENDED_WITHIN: Duration = Duration::from_secs(120);

/// How long it may take until a named place is passed under load.
const DEAD_WITHIN: Duration = Duration::from_secs(30);

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
struct Acknowledged {
    id: ExecutionId,
    flow: FlowName,
    key: String,
    input: Value,
}

/// A server with flows and a service that they call.
struct Rig {
    entropy: Entropy,
    files: Files,
    sink: Sink,
    address: String,
    client: Client,
    server: Server,
}

impl Rig {
    async fn start() -> Self {
        let (entropy, files, sink) = (seeded(), Files::new(), Sink::start().await);
        let address = free_address(&entropy);
        let client = client(&address, Repeats::default());
        let server = Server::start(&files, &address);
        let mut rig = Self { entropy, files, sink, address, client, server };
        rig.ready().await;
        deploy(&rig.client, &rig.sink).await;
        rig
    }

    async fn ready(&mut self) {
        ready(&self.client, &mut self.server).await;
    }

    /// Kills the server and starts it again, to die at a place if one is given.
    fn restart(&mut self, dies_at: Option<&str>) {
        self.server.kill();
        self.server = Server::start_to_die(&self.files, &self.address, dies_at);
    }

    fn load(&self) -> Load {
        // Callers come back sooner than the server asks for.
        let impatient = client(&self.address, Repeats::none());
        let stop = Arc::new(AtomicBool::new(false));
        let call = |caller| call(impatient.clone(), caller, Arc::clone(&stop));
        let callers = (0..CALLERS).map(|caller| spawn_task("caller", call(caller))).collect();
        Load { stop, callers }
    }
}

/// Callers that start executions.
struct Load {
    stop: Arc<AtomicBool>,
    callers: Vec<JoinHandle<Vec<Acknowledged>>>,
}

impl Load {
    /// Lets the callers come to an end, and gives what was acknowledged to them.
    async fn end(self) -> Vec<Acknowledged> {
        self.stop.store(true, Ordering::Relaxed);
        let ended = join_all(self.callers).await;
        ended.into_iter().flat_map(Result::unwrap).collect()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kills_at_random_moments_lose_nothing_and_repeat_nothing() {
    let kills = number("FLOWMILL_KILLS", 8);
    let mut rig = Rig::start().await;
    let foreign = write_foreign_files(&rig.files.path().join("data"));
    let load = rig.load();
    for kill in 0..kills {
        // Every third one before the server is ready again.
        if kill % 3 != 2 {
            rig.ready().await;
        }
        sleep(Duration::from_millis(rig.entropy.next() % 500)).await;
        rig.restart(None);
    }
    rig.ready().await;
    let acknowledged = load.end().await;
    println!("{} starts over {kills} kills", acknowledged.len());
    check(&rig.client, &acknowledged, &rig.sink).await;
    rig.server.kill();
    for (path, content) in foreign {
        assert_eq!(std::fs::read(&path).unwrap(), content, "{} changed", path.display());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_death_at_any_named_place_loses_nothing_and_repeats_nothing() {
    let mut rig = Rig::start().await;
    let load = rig.load();
    for place in crash::PLACES {
        for passes in [1, 2 + rig.entropy.next() % 20] {
            // A start claims four shards, no more.
            let passes = if place == "claim-appended" { passes.min(4) } else { passes };
            rig.restart(Some(&format!("{place}:{passes}")));
            rig.server.died(place).await;
            rig.restart(None);
            rig.ready().await;
        }
    }
    let acknowledged = load.end().await;
    check(&rig.client, &acknowledged, &rig.sink).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_in_flight_is_made_again_after_a_kill_with_the_same_key() {
    let mut rig = Rig::start().await;
    let flow: FlowName = "test/patient".parse().unwrap();
    rig.sink.hold();
    let id = start(&rig.client, &flow, "one", &json!({ "order_id": "one" })).await;
    let deadline = Instant::now() + ENDED_WITHIN;
    while rig.sink.by_key().is_empty() {
        assert!(Instant::now() < deadline, "the call never came");
        sleep(PACE).await;
    }
    rig.restart(None);
    rig.sink.let_go();
    rig.ready().await;
    // Far less than the call's time-out: it is the new owner that sends the task again.
    let execution = rig.client.wait(id, ENDED_WITHIN).await.unwrap();
    assert_eq!(execution.status, ExecutionStatus::Completed, "{execution:?}");
    assert_eq!(rig.sink.by_key().len(), 1, "the second call had another key");
    assert!(rig.sink.calls() >= 2);
}

fn number(name: &str, default: u64) -> u64 {
    var(name).map_or(default, |text| text.parse().unwrap())
}

fn seeded() -> Entropy {
    let seed = number("FLOWMILL_SEED", Entropy::system().next());
    println!("FLOWMILL_SEED={seed}");
    Entropy::seeded(seed)
}

/// An address on this machine. Its port is below those that outgoing connections take, so that
/// it stays free while the server is away.
fn free_address(entropy: &Entropy) -> String {
    let addresses =
        std::iter::repeat_with(|| format!("127.0.0.1:{}", 20_000 + entropy.next() % 10_000));
    let free = |address: &String| std::net::TcpListener::bind(address).is_ok();
    addresses.take(100).find(free).expect("one of a hundred ports is free")
}

fn client(address: &str, repeats: Repeats) -> Client {
    Client::new(format!("http://{address}").parse().unwrap(), repeats).unwrap()
}

fn write_foreign_files(data: &Path) -> Vec<(std::path::PathBuf, Vec<u8>)> {
    std::fs::create_dir_all(data.join("log")).unwrap();
    let files = [("notes.txt", "mine"), ("store.redb.bak", "old"), ("log/README", "do not touch")];
    let write = |(name, content): (&str, &str)| {
        let path = data.join(name);
        std::fs::write(&path, content).unwrap();
        (path, content.as_bytes().to_vec())
    };
    files.map(write).to_vec()
}

async fn deploy(client: &Client, sink: &Sink) {
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

/// The server, and what it says on standard error.
struct Server {
    child: Child,
    said: PathBuf,
}

impl Server {
    fn start(files: &Files, address: &str) -> Self {
        Self::start_to_die(files, address, None)
    }

    /// Starts a server that dies at a named place if one is given.
    fn start_to_die(files: &Files, address: &str, place: Option<&str>) -> Self {
        let said = files.path().join("stderr.txt");
        let child = spawn_saying_to(&files.path().join("data"), address, &said, place);
        Self { child, said }
    }

    /// Waits until the server has died.
    async fn died(&mut self, place: &str) {
        let deadline = Instant::now() + DEAD_WITHIN;
        while self.child.try_wait().unwrap().is_none() {
            assert!(Instant::now() < deadline, "nobody passed {place}");
            sleep(Duration::from_millis(5)).await;
        }
    }

    fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

async fn ready(client: &Client, server: &mut Server) {
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        let answer = client.ready().await;
        if answer.as_ref().is_ok_and(|ready| ready.ready) {
            return;
        }
        let ended = server.child.try_wait().unwrap();
        if ended.is_some() || Instant::now() >= deadline {
            let said = std::fs::read_to_string(&server.said).unwrap();
            panic!("not ready 10 s after its start: {answer:?}; ended: {ended:?}; said: {said}");
        }
        sleep(Duration::from_millis(5)).await;
    }
}

/// Starts one execution after the other; each is repeated under its key until it is acknowledged.
async fn call(client: Client, caller: u64, stop: Arc<AtomicBool>) -> Vec<Acknowledged> {
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
        let id = start(&client, &flow, &key, &input).await;
        acknowledged.push(Acknowledged { id, flow, key, input });
        sleep(PACE).await;
    }
    acknowledged
}

/// Starts an execution, and again until that is acknowledged.
async fn start(client: &Client, flow: &FlowName, key: &str, input: &Value) -> ExecutionId {
    let key = StartKey::Given(key.to_owned());
    let input = input.to_string().into();
    let request = StartRequest { flow: flow.clone(), version: None, input, key };
    loop {
        match client.start(&request, None).await {
            Ok(StartAnswer::Accepted(start)) => return start.id,
            Ok(StartAnswer::Ended(execution)) => return execution.id,
            Err(error) => {
                let again = error.status().is_none_or(|status| matches!(status, 429 | 503));
                assert!(again, "{error}: {error:?}");
                sleep(PACE).await;
            }
        }
    }
}

async fn check(client: &Client, acknowledged: &[Acknowledged], sink: &Sink) {
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
