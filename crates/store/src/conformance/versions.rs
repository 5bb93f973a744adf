//! Visibility, order by version, idempotence.

use flowmill_model::{ExecutionId, Sequence, ShardId};

use super::Subject;
use super::sample::{
    SHARD, at, ended, entry, everything, history, id, list, state, timer, timers, with_events,
    write, write_to,
};
use crate::row::{Checkpoint, RowVersion, Status};

/// The whole checkpoint comes back.
pub async fn a_written_execution_is_loaded(subject: &impl Subject) {
    let store = subject.open().await;
    let wrote = entry(id(1), 7);
    write(&*store, [wrote.clone()]).await;
    let expected = Checkpoint {
        version: RowVersion::from_raw(7),
        sequence: Sequence::new(7),
        state: wrote.checkpoint,
    };
    assert_eq!(store.load(id(1)).await, Ok(Some(expected)));
}

/// Unknown ids are answered, not failed.
pub async fn an_execution_that_was_not_written_is_not_there(subject: &impl Subject) {
    let store = subject.open().await;
    write(&*store, []).await;
    write(&*store, [entry(id(1), 1)]).await;
    assert_eq!(store.load(id(2)).await, Ok(None));
    assert_eq!(history(&*store, id(2)).await, []);
}

/// Later batches win.
pub async fn a_higher_version_replaces_state_and_listing(subject: &impl Subject) {
    let store = subject.open().await;
    write(&*store, [entry(id(1), 1)]).await;
    let mut later = ended(entry(id(1), 2), 2_000);
    later.listing.started_at = at(1_500);
    write(&*store, [later.clone()]).await;
    assert_eq!(state(&*store, id(1)).await, Some(format!("state of {} at 2", id(1))));
    let listed = list(&*store, everything()).await;
    assert_eq!(listed, [(later.listing.position(id(1)), later.listing)]);
}

/// Late writes never win, in no table but history.
pub async fn a_lower_version_changes_neither_state_nor_listing_nor_timers(subject: &impl Subject) {
    let store = subject.open().await;
    let mut current = entry(id(1), 5);
    current.timers_set = vec![timer(id(1), 50, 5)];
    write(&*store, [current.clone()]).await;

    let mut late = ended(entry(id(1), 4), 1_100);
    late.listing.started_at = at(900);
    late.timers_set = vec![timer(id(1), 40, 4)];
    late.timers_cleared = vec![timer(id(1), 50, 5).key];
    write(&*store, [late, entry(id(2), 1)]).await;

    assert_eq!(state(&*store, id(1)).await, Some(format!("state of {} at 5", id(1))));
    let first = list(&*store, everything()).await.into_iter().find(|(p, _)| p.execution == id(1));
    assert_eq!(first, Some((current.listing.position(id(1)), current.listing)));
    assert_eq!(list(&*store, everything()).await.len(), 2);
    assert_eq!(timers(&*store, SHARD).await, [timer(id(1), 50, 5)]);
    assert_eq!(super::sample::purge(&*store, 9_999, 10).await, 0, "it has not ended");
    assert!(state(&*store, id(2)).await.is_some(), "its neighbours in the write count");
}

/// Repeats, at once and later, have the effect of once.
pub async fn the_same_write_again_changes_nothing(subject: &impl Subject) {
    let store = subject.open().await;
    let mut wrote = with_events(entry(id(1), 3), 0, 3);
    wrote.timers_set = vec![timer(id(1), 10, 1), timer(id(1), 20, 2)];
    wrote.timers_cleared = vec![timer(id(1), 5, 0).key];
    for _ in 0..3 {
        write(&*store, [wrote.clone()]).await;
        assert_eq!(state(&*store, id(1)).await, Some(format!("state of {} at 3", id(1))));
        assert_eq!(timers(&*store, SHARD).await, wrote.timers_set);
        assert_eq!(history(&*store, id(1)).await.len(), 1);
        assert_eq!(list(&*store, everything()).await.len(), 1);
    }
}

/// A writer that starts from an earlier state names more timers for the same version.
pub async fn the_same_version_again_brings_timers_that_were_missing(subject: &impl Subject) {
    let store = subject.open().await;
    let mut wrote = entry(id(1), 3);
    wrote.timers_set = vec![timer(id(1), 20, 2)];
    write(&*store, [wrote.clone()]).await;
    wrote.timers_set.insert(0, timer(id(1), 10, 1));
    write(&*store, [wrote.clone()]).await;
    assert_eq!(timers(&*store, SHARD).await, wrote.timers_set);
}

/// Shards write beside each other.
pub async fn writes_of_several_shards_at_once_are_all_there(subject: &impl Subject) {
    let store = subject.open().await;
    let shards = || (0..8).map(ShardId::new);
    let writes = shards().map(|shard| {
        let of_shard = move |n| entry(ExecutionId::new(shard, n), 1);
        write_to(&*store, shard, (0..50).map(of_shard))
    });
    futures::future::try_join_all(writes).await.expect("every write is acknowledged");
    for shard in shards() {
        for n in 0..50 {
            assert!(state(&*store, ExecutionId::new(shard, n)).await.is_some(), "{shard} {n}");
        }
    }
    let all = list(&*store, everything()).await;
    assert_eq!(all.len(), 400);
    assert!(all.iter().all(|(_, listing)| listing.status == Status::Running));
}
