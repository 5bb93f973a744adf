//! Keys: places within partitions, which sort as bytes, and the numbers of buckets and slots.
//!
//! A key of several parts is one blob, big-endian, so that both servers compare it the same way
//! and a page can begin after any of them.

use flowmill_model::{ExecutionId, Sequence, ShardId, TimerId, Timestamp};

use super::request::Value;
use crate::row::{HistoryRow, ListPosition, Status, TimerKey};

/// Events of one execution in one partition.
const BUCKET_EVENTS: u64 = 1_000;

/// Milliseconds of one partition of lists, timers and ends. At 60 starts a second of one flow in
/// one shard a partition has 36,000 rows; which ones there are is looked up, so that quiet ones
/// cost nothing.
pub(super) const SLOT_MILLIS: u64 = 10 * 60 * 1_000;

/// Slots after whose end a partition is long past: nobody writes a row of it for the first time.
pub(super) const LONG_PAST_SLOTS: i64 = 24 * 6;

const EVENTS: u8 = 1;
const TIMER_SET: u8 = 2;

/// Above every place of a row of history: the first place of a timer that is set.
pub(super) const TIMERS_SET_FROM: [u8; 1] = [TIMER_SET];

/// An execution's key.
pub(super) fn execution(id: ExecutionId) -> Value {
    Value::bytes(&id.to_bits().to_be_bytes())
}

/// A shard's key.
pub(super) fn shard(shard: ShardId) -> Value {
    Value::Int(i32::from(shard.get()))
}

/// The bucket that holds the row of history that begins with this event.
pub(super) fn bucket_of(first: Sequence) -> i32 {
    i32::try_from(first.get() / BUCKET_EVENTS).unwrap_or(i32::MAX)
}

/// The last bucket that an execution with so many events can have.
pub(super) fn last_bucket(events: Sequence) -> i32 {
    bucket_of(Sequence::new(events.get().saturating_sub(1)))
}

/// The slot of a time.
pub(super) fn slot_of(at: Timestamp) -> i64 {
    i64::try_from(at.as_millis() / SLOT_MILLIS).unwrap_or(i64::MAX)
}

/// The place of a row of history. Of two that begin with the same event the longer one is first.
pub(super) fn events(first: Sequence, count: u32) -> [u8; 13] {
    let mut place = [EVENTS; 13];
    place[1..9].copy_from_slice(&first.get().to_be_bytes());
    place[9..].copy_from_slice(&(!count).to_be_bytes());
    place
}

/// The first place of all rows that begin with this event.
pub(super) fn events_from(first: Sequence) -> [u8; 13] {
    events(first, u32::MAX)
}

/// The row of history, without its events, at a place.
pub(super) fn parse_events(place: &[u8]) -> Option<HistoryRow> {
    let place: &[u8; 13] = place.try_into().ok()?;
    let first = u64::from_be_bytes(place[1..9].try_into().ok()?);
    let count = !u32::from_be_bytes(place[9..].try_into().ok()?);
    (place[0] == EVENTS).then(|| HistoryRow {
        first: Sequence::new(first),
        count,
        blob: bytes::Bytes::new(),
    })
}

/// The place of a timer among those that an execution has set.
pub(super) fn timer_set(key: &TimerKey) -> [u8; 13] {
    let mut place = [TIMER_SET; 13];
    place[1..9].copy_from_slice(&key.due.as_millis().to_be_bytes());
    place[9..].copy_from_slice(&key.timer.get().to_be_bytes());
    place
}

/// The timer at a place among those that an execution has set.
pub(super) fn parse_timer_set(execution: ExecutionId, place: &[u8]) -> Option<TimerKey> {
    let place: &[u8; 13] = place.try_into().ok()?;
    let due = Timestamp::from_millis(u64::from_be_bytes(place[1..9].try_into().ok()?));
    let timer = TimerId::new(u32::from_be_bytes(place[9..].try_into().ok()?));
    (place[0] == TIMER_SET).then_some(TimerKey { due, execution, timer })
}

/// A timer's place in its slot.
pub(super) fn timer(key: &TimerKey) -> [u8; 28] {
    let mut place = [0; 28];
    place[..24].copy_from_slice(&at(key.due, key.execution));
    place[24..].copy_from_slice(&key.timer.get().to_be_bytes());
    place
}

/// The timer at a place.
pub(super) fn parse_timer(place: &[u8]) -> Option<TimerKey> {
    let place: &[u8; 28] = place.try_into().ok()?;
    let (due, execution) = parse_at(&place[..24])?;
    let timer = TimerId::new(u32::from_be_bytes(place[24..].try_into().ok()?));
    Some(TimerKey { due, execution, timer })
}

