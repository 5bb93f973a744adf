//! The server is killed at random moments under load, and started again on the same data.
//!
//! `FLOWMILL_KILLS` says how often (8 unless set), `FLOWMILL_SEED` which moments. And it is made
//! to die at every named place of `flowmill_runtime::crash`, at its first pass and at a later one.

use std::env::var;
use std::path::{Path, PathBuf};
use std::process::Child;
use std::time::Duration;

use flowmill_api::ExecutionStatus;
use flowmill_client::{Client, Repeats};
use flowmill_model::FlowName;
use flowmill_runtime::{Entropy, crash};
use serde_json::json;
use tokio::time::{Instant, sleep};

use crate::load::{ENDED_WITHIN, Load, PACE, check, client, deploy, start};
use crate::program::Files;
use crate::server::spawn_saying_to;
use crate::sink::Sink;

/// How long it may take until a named place is passed under load.
const DEAD_WITHIN: Duration = Duration::from_secs(30);

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
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kills_at_random_moments_lose_nothing_and_repeat_nothing() {
    let kills = number("FLOWMILL_KILLS", 8);
    let mut rig = Rig::start().await;
    let foreign = write_foreign_files(&rig.files.path().join("data"));
    let load = Load::start([rig.address.clone()]);
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
    let load = Load::start([rig.address.clone()]);
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
pub(crate) fn free_address(entropy: &Entropy) -> String {
    let addresses =
        std::iter::repeat_with(|| format!("127.0.0.1:{}", 20_000 + entropy.next() % 10_000));
    let free = |address: &String| std::net::TcpListener::bind(address).is_ok();
    addresses.take(100).find(free).expect("one of a hundred ports is free")
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
