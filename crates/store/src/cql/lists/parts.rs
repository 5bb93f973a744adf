//! The parts of the lists of several flows, newest first.

use std::collections::VecDeque;
use std::sync::Arc;

use flowmill_model::FlowName;
use scylla::response::PagingState;

use super::super::client::Client;
use super::super::request::Value;
use super::super::statements::Statement;
use super::super::{failure, keys};
use crate::contract::StoreError;
use crate::row::ListQuery;

/// One part of a list.
#[derive(Clone, Debug)]
pub(super) struct Part {
    pub(super) flow: Arc<str>,
    pub(super) bucket: i64,
    pub(super) shard: i32,
}

/// The parts of one flow's list.
pub(super) struct Parts {
    flow: Arc<str>,
    values: Vec<Value>,
    ready: VecDeque<(i64, i32)>,
    next: Option<PagingState>,
}

impl Parts {
    /// The parts that a query's entries can be in.
    pub(super) async fn open(
        client: &Client,
        flow: FlowName,
        query: &ListQuery,
    ) -> Result<Self, StoreError> {
        let slice = query.status.and_then(keys::slice_of).unwrap_or(keys::EVERYTHING);
        let newest = query.after.map_or(i64::MAX, |after| keys::slot_of(after.started_at));
        let oldest = query.since.map_or(0, keys::slot_of);
        let flow: Arc<str> = flow.to_string().into();
        let name = Value::Text(Arc::clone(&flow));
        let values = vec![name, Value::Tiny(slice), Value::Big(newest), Value::Big(oldest)];
        let next = Some(PagingState::start());
        let mut parts = Self { flow, values, ready: VecDeque::new(), next };
        parts.fill(client).await?;
        Ok(parts)
    }

    /// Makes sure that a part is ready, unless there is none.
    async fn fill(&mut self, client: &Client) -> Result<(), StoreError> {
        while self.ready.is_empty() {
            let Some(at) = self.next.take() else { return Ok(()) };
            let asked = client.page(Statement::GetListBuckets, &self.values, at);
            let (rows, next) = asked.await?;
            let damaged =
                |error: &dyn std::fmt::Display| failure::row("list_buckets", &self.flow, error);
            for row in rows.rows::<(i64, i32)>().map_err(|error| damaged(&error))? {
                self.ready.push_back(row.map_err(|error| damaged(&error))?);
            }
            self.next = next;
        }
        Ok(())
    }
}

/// Takes the newest parts of all flows: whole slots, until there are at least `enough`.
pub(super) async fn newest(
    client: &Client,
    flows: &mut [Parts],
    enough: usize,
) -> Result<Vec<Part>, StoreError> {
    let mut taken = Vec::new();
    while taken.len() < enough {
        let slots = flows.iter().filter_map(|parts| parts.ready.front().map(|part| part.0));
        let Some(slot) = slots.max() else { break };
        for parts in flows.iter_mut() {
            while let Some((bucket, shard)) = parts.ready.pop_front_if(|part| part.0 == slot) {
                taken.push(Part { flow: Arc::clone(&parts.flow), bucket, shard });
                parts.fill(client).await?;
            }
        }
    }
    Ok(taken)
}
