//! Purges.

use flowmill_model::ExecutionId;

use super::Subject;
use super::sample::{
    OTHER_SHARD, SHARD, at, ended, entry, everything, history, id, list, purge, state, timer,
    timers, with_events, write, write_to,
};

/// State, history, listing and timers; its neighbours stay whole.
pub async fn a_purge_deletes_every_row_of_what_ended_before(subject: &impl Subject) {
    let store = subject.open().await;
    for n in 1..4 {
        let mut start = with_events(entry(id(n), 3), 0, 3);
        start.timers_set = vec![timer(id(n), 10, 1)];
        write(&*store, [start]).await;
    }
    write(&*store, [ended(with_events(entry(id(2), 5), 3, 2), 2_000)]).await;

    assert_eq!(purge(&*store, 2_001, 10).await, 1);

    assert_eq!(state(&*store, id(2)).await, None);
    assert_eq!(history(&*store, id(2)).await, []);
    assert_eq!(timers(&*store, SHARD).await, [timer(id(1), 10, 1), timer(id(3), 10, 1)]);
    let left = list(&*store, everything()).await;
    assert_eq!(left.iter().map(|(p, _)| p.execution).collect::<Vec<_>>(), [id(3), id(1)]);
    for n in [1, 3] {
        assert_eq!(history(&*store, id(n)).await.len(), 1);
        assert!(state(&*store, id(n)).await.is_some());
    }
    assert_eq!(purge(&*store, 2_001, 10).await, 0, "it is gone");
}

/// The time is exclusive, and only one shard is meant.
pub async fn a_purge_leaves_what_runs_what_ended_later_and_other_shards(subject: &impl Subject) {
    let store = subject.open().await;
    let there = ExecutionId::new(OTHER_SHARD, 1);
    let later = ended(entry(id(2), 1), 2_000);
    write(&*store, [entry(id(1), 1), later, ended(entry(id(3), 1), 1_999)]).await;
    let other = write_to(&*store, OTHER_SHARD, [ended(entry(there, 1), 1_000)]).await;
    other.expect("the write is acknowledged");

    assert_eq!(purge(&*store, 2_000, 10).await, 1);

    assert_eq!(state(&*store, id(3)).await, None);
    for kept in [id(1), id(2), there] {
        assert!(state(&*store, kept).await.is_some(), "{kept}");
    }
    assert_eq!(list(&*store, everything()).await.len(), 3);
}

/// In steps, until fewer than the limit are answered.
pub async fn a_bounded_purge_takes_the_earliest_ends_first(subject: &impl Subject) {
    let store = subject.open().await;
    write(&*store, (0..10).map(|n| ended(entry(id(n), 1), 2_000 - n as u64))).await;
    assert_eq!(purge(&*store, 3_000, 0).await, 0);
    for (round, purged) in [4, 4, 2].into_iter().enumerate() {
        assert_eq!(purge(&*store, 3_000, 4).await, purged);
        let left = 10_usize.saturating_sub(4 * (round + 1));
        for n in 0..10 {
            assert_eq!(state(&*store, id(n)).await.is_some(), n < left as u128, "{n} in {round}");
        }
    }
}

/// What counts is what the listing says now.
pub async fn an_end_that_moved_is_purged_by_the_latest(subject: &impl Subject) {
    let store = subject.open().await;
    write(&*store, [ended(entry(id(1), 1), 1_000), ended(entry(id(2), 1), 1_000)]).await;
    write(&*store, [ended(entry(id(1), 2), 5_000), entry(id(2), 2)]).await;
    assert_eq!(purge(&*store, 5_000, 10).await, 0);
    assert_eq!(purge(&*store, 5_001, 10).await, 1);
    assert_eq!(state(&*store, id(1)).await, None);
    assert!(state(&*store, id(2)).await.is_some());
}

/// Who keeps what has ended for longer files later times; the end itself does not count.
pub async fn each_execution_is_purged_at_its_own_time(subject: &impl Subject) {
    let store = subject.open().await;
    let keep = |n: u128, ended_at: u64, purge_at: Option<u64>| {
        let mut entry = ended(entry(id(n), 1), ended_at);
        entry.purge_at = purge_at.map(at);
        entry
    };
    let entries = [
        keep(1, 1_000, Some(9_000)),
        keep(2, 3_000, Some(3_500)),
        keep(3, 2_000, Some(5_000)),
        keep(4, 1_000, None),
    ];
    write(&*store, entries).await;
    assert_eq!(purge(&*store, 3_500, 10).await, 0, "the time is exclusive");
    for (before, gone) in [(6_000, 2), (6_000, 3), (9_001, 1)] {
        assert_eq!(purge(&*store, before, 1).await, 1);
        assert_eq!(state(&*store, id(gone)).await, None, "{gone} before {before}");
    }
    assert_eq!(purge(&*store, u64::MAX >> 1, 10).await, 0, "nobody said when");
    assert!(state(&*store, id(4)).await.is_some());
}