/// The place of an execution at a time: in a list by its start, among ends by its purge.
pub(super) fn at(at: Timestamp, execution: ExecutionId) -> [u8; 24] {
    let mut place = [0; 24];
    place[..8].copy_from_slice(&at.as_millis().to_be_bytes());
    place[8..].copy_from_slice(&execution.to_bits().to_be_bytes());
    place
}

/// The place of an execution in a list.
pub(super) fn listed(position: ListPosition) -> [u8; 24] {
    at(position.started_at, position.execution)
}

/// The first place of a time.
pub(super) const fn from(at: Timestamp) -> [u8; 8] {
    at.as_millis().to_be_bytes()
}

/// The time and the execution at a place.
pub(super) fn parse_at(place: &[u8]) -> Option<(Timestamp, ExecutionId)> {
    let place: &[u8; 24] = place.try_into().ok()?;
    let at = u64::from_be_bytes(place[..8].try_into().ok()?);
    let execution = u128::from_be_bytes(place[8..].try_into().ok()?);
    Some((Timestamp::from_millis(at), ExecutionId::from_bits(execution)))
}

/// The slice of a list that shows everything.
pub(super) const EVERYTHING: i8 = 0;

/// The slices by status.
pub(super) const INDEXED: std::ops::RangeInclusive<i8> = 1..=6;

/// The slice of a status; `None` for the status that most have. Stored numbers: never reused.
pub(super) const fn slice_of(status: Status) -> Option<i8> {
    match status {
        Status::Pending => Some(1),
        Status::Running => Some(2),
        Status::Waiting => Some(3),
        Status::Suspended => Some(4),
        Status::Cancelled => Some(5),
        Status::Faulted => Some(6),
        Status::Completed => None,
    }
}

/// What a slot is of. Stored numbers: never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum SlotKind {
    /// Table `timers`.
    Timers,
    /// Table `ends`.
    Ends,
}

impl SlotKind {
    /// Its key.
    pub(super) const fn value(self) -> Value {
        Value::Tiny(match self {
            Self::Timers => 1,
            Self::Ends => 2,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn key((due, execution, timer): (u64, u128, u32)) -> TimerKey {
        TimerKey {
            due: Timestamp::from_millis(due),
            execution: ExecutionId::from_bits(execution),
            timer: TimerId::new(timer),
        }
    }

    proptest! {
        #[test]
        fn places_keep_what_they_stand_for_and_sort_like_it(
            a: (u64, u128, u32),
            b: (u64, u128, u32),
        ) {
            let (one, other) = (key(a), key(b));
            prop_assert_eq!(parse_timer(&timer(&one)), Some(one));
            prop_assert_eq!(timer(&one).cmp(&timer(&other)), one.cmp(&other));
            prop_assert_eq!(parse_timer_set(one.execution, &timer_set(&one)), Some(one));
            let (x, y) = (at(one.due, one.execution), at(other.due, other.execution));
            prop_assert_eq!(parse_at(&x), Some((one.due, one.execution)));
            prop_assert_eq!(x.cmp(&y), (a.0, a.1).cmp(&(b.0, b.1)));
            prop_assert!(from(one.due).as_slice() <= x.as_slice());
        }

        #[test]
        fn rows_of_history_sort_by_their_first_event_and_the_longer_first(
            a: (u64, u32),
            b: (u64, u32),
        ) {
            let place = |(first, count)| events(Sequence::new(first), count);
            let row = parse_events(&place(a)).expect("a place of events");
            prop_assert_eq!((row.first.get(), row.count), a);
            let order = (a.0, std::cmp::Reverse(a.1)).cmp(&(b.0, std::cmp::Reverse(b.1)));
            prop_assert_eq!(place(a).cmp(&place(b)), order);
            prop_assert!(events_from(row.first) <= place(a));
            prop_assert!(place(a).as_slice() < TIMERS_SET_FROM.as_slice());
        }
    }

    #[test]
    fn places_are_those_of_version_1() {
        let key = key((1_000, 5, 3));
        let check = |place: &[u8], expect: &str| {
            let shown: String = place.iter().map(|byte| format!("{byte:02x}")).collect();
            assert_eq!(shown, expect);
        };
        check(&events(Sequence::new(9), 2), "010000000000000009fffffffd");
        check(&timer_set(&key), "0200000000000003e800000003");
        check(&timer(&key), "00000000000003e80000000000000000000000000000000500000003");
        check(&at(key.due, key.execution), "00000000000003e800000000000000000000000000000005");
    }
}
