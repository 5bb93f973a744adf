//! Reads rows of history from table `executions`.
//!
//! Rows may overlap, and one may lie within another. The first row wanted is looked for
//! backwards from the sequence asked for; from it on, rows are read forwards and those left out
//! that bring nothing new.

use bytes::Bytes;
use flowmill_model::{ExecutionId, Sequence};
use scylla::response::PagingState;

use super::client::Client;
use super::request::Value;
use super::statements::Statement;
use super::{cells, executions, failure, keys};
use crate::contract::StoreError;
use crate::row::HistoryRow;

/// Rows read in one go.
const ROWS: usize = 100;

/// What [`Store::history`](crate::Store::history) answers.
pub(super) async fn read(
    client: &Client,
    id: ExecutionId,
    from: Sequence,
    limit: usize,
) -> Result<Vec<HistoryRow>, StoreError> {
    let Some(shown) = executions::shown(client, id).await? else { return Ok(Vec::new()) };
    if limit == 0 || from >= shown.sequence {
        return Ok(Vec::new());
    }
    let first = first_row(client, id, from).await?.unwrap_or(from);
    let mut reading = Reading { client, id, from, covered: from, limit, rows: Vec::new() };
    let (mut bucket, last) = (keys::bucket_of(first), keys::last_bucket(shown.sequence));
    let mut place = Bytes::copy_from_slice(&keys::events_from(first));
    while bucket <= last && reading.rows.len() < limit {
        match reading.take(bucket, &place).await? {
            Some(next) => place = next,
            None => {
                bucket += 1;
                place = Bytes::new();
            }
        }
    }
    Ok(reading.rows)
}

/// The first event of the latest row that begins at or before `from` and ends after it.
async fn first_row(
    client: &Client,
    id: ExecutionId,
    from: Sequence,
) -> Result<Option<Sequence>, StoreError> {
    for bucket in (0..=keys::bucket_of(from)).rev() {
        let values = [
            keys::execution(id),
            Value::Int(bucket),
            Value::bytes(&keys::events_from(Sequence::new(0))),
            Value::bytes(&keys::events(from, 0)),
        ];
        let mut page = Some(PagingState::start());
        while let Some(at) = page {
            let (rows, next) = client.page(Statement::GetPlacesDown, &values, at).await?;
            let places = rows.rows::<(&[u8],)>().map_err(|error| damaged(id, &error))?;
            for place in places {
                let (place,) = place.map_err(|error| damaged(id, &error))?;
                let row = keys::parse_events(place).ok_or_else(|| damaged(id, &"a bad place"))?;
                if row.end() > from {
                    return Ok(Some(row.first));
                }
            }
            page = next;
        }
    }
    Ok(None)
}

fn damaged(id: ExecutionId, why: &dyn std::fmt::Display) -> StoreError {
    failure::row("executions", id, why)
}

/// Rows being gathered.
struct Reading<'c> {
    client: &'c Client,
    id: ExecutionId,
    from: Sequence,
    /// Events before this are in `rows`, or were not asked for.
    covered: Sequence,
    limit: usize,
    rows: Vec<HistoryRow>,
}

impl Reading<'_> {
    /// Takes rows of a bucket from `place` on; answers where to go on, `None` at its end.
    async fn take(&mut self, bucket: i32, place: &Bytes) -> Result<Option<Bytes>, StoreError> {
        let values = vec![
            keys::execution(self.id),
            Value::Int(bucket),
            Value::Blob(place.clone()),
            Value::bytes(&keys::TIMERS_SET_FROM),
            Value::Int(ROWS as i32),
        ];
        let found = self.client.rows(Statement::GetEvents, values).await?;
        let id = self.id;
        let rows = found.rows::<(&[u8], &[u8])>().map_err(|error| damaged(id, &error))?;
        let (mut count, mut last) = (0, Vec::new());
        for row in rows {
            let (place, cell) = row.map_err(|error| damaged(id, &error))?;
            count += 1;
            last = place.to_vec();
            self.add(place, cell).await?;
            if self.rows.len() > self.limit {
                break;
            }
        }
        self.rows.truncate(self.limit);
        // The next place in the order of bytes.
        last.push(0);
        Ok((count == ROWS).then(|| last.into()))
    }

    async fn add(&mut self, place: &[u8], cell: &[u8]) -> Result<(), StoreError> {
        let id = self.id;
        let mut row = keys::parse_events(place).ok_or_else(|| damaged(id, &"a bad place"))?;
        if row.end() <= self.covered {
            return Ok(());
        }
        row.blob = self.events(place, cell).await?;
        self.covered = row.end();
        if row.first <= self.from {
            self.rows.clear();
        }
        self.rows.push(row);
        Ok(())
    }

    async fn events(&self, place: &[u8], cell: &[u8]) -> Result<Bytes, StoreError> {
        match cells::events(cell).map_err(|error| damaged(self.id, &error))? {
            Ok(inline) => Ok(Bytes::copy_from_slice(inline)),
            Err((version, count)) => {
                let count = usize::try_from(count).unwrap_or(usize::MAX);
                let whole =
                    executions::parts(self.client, self.id, place, (version, count)).await?;
                whole.ok_or_else(|| {
                    let id = self.id;
                    StoreError::Unavailable(format!("parts of the history of {id} are missing"))
                })
            }
        }
    }
}
