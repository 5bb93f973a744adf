//! Table `history`: (id, first sequence) -> number of events, events.
//!
//! **Invariant:** no row lies within another one, so both ends of an execution's rows rise, and
//! the row that holds a sequence is found in one step.

use bincode::{Decode, Encode};
use bytes::Bytes;
use flowmill_model::{ExecutionId, Sequence, framed};
use redb::{ReadableTable, Table, TableDefinition};

use super::failure::Failure;
use super::seal::{seal, unseal};
use crate::row::HistoryRow;

/// The table.
pub(super) const TABLE: TableDefinition<'_, &[u8; 24], &[u8]> = TableDefinition::new("history");

/// All of a row's value but the events.
#[derive(Debug, PartialEq, Eq, Encode, Decode)]
struct Head {
    count: u32,
}

framed! { Head = 201, 1; }

/// The row's key.
pub(super) fn key(id: ExecutionId, first: Sequence) -> [u8; 24] {
    let mut key = [0; 24];
    key[..16].copy_from_slice(&id.to_bits().to_be_bytes());
    key[16..].copy_from_slice(&first.get().to_be_bytes());
    key
}

/// The row's value, in `out`.
pub(super) fn encode<'o>(row: &HistoryRow, out: &'o mut Vec<u8>) -> &'o [u8] {
    seal(&Head { count: row.count }, &row.blob, out)
}

/// The row of a key and a value.
pub(super) fn decode(key: &[u8; 24], value: &[u8]) -> Result<HistoryRow, Failure> {
    let (id, first) = parse(key);
    let (head, blob): (Head, _) = unseal(value)
        .map_err(|error| Failure::row("history", format_args!("{id} from {first}"), error))?;
    Ok(HistoryRow { first, count: head.count, blob: Bytes::copy_from_slice(blob) })
}

fn parse(key: &[u8; 24]) -> (ExecutionId, Sequence) {
    let (id, first) = key.split_at(16);
    let id = id.try_into().map(u128::from_be_bytes).expect("16 bytes of 24");
    let first = first.try_into().map(u64::from_be_bytes).expect("8 bytes of 24");
    (ExecutionId::from_bits(id), Sequence::new(first))
}

/// Adds a row when another one may hold the same events: drops it when it lies within one that
/// is there, and those that lie within it.
pub(super) fn insert_among(
    table: &mut Table<'_, &'static [u8; 24], &'static [u8]>,
    id: ExecutionId,
    row: &HistoryRow,
    value: &[u8],
) -> Result<(), Failure> {
    let at = key(id, row.first);
    if let Some(before) = last_at_or_before(table, id, row.first)?
        && before.end() >= row.end()
    {
        return Ok(());
    }
    let mut within = Vec::new();
    for entry in table.range::<&[u8; 24]>(&at..&key(id, row.end()))? {
        let (key, value) = entry?;
        let other = decode(key.value(), value.value())?;
        if other.end() <= row.end() {
            within.push(*key.value());
        }
    }
    for key in within {
        table.remove(&key)?;
    }
    table.insert(&at, value)?;
    Ok(())
}

/// What [`crate::Store::history`] answers.
pub(super) fn read(
    table: &impl ReadableTable<&'static [u8; 24], &'static [u8]>,
    id: ExecutionId,
    from: Sequence,
    limit: usize,
) -> Result<Vec<HistoryRow>, Failure> {
    let first = last_at_or_before(table, id, from)?.filter(|row| row.end() > from);
    let mut rows: Vec<_> = first.into_iter().take(limit).collect();
    let (after, last) = (key(id, from.next()), key(id, Sequence::new(u64::MAX)));
    for entry in table.range::<&[u8; 24]>(&after..=&last)?.take(limit - rows.len()) {
        let (key, value) = entry?;
        rows.push(decode(key.value(), value.value())?);
    }
    Ok(rows)
}

fn last_at_or_before(
    table: &impl ReadableTable<&'static [u8; 24], &'static [u8]>,
    id: ExecutionId,
    sequence: Sequence,
) -> Result<Option<HistoryRow>, Failure> {
    let (from, to) = (key(id, Sequence::new(0)), key(id, sequence));
    let Some(entry) = table.range::<&[u8; 24]>(&from..=&to)?.next_back() else {
        return Ok(None);
    };
    let (key, value) = entry?;
    decode(key.value(), value.value()).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_row_survives_its_encoding(bits: u128, first: u64, count: u32, blob: Vec<u8>) {
            let id = ExecutionId::from_bits(bits);
            let row = HistoryRow { first: Sequence::new(first), count, blob: blob.into() };
            let key = key(id, row.first);
            prop_assert_eq!(parse(&key), (id, row.first));
            prop_assert_eq!(decode(&key, encode(&row, &mut Vec::new())).expect("whole"), row);
        }
    }

    #[test]
    fn rows_written_by_version_1_are_read() {
        let value = crate::embedded::golden::bytes(include_str!("golden/history-1.hex"));
        let key = key(ExecutionId::from_bits(1), Sequence::new(4));
        let read = decode(&key, &value).expect("whole");
        let blob = Bytes::from_static(b"events");
        assert_eq!(read, HistoryRow { first: Sequence::new(4), count: 2, blob });
        assert_eq!(encode(&read, &mut Vec::new()), &value[..]);
    }
}
