//! Table `timers`: pending timers, by slots of ten minutes.
//!
//! A timer that was lost would never fire, so a scan is bracketed by two looks at the servers:
//! what a restart may have taken is written again before, and a restart in between makes it begin
//! anew.

use flowmill_model::{ShardId, Timestamp};
use futures::{StreamExt, TryStreamExt, stream};
use scylla::response::PagingState;

use super::client::Client;
use super::keys::{self, SlotKind};
use super::request::Value;
use super::statements::Statement;
use super::{Inner, failure, keeper};
use crate::contract::StoreError;
use crate::row::{TimerKey, TimerRow};

/// Rows read in one go.
const ROWS: usize = 5_000;

/// Slots read side by side.
const SLOTS: usize = 16;

/// Timers of a shard after one of them, due before a time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Range {
    pub(super) shard: ShardId,
    pub(super) after: Option<TimerKey>,
    pub(super) until: Timestamp,
}

/// What [`Store::timers`](crate::Store::timers) answers.
pub(super) async fn read(
    inner: &Inner,
    range: Range,
    limit: usize,
) -> Result<Vec<TimerRow>, StoreError> {
    let mut epoch = keeper::round(inner).await?;
    loop {
        let rows = scan(&inner.client, range, limit).await?;
        let now = keeper::round(inner).await?;
        if now == epoch {
            return Ok(rows);
        }
        epoch = now;
    }
}

async fn scan(client: &Client, range: Range, limit: usize) -> Result<Vec<TimerRow>, StoreError> {
    let from = range.after.map_or(0, |key| keys::slot_of(key.due));
    let slots = slots(client, range.shard, SlotKind::Timers, (from, keys::slot_of(range.until)));
    let slots = slots.await?;
    let mut reads =
        stream::iter(slots).map(|slot| read_slot(client, range, slot, limit)).buffered(SLOTS);
    let mut found = Vec::new();
    while let Some(mut rows) = reads.try_next().await? {
        found.append(&mut rows);
        if found.len() >= limit {
            found.truncate(limit);
            break;
        }
    }
    Ok(found)
}

/// The slots of a shard that may have rows, from one to another, in order.
pub(super) async fn slots(
    client: &Client,
    shard: ShardId,
    kind: SlotKind,
    (from, to): (i64, i64),
) -> Result<Vec<i64>, StoreError> {
    let values = [keys::shard(shard), kind.value(), Value::Big(from), Value::Big(to)];
    let (mut slots, mut page) = (Vec::new(), Some(PagingState::start()));
    while let Some(at) = page {
        let (rows, next) = client.page(Statement::GetSlots, &values, at).await?;
        let damaged = |error: &dyn std::fmt::Display| failure::row("slots", shard, error);
        for row in rows.rows::<(i64,)>().map_err(|error| damaged(&error))? {
            slots.push(row.map_err(|error| damaged(&error))?.0);
        }
        page = next;
    }
    Ok(slots)
}

async fn read_slot(
    client: &Client,
    range: Range,
    slot: i64,
    limit: usize,
) -> Result<Vec<TimerRow>, StoreError> {
    let mut after = range.after.map(|key| keys::timer(&key).to_vec()).unwrap_or_default();
    let mut found = Vec::new();
    while found.len() < limit {
        let wanted = ROWS.min(limit - found.len());
        let values = vec![
            keys::shard(range.shard),
            Value::Big(slot),
            Value::bytes(&after),
            Value::bytes(&keys::from(range.until)),
            Value::Int(wanted as i32),
        ];
        let rows = client.rows(Statement::GetTimers, values).await?;
        let damaged = |error: &dyn std::fmt::Display| failure::row("timers", range.shard, error);
        let before = found.len();
        for row in rows.rows::<(&[u8], Option<bool>)>().map_err(|error| damaged(&error))? {
            let (place, task) = row.map_err(|error| damaged(&error))?;
            let key = keys::parse_timer(place).ok_or_else(|| damaged(&"a bad place"))?;
            found.push(TimerRow { key, task: task.unwrap_or_default() });
            after = place.to_vec();
        }
        if found.len() - before < wanted {
            break;
        }
    }
    Ok(found)
}

/// Whether a slot has no timer.
pub(super) async fn is_empty(
    client: &Client,
    shard: ShardId,
    slot: i64,
) -> Result<bool, StoreError> {
    let values = vec![
        keys::shard(shard),
        Value::Big(slot),
        Value::bytes(&[]),
        Value::bytes(&[u8::MAX; 29]),
        Value::Int(1),
    ];
    Ok(client.rows(Statement::GetTimers, values).await?.rows_num() == 0)
}
