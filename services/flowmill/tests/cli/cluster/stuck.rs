//! A node whose shards are stuck for ever.

use std::io::{BufRead, BufReader, PipeReader, PipeWriter, Read, Write};
use std::process::{Child, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use flowmill_client::Repeats;
use tokio::time::{Instant, sleep};

use super::node::{Role, node};
use super::servers::{Cluster, SOON};
use crate::load::client;

/// How often a condition is looked at.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// A node that tells whenever it spawns a task, as shards do all the time, and waits until
/// somebody has taken what it tells. Killed when this is dropped.
struct Telling {
    child: Child,
    taken: Arc<AtomicBool>,
    taking: Option<JoinHandle<PipeReader>>,
    full: PipeWriter,
}

impl Telling {
    fn start(cluster: &Cluster) -> Self {
        let (mut told, full) = std::io::pipe().unwrap();
        let mut command = node(
            cluster,
            Role::Orchestrator,
            "127.0.0.1:0",
            &[("FLOWMILL_LOG", "flowmill_runtime=trace")],
        );
        command.stdout(Stdio::piped()).stderr(full.try_clone().unwrap());
        let mut child = command.spawn().unwrap();
        let taken = Arc::new(AtomicBool::new(true));
        let goes_on = Arc::clone(&taken);
        let taking = std::thread::spawn(move || {
            let mut some = [0; 4096];
            while goes_on.load(Ordering::Relaxed) {
                assert!(told.read(&mut some).unwrap() > 0, "the node ended");
            }
            told
        });
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        assert!(line.contains("orchestrator"), "{line}");
        Self { child, taken, taking: Some(taking), full }
    }

    /// Takes no more of what it tells, and fills the pipe. It is full as long as the reader is there.
    fn take_no_more(&mut self) -> PipeReader {
        self.taken.store(false, Ordering::Relaxed);
        let mut full = self.full.try_clone().unwrap();
        std::thread::spawn(move || while full.write_all(&[b'\n'; 4096]).is_ok() {});
        self.taking.take().unwrap().join().unwrap()
    }

    async fn ended(&mut self) -> ExitStatus {
        let deadline = Instant::now() + SOON;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < deadline, "the node does not end");
            sleep(LOOK_AGAIN).await;
        }
    }
}

impl Drop for Telling {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_whose_shards_are_stuck_ends_itself_and_another_one_owns_them() {
    let cluster = Cluster::new(2);
    let mut stuck = Telling::start(&cluster);
    let gateway = cluster.node(Role::Gateway);
    let _full = stuck.take_no_more();
    let _other = cluster.node(Role::Orchestrator);
    assert_eq!(stuck.ended().await.code(), Some(5));

    let client = client(&gateway.address(), Repeats::default());
    let deadline = Instant::now() + SOON;
    while !client.ready().await.is_ok_and(|ready| ready.ready) {
        assert!(Instant::now() < deadline, "the shards have no other owner");
        sleep(LOOK_AGAIN).await;
    }
}
