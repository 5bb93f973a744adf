//! Table `lists`: (flow, status, start, id) -> nothing. What a list shows of an execution comes
//! from its row in `executions`.
//!
//! One index serves every query: each pair of a flow and a status is a run of keys in the order
//! of a list, and a query merges the runs its filters ask for. A page costs one seek per run and
//! one lookup per entry, however rare the status and however many executions there are: nothing
//! is read and thrown away. With F flows that is up to seven F seeks of a few microseconds for a
//! list without filters; the gain is a single insert for an execution that ends in its first
//! flush, and one removal and one insert for a change of status.

use std::collections::BinaryHeap;
use std::ops::Bound;

use flowmill_model::{ExecutionId, FlowName, Timestamp};
use redb::{Range, ReadableTable, TableDefinition};

use super::executions::Head;
use super::failure::Failure;
use super::flows::FlowNumber;
use crate::row::{ListPosition, ListQuery, Status};

/// The table.
pub(super) const TABLE: TableDefinition<'_, &[u8; 29], ()> = TableDefinition::new("lists");

/// The row's key.
pub(super) fn key(flow: FlowNumber, status: Status, position: ListPosition) -> [u8; 29] {
    let mut key = [0; 29];
    key[..4].copy_from_slice(&flow.get().to_be_bytes());
    key[4] = status_number(status);
    key[5..13].copy_from_slice(&position.started_at.as_millis().to_be_bytes());
    key[13..].copy_from_slice(&position.execution.to_bits().to_be_bytes());
    key
}

/// The key of the row that follows from an execution's head.
pub(super) fn key_of(id: ExecutionId, head: &Head) -> [u8; 29] {
    let position = ListPosition { started_at: head.started_at, execution: id };
    key(head.flow, head.status, position)
}

/// The position in a row's key.
fn position(key: &[u8; 29]) -> ListPosition {
    let start = key[5..13].try_into().map(u64::from_be_bytes).expect("8 bytes of 29");
    let id = key[13..].try_into().map(u128::from_be_bytes).expect("16 bytes of 29");
    ListPosition {
        started_at: Timestamp::from_millis(start),
        execution: ExecutionId::from_bits(id),
    }
}

/// Stored numbers: never reused.
const fn status_number(status: Status) -> u8 {
    match status {
        Status::Pending => 1,
        Status::Running => 2,
        Status::Waiting => 3,
        Status::Suspended => 4,
        Status::Cancelled => 5,
        Status::Faulted => 6,
        Status::Completed => 7,
    }
}

/// The positions of one page, each with its flow as an index into `flows`.
pub(super) fn page(
    table: &impl ReadableTable<&'static [u8; 29], ()>,
    flows: &[(FlowNumber, FlowName)],
    query: &ListQuery,
) -> Result<Vec<(ListPosition, usize)>, Failure> {
    let (mut runs, mut heads) = (Vec::new(), BinaryHeap::new());
    for (flow, (number, _)) in flows.iter().enumerate() {
        for status in Status::ALL {
            if query.status.is_some_and(|wanted| wanted != status) {
                continue;
            }
            let mut run = run(table, *number, status, query)?;
            if let Some(head) = older(&mut run)? {
                heads.push((head, runs.len()));
                runs.push((run, flow));
            }
        }
    }
    let mut found = Vec::new();
    while found.len() < query.limit {
        let Some((position, at)) = heads.pop() else {
            break;
        };
        let (run, flow) = &mut runs[at];
        found.push((position, *flow));
        heads.extend(older(run)?.map(|head| (head, at)));
    }
    Ok(found)
}

type Run<'t> = Range<'t, &'static [u8; 29], ()>;

/// The rows of one flow and status that the query asks for.
fn run<'t>(
    table: &'t impl ReadableTable<&'static [u8; 29], ()>,
    flow: FlowNumber,
    status: Status,
    query: &ListQuery,
) -> Result<Run<'t>, Failure> {
    let first = ListPosition {
        started_at: query.since.unwrap_or_default(),
        execution: ExecutionId::from_bits(0),
    };
    let last = ListPosition {
        started_at: Timestamp::from_millis(u64::MAX),
        execution: ExecutionId::from_bits(u128::MAX),
    };
    let from = key(flow, status, first);
    let to = key(flow, status, query.after.unwrap_or(last));
    let to = match query.after {
        Some(_) => Bound::Excluded(&to),
        None => Bound::Included(&to),
    };
    Ok(table.range::<&[u8; 29]>((Bound::Included(&from), to))?)
}

/// The newest row of a run that was not taken yet.
fn older(run: &mut Run<'_>) -> Result<Option<ListPosition>, Failure> {
    let Some(entry) = run.next_back() else {
        return Ok(None);
    };
    Ok(Some(position(entry?.0.value())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn place((start, id): (u64, u128)) -> ListPosition {
        ListPosition {
            started_at: Timestamp::from_millis(start),
            execution: ExecutionId::from_bits(id),
        }
    }

    proptest! {
        #[test]
        fn keys_keep_their_position_and_its_order(
            flow: u32,
            status in 0..7_usize,
            a: (u64, u128),
            b: (u64, u128),
        ) {
            let (a, b) = (place(a), place(b));
            let key = |position| key(FlowNumber::new(flow), Status::ALL[status], position);
            prop_assert_eq!(position(&key(a)), a);
            prop_assert_eq!(key(a).cmp(&key(b)), a.cmp(&b));
        }
    }

    #[test]
    fn keys_written_by_version_1_are_read() {
        let stored = crate::embedded::golden::bytes(include_str!("golden/list-1.hex"));
        assert_eq!(key(FlowNumber::new(9), Status::Waiting, place((1_000, 5))), stored[..]);
    }
}
