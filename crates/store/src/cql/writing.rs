//! Writes the rows of a flush.

use std::mem::take;
use std::sync::Arc;

use flowmill_model::{Sequence, ShardId};
use futures::{StreamExt, TryStreamExt, stream};

use super::cells::Shown;
use super::client::Client;
use super::packed::{self, Packed};
use super::plan::{Before, Plan, Planner};
use super::request::Request;
use super::together::together;
use super::{Inner, executions};
use crate::contract::StoreError;
use crate::row::{ExecutionWrite, Write};

/// Writes a flush; when it has answered, the rows are kept until no crash can lose them.
pub(super) async fn write(inner: &Inner, shard: ShardId, write: Write) -> Result<(), StoreError> {
    inner.unproven.admit(packed::bytes_of(&write)).await?;
    // Taken first: a server that restarts while this is written may lose any of it.
    let epoch = inner.unproven.epoch();
    let stored = what_is_stored(inner, &write).await?;
    let mut planner = Planner::new(shard);
    let applied: Vec<bool> = write
        .executions
        .iter()
        .zip(&stored)
        .map(|(entry, before)| planner.add(entry, before))
        .collect();
    let mut plan = planner.finish(&inner.known);
    send(&inner.client, &mut plan).await?;
    inner.known.announced(plan.buckets, plan.flows);
    for (entry, _) in write.executions.iter().zip(applied).filter(|(_, applied)| *applied) {
        inner.known.wrote(entry.id, Arc::new(Shown::of(entry)));
    }
    inner.unproven.keep(shard, Packed::of(write), epoch);
    Ok(())
}

/// Sends the requests of a flush.
pub(super) async fn send(client: &Client, plan: &mut Plan) -> Result<(), StoreError> {
    for requests in [&mut plan.parts, &mut plan.rows, &mut plan.tidying] {
        all(client, take(requests)).await?;
    }
    Ok(())
}

/// Sends requests side by side, in no order; the first one that fails ends it.
pub(super) async fn all(client: &Client, requests: Vec<Request>) -> Result<(), StoreError> {
    let requests = together(requests, client.holders());
    let sent: Vec<_> = requests.iter().map(|request| client.change(request)).collect();
    stream::iter(sent).buffer_unordered(client.in_flight()).try_collect().await
}

/// What is stored of each execution, from memory or, where it matters, from the servers.
async fn what_is_stored(inner: &Inner, write: &Write) -> Result<Vec<Before>, StoreError> {
    let looked_up: Vec<_> = write.executions.iter().map(|entry| look_up(inner, entry)).collect();
    stream::iter(looked_up).buffered(inner.client.in_flight()).try_collect().await
}

/// Whether an entry's rows depend on what is stored. That of an execution which this flush brings
/// from its beginning, and which has no timers, do not: what there might be of it has a lower
/// version or the same rows.
fn depends_on_stored(entry: &ExecutionWrite) -> bool {
    let from_beginning = entry.history.as_ref().is_some_and(|row| row.first == Sequence::new(0));
    !from_beginning || !entry.timers_set.is_empty()
}

async fn look_up(inner: &Inner, entry: &ExecutionWrite) -> Result<Before, StoreError> {
    if let Some(shown) = inner.known.shown(entry.id) {
        return Ok(Before::Stored(shown));
    }
    if !depends_on_stored(entry) {
        return Ok(Before::Unknown);
    }
    let shown = executions::shown(&inner.client, entry.id).await?;
    Ok(shown.map_or(Before::Unknown, |shown| Before::Stored(Arc::new(shown))))
}
