//! The embedded store against the memory store: random scripts with clean restarts and crashes.
//!
//! A crash may take the store back to any moment from its last watermark on, but only as a
//! whole: what is found must be what a prefix of the script leaves.

mod script;

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use flowmill_model::{ExecutionId, Sequence, ShardId, Timestamp};
use flowmill_store::{
    Checkpoint, EmbeddedStore, HistoryRow, ListPosition, ListQuery, Listing, MemoryStore, Settings,
    Status, Store, TimerRow, Watermarks,
};
use proptest::prelude::*;
use proptest::test_runner::Config;
use script::{Change, SHARDS, Step, apply, script};
use tempfile::TempDir;

/// Everything that can be read from a store.
#[derive(Debug, PartialEq)]
struct Contents {
    lists: Vec<Vec<(ListPosition, Listing)>>,
    executions: Vec<(ExecutionId, Option<Checkpoint>, Vec<HistoryRow>)>,
    timers: Vec<Vec<TimerRow>>,
    watermarks: Vec<Option<Watermarks>>,
}

async fn contents(store: &dyn Store) -> Contents {
    let whole = ListQuery { limit: usize::MAX, ..ListQuery::default() };
    let mut found =
        Contents { lists: vec![], executions: vec![], timers: vec![], watermarks: vec![] };
    for status in [None].into_iter().chain(Status::ALL.map(Some)) {
        let list = store.list(ListQuery { status, ..whole.clone() }).await;
        found.lists.push(list.expect("the list is answered"));
    }
    for shard in (0..SHARDS).map(ShardId::new) {
        for id in (0..5).map(|n| ExecutionId::new(shard, n)) {
            let checkpoint = store.load(id).await.expect("the load is answered");
            let history = store.history(id, Sequence::new(0), usize::MAX).await;
            found.executions.push((id, checkpoint, history.expect("the history is answered")));
        }
        let timers = store.timers(shard, None, Timestamp::from_millis(u64::MAX), usize::MAX).await;
        found.timers.push(timers.expect("the timers are answered"));
        found.watermarks.push(store.watermarks(shard).await.expect("answered"));
    }
    found
}

/// What a prefix of a script leaves.
async fn reference(changes: &[Change]) -> Contents {
    let store = MemoryStore::new();
    for change in changes {
        apply(&store, change).await;
    }
    contents(&store).await
}

struct Run {
    folder: TempDir,
    crashes: usize,
    store: Option<EmbeddedStore>,
    changes: Vec<Change>,
    /// How many changes no crash may take back.
    safe: usize,
}

impl Run {
    fn new() -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        let mut run = Self { folder, crashes: 0, store: None, changes: vec![], safe: 0 };
        run.open();
        run
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join(format!("{}.redb", self.crashes))
    }

    fn open(&mut self) {
        let settings = Settings { cache_bytes: 1 << 20, sync_interval: Duration::ZERO };
        self.store = Some(EmbeddedStore::open(self.file(), settings).expect("the file opens"));
    }

    fn store(&self) -> &EmbeddedStore {
        self.store.as_ref().expect("it is open between the steps")
    }

    async fn take(&mut self, step: Step) {
        match step {
            Step::Change(change) => {
                apply(self.store(), &change).await;
                let is_watermark = matches!(change, Change::Watermark(..));
                self.changes.push(change);
                if is_watermark {
                    self.safe = self.changes.len();
                }
            }
            Step::Restart => {
                self.store = None;
                self.open();
                self.safe = self.changes.len();
            }
            Step::Crash => self.crash().await,
        }
    }

    /// A copy of the file while it is open is what a kill of the process would leave.
    async fn crash(&mut self) {
        let before = self.file();
        self.crashes += 1;
        fs::copy(before, self.file()).expect("the file is copied");
        self.open();
        let found = contents(self.store()).await;
        for end in self.safe..=self.changes.len() {
            if found == reference(&self.changes[..end]).await {
                self.changes.truncate(end);
                self.safe = end;
                return;
            }
        }
        panic!("no prefix of {:?} from {} on leaves {found:?}", self.changes, self.safe);
    }
}

proptest! {
    #![proptest_config(Config { cases: 48, failure_persistence: None, ..Config::default() })]

    #[test]
    fn any_script_leaves_what_it_leaves_in_memory(script in script()) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        runtime.block_on(async {
            let mut run = Run::new();
            for step in script {
                run.take(step).await;
            }
            assert_eq!(contents(run.store()).await, reference(&run.changes).await);
        });
    }
}
