//! Table `executions`: states and listings of single executions.

use bytes::Bytes;
use flowmill_model::ExecutionId;

use super::cells::{self, Shown, StateHead, stamp};
use super::client::Client;
use super::request::Value;
use super::statements::Statement;
use super::{Inner, failure, keys};
use crate::contract::StoreError;
use crate::row::{Checkpoint, RowVersion};

/// How often a state is read again whose parts were replaced meanwhile.
const READS: usize = 4;

/// The state of an execution, never an older one than this process wrote: while rows may be lost
/// by a crash of a server they are also looked for in memory.
pub(super) async fn load(inner: &Inner, id: ExecutionId) -> Result<Option<Checkpoint>, StoreError> {
    let stored = stored(&inner.client, id).await?;
    let kept = inner.unproven.latest(id);
    Ok(match (stored, kept) {
        (Some(stored), Some(kept)) if kept.version > stored.version => Some(kept),
        (None, kept) => kept,
        (stored, _) => stored,
    })
}

async fn stored(client: &Client, id: ExecutionId) -> Result<Option<Checkpoint>, StoreError> {
    for _ in 0..READS {
        let Some((head, state)) = state(client, id).await? else { return Ok(None) };
        if head.chunks == 0 {
            return Ok(Some(head.checkpoint(state)));
        }
        let count = usize::try_from(head.chunks).unwrap_or(usize::MAX);
        if let Some(state) = parts(client, id, &[], (head.version, count)).await? {
            return Ok(Some(head.checkpoint(state)));
        }
    }
    Err(StoreError::Unavailable(format!("parts of the state of {id} are missing")))
}

async fn state(client: &Client, id: ExecutionId) -> Result<Option<(StateHead, Bytes)>, StoreError> {
    let damaged = |error: &dyn std::fmt::Display| failure::row("executions", id, error);
    let rows = client.rows(Statement::GetState, vec![keys::execution(id)]).await?;
    let row = rows.maybe_first_row::<(&[u8], i32, Option<&[u8]>)>();
    let cell = row.map_err(|error| damaged(&error))?.and_then(|(_, _, cell)| cell);
    let Some(cell) = cell else { return Ok(None) };
    let (head, state) = cells::state(cell).map_err(|error| damaged(&error))?;
    Ok(Some((head, Bytes::copy_from_slice(state))))
}

/// Puts together what is kept in parts; `None` when not all are there.
pub(super) async fn parts(
    client: &Client,
    id: ExecutionId,
    owner: &[u8],
    (version, count): (RowVersion, usize),
) -> Result<Option<Bytes>, StoreError> {
    let values = vec![keys::execution(id), Value::bytes(owner), Value::Big(stamp(version))];
    let rows = client.rows(Statement::GetChunks, values).await?;
    let damaged = |error: &dyn std::fmt::Display| failure::row("chunks", id, error);
    let (mut whole, mut found) = (Vec::new(), 0);
    for row in rows.rows::<(i32, &[u8])>().map_err(|error| damaged(&error))? {
        let (number, part) = row.map_err(|error| damaged(&error))?;
        if usize::try_from(number) != Ok(found) {
            return Ok(None);
        }
        whole.extend_from_slice(part);
        found += 1;
    }
    Ok((found == count).then(|| whole.into()))
}

/// What lists show of an execution; `None` when it is not there.
pub(super) async fn shown(client: &Client, id: ExecutionId) -> Result<Option<Shown>, StoreError> {
    let damaged = |error: &dyn std::fmt::Display| failure::row("executions", id, error);
    let rows = client.rows(Statement::GetListing, vec![keys::execution(id)]).await?;
    let row = rows.maybe_first_row::<(&[u8], i32, Option<&[u8]>)>();
    let cell = row.map_err(|error| damaged(&error))?.and_then(|(_, _, cell)| cell);
    cell.map(Shown::decode).transpose().map_err(|error| damaged(&error))
}
