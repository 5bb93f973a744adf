//! Deletes executions whose time has come, and what is left empty by it.
//!
//! Every deletion carries the version that the execution has, so it takes away what was written
//! up to then and hides nothing that comes later: not even an execution with the same id, which a
//! start with the same key may bring about. The execution's own first partition goes last but for
//! its row in `ends`: until then a later purge finds it again.
//!
//! What says that a partition has rows is taken back only when it is long past, with the version
//! of the margin mark: every row that may still be written, or written again, has a higher one.

use std::collections::BTreeSet;
use std::sync::Arc;

use flowmill_model::{ExecutionId, ShardId, Timestamp};
use futures::{StreamExt, TryStreamExt, stream};
use scylla::response::PagingState;

use super::cells::{Shown, stamp};
use super::client::Client;
use super::keys::{self, LONG_PAST_SLOTS, SlotKind};
use super::plan::Listed;
use super::request::{Bound, Request, Value};
use super::statements::Statement;
use super::{Inner, executions, failure, timers, watermarks, writing};
use crate::contract::StoreError;
use crate::row::Purge;

/// Ends read in one go.
const ENDS: usize = 500;

/// Executions deleted side by side.
const AT_ONCE: usize = 8;

/// Past slots of timers looked at in one go.
const PAST_SLOTS: usize = 100;

/// A row of `ends`.
struct End {
    at: Timestamp,
    id: ExecutionId,
    version: i64,
}

/// A part of a list: flow and slot.
type ListPart = (Arc<str>, i64);

/// An execution that was deleted, and how lists showed it.
type Purged = (ExecutionId, Shown);

/// What [`Store::purge`](crate::Store::purge) answers.
pub(super) async fn run(inner: &Inner, purge: Purge) -> Result<usize, StoreError> {
    let last = keys::slot_of(purge.before);
    let (mut count, mut touched) = (0, BTreeSet::new());
    let slots = timers::slots(&inner.client, purge.shard, SlotKind::Ends, (0, last)).await?;
    for slot in &slots {
        while count < purge.limit {
            let wanted = ENDS.min(purge.limit - count);
            // Taken first: a server that restarts meanwhile may lose any of the deletions.
            let epoch = inner.unproven.epoch();
            let ends = ends(&inner.client, purge, *slot, wanted).await?;
            let deleted = delete_all(inner, &ends).await?;
            let purged: Vec<Purged> = deleted.into_iter().flatten().collect();
            drop_ends(&inner.client, purge.shard, *slot, &ends).await?;
            count += purged.len();
            touched.extend(purged.iter().map(|(id, shown)| part_of(*id, shown)));
            inner.unproven.keep_purge(purge.shard, purged, epoch);
            if ends.len() < wanted {
                break;
            }
        }
    }
    let past = last - LONG_PAST_SLOTS;
    touched.retain(|(_, slot)| *slot < past);
    let slots = if count < purge.limit { slots } else { Vec::new() };
    tidy(inner, purge.shard, past, &slots, touched).await?;
    Ok(count)
}

async fn ends(
    client: &Client,
    purge: Purge,
    slot: i64,
    limit: usize,
) -> Result<Vec<End>, StoreError> {
    let values = vec![
        keys::shard(purge.shard),
        Value::Big(slot),
        Value::bytes(&keys::from(purge.before)),
        Value::Int(limit as i32),
    ];
    let rows = client.rows(Statement::GetEnds, values).await?;
    let damaged = |error: &dyn std::fmt::Display| failure::row("ends", purge.shard, error);
    let rows = rows.rows::<(&[u8], Option<i64>)>().map_err(|error| damaged(&error))?;
    rows.map(|row| {
        let (place, version) = row.map_err(|error| damaged(&error))?;
        let (at, id) = keys::parse_at(place).ok_or_else(|| damaged(&"a bad place"))?;
        Ok(End { at, id, version: version.unwrap_or_default() })
    })
    .collect()
}

