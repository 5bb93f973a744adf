//! Table `watermarks`: a shard's watermark and margin mark.

use flowmill_model::ShardId;

use super::cells::{encode_mark, mark, stamp};
use super::client::Client;
use super::request::Value;
use super::statements::Statement;
use super::{Inner, failure, keys};
use crate::contract::StoreError;
use crate::row::{Watermark, Watermarks};

/// Moves the watermark; the margin mark follows once the rows are safe.
pub(super) async fn set(
    inner: &Inner,
    shard: ShardId,
    watermark: Watermark,
) -> Result<(), StoreError> {
    put(&inner.client, Statement::PutWatermark, shard, watermark).await?;
    inner.unproven.mark(shard, watermark);
    Ok(())
}

/// Moves the margin mark.
pub(super) async fn set_margin(
    client: &Client,
    shard: ShardId,
    margin: Watermark,
) -> Result<(), StoreError> {
    put(client, Statement::PutMargin, shard, margin).await
}

async fn put(
    client: &Client,
    statement: Statement,
    shard: ShardId,
    mark: Watermark,
) -> Result<(), StoreError> {
    let stamp = Value::Big(stamp(mark.version()));
    client.put(statement, vec![stamp, Value::Blob(encode_mark(mark)), keys::shard(shard)]).await
}

/// Both marks; `None` when there is no watermark.
pub(super) async fn read(
    client: &Client,
    shard: ShardId,
) -> Result<Option<Watermarks>, StoreError> {
    let rows = client.rows(Statement::GetWatermarks, vec![keys::shard(shard)]).await?;
    let damaged = |error: &dyn std::fmt::Display| failure::row("watermarks", shard, error);
    let row = rows.maybe_first_row::<(Option<&[u8]>, Option<&[u8]>)>();
    let (watermark, margin) = row.map_err(|error| damaged(&error))?.unwrap_or_default();
    let decode = |cell: Option<&[u8]>| cell.map(mark).transpose().map_err(|error| damaged(&error));
    let (watermark, margin) = (decode(watermark)?, decode(margin)?);
    Ok(watermark.map(|watermark| Watermarks { watermark, margin }))
}
