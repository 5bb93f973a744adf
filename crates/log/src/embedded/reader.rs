//! Reading a partition of an embedded log.

use std::sync::Arc;

use flowmill_model::Offset;
use futures::FutureExt;
use futures::future::BoxFuture;

use super::Shared;
use super::entry::record_of;
use super::index::Spot;
use super::partition::{Found, fetched};
use super::topics::Kept;
use crate::contract::{Fetched, ReadError, ReadLimit, Reader};
use crate::topic::Partition;

pub(super) struct EmbeddedReader {
    shared: Arc<Shared>,
    partition: Partition,
    /// The partition, once it was found.
    kept: Option<Kept>,
    position: Offset,
}

impl EmbeddedReader {
    pub(super) fn new(shared: &Arc<Shared>, of: &Partition, from: Offset) -> Self {
        let (shared, partition) = (Arc::clone(shared), of.clone());
        Self { shared, partition, kept: None, position: from }
    }

    async fn next(&mut self, limit: ReadLimit) -> Result<Vec<Fetched>, ReadError> {
        loop {
            let records = match self.find(limit)? {
                Found::Memory(records) => records,
                Found::Disk(spots) => from_disk(spots).await?,
                Found::Nothing(change) => {
                    // Asked for before this look: a log that closes now wakes it.
                    self.shared.check_open()?;
                    change.await;
                    continue;
                }
            };
            // Only here, after the last await, so that a dropped read moves nothing.
            self.position = records.last().map_or(self.position, |last| last.offset.next());
            return Ok(records);
        }
    }

    fn find(&mut self, limit: ReadLimit) -> Result<Found, ReadError> {
        self.shared.check_open()?;
        if self.kept.is_none() {
            self.kept = self.shared.topics.find(&self.partition);
        }
        let no_such = || ReadError::NoSuchPartition(self.partition.clone());
        self.kept.as_ref().ok_or_else(no_such)?.find(self.position, limit)
    }
}

impl Reader for EmbeddedReader {
    fn read(&mut self, limit: ReadLimit) -> BoxFuture<'_, Result<Vec<Fetched>, ReadError>> {
        self.next(limit).boxed()
    }

    fn position(&self) -> Offset {
        self.position
    }
}

async fn from_disk(spots: Vec<Spot>) -> Result<Vec<Fetched>, ReadError> {
    let read = move || spots.iter().map(read_record).collect();
    let read = tokio::task::spawn_blocking(read).await;
    read.unwrap_or_else(|_| Err(ReadError::Closed("the runtime is shutting down".to_owned())))
}

fn read_record(spot: &Spot) -> Result<Fetched, ReadError> {
    let body = spot.segment.read(spot.at, spot.bytes).map_err(ReadError::Damaged)?;
    let record = record_of(&body).map_err(|_| {
        let file = spot.segment.path.display();
        ReadError::Damaged(format!("{file} at byte {}: this is not the record", spot.at))
    })?;
    Ok(fetched(spot.offset, record))
}
