//! Servers that are killed, stand still and come back.
//!
//! Each test has a server of its own; one runs at a time.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use flowmill_rig::Cassandra;
use flowmill_store::cql::{CqlTuning, InitPlan, init};
use flowmill_store::{CqlSettings, CqlStore, Store, StoreError, Write};
use futures::FutureExt;
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep, timeout};

use crate::rows::{SHARD, at, entry, id, timer, watermark};
use crate::server::{SOON, settings_of, wait_until};

/// Held by the test that runs.
static ONE: Mutex<()> = Mutex::const_new(());

/// Rows of one flush.
const ROWS: u64 = 50;

async fn prepare(server: &Cassandra) -> CqlSettings {
    let mut settings = settings_of(server, "crash");
    let (margin, probe_every) = (Duration::from_secs(12), Duration::from_millis(300));
    settings.tuning = CqlTuning { margin, probe_every, ..CqlTuning::default() };
    init(&settings, InitPlan::default()).await.expect("the keyspace is prepared");
    settings
}

/// Repeats what the store did not take, as a projector does.
async fn until_done(call: impl Fn() -> flowmill_store::StoreFuture<()>) {
    loop {
        match call().await {
            Ok(()) => return,
            Err(StoreError::Unavailable(_)) => sleep(Duration::from_millis(100)).await,
            Err(error) => panic!("{error}"),
        }
    }
}

fn flush(number: u64) -> Write {
    let executions = (number * ROWS..(number + 1) * ROWS).map(|n| {
        let mut row = entry(n, number + 1, 1_000);
        row.timers_set = vec![timer(n, n)];
        row
    });
    Write { executions: executions.collect() }
}

/// Writes flush after flush, each followed by its watermark, until it is to stop. It is not to be
/// aborted: a watermark may have been set then that the store, which has not heard so, does not
/// take the margin to.
async fn write_on(store: Arc<CqlStore>, acknowledged: Arc<AtomicU64>, stop: Arc<AtomicBool>) {
    for number in acknowledged.load(Ordering::Acquire).. {
        if stop.load(Ordering::Acquire) {
            return;
        }
        until_done(|| store.write(SHARD, flush(number))).await;
        acknowledged.store(number + 1, Ordering::Release);
        until_done(|| store.set_watermark(SHARD, watermark(number + 1))).await;
    }
}

async fn marks(store: &CqlStore) -> Option<(u64, Option<u64>)> {
    let found = store.watermarks(SHARD).await.ok()??;
    Some((found.watermark.offset.get(), found.margin.map(|margin| margin.offset.get())))
}

/// Rows that are missing or older than what was acknowledged, for a process that begins now.
async fn missing(settings: &CqlSettings, flushes: u64) -> Option<usize> {
    let store = CqlStore::open(settings).await.ok()?;
    let mut missing = 0;
    for n in 0..flushes * ROWS {
        let found = store.load(id(n)).await.ok()?;
        missing += usize::from(found.is_none_or(|row| row.version.get() < n / ROWS + 1));
    }
    let timers = store.timers(SHARD, None, at(flushes * ROWS), usize::MAX).await.ok()?;
    Some(missing + usize::try_from(flushes * ROWS).ok()?.saturating_sub(timers.len()))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_is_there_again_after_a_kill_and_the_margin_waits_for_it() {
    let _one = ONE.lock().await;
    let mut server = Cassandra::start().expect("it starts");
    let settings = prepare(&server).await;
    let store = Arc::new(CqlStore::open(&settings).await.expect("it opens"));
    let acknowledged = Arc::new(AtomicU64::new(0));
    let written = || acknowledged.load(Ordering::Acquire);
    let stop = Arc::new(AtomicBool::new(false));
    let writer = write_on(Arc::clone(&store), Arc::clone(&acknowledged), Arc::clone(&stop));
    let writing = flowmill_runtime::spawn("writer", writer);
    wait_until("the margin follows", || {
        marks(&store).map(|marks| marks.is_some_and(|marks| marks.1.is_some()))
    })
    .await;

    let before_kill = written();
    server.kill(0).expect("it runs");
    let margin_bound = written();
    server.restart(0).expect("it starts again");
    wait_until("writing goes on", async || written() > before_kill + 5).await;
    stop.store(true, Ordering::Release);
    writing.await.expect("the writer ends");
    let flushes = written();

    let (watermark, margin) = marks(&store).await.expect("the marks are answered");
    assert!(watermark + 1 >= flushes, "{watermark} of {flushes}");
    // The margin itself may have been lost with the rows: then a recovery starts at the beginning.
    let is_safe = margin.is_none_or(|margin| margin <= margin_bound);
    assert!(is_safe, "rows of {margin:?} may have been lost: {margin_bound}");
    wait_until("every row is there", || missing(&settings, flushes).map(|n| n == Some(0))).await;
    wait_until("the margin reaches the watermark", || {
        marks(&store)
            .map(|marks| marks.is_some_and(|(watermark, margin)| margin == Some(watermark)))
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_stands_still_is_reported_in_time_and_used_again_when_it_goes_on() {
    let _one = ONE.lock().await;
    let server = Cassandra::start().expect("it starts");
    let settings = prepare(&server).await;
    let store = CqlStore::open(&settings).await.expect("it opens");
    until_done(|| store.write(SHARD, flush(0))).await;

    server.pause(0).expect("it runs");
    let answer = timeout(SOON, store.write(SHARD, flush(1))).await.expect("it does not hang");
    assert!(matches!(answer, Err(StoreError::Unavailable(_))), "{answer:?}");
    let answer = timeout(SOON, store.load(id(0))).await.expect("it does not hang");
    assert!(matches!(answer, Err(StoreError::Unavailable(_))), "{answer:?}");

    server.resume(0).expect("it runs");
    until_done(|| store.write(SHARD, flush(1))).await;
    wait_until("every row is there", || missing(&settings, 2).map(|n| n == Some(0))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_loop_around_a_store_that_is_gone_does_not_spin() {
    let _one = ONE.lock().await;
    let mut server = Cassandra::start().expect("it starts");
    let settings = prepare(&server).await;
    let store = CqlStore::open(&settings).await.expect("it opens");
    server.kill(0).expect("it runs");
    let (start, mut calls) = (Instant::now(), 0_u32);
    while start.elapsed() < Duration::from_secs(5) {
        store.write(SHARD, flush(0)).await.expect_err("it is gone");
        calls += 1;
    }
    assert!(calls < 100, "{calls} calls in five seconds");
}
