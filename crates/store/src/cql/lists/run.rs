//! The entries of one part of a list that a query asks for, newest first.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use scylla::response::query_result::QueryRowsResult;

use super::super::cells::Shown;
use super::super::client::Client;
use super::super::request::Value;
use super::super::statements::Statement;
use super::super::{failure, keys};
use super::parts::Part;
use crate::contract::StoreError;
use crate::row::{ListPosition, ListQuery, Listing, Status};

/// Rows read in one go: the most, and those taken besides what is wanted, since some do not count.
const ROWS: (usize, usize) = (500, 10);

/// Rows looked up by place in one go; ScyllaDB takes no more.
const PLACES: usize = 100;

/// Entries of one part.
pub(super) struct Run<'c> {
    client: &'c Client,
    part: Part,
    status: Option<Status>,
    below: Bytes,
    from: Bytes,
    /// Rows to read in one go.
    rows: usize,
    ready: VecDeque<(ListPosition, Listing)>,
    is_over: bool,
}

impl<'c> Run<'c> {
    /// Reads the first entries of a part.
    pub(super) async fn open(
        client: &'c Client,
        part: Part,
        query: &ListQuery,
    ) -> Result<Self, StoreError> {
        let (below, from) = super::bounds(query);
        let (most, besides) = ROWS;
        let rows = query.limit.saturating_add(besides).min(most);
        let (below, from, ready) = (below.into(), from.into(), VecDeque::new());
        let status = query.status;
        let mut run = Self { client, part, status, below, from, rows, ready, is_over: false };
        run.fill().await?;
        Ok(run)
    }

    /// The slot.
    pub(super) const fn bucket(&self) -> i64 {
        self.part.bucket
    }

    /// The place of the newest entry that was not taken yet.
    pub(super) fn head(&self) -> Option<ListPosition> {
        self.ready.front().map(|(position, _)| *position)
    }

    /// Takes the newest entry.
    pub(super) async fn take(&mut self) -> Result<Option<(ListPosition, Listing)>, StoreError> {
        let taken = self.ready.pop_front();
        self.fill().await?;
        Ok(taken)
    }

    /// Makes sure that an entry is ready, unless there is none.
    async fn fill(&mut self) -> Result<(), StoreError> {
        while self.ready.is_empty() && !self.is_over {
            let slice = self.status.and_then(keys::slice_of);
            let mut values = self.key(slice.unwrap_or(keys::EVERYTHING));
            values.extend([
                Value::Blob(self.below.clone()),
                Value::Blob(self.from.clone()),
                Value::Int(self.rows as i32),
            ]);
            let found = self.client.rows(Statement::GetListed, values).await?;
            self.is_over = found.rows_num() < self.rows;
            let rows = self.rows_of(&found)?;
            if let Some((place, _)) = rows.last() {
                self.below = place.clone();
            }
            let rows = match slice {
                None => rows,
                Some(_) => self.shown_at(rows).await?,
            };
            self.ready = self.entries(rows)?;
        }
        Ok(())
    }

    fn key(&self, slice: i8) -> Vec<Value> {
        vec![
            Value::Text(Arc::clone(&self.part.flow)),
            Value::Big(self.part.bucket),
            Value::Int(self.part.shard),
            Value::Tiny(slice),
        ]
    }

    fn damaged(&self, why: &dyn std::fmt::Display) -> StoreError {
        let Part { flow, bucket, shard } = &self.part;
        failure::row("lists", format_args!("{flow} {bucket} {shard}"), why)
    }

    fn rows_of(&self, found: &QueryRowsResult) -> Result<Vec<(Bytes, Option<Bytes>)>, StoreError> {
        let rows = found.rows::<(&[u8], Option<&[u8]>)>().map_err(|error| self.damaged(&error))?;
        rows.map(|row| {
            let (place, shown) = row.map_err(|error| self.damaged(&error))?;
            Ok((Bytes::copy_from_slice(place), shown.map(Bytes::copy_from_slice)))
        })
        .collect()
    }

    /// What the slice of everything shows at the places of rows of another one, in their order.
    async fn shown_at(
        &self,
        rows: Vec<(Bytes, Option<Bytes>)>,
    ) -> Result<Vec<(Bytes, Option<Bytes>)>, StoreError> {
        let places: Vec<Bytes> = rows.into_iter().map(|(place, _)| place).collect();
        let mut rows = Vec::with_capacity(places.len());
        for some in places.chunks(PLACES) {
            let mut values = self.key(keys::EVERYTHING);
            values.push(Value::Blobs(some.to_vec()));
            let found = self.client.rows(Statement::GetListedAt, values).await?;
            rows.extend(self.rows_of(&found)?);
        }
        rows.sort_unstable_by(|(a, _), (b, _)| b.cmp(a));
        Ok(rows)
    }

    fn entries(
        &self,
        rows: Vec<(Bytes, Option<Bytes>)>,
    ) -> Result<VecDeque<(ListPosition, Listing)>, StoreError> {
        let mut entries = VecDeque::with_capacity(rows.len());
        for (place, cell) in rows {
            let Some(cell) = cell else { continue };
            let shown = Shown::decode(&cell).map_err(|error| self.damaged(&error))?;
            if self.status.is_some_and(|wanted| wanted != shown.status()) {
                continue;
            }
            let (started_at, execution) =
                keys::parse_at(&place).ok_or_else(|| self.damaged(&"a bad place"))?;
            entries.push_back((ListPosition { started_at, execution }, shown.listing));
        }
        Ok(entries)
    }
}
