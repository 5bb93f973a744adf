//! Table `ends`: (shard, time of the purge, id) -> nothing. Tells a purge what is old enough.

use flowmill_model::{ExecutionId, ShardId, Timestamp};
use redb::{ReadableTable, TableDefinition};

use super::executions::Head;
use super::failure::Failure;
use crate::row::Purge;

/// The table.
pub(super) const TABLE: TableDefinition<'_, &[u8; 26], ()> = TableDefinition::new("ends");

/// The row's key.
pub(super) fn key(shard: ShardId, at: Timestamp, id: ExecutionId) -> [u8; 26] {
    let mut key = [0; 26];
    key[..2].copy_from_slice(&shard.get().to_be_bytes());
    key[2..10].copy_from_slice(&at.as_millis().to_be_bytes());
    key[10..].copy_from_slice(&id.to_bits().to_be_bytes());
    key
}

/// The key of the row that follows from an execution's head; `None` while it runs.
pub(super) fn key_of(id: ExecutionId, head: &Head) -> Option<[u8; 26]> {
    head.purge_at.map(|at| key(id.shard(), at, id))
}

/// The execution in a row's key.
fn id(key: &[u8; 26]) -> ExecutionId {
    let id = key[10..].try_into().map(u128::from_be_bytes).expect("16 bytes of 26");
    ExecutionId::from_bits(id)
}

/// The executions that a purge deletes, the earliest time first.
pub(super) fn due(
    table: &impl ReadableTable<&'static [u8; 26], ()>,
    purge: Purge,
) -> Result<Vec<ExecutionId>, Failure> {
    let lowest = ExecutionId::from_bits(0);
    let from = key(purge.shard, Timestamp::from_millis(0), lowest);
    let to = key(purge.shard, purge.before, lowest);
    let mut due = Vec::new();
    for entry in table.range::<&[u8; 26]>(&from..&to)?.take(purge.limit) {
        due.push(id(entry?.0.value()));
    }
    Ok(due)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn keys_keep_their_execution_and_sort_by_time(
            shard: u16,
            a: (u64, u128),
            b: (u64, u128),
        ) {
            let key = |(at, bits)| {
                key(ShardId::new(shard), Timestamp::from_millis(at), ExecutionId::from_bits(bits))
            };
            prop_assert_eq!(id(&key(a)), ExecutionId::from_bits(a.1));
            prop_assert_eq!(key(a).cmp(&key(b)), a.cmp(&b));
        }
    }

    #[test]
    fn keys_written_by_version_1_are_read() {
        let stored = crate::embedded::golden::bytes(include_str!("golden/end-1.hex"));
        let at = Timestamp::from_millis(1_000);
        assert_eq!(key(ShardId::new(2), at, ExecutionId::from_bits(5)), stored[..]);
    }
}
