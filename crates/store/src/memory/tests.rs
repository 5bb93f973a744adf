//! Faults and crashes, on paused time.

use super::*;
use crate::conformance::sample::{SHARD, entry, id, state, watermark, write, write_to};

const SECOND: Duration = Duration::from_secs(1);

/// A store that answers the first call with each of `faults`, in turn, and none after them.
fn faulty(faults: impl IntoIterator<Item = Fault>) -> MemoryStore {
    let faults = Mutex::new(faults.into_iter().collect::<VecDeque<_>>());
    let hook: FaultHook = Arc::new(move |_| faults.lock().pop_front().unwrap_or_default());
    MemoryStore::with_faults(Faults { hook: Some(hook), loss_window: None })
}

async fn write_once(store: &MemoryStore) -> Result<(), StoreError> {
    write_to(store, SHARD, [entry(id(1), 1)]).await
}

#[tokio::test(start_paused = true)]
async fn an_unknown_change_may_have_happened_or_not_or_happen_later() {
    for (applied, at_once, later) in
        [(None, false, false), (Some(Duration::ZERO), true, true), (Some(5 * SECOND), false, true)]
    {
        let store = faulty([Fault::Unknown { answered: SECOND, applied }]);
        let start = Instant::now();
        let answer = write_once(&store).await;
        assert!(matches!(answer, Err(StoreError::Unavailable(_))), "{answer:?}");
        assert_eq!(start.elapsed(), SECOND);
        assert_eq!(state(&store, id(1)).await.is_some(), at_once, "{applied:?}");
        sleep(5 * SECOND).await;
        assert_eq!(state(&store, id(1)).await.is_some(), later, "{applied:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_late_change_does_not_win_over_a_later_one() {
    let unknown = Fault::Unknown { answered: SECOND, applied: Some(5 * SECOND) };
    let store = faulty([unknown]);
    write_once(&store).await.expect_err("it is unknown");
    write(&store, [entry(id(1), 2)]).await;
    sleep(5 * SECOND).await;
    assert_eq!(state(&store, id(1)).await, Some(format!("state of {} at 2", id(1))));
}

#[tokio::test(start_paused = true)]
async fn a_slow_call_takes_its_time_and_goes_well() {
    let store = faulty([Fault::Slow(3 * SECOND), Fault::Slow(2 * SECOND)]);
    let start = Instant::now();
    write_once(&store).await.expect("it goes well");
    assert!(state(&store, id(1)).await.is_some());
    assert_eq!(start.elapsed(), 5 * SECOND);
}

#[tokio::test]
async fn a_full_store_refuses_changes_and_answers_reads() {
    let store = faulty([Fault::Full, Fault::Full]);
    assert_eq!(write_once(&store).await, Err(StoreError::Full));
    assert_eq!(store.load(id(1)).await, Ok(None));
    write_once(&store).await.expect("there is room again");
}

#[tokio::test]
async fn a_hook_is_asked_once_per_call_in_the_order_of_the_calls() {
    let calls = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&calls);
    let hook: FaultHook = Arc::new(move |call| {
        seen.lock().push((call.operation, call.shard));
        Fault::None
    });
    let store = MemoryStore::with_faults(Faults { hook: Some(hook), loss_window: None });
    let list = store.list(ListQuery::default());
    let load = store.load(id(1));
    write_once(&store).await.expect("no fault");
    load.await.expect("no fault");
    list.await.expect("no fault");
    let expected = [Operation::List, Operation::Load, Operation::Write]
        .map(|operation| (operation, (operation != Operation::List).then_some(SHARD)));
    assert_eq!(*calls.lock(), expected);
}

fn forgetful() -> MemoryStore {
    MemoryStore::with_faults(Faults { hook: None, loss_window: Some(10 * SECOND) })
}

#[tokio::test(start_paused = true)]
async fn a_crash_loses_what_was_acknowledged_within_the_window_unless_it_survives() {
    let store = forgetful();
    assert!(store.may_lose_acknowledged());
    write(&store, [entry(id(1), 1), entry(id(2), 1), entry(id(3), 1)]).await;
    sleep(10 * SECOND).await;
    write(&store, [entry(id(1), 2), entry(id(2), 2), entry(id(4), 2)]).await;
    sleep(9 * SECOND).await;
    store.crash(|entry| entry.id == id(2));
    let mut found = Vec::new();
    for n in 1..5 {
        found.push(store.load(id(n)).await.expect("answered").map(|row| row.version.get()));
    }
    assert_eq!(found, [Some(1), Some(2), Some(1), None]);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_forgets_nothing_keeps_everything_in_a_crash() {
    let store = MemoryStore::new();
    write_once(&store).await.expect("no fault");
    store.crash(|_| false);
    assert!(state(&store, id(1)).await.is_some());
}

async fn marks(store: &MemoryStore) -> (u64, Option<u64>) {
    let found = store.watermarks(SHARD).await.expect("answered").expect("one was set");
    (found.watermark.offset.get(), found.margin.map(|margin| margin.offset.get()))
}

#[tokio::test(start_paused = true)]
async fn the_margin_follows_a_watermark_whose_rows_no_crash_can_lose() {
    let store = forgetful();
    let set = |offset| store.set_watermark(SHARD, watermark(offset));
    set(1).await.expect("acknowledged");
    assert_eq!(marks(&store).await, (1, None), "a recovery starts at the beginning");
    sleep(6 * SECOND).await;
    set(2).await.expect("acknowledged");
    sleep(4 * SECOND).await;
    assert_eq!(marks(&store).await, (2, Some(1)));
    sleep(6 * SECOND).await;
    assert_eq!(marks(&store).await, (2, Some(2)));
}

#[tokio::test(start_paused = true)]
async fn the_margin_stands_still_from_a_crash_until_a_new_owner_comes() {
    let store = forgetful();
    let set = |offset| store.set_watermark(SHARD, watermark(offset));
    set(1).await.expect("acknowledged");
    sleep(10 * SECOND).await;
    set(2).await.expect("acknowledged");
    store.crash(|_| false);
    set(3).await.expect("acknowledged");
    sleep(20 * SECOND).await;
    assert_eq!(marks(&store).await, (3, Some(1)), "the rows below 3 may be lost");
    set(4).await.expect("acknowledged");
    sleep(10 * SECOND).await;
    assert_eq!(marks(&store).await, (4, Some(4)), "the new owner wrote them again");
}

#[tokio::test(start_paused = true)]
async fn a_late_watermark_from_before_a_crash_never_becomes_the_margin() {
    let late = Fault::Unknown { answered: SECOND, applied: Some(5 * SECOND) };
    let faults = Mutex::new(VecDeque::from([late]));
    let hook: FaultHook = Arc::new(move |_| faults.lock().pop_front().unwrap_or_default());
    let store =
        MemoryStore::with_faults(Faults { hook: Some(hook), loss_window: Some(10 * SECOND) });
    store.set_watermark(SHARD, watermark(1)).await.expect_err("it is unknown");
    store.crash(|_| false);
    let found = store.watermarks(SHARD).await.expect("answered");
    assert!(found.is_none(), "a new owner begins at the beginning");
    sleep(20 * SECOND).await;
    assert_eq!(marks(&store.without_faults()).await, (1, None));
}
