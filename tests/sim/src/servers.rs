//! The store as nodes have it: servers that stand still, are full, or lose what they acknowledged,
//! and in each node a client that writes again what they may have lost.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use flowmill_model::{ExecutionId, Sequence, ShardId, Timestamp};
use flowmill_store::memory::{Call, Fault, FaultHook, Faults, MemoryStore};
use flowmill_store::{
    Checkpoint, HistoryRow, ListPosition, ListQuery, Listing, Purge, Store, StoreFuture, TimerKey,
    TimerRow, Watermark, Watermarks, Write,
};
use futures::FutureExt;
use parking_lot::Mutex;
use tokio::time::Instant;

use crate::chance::Chance;
use crate::gate::Gate;
use crate::journal::Journal;

/// How long what was acknowledged can be lost.
pub const LOSS_WINDOW: Duration = Duration::from_secs(10);

/// The servers of the store. Clones are the same.
#[derive(Clone)]
pub struct Servers {
    store: MemoryStore,
    /// Raised by every crash, as the generation of a server is by its start.
    generation: Arc<AtomicU64>,
    trouble: Arc<Mutex<Trouble>>,
}

/// What the servers go through as a whole.
#[derive(Debug, Default)]
struct Trouble {
    still_until: Option<Instant>,
    full_until: Option<Instant>,
}

impl Trouble {
    fn fault(&self) -> Option<Fault> {
        let now = Instant::now();
        let left = |until: Option<Instant>| {
            until.map(|until| until.duration_since(now)).filter(|left| !left.is_zero())
        };
        match (left(self.still_until), left(self.full_until)) {
            (Some(left), _) => Some(Fault::Slow(left)),
            (None, Some(_)) => Some(Fault::Full),
            (None, None) => None,
        }
    }
}

impl Servers {
    /// Servers whose single calls `hook` makes go wrong; `forgetful` ones lose in a crash what they
    /// acknowledged lately.
    pub fn new(hook: FaultHook, forgetful: bool) -> Self {
        let trouble = Arc::<Mutex<Trouble>>::default();
        let seen = Arc::clone(&trouble);
        let hook: FaultHook =
            Arc::new(move |call: Call| seen.lock().fault().unwrap_or_else(|| hook(call)));
        let loss_window = forgetful.then_some(LOSS_WINDOW);
        let store = MemoryStore::with_faults(Faults { hook: Some(hook), loss_window });
        Self { store, generation: Arc::default(), trouble }
    }

    /// The rows, behind calls that go well.
    pub fn rows(&self) -> MemoryStore {
        self.store.without_faults()
    }

    /// How often they have crashed.
    fn generation(&self) -> u64 {
        self.generation.load(Ordering::Relaxed)
    }

    /// Has every call wait for so long from now on.
    pub fn stand_still(&self, lasting: Duration) {
        self.trouble.lock().still_until = Some(Instant::now() + lasting);
    }

    /// Refuses every change for so long from now on.
    pub fn fill(&self, lasting: Duration) {
        self.trouble.lock().full_until = Some(Instant::now() + lasting);
    }

    /// Ends whatever the servers go through.
    pub fn heal(&self) {
        *self.trouble.lock() = Trouble::default();
    }

    /// Loses half of what was acknowledged lately, and starts again.
    pub fn crash(&self, chance: &Chance) {
        self.generation.fetch_add(1, Ordering::Relaxed);
        self.store.crash(|_| chance.percent(50));
    }
}

/// One node's client of the store. Clones are the same.
///
/// As the client of real servers does, it keeps what was acknowledged until no crash can lose it,
/// and writes it again, before anything else, once it sees that they have started again. What a dead
/// node had kept is lost with it.
#[derive(Clone)]
pub struct NodeStore(Arc<Client>);

struct Client {
    node: u64,
    servers: Servers,
    gate: Gate,
    journal: Journal,
    seen: AtomicU64,
    kept: Mutex<VecDeque<(Instant, ShardId, Write)>>,
}