/// Deletes executions once more: a crash of a server may have brought them back.
pub(super) async fn again(inner: &Inner, purged: &[Purged]) -> Result<(), StoreError> {
    let deleted: Vec<_> = purged.iter().map(|purged| delete_again(inner, purged)).collect();
    stream::iter(deleted).buffer_unordered(AT_ONCE).try_collect().await
}

async fn delete_again(inner: &Inner, (id, shown): &Purged) -> Result<(), StoreError> {
    delete(inner, *id, shown).await?;
    let Some(at) = shown.purge_at else { return Ok(()) };
    let (slot, place) = (Value::Big(keys::slot_of(at)), Value::bytes(&keys::at(at, *id)));
    let values = vec![Value::Big(stamp(shown.version)), keys::shard(id.shard()), slot, place];
    inner.client.put(Statement::DropEnd, values).await
}

fn part_of(id: ExecutionId, shown: &Shown) -> ListPart {
    let listed = Listed::of(id, shown);
    (listed.flow, listed.bucket)
}

/// Deletes the executions of rows that count.
async fn delete_all(inner: &Inner, ends: &[End]) -> Result<Vec<Option<Purged>>, StoreError> {
    let deleted: Vec<_> = ends.iter().map(|end| delete_if_due(inner, end)).collect();
    stream::iter(deleted).buffered(AT_ONCE).try_collect().await
}

async fn delete_if_due(inner: &Inner, end: &End) -> Result<Option<Purged>, StoreError> {
    let shown = executions::shown(&inner.client, end.id).await?;
    match shown {
        Some(shown) if shown.purge_at == Some(end.at) => {
            delete(inner, end.id, &shown).await?;
            Ok(Some((end.id, shown)))
        }
        Some(_) | None => Ok(None),
    }
}

async fn delete(inner: &Inner, id: ExecutionId, shown: &Shown) -> Result<(), StoreError> {
    let stamp = Value::Big(stamp(shown.version));
    let bucket = |bucket| {
        let values = vec![stamp.clone(), keys::execution(id), Value::Int(bucket)];
        vec![Bound { statement: Statement::DropBucket, values }]
    };
    let listed = Listed::of(id, shown);
    let mut requests = timers_of(&inner.client, id, &stamp).await?;
    requests.extend((1..=keys::last_bucket(shown.sequence)).map(bucket));
    let chunks = vec![stamp.clone(), keys::execution(id)];
    requests.push(vec![Bound { statement: Statement::DropChunks, values: chunks }]);
    requests.push(from_lists(id, &listed, &stamp));
    writing::all(&inner.client, requests).await?;
    inner.client.change(&bucket(0)).await?;
    inner.known.forget(id);
    Ok(())
}

/// Takes an execution out of every slice, also those in which an earlier writer left it.
fn from_lists(id: ExecutionId, listed: &Listed, stamp: &Value) -> Request {
    let row = |slice| {
        let mut values = vec![stamp.clone()];
        values.extend(listed.key(id.shard(), slice));
        Bound { statement: Statement::DropListed, values }
    };
    std::iter::once(keys::EVERYTHING).chain(keys::INDEXED).map(row).collect()
}

/// What deletes the timers that an execution has left.
async fn timers_of(
    client: &Client,
    id: ExecutionId,
    stamp: &Value,
) -> Result<Vec<Request>, StoreError> {
    let values = [keys::execution(id), Value::bytes(&keys::TIMERS_SET_FROM)];
    let (mut requests, mut page) = (Vec::new(), Some(PagingState::start()));
    let damaged = |error: &dyn std::fmt::Display| failure::row("executions", id, error);
    while let Some(at) = page {
        let (rows, next) = client.page(Statement::GetTimersSet, &values, at).await?;
        for row in rows.rows::<(&[u8],)>().map_err(|error| damaged(&error))? {
            let (place,) = row.map_err(|error| damaged(&error))?;
            let key = keys::parse_timer_set(id, place).ok_or_else(|| damaged(&"a bad place"))?;
            let (slot, place) = (keys::slot_of(key.due), Value::bytes(&keys::timer(&key)));
            let values = vec![stamp.clone(), keys::shard(id.shard()), Value::Big(slot), place];
            requests.push(vec![Bound { statement: Statement::DropTimer, values }]);
        }
        page = next;
    }
    Ok(requests)
}

