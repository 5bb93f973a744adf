//! The embedded store in a process that is killed.
//!
//! The test runs itself again as a child that writes rows and watermarks, and kills it after so
//! many lines of its output, again and again on one file.

use std::env;
use std::io::{BufRead, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use flowmill_model::history::LogIdentity;
use flowmill_model::{
    BatchNumber, Epoch, ExecutionId, FlowVersion, Offset, Sequence, ShardId, TimerId, Timestamp,
    Version,
};
use flowmill_store::{
    EmbeddedStore, ExecutionWrite, HistoryRow, Listing, RowVersion, Settings, Status, Store,
    TimerKey, TimerRow, Watermark, Write,
};
use tempfile::TempDir;

/// Names the file to the child.
const FILE: &str = "FLOWMILL_TEST_STORE_FILE";
const SHARDS: u16 = 3;
/// After so many flushes a child that nobody kills ends.
const FLUSHES: u64 = 100_000;
const RECENT: u64 = 7;

/// Each flush `n` brings execution `n` and changes execution `n % RECENT`, which has one event
/// and one timer per change.
fn flush(shard: ShardId, n: u64) -> Write {
    let mut entries = vec![entry(shard, 1_000 + n, n, 0)];
    entries.push(entry(shard, n % RECENT, n, n / RECENT));
    Write { executions: entries }
}

fn entry(shard: ShardId, number: u64, version: u64, event: u64) -> ExecutionWrite {
    let id = ExecutionId::new(shard, u128::from(number));
    let timer = |event: u64| TimerKey {
        due: Timestamp::from_millis(event),
        execution: id,
        timer: TimerId::new(0),
    };
    let flow = "shop/orders".parse().expect("a flow's name");
    ExecutionWrite {
        id,
        version: RowVersion::from_raw(version),
        sequence: Sequence::new(event + 1),
        checkpoint: vec![event as u8; 300].into(),
        history: Some(HistoryRow {
            first: Sequence::new(event),
            count: 1,
            blob: vec![event as u8].into(),
        }),
        listing: Listing {
            flow: FlowVersion { flow, version: Version::new("1.0.0").expect("a version") },
            status: Status::Waiting,
            started_at: Timestamp::from_millis(number),
            ended_at: None,
        },
        purge_at: None,
        timers_set: vec![TimerRow { key: timer(event), task: false }],
        timers_cleared: event.checked_sub(1).map(timer).into_iter().collect(),
    }
}

fn watermark(offset: u64) -> Watermark {
    Watermark {
        log: LogIdentity::default(),
        offset: Offset::new(offset),
        epoch: Epoch::new(1),
        batch: BatchNumber::new(offset),
        positions: Default::default(),
        mark: BatchNumber::new(offset),
        timer_cursor: Timestamp::from_millis(0),
    }
}

fn open(file: &Path) -> EmbeddedStore {
    let settings = Settings { cache_bytes: 1 << 20, sync_interval: Duration::from_millis(3) };
    EmbeddedStore::open(file, settings).expect("the file opens")
}

/// The first flush that the store's watermark does not cover.
async fn next_flush(store: &EmbeddedStore, shard: ShardId) -> u64 {
    let stored = store.watermarks(shard).await.expect("the watermarks are answered");
    stored.map_or(0, |stored| stored.watermark.offset.get() + 1)
}

#[test]
fn child_that_writes_until_it_is_killed() {
    let Some(file) = env::var_os(FILE).map(PathBuf::from) else {
        return;
    };
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let store = open(&file);
        let shards = (0..SHARDS).map(|shard| write_and_mark(&store, ShardId::new(shard)));
        futures::future::join_all(shards).await;
    });
}

