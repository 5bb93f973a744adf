//! Watermarks, and what they promise about a crash.

use flowmill_model::history::LogIdentity;
use flowmill_model::{ExecutionId, ShardId};

use super::Subject;
use super::sample::{
    OTHER_SHARD, SHARD, ended, entry, everything, history, id, list, purge, state, timer, timers,
    watermark, with_events, write, write_to,
};
use crate::contract::Store;
use crate::row::Watermark;

async fn set(store: &dyn Store, watermark: Watermark) {
    store.set_watermark(SHARD, watermark).await.expect("the watermark is acknowledged");
}

async fn found(store: &dyn Store, shard: ShardId) -> Option<Watermark> {
    let found = store.watermarks(shard).await.expect("the watermarks are answered")?;
    let no_later = found.margin.is_none_or(|mark| mark.version() <= found.watermark.version());
    assert!(no_later, "the margin is no later");
    if !store.may_lose_acknowledged() {
        let needless = Some(found.watermark);
        assert_eq!(found.margin, needless, "a store that loses nothing needs no margin");
    }
    Some(found.watermark)
}

/// Not even when others have.
pub async fn a_shard_without_a_watermark_has_none(subject: &impl Subject) {
    let store = subject.open().await;
    write(&*store, [entry(id(1), 1)]).await;
    set(&*store, watermark(1)).await;
    assert_eq!(found(&*store, OTHER_SHARD).await, None);
}

/// A late one is acknowledged and ignored.
pub async fn a_watermark_is_given_back_whole_and_never_falls(subject: &impl Subject) {
    let store = subject.open().await;
    for (offset, stands) in [(5, 5), (9, 9), (7, 9), (9, 9), (0, 9), (10, 10)] {
        set(&*store, watermark(offset)).await;
        assert_eq!(found(&*store, SHARD).await, Some(watermark(stands)));
    }
    let store = subject.crash(store).await;
    assert_eq!(found(&*store, SHARD).await, Some(watermark(10)));
    set(&*store, watermark(3)).await;
    assert_eq!(found(&*store, SHARD).await, Some(watermark(10)));
}

/// Topics that were made anew count their offsets from 0.
pub async fn a_watermark_of_a_new_log_generation_replaces_a_higher_offset(subject: &impl Subject) {
    let store = subject.open().await;
    let log = LogIdentity { cluster: 77, generation: 2 };
    let renewed = Watermark { log, ..watermark(1) };
    set(&*store, watermark(9)).await;
    set(&*store, renewed).await;
    assert_eq!(found(&*store, SHARD).await, Some(renewed));
    set(&*store, watermark(10)).await;
    assert_eq!(found(&*store, SHARD).await, Some(renewed));
}

/// Each shard has its own, also when a store gathers them.
pub async fn watermarks_of_shards_that_come_together_are_all_set(subject: &impl Subject) {
    let store = subject.open().await;
    let shards = || (0..20).map(ShardId::new);
    let offset = |shard: ShardId| u64::from(shard.get()) * 100;
    let sets = shards().flat_map(|shard| {
        [2, 0, 1].map(|n| store.set_watermark(shard, watermark(offset(shard) + n)))
    });
    futures::future::try_join_all(sets).await.expect("every watermark is acknowledged");
    let store = subject.crash(store).await;
    for shard in shards() {
        assert_eq!(found(&*store, shard).await, Some(watermark(offset(shard) + 2)));
    }
}

/// Rows of every table, of several flushes, of another shard, and a purge.
pub async fn rows_below_a_watermark_survive_a_crash(subject: &impl Subject) {
    let store = subject.open().await;
    let there = ExecutionId::new(OTHER_SHARD, 1);
    let mut first = with_events(entry(id(1), 3), 0, 3);
    first.timers_set = vec![timer(id(1), 10, 1), timer(id(1), 20, 2)];
    write(&*store, [first, ended(entry(id(2), 1), 1_000)]).await;
    let mut second = with_events(entry(id(1), 5), 3, 2);
    second.timers_cleared = vec![timer(id(1), 10, 1).key];
    write(&*store, [second, entry(id(3), 1)]).await;
    write_to(&*store, OTHER_SHARD, [entry(there, 1)]).await.expect("acknowledged");
    assert_eq!(purge(&*store, 2_000, 10).await, 1);
    set(&*store, watermark(5)).await;
    write(&*store, [entry(id(4), 6)]).await;

    let store = subject.crash(store).await;

    assert_eq!(found(&*store, SHARD).await, Some(watermark(5)));
    assert_eq!(state(&*store, id(1)).await, Some(format!("state of {} at 5", id(1))));
    assert_eq!(history(&*store, id(1)).await.len(), 2);
    assert_eq!(timers(&*store, SHARD).await, [timer(id(1), 20, 2)]);
    assert_eq!(state(&*store, id(2)).await, None);
    assert!(state(&*store, id(3)).await.is_some());
    assert!(state(&*store, there).await.is_some());
    assert!([3, 4].contains(&list(&*store, everything()).await.len()));
}

/// A late write of the process before does not win either.
pub async fn versions_are_compared_with_those_before_a_crash(subject: &impl Subject) {
    let store = subject.open().await;
    write(&*store, [entry(id(1), 5)]).await;
    set(&*store, watermark(5)).await;
    let store = subject.crash(store).await;
    write(&*store, [entry(id(1), 4)]).await;
    assert_eq!(state(&*store, id(1)).await, Some(format!("state of {} at 5", id(1))));
    write(&*store, [entry(id(1), 6)]).await;
    assert_eq!(state(&*store, id(1)).await, Some(format!("state of {} at 6", id(1))));
}