/// Deletes the rows of `ends` that were dealt with, up to the last, in one go.
async fn drop_ends(
    client: &Client,
    shard: ShardId,
    slot: i64,
    ends: &[End],
) -> Result<(), StoreError> {
    let (Some(last), Some(version)) = (ends.last(), ends.iter().map(|end| end.version).max())
    else {
        return Ok(());
    };
    let place = Value::bytes(&keys::at(last.at, last.id));
    let values = vec![Value::Big(version), keys::shard(shard), Value::Big(slot), place];
    client.put(Statement::DropEnds, values).await
}

/// Takes back what says that partitions have rows which are long past and empty.
async fn tidy(
    inner: &Inner,
    shard: ShardId,
    past: i64,
    ends: &[i64],
    touched: BTreeSet<ListPart>,
) -> Result<(), StoreError> {
    let client = &inner.client;
    let marks = watermarks::read(client, shard).await?;
    let Some(margin) = marks.and_then(|marks| marks.margin) else { return Ok(()) };
    let stamp = Value::Big(stamp(margin.version()));
    let timers = timers::slots(client, shard, SlotKind::Timers, (0, past)).await?;
    for slot in timers.into_iter().take(PAST_SLOTS) {
        if timers::is_empty(client, shard, slot).await? {
            drop_slot(client, shard, (SlotKind::Timers, slot), &stamp).await?;
        }
    }
    for slot in ends.iter().copied().filter(|slot| *slot < past) {
        if is_empty(client, shard, slot).await? {
            drop_slot(client, shard, (SlotKind::Ends, slot), &stamp).await?;
        }
    }
    for part in touched {
        drop_part(client, shard, part, &stamp).await?;
    }
    Ok(())
}

async fn is_empty(client: &Client, shard: ShardId, slot: i64) -> Result<bool, StoreError> {
    let values =
        vec![keys::shard(shard), Value::Big(slot), Value::bytes(&[u8::MAX; 25]), Value::Int(1)];
    Ok(client.rows(Statement::GetEnds, values).await?.rows_num() == 0)
}

async fn drop_slot(
    client: &Client,
    shard: ShardId,
    (kind, slot): (SlotKind, i64),
    stamp: &Value,
) -> Result<(), StoreError> {
    let values = vec![stamp.clone(), keys::shard(shard), kind.value(), Value::Big(slot)];
    client.put(Statement::DropSlot, values).await
}

/// Takes back a part of a list that shows nothing any more.
async fn drop_part(
    client: &Client,
    shard: ShardId,
    (flow, bucket): ListPart,
    stamp: &Value,
) -> Result<(), StoreError> {
    let key = [Value::Text(flow), Value::Big(bucket), keys::shard(shard)];
    let mut everything = key.to_vec();
    everything.extend([
        Value::Tiny(keys::EVERYTHING),
        Value::bytes(&[u8::MAX; 25]),
        Value::bytes(&[]),
        Value::Int(1),
    ]);
    if client.rows(Statement::GetListed, everything).await?.rows_num() > 0 {
        return Ok(());
    }
    let mut values = vec![stamp.clone()];
    values.extend(key.clone());
    client.put(Statement::DropBucketOfList, values).await?;
    let [flow, bucket, shard] = key;
    for slice in std::iter::once(keys::EVERYTHING).chain(keys::INDEXED) {
        let slice = Value::Tiny(slice);
        let values = vec![stamp.clone(), flow.clone(), slice, bucket.clone(), shard.clone()];
        client.put(Statement::DropListBucket, values).await?;
    }
    Ok(())
}
