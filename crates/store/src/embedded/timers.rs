//! Table `timers`: (shard, due, id, timer) -> whether it guards a task.

use std::ops::Bound;

use flowmill_model::{ExecutionId, ShardId, TimerId, Timestamp};
use redb::{ReadableTable, TableDefinition};

use super::failure::Failure;
use crate::row::{TimerKey, TimerRow};

/// The table.
pub(super) const TABLE: TableDefinition<'_, &[u8; 30], u8> = TableDefinition::new("timers");

/// The bits of a row's value.
const TASK: u8 = 1;

/// The row's value.
pub(super) const fn value(timer: TimerRow) -> u8 {
    if timer.task { TASK } else { 0 }
}

/// The row's key.
pub(super) fn key(shard: ShardId, timer: TimerKey) -> [u8; 30] {
    let mut key = [0; 30];
    key[..2].copy_from_slice(&shard.get().to_be_bytes());
    key[2..10].copy_from_slice(&timer.due.as_millis().to_be_bytes());
    key[10..26].copy_from_slice(&timer.execution.to_bits().to_be_bytes());
    key[26..].copy_from_slice(&timer.timer.get().to_be_bytes());
    key
}

/// The timer in a row's key.
pub(super) fn parse(key: &[u8; 30]) -> TimerKey {
    let due = key[2..10].try_into().map(u64::from_be_bytes).expect("8 bytes of 30");
    let id = key[10..26].try_into().map(u128::from_be_bytes).expect("16 bytes of 30");
    let timer = key[26..].try_into().map(u32::from_be_bytes).expect("4 bytes of 30");
    TimerKey {
        due: Timestamp::from_millis(due),
        execution: ExecutionId::from_bits(id),
        timer: TimerId::new(timer),
    }
}

/// What [`crate::Store::timers`] answers.
pub(super) fn read(
    table: &impl ReadableTable<&'static [u8; 30], u8>,
    shard: ShardId,
    after: Option<TimerKey>,
    until: Timestamp,
    limit: usize,
) -> Result<Vec<TimerRow>, Failure> {
    let lowest = TimerKey::lowest_due(Timestamp::from_millis(0));
    let after = after.map(|after| key(shard, after));
    let from = match &after {
        Some(after) => Bound::Excluded(after),
        None => Bound::Included(&key(shard, lowest)),
    };
    let to = key(shard, TimerKey::lowest_due(until));
    let mut rows = Vec::new();
    for entry in table.range::<&[u8; 30]>((from, Bound::Excluded(&to)))?.take(limit) {
        let (key, value) = entry?;
        rows.push(TimerRow { key: parse(key.value()), task: value.value() & TASK != 0 });
    }
    Ok(rows)
}

impl TimerKey {
    /// The lowest key that is due at `due`.
    const fn lowest_due(due: Timestamp) -> Self {
        Self { due, execution: ExecutionId::from_bits(0), timer: TimerId::new(0) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn timer((due, id, timer): (u64, u128, u32)) -> TimerKey {
        TimerKey {
            due: Timestamp::from_millis(due),
            execution: ExecutionId::from_bits(id),
            timer: TimerId::new(timer),
        }
    }

    proptest! {
        #[test]
        fn keys_keep_their_timer_and_its_order(
            shard: u16,
            a: (u64, u128, u32),
            b: (u64, u128, u32),
        ) {
            let (a, b, shard) = (timer(a), timer(b), ShardId::new(shard));
            prop_assert_eq!(parse(&key(shard, a)), a);
            prop_assert_eq!(key(shard, a).cmp(&key(shard, b)), a.cmp(&b));
        }
    }

    #[test]
    fn keys_written_by_version_1_are_read() {
        let stored = crate::embedded::golden::bytes(include_str!("golden/timer-1.hex"));
        assert_eq!(key(ShardId::new(2), timer((1_000, 5, 3))), stored[..]);
    }
}
