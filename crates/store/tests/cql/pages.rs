//! Lists of many executions in many places.

use flowmill_store::{CqlStore, ListQuery, Status, Store};

use crate::rows::{at, ended, entry, id, page, write};
use crate::server::Lease;

/// Executions of this test.
const COUNT: u64 = 10_000;

/// One starts every seventeen seconds, so they are in about 280 slots.
const EVERY: u64 = 17_000;

/// A thousandth is faulted; the rest is completed.
fn status(n: u64) -> Status {
    if n % 1_000 == 7 { Status::Faulted } else { Status::Completed }
}

async fn fill(store: &dyn Store) {
    for flush in 0..COUNT / 1_000 {
        let entries = (flush * 1_000..(flush + 1) * 1_000)
            .map(|n| ended(entry(n, 1, n * EVERY), status(n), 1 << 50))
            .collect();
        write(store, entries).await;
    }
}

/// All pages of a query, end to end.
async fn all(store: &dyn Store, query: ListQuery) -> Vec<u64> {
    let mut found = Vec::new();
    let mut query = query;
    loop {
        let some = page(store, query.clone()).await;
        let Some(last) = some.last().copied() else { return found };
        query.after = Some(entry(last, 1, last * EVERY).listing.position(id(last)));
        found.extend(some);
    }
}

#[tokio::test]
async fn ten_thousand_executions_in_hundreds_of_slots_are_paged_newest_first() {
    let lease = Lease::take();
    let store = CqlStore::open(&lease.clear().await).await.expect("it opens");
    fill(&store).await;
    let everything = ListQuery { limit: 700, ..ListQuery::default() };
    let newest_first: Vec<u64> = (0..COUNT).rev().collect();
    assert!(all(&store, everything.clone()).await == newest_first);

    let faulted = ListQuery { status: Some(Status::Faulted), limit: 4, ..ListQuery::default() };
    let expected: Vec<u64> = (0..10).rev().map(|n| n * 1_000 + 7).collect();
    assert_eq!(all(&store, faulted).await, expected);

    let since = ListQuery { since: Some(at(9_990 * EVERY)), ..everything };
    assert_eq!(page(&store, since).await, (9_990..COUNT).rev().collect::<Vec<_>>());

    let running = ListQuery { status: Some(Status::Running), limit: 10, ..ListQuery::default() };
    assert_eq!(page(&store, running).await, [0_u64; 0]);
}

/// What an earlier writer left in a slice shows nowhere, not even after a restart of this one.
#[tokio::test]
async fn an_entry_that_comes_late_does_not_bring_an_old_status_back() {
    let lease = Lease::take();
    let settings = lease.clear().await;
    let store = CqlStore::open(&settings).await.expect("it opens");
    write(&store, vec![ended(entry(1, 5, 1_000), Status::Completed, 1 << 50)]).await;
    for late in [&store, &CqlStore::open(&settings).await.expect("it opens")] {
        write(late, vec![entry(1, 4, 1_000)]).await;
        let of = |status| ListQuery { status: Some(status), limit: 10, ..ListQuery::default() };
        assert_eq!(page(late, of(Status::Running)).await, [0_u64; 0]);
        assert_eq!(page(late, of(Status::Completed)).await, [1]);
    }
}