impl NodeStore {
    /// The client of the node of that number, which stands still with the node.
    pub fn new(servers: &Servers, node: u64, gate: Gate, journal: Journal) -> Self {
        let seen = AtomicU64::new(servers.generation());
        let (servers, kept) = (servers.clone(), Mutex::default());
        Self(Arc::new(Client { node, servers, gate, journal, seen, kept }))
    }

    /// Makes a call, and again if the servers crashed meanwhile: what it found may lack what they
    /// lost.
    fn gated<T: Send + 'static>(
        &self,
        call: impl Fn(&MemoryStore) -> StoreFuture<T> + Send + Sync + 'static,
    ) -> StoreFuture<T> {
        let client = Arc::clone(&self.0);
        async move {
            loop {
                client.gate.pass().await;
                let generation = client.write_again();
                let answer = call(&client.servers.store).await;
                client.gate.pass().await;
                if generation == client.servers.generation() {
                    return answer;
                }
            }
        }
        .boxed()
    }
}

impl Client {
    /// Writes what is kept again if the servers have started again since the last call. Gives their
    /// generation.
    fn write_again(&self) -> u64 {
        let generation = self.servers.generation();
        if self.seen.swap(generation, Ordering::Relaxed) == generation {
            return generation;
        }
        let rows = self.servers.rows();
        for (_, shard, write) in &*self.kept.lock() {
            rows.write(*shard, write.clone())
                .now_or_never()
                .expect("a call without faults does not wait")
                .expect("a call without faults goes well");
        }
        generation
    }

    fn keep(&self, shard: ShardId, write: Write) {
        self.journal.written(self.node, &write);
        let (mut kept, now) = (self.kept.lock(), Instant::now());
        let is_safe =
            |entry: &mut (Instant, ShardId, Write)| now.duration_since(entry.0) > LOSS_WINDOW * 2;
        while kept.pop_front_if(is_safe).is_some() {}
        kept.push_back((now, shard, write));
    }
}

impl Store for NodeStore {
    fn write(&self, shard: ShardId, write: Write) -> StoreFuture<()> {
        let client = Arc::clone(&self.0);
        let written = self.gated({
            let write = write.clone();
            move |store| store.write(shard, write.clone())
        });
        async move {
            written.await?;
            client.keep(shard, write);
            Ok(())
        }
        .boxed()
    }

    fn set_watermark(&self, shard: ShardId, watermark: Watermark) -> StoreFuture<()> {
        self.0.journal.watermark(shard, watermark);
        self.gated(move |store| store.set_watermark(shard, watermark))
    }

    fn watermarks(&self, shard: ShardId) -> StoreFuture<Option<Watermarks>> {
        self.0.journal.takes_over(self.0.node, shard);
        self.gated(move |store| store.watermarks(shard))
    }

    fn load(&self, id: ExecutionId) -> StoreFuture<Option<Checkpoint>> {
        self.0.journal.loads(self.0.node, id);
        self.gated(move |store| store.load(id))
    }

    fn history(
        &self,
        id: ExecutionId,
        from: Sequence,
        limit: usize,
    ) -> StoreFuture<Vec<HistoryRow>> {
        self.gated(move |store| store.history(id, from, limit))
    }

    fn timers(
        &self,
        shard: ShardId,
        after: Option<TimerKey>,
        until: Timestamp,
        limit: usize,
    ) -> StoreFuture<Vec<TimerRow>> {
        self.gated(move |store| store.timers(shard, after, until, limit))
    }

    fn list(&self, query: ListQuery) -> StoreFuture<Vec<(ListPosition, Listing)>> {
        self.gated(move |store| store.list(query.clone()))
    }

    fn purge(&self, purge: Purge) -> StoreFuture<usize> {
        self.gated(move |store| store.purge(purge))
    }

    fn may_lose_acknowledged(&self) -> bool {
        self.0.servers.store.may_lose_acknowledged()
    }
}
