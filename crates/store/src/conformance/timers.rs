//! Timers.

use flowmill_model::{ExecutionId, TimerId};

use super::Subject;
use super::sample::{OTHER_SHARD, SHARD, at, entry, id, timer, timers, write, write_to};
use crate::row::{TimerKey, TimerRow};

/// Equal times, several timers an execution, every page size.
pub async fn timers_come_in_order_in_pages_of_every_size(subject: &impl Subject) {
    let store = subject.open().await;
    let entries = (1..6).map(|n| {
        let mut entry = entry(id(n), 1);
        let due = |k: u32| 100 * u64::from(k % 2) + n as u64 % 3;
        entry.timers_set = (0..4).rev().map(|k| timer(id(n), due(k), k)).collect();
        entry
    });
    let mut expected: Vec<TimerRow> = entries.clone().flat_map(|entry| entry.timers_set).collect();
    expected.sort_unstable();
    write(&*store, entries).await;
    for limit in 1..=expected.len() + 1 {
        let (mut found, mut after) = (Vec::new(), None);
        loop {
            let page = store.timers(SHARD, after, at(u64::MAX), limit).await.expect("answered");
            assert!(page.len() <= limit);
            let Some(last) = page.last() else { break };
            after = Some(last.key);
            found.extend(page);
            assert!(found.len() <= expected.len(), "pages of {limit} repeat timers");
        }
        assert_eq!(found, expected, "pages of {limit}");
    }
    assert_eq!(store.timers(SHARD, None, at(u64::MAX), 0).await, Ok(Vec::new()));
}

/// The bound is exclusive; a start at or above it finds nothing.
pub async fn timers_due_at_the_bound_or_later_are_not_given(subject: &impl Subject) {
    let store = subject.open().await;
    let mut wrote = entry(id(1), 1);
    wrote.timers_set = [9, 10, 11].map(|due| timer(id(1), due, due as u32)).into();
    write(&*store, [wrote]).await;
    let below = store.timers(SHARD, None, at(10), 9).await;
    assert_eq!(below, Ok(vec![timer(id(1), 9, 9)]));
    for due in [9, 10, 12, u64::MAX] {
        let after = TimerKey {
            due: at(due),
            execution: ExecutionId::from_bits(u128::MAX),
            timer: TimerId::new(u32::MAX),
        };
        assert_eq!(store.timers(SHARD, Some(after), at(10), 9).await, Ok(Vec::new()), "{due}");
    }
}

/// Set in one flush, cleared in another; clearing first in the same flush.
pub async fn timers_set_and_cleared_over_several_flushes_leave_those_pending(
    subject: &impl Subject,
) {
    let store = subject.open().await;
    let [a, b, c, d] = [1, 2, 3, 4].map(|n| timer(id(1), 10 * u64::from(n), n));
    let flushes = [
        (vec![a, b], vec![], vec![a, b]),
        (vec![c], vec![a], vec![b, c]),
        (vec![], vec![a], vec![b, c]),
        (vec![d], vec![b, c], vec![d]),
        (vec![], vec![d], vec![]),
    ];
    for (version, (set, cleared, pending)) in flushes.into_iter().enumerate() {
        let mut flush = entry(id(1), version as u64 + 1);
        flush.timers_set = set;
        flush.timers_cleared = cleared.into_iter().map(|row| row.key).collect();
        write(&*store, [flush]).await;
        assert_eq!(timers(&*store, SHARD).await, pending, "after flush {version}");
    }
}

/// The same times and numbers in two shards.
pub async fn timers_of_one_shard_are_not_those_of_another(subject: &impl Subject) {
    let store = subject.open().await;
    let there = ExecutionId::new(OTHER_SHARD, 1);
    let mut wrote = [entry(id(1), 1), entry(there, 1)];
    for entry in &mut wrote {
        entry.timers_set = vec![timer(entry.id, 10, 1)];
    }
    let [here, other] = wrote;
    write(&*store, [here]).await;
    write_to(&*store, OTHER_SHARD, [other]).await.expect("acknowledged");
    assert_eq!(timers(&*store, SHARD).await, [timer(id(1), 10, 1)]);
    assert_eq!(timers(&*store, OTHER_SHARD).await, [timer(there, 10, 1)]);
}
