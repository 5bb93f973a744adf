//! Table `watermarks`: shard -> its watermark. The margin mark is the same: nothing that was
//! acknowledged before a durable watermark is ever lost.

use flowmill_model::{ShardId, framed};
use redb::{ReadableTable, Table, TableDefinition};

use super::failure::Failure;
use super::seal::{seal, unseal};
use crate::row::Watermark;

/// The table.
pub(super) const TABLE: TableDefinition<'_, u16, &[u8]> = TableDefinition::new("watermarks");

framed! { Watermark = 202, 1; }

/// A shard's watermark, if it has one.
pub(super) fn read(
    table: &impl ReadableTable<u16, &'static [u8]>,
    shard: ShardId,
) -> Result<Option<Watermark>, Failure> {
    let Some(value) = table.get(shard.get())? else {
        return Ok(None);
    };
    let (watermark, _) =
        unseal(value.value()).map_err(|error| Failure::row("watermarks", shard, error))?;
    Ok(Some(watermark))
}

/// Moves a shard's watermark, unless that would make it fall.
pub(super) fn raise(
    table: &mut Table<'_, u16, &'static [u8]>,
    shard: ShardId,
    watermark: &Watermark,
) -> Result<(), Failure> {
    let stored = read(table, shard)?;
    if stored.is_some_and(|stored| stored.version() > watermark.version()) {
        return Ok(());
    }
    table.insert(shard.get(), seal(watermark, &[], &mut Vec::new()))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use flowmill_model::history::{InputPositions, LogIdentity};
    use flowmill_model::{BatchNumber, Epoch, Offset, Timestamp};
    use proptest::prelude::*;

    fn watermark(cluster: u128, numbers: [u64; 7]) -> Watermark {
        Watermark {
            log: LogIdentity { cluster, generation: (numbers[0] % 64) as u8 },
            offset: Offset::new(numbers[0]),
            epoch: Epoch::new(numbers[1]),
            batch: BatchNumber::new(numbers[2]),
            positions: InputPositions {
                commands: Offset::new(numbers[3]),
                results: Offset::new(numbers[4]),
            },
            mark: BatchNumber::new(numbers[5]),
            timer_cursor: Timestamp::from_millis(numbers[6]),
        }
    }

    proptest! {
        #[test]
        fn a_watermark_survives_its_encoding(cluster: u128, numbers: [u64; 7]) {
            let wrote = watermark(cluster, numbers);
            let mut buffer = Vec::new();
            let (read, rest) = unseal::<Watermark>(seal(&wrote, &[], &mut buffer)).expect("whole");
            prop_assert_eq!((read, rest), (wrote, &[][..]));
        }
    }

    #[test]
    fn rows_written_by_version_1_are_read() {
        let value = crate::embedded::golden::bytes(include_str!("golden/watermark-1.hex"));
        let (read, _) = unseal::<Watermark>(&value).expect("whole");
        assert_eq!(read, watermark(77, [1, 2, 3, 4, 5, 6, 7]));
        assert_eq!(seal(&read, &[], &mut Vec::new()), &value[..]);
    }
}
