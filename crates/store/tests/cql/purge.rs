//! Purges, and what comes after them.

use flowmill_model::Timestamp;
use flowmill_store::cql::CqlTuning;
use flowmill_store::{CqlSettings, CqlStore, ListQuery, Purge, Status, Store};
use std::time::Duration;

use crate::rows::{SHARD, at, ended, entry, id, page, timer, watermark, write};
use crate::server::{Lease, session, wait_until};

async fn purge(store: &dyn Store, before: Timestamp) -> usize {
    let purge = Purge { shard: SHARD, before, limit: 700 };
    let (mut all, mut count) = (0, 700);
    while count == 700 {
        count = store.purge(purge).await.expect("the purge is answered");
        all += count;
    }
    all
}

async fn rows(settings: &CqlSettings, table: &str) -> usize {
    let text = format!("SELECT * FROM {}.{table}", settings.keyspace);
    let found = session(settings).await.query_unpaged(text, ()).await.expect("answered");
    found.into_rows_result().expect("rows").rows_num()
}

/// A start with the same key brings about the same id once more.
#[tokio::test]
async fn an_id_that_was_purged_can_live_again() {
    let lease = Lease::take();
    let settings = lease.clear().await;
    let store = CqlStore::open(&settings).await.expect("it opens");
    write(&store, vec![ended(entry(1, 5, 1_000), Status::Faulted, 2_000)]).await;
    assert_eq!(purge(&store, at(3_000)).await, 1);
    write(&store, vec![ended(entry(1, 5, 1_000), Status::Faulted, 2_000)]).await;
    let other = CqlStore::open(&settings).await.expect("it opens");
    assert_eq!(other.load(id(1)).await, Ok(None), "a repeat of before is too late");

    let mut again = entry(1, 9, 1_000);
    again.timers_set = vec![timer(1, 5_000)];
    write(&store, vec![again]).await;
    let found = store.load(id(1)).await.expect("answered").expect("it is there");
    assert_eq!(found.state, "state of 1 at 9");
    assert_eq!(store.history(id(1), Default::default(), 9).await.expect("answered").len(), 1);
    assert_eq!(page(&store, ListQuery { limit: 9, ..ListQuery::default() }).await, [1]);
    let timers = store.timers(SHARD, None, at(9_999), 9).await;
    assert_eq!(timers, Ok(vec![timer(1, 5_000)]));
}

/// Nothing is left of executions that are gone, not even what said where they were.
#[tokio::test]
async fn a_purge_of_thousands_leaves_no_row_behind() {
    const DAY: u64 = 24 * 60 * 60 * 1_000;
    let lease = Lease::take();
    let mut settings = lease.clear().await;
    let (margin, probe_every) = (Duration::from_millis(300), Duration::from_millis(300));
    settings.tuning = CqlTuning { margin, probe_every, ..CqlTuning::default() };
    let store = CqlStore::open(&settings).await.expect("it opens");
    for flush in 0..2 {
        let entries = (flush * 1_000..(flush + 1) * 1_000).map(|n| {
            let status = if n % 2 == 0 { Status::Completed } else { Status::Faulted };
            let mut one = ended(entry(n, 1 + flush, n * 1_000), status, DAY + n * 1_000);
            one.timers_set = vec![timer(n, n * 1_000)];
            one
        });
        write(&store, entries.collect()).await;
    }
    assert_eq!(purge(&store, at(DAY)).await, 0, "it is too early");
    store.set_watermark(SHARD, watermark(10)).await.expect("acknowledged");
    let marks = async || store.watermarks(SHARD).await.expect("answered").expect("it was set");
    wait_until("the margin reaches the watermark", async || marks().await.margin.is_some()).await;

    let two_days_later = at(4 * DAY);
    assert_eq!(purge(&store, two_days_later).await, 2_000);
    assert_eq!(purge(&store, two_days_later).await, 0);
    for table in ["executions", "lists", "list_buckets", "timers", "ends", "slots"] {
        assert_eq!(rows(&settings, table).await, 0, "{table}");
    }
    assert_eq!(rows(&settings, "flows").await, 1);
}
