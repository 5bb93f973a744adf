//! Reads that concern more than one table.

use flowmill_model::{ExecutionId, ShardId};
use redb::{ReadTransaction, ReadableTable};

use super::failure::Failure;
use super::{executions, flows, lists, watermarks};
use crate::row::{Checkpoint, ListPosition, ListQuery, Listing, Watermarks};

/// What [`crate::Store::load`] answers.
pub(super) fn load(
    transaction: &ReadTransaction,
    id: ExecutionId,
) -> Result<Option<Checkpoint>, Failure> {
    let table = transaction.open_table(executions::TABLE)?;
    let value = ReadableTable::get(&table, &executions::key(id))?;
    value.map(|value| executions::checkpoint(id, value.value())).transpose()
}

/// What [`crate::Store::watermarks`] answers.
pub(super) fn watermarks(
    transaction: &ReadTransaction,
    shard: ShardId,
) -> Result<Option<Watermarks>, Failure> {
    let stored = watermarks::read(&transaction.open_table(watermarks::TABLE)?, shard)?;
    Ok(stored.map(|watermark| Watermarks { watermark, margin: Some(watermark) }))
}

/// What [`crate::Store::list`] answers.
pub(super) fn list(
    transaction: &ReadTransaction,
    query: &ListQuery,
) -> Result<Vec<(ListPosition, Listing)>, Failure> {
    let flows = flows::wanted(&transaction.open_table(flows::TABLE)?, query)?;
    let page = lists::page(&transaction.open_table(lists::TABLE)?, &flows, query)?;
    let executions = transaction.open_table(executions::TABLE)?;
    let mut entries = Vec::with_capacity(page.len());
    for (position, flow) in page {
        let id = position.execution;
        let Some(value) = ReadableTable::get(&executions, &executions::key(id))? else {
            return Err(Failure::row("lists", id, "there is no such execution"));
        };
        let head = executions::head(id, value.value())?;
        entries.push((position, head.listing(flows[flow].1.clone())));
    }
    Ok(entries)
}