async fn write_and_mark(store: &EmbeddedStore, shard: ShardId) {
    let next = next_flush(store, shard).await;
    let acknowledged = AtomicU64::new(next);
    let write = async {
        for n in next..FLUSHES {
            store.write(shard, flush(shard, n)).await.expect("the write is acknowledged");
            acknowledged.store(n + 1, Ordering::Release);
        }
    };
    let mark = async {
        while acknowledged.load(Ordering::Acquire) < FLUSHES {
            let Some(last) = acknowledged.load(Ordering::Acquire).checked_sub(1) else {
                tokio::task::yield_now().await;
                continue;
            };
            store.set_watermark(shard, watermark(last)).await.expect("acknowledged");
            let line = format!("watermark {shard} {last}");
            writeln!(std::io::stdout(), "{line}").expect("somebody listens");
        }
    };
    futures::future::join(write, mark).await;
}

/// Runs a child for so many watermarks and kills it; the last watermark it told of per shard.
fn run_and_kill(file: &Path, lines: usize) -> [Option<u64>; SHARDS as usize] {
    let this = env::current_exe().expect("the test's own file");
    let mut child = Command::new(this)
        .args(["--exact", "child_that_writes_until_it_is_killed", "--nocapture"])
        .env(FILE, file)
        .stdout(Stdio::piped())
        .spawn()
        .expect("the child starts");
    let output = BufReader::new(child.stdout.take().expect("it is piped"));
    let mut told = [None; SHARDS as usize];
    let mut marks = 0;
    let mut killed = false;
    // What it said before it died counts, too.
    for line in output.lines().map_while(Result::ok) {
        let words: Vec<_> = line.split(' ').collect();
        if let ["watermark", shard, offset] = words[..] {
            let shard: usize = shard.parse().expect("a shard");
            told[shard] = Some(offset.parse().expect("an offset"));
            marks += 1;
        }
        if marks >= lines && !killed {
            child.kill().expect("the child is there");
            killed = true;
        }
    }
    child.wait().expect("the child ends");
    assert!(killed, "the child ended by itself");
    told
}

async fn check(store: &EmbeddedStore, shard: ShardId, told: Option<u64>) {
    let covered = next_flush(store, shard).await;
    assert!(told.is_none_or(|told| covered > told), "{covered} flushes, was told of {told:?}");
    for n in 0..covered {
        let entry = entry(shard, 1_000 + n, n, 0);
        let found = store.load(entry.id).await.expect("the load is answered");
        let found = found.unwrap_or_else(|| panic!("{n} is missing below {covered}"));
        assert_eq!(found.state, entry.checkpoint);
    }
    for number in 0..RECENT.min(covered) {
        let last = (covered - 1 - number) / RECENT;
        check_changed(store, shard, number, last).await;
    }
}

/// An execution that was changed `last` times below the watermark, perhaps more often: state,
/// history and timer are those of one moment.
async fn check_changed(store: &EmbeddedStore, shard: ShardId, number: u64, last: u64) {
    let id = ExecutionId::new(shard, u128::from(number));
    let found = store.load(id).await.expect("answered").expect("it is there");
    let events = found.sequence.get();
    assert!(events > last, "{events} events, {last} changes");
    let history = store.history(id, Sequence::new(0), usize::MAX).await.expect("answered");
    let firsts: Vec<_> = history.iter().map(|row| row.first.get()).collect();
    assert_eq!(firsts, (0..events).collect::<Vec<_>>());
    let timers = store.timers(shard, None, Timestamp::from_millis(u64::MAX), usize::MAX).await;
    let of_this = timers.expect("answered").into_iter().filter(|row| row.key.execution == id);
    let due: Vec<_> = of_this.map(|row| row.key.due.as_millis()).collect();
    assert_eq!(due, [events - 1]);
}

#[tokio::test]
async fn rows_below_a_watermark_survive_kills_at_any_moment() {
    let folder = TempDir::new().expect("a temporary folder");
    let file = folder.path().join("store.redb");
    for lines in [1, 2, 3, 5, 8, 13, 4, 21, 1, 34, 10, 7] {
        let told = run_and_kill(&file, lines);
        let store = open(&file);
        for (shard, told) in told.into_iter().enumerate() {
            check(&store, ShardId::new(shard as u16), told).await;
        }
    }
}
