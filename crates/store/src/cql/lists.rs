//! Tables `lists`, `list_buckets` and `flows`: executions as lists show them.
//!
//! A list is cut into parts by flow, slot of ten minutes and shard. Which parts there are is
//! looked up, so a flow that starts once a day costs one part a day. Every execution of a later
//! slot is newer than every one of an earlier, so a page takes slot after slot, and merges the
//! parts of one.
//!
//! A status other than completed has a slice of its own in each part, so few among many are found
//! without reading the many. Its rows are pointers: what counts is what the slice of everything
//! shows at the same place.

mod parts;
mod run;

use std::collections::BinaryHeap;

use flowmill_model::{FlowName, Name};
use futures::{StreamExt, TryStreamExt, stream};
use scylla::response::PagingState;

use super::client::Client;
use super::request::Value;
use super::statements::Statement;
use super::{failure, keys};
use crate::contract::StoreError;
use crate::row::{ListPosition, ListQuery, Listing};
use flowmill_model::limits;
use parts::Parts;
use run::Run;

/// What a list answers.
type Page = Vec<(ListPosition, Listing)>;

/// What [`Store::list`](crate::Store::list) answers.
pub(super) async fn read(client: &Client, query: ListQuery) -> Result<Page, StoreError> {
    let mut page = Page::new();
    if query.limit == 0 {
        return Ok(page);
    }
    let flows = flows(client, &query).await?;
    let opened = stream::iter(flows).map(|flow| Parts::open(client, flow, &query));
    let mut flows: Vec<Parts> = opened.buffer_unordered(client.in_flight()).try_collect().await?;
    let mut looked_at = 0;
    while page.len() < query.limit {
        let parts = parts::newest(client, &mut flows, client.in_flight()).await?;
        if parts.is_empty() {
            break;
        }
        looked_at += parts.len();
        if looked_at > limits::LIST_PARTS {
            let why = "the list has too few entries in too many places; narrow it down by time";
            return Err(StoreError::Unavailable(why.into()));
        }
        let opened = stream::iter(parts).map(|part| Run::open(client, part, &query));
        let runs: Vec<Run<'_>> = opened.buffered(client.in_flight()).try_collect().await?;
        for slot in runs_by_slot(runs) {
            merge(slot, &query, &mut page).await?;
        }
    }
    Ok(page)
}

/// The flows that a query asks for.
async fn flows(client: &Client, query: &ListQuery) -> Result<Vec<FlowName>, StoreError> {
    if let Some(flow) = &query.flow {
        let within = query.namespace.as_ref().is_none_or(|wanted| *wanted == flow.namespace);
        return Ok(within.then(|| flow.clone()).into_iter().collect());
    }
    let (statement, values) = match &query.namespace {
        Some(namespace) => (Statement::GetFlowsOf, vec![Value::Text(namespace.as_str().into())]),
        None => (Statement::GetFlows, Vec::new()),
    };
    let (mut flows, mut page) = (Vec::new(), Some(PagingState::start()));
    while let Some(at) = page {
        let (rows, next) = client.page(statement, &values, at).await?;
        let damaged = |error: &dyn std::fmt::Display| failure::row("flows", 0, error);
        for row in rows.rows::<(&str, &str)>().map_err(|error| damaged(&error))? {
            let (namespace, name) = row.map_err(|error| damaged(&error))?;
            let name_of = |text| Name::new(text).map_err(|error| damaged(&error));
            flows.push(FlowName { namespace: name_of(namespace)?, name: name_of(name)? });
        }
        page = next;
    }
    Ok(flows)
}

/// Groups runs, which come newest first, by their slot.
fn runs_by_slot(runs: Vec<Run<'_>>) -> Vec<Vec<Run<'_>>> {
    let mut slots: Vec<Vec<Run<'_>>> = Vec::new();
    for run in runs {
        match slots.last_mut() {
            Some(slot) if slot[0].bucket() == run.bucket() => slot.push(run),
            _ => slots.push(vec![run]),
        }
    }
    slots
}

/// Takes the newest entries of several runs until they or the page are at their end.
async fn merge(
    mut runs: Vec<Run<'_>>,
    query: &ListQuery,
    page: &mut Page,
) -> Result<(), StoreError> {
    let heads = (0..).zip(&runs).filter_map(|(at, run)| Some((run.head()?, at)));
    let mut heads: BinaryHeap<(ListPosition, usize)> = heads.collect();
    while page.len() < query.limit {
        let Some((_, at)) = heads.pop() else { break };
        let run = &mut runs[at];
        page.extend(run.take().await?);
        heads.extend(run.head().map(|head| (head, at)));
    }
    Ok(())
}

/// The places between which a query's entries are: below the first, at or above the second.
fn bounds(query: &ListQuery) -> (Vec<u8>, Vec<u8>) {
    let below = query.after.map_or(vec![u8::MAX; 25], |after| keys::listed(after).to_vec());
    (below, keys::from(query.since.unwrap_or_default()).to_vec())
}
