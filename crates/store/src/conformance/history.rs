//! History rows.

use flowmill_model::{ExecutionId, Sequence};

use super::Subject;
use super::sample::{entry, event, events, history, id, state, with_events, write};
use crate::contract::Store;
use crate::row::HistoryRow;

/// Three flushes of one execution: events 0 to 3, 4 to 4, 5 to 9.
const CUTS: [(u64, u32); 3] = [(0, 4), (4, 1), (5, 5)];

async fn write_cuts(store: &dyn Store, id: ExecutionId) {
    for (first, count) in CUTS {
        let version = first + u64::from(count);
        write(store, [with_events(entry(id, version), first, count)]).await;
    }
}

/// Reads the events from `from` on in pages of `limit` rows, as a caller does.
async fn read_events(store: &dyn Store, id: ExecutionId, from: u64, limit: usize) -> Vec<u8> {
    let (mut next, mut found) = (Sequence::new(from), Vec::new());
    loop {
        let rows = store.history(id, next, limit).await.expect("the history is answered");
        assert!(rows.len() <= limit);
        if rows.is_empty() {
            return found;
        }
        let asked = next;
        for (place, row) in rows.iter().enumerate() {
            assert!(row.first <= next, "no event is missing before {}", row.first);
            assert!(row.end() > next, "a row holds events that are new");
            assert!(place == 0 || row.first > asked, "only the first row begins before {asked}");
            let known = (next.get() - row.first.get()) as usize;
            found.extend_from_slice(&row.blob[known..]);
            next = row.end();
        }
    }
}

async fn check_whole(store: &dyn Store, id: ExecutionId, end: u64) {
    for from in 0..=end + 1 {
        for limit in 1..4 {
            let expected: Vec<u8> = (from..end).map(|n| event(id, n)).collect();
            assert_eq!(read_events(store, id, from, limit).await, expected, "{from}, {limit}");
        }
    }
}

/// Any start, any page size.
pub async fn history_is_read_from_every_sequence_in_pages_of_every_size(subject: &impl Subject) {
    let store = subject.open().await;
    write_cuts(&*store, id(1)).await;
    let rows: Vec<HistoryRow> = CUTS.map(|(first, count)| events(id(1), first, count)).into();
    assert_eq!(history(&*store, id(1)).await, rows);
    assert_eq!(store.history(id(1), Sequence::new(4), 9).await.as_deref(), Ok(&rows[1..]));
    assert_eq!(store.history(id(1), Sequence::new(0), 0).await, Ok(Vec::new()));
    check_whole(&*store, id(1), 10).await;
}

/// A late write still brings its events.
pub async fn history_of_a_late_lower_version_is_kept(subject: &impl Subject) {
    let store = subject.open().await;
    write(&*store, [with_events(entry(id(1), 9), 5, 4)]).await;
    write(&*store, [with_events(entry(id(1), 5), 0, 5)]).await;
    assert_eq!(state(&*store, id(1)).await, Some(format!("state of {} at 9", id(1))));
    check_whole(&*store, id(1), 9).await;
}

/// Two writers that flush at different events agree on the events, and whatever arrives in
/// whatever order, none goes missing.
pub async fn history_cut_at_other_events_is_whole_from_every_sequence(subject: &impl Subject) {
    let store = subject.open().await;
    let others = [(0, 2), (2, 5), (7, 3), (0, 10), (4, 3), (4, 2), (6, 4), (0, 4)];
    for (n, start) in (0..others.len()).enumerate() {
        let id = id(n as u128);
        write_cuts(&*store, id).await;
        for (first, count) in others.iter().cycle().skip(start).take(others.len()) {
            let version = first + u64::from(*count);
            write(&*store, [with_events(entry(id, version), *first, *count)]).await;
            check_whole(&*store, id, 10).await;
        }
    }
}

/// Ids next to each other.
pub async fn histories_of_neighbours_do_not_mix(subject: &impl Subject) {
    let store = subject.open().await;
    for n in 1..4 {
        write_cuts(&*store, id(n)).await;
    }
    for n in 1..4 {
        check_whole(&*store, id(n), 10).await;
    }
    assert_eq!(store.history(id(2), Sequence::new(10), 9).await, Ok(Vec::new()));
}
