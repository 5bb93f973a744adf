//! A shard whose loop never comes back: its node says so, and once it leaves the group, another
//! node goes on.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::sync::Arc;
use std::time::Duration;

use flowmill_catalog::Catalogue;
use flowmill_log::{
    Append, Bounds, Log, LogFuture, Member, MemoryLog, Partition, ReadError, Reader, Record,
    Survival, Topic, TopicSpec,
};
use flowmill_model::history::LogIdentity;
use flowmill_model::{Offset, ShardId};
use flowmill_orchestrator::{Orchestrator, Parts, Settings, ensure_topics};
use flowmill_routing::{Directory, Owners, ShardState};
use flowmill_runtime::{Clock, Entropy};
use flowmill_store::memory::MemoryStore;
use flowmill_telemetry::Metrics;
use parking_lot::{Condvar, Mutex};
use tokio::runtime::Handle;
use tokio::time::timeout;

/// How long anything may take that is awaited.
const DEADLINE: Duration = Duration::from_secs(60);

/// How often a condition is looked at.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

const SHARD: ShardId = ShardId::new(0);

/// What closes takes whoever comes by until it opens.
#[derive(Default)]
struct Gate {
    closed: Mutex<bool>,
    opened: Condvar,
}

impl Gate {
    fn set_closed(&self, closed: bool) {
        *self.closed.lock() = closed;
        self.opened.notify_all();
    }

    fn pass(&self) {
        self.opened.wait_while(&mut self.closed.lock(), |closed| *closed);
    }
}

/// Opens a gate at the end, however it comes: a thread that stands before it would never end.
struct OpenAtLast(Arc<Gate>);

impl Drop for OpenAtLast {
    fn drop(&mut self) {
        self.0.set_closed(false);
    }
}

/// A log that holds the thread of whoever asks which one it is: a shard's loop does, for each batch.
struct Holding {
    log: MemoryLog,
    gate: Arc<Gate>,
}

impl Log for Holding {
    fn identity(&self) -> LogIdentity {
        self.gate.pass();
        self.log.identity()
    }

    fn ensure(&self, spec: TopicSpec) -> LogFuture<Result<(), ReadError>> {
        self.log.ensure(spec)
    }

    fn partitions(&self, topic: &Topic) -> Option<u16> {
        self.log.partitions(topic)
    }

    fn survival(&self, topic: &Topic) -> Survival {
        self.log.survival(topic)
    }

    fn append(&self, to: &Partition, record: Record) -> Append {
        self.log.append(to, record)
    }

    fn reader(&self, of: &Partition, from: Offset) -> Box<dyn Reader> {
        self.log.reader(of, from)
    }

    fn bounds(&self, of: &Partition) -> LogFuture<Result<Bounds, ReadError>> {
        self.log.bounds(of)
    }

    fn trim(&self, of: &Partition, before: Offset) -> LogFuture<Result<(), ReadError>> {
        self.log.trim(of, before)
    }

    fn join(&self, group: &str, topic: &Topic) -> Box<dyn Member> {
        self.log.join(group, topic)
    }

    fn committed(
        &self,
        group: &str,
        of: &Partition,
    ) -> LogFuture<Result<Option<Offset>, ReadError>> {
        self.log.committed(group, of)
    }
}

/// A node with the one shard there is, if it gets it.
struct Node {
    owners: Owners,
    orchestrator: Orchestrator,
}

impl Node {
    async fn start(log: Arc<dyn Log>, store: &MemoryStore, name: &str) -> Self {
        let owners = Owners::default();
        let parts = Parts {
            catalogue: Catalogue::follow(&log),
            directory: Directory::follow(&log),
            log,
            store: Arc::new(store.clone()),
            owners: owners.clone(),
            clock: Clock::system(),
            entropy: Entropy::system(),
            metrics: Metrics::default(),
            deciders: Handle::current(),
        };
        let settings = Settings { node: name.to_owned(), shards: 1, ..Settings::default() };
        let orchestrator = Orchestrator::start(parts, settings).await.unwrap();
        Self { owners, orchestrator }
    }

    async fn owns_the_shard(&self) {
        let owned = async {
            let open = |owners: &Owners| owners.status(SHARD).map(|status| status.state);
            while open(&self.owners) != Some(ShardState::Open) {
                tokio::time::sleep(LOOK_AGAIN).await;
            }
        };
        timeout(DEADLINE, owned).await.expect("the shard is owned");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_shard_that_neither_turns_nor_stops_is_told_and_goes_on_elsewhere() {
    let (log, store, gate) = (MemoryLog::new(), MemoryStore::new(), Arc::<Gate>::default());
    let _open = OpenAtLast(Arc::clone(&gate));
    ensure_topics(&log, 1).await.unwrap();
    let holding = Holding { log: log.session(), gate: Arc::clone(&gate) };
    let first = Node::start(Arc::new(holding), &store, "first").await;
    first.owns_the_shard().await;

    gate.set_closed(true);
    let commands = Partition::of_shard(Topic::Commands, SHARD);
    // Whatever it is, it makes a batch.
    log.append(&commands, Record::of("no command")).await.unwrap();
    let lost = timeout(DEADLINE, first.orchestrator.lost()).await;
    assert_eq!(lost.expect("the node says so"), SHARD);

    let second = Node::start(Arc::new(log.session()), &store, "second").await;
    drop(first.orchestrator);
    second.owns_the_shard().await;
}
