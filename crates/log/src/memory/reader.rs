//! Reading a partition of a memory log.

use std::future::pending;
use std::sync::Arc;

use flowmill_model::Offset;
use futures::FutureExt;
use futures::future::BoxFuture;

use super::Session;
use super::records::Found;
use crate::contract::{Fetched, ReadError, ReadLimit, Reader};
use crate::topic::Partition;

pub(super) struct MemoryReader {
    session: Arc<Session>,
    partition: Partition,
    position: Offset,
}

impl MemoryReader {
    pub(super) fn new(session: &Arc<Session>, of: &Partition, from: Offset) -> Self {
        Self { session: Arc::clone(session), partition: of.clone(), position: from }
    }

    async fn next(&mut self, limit: ReadLimit) -> Result<Vec<Fetched>, ReadError> {
        loop {
            if self.session.has_crashed() {
                pending::<()>().await;
            }
            let found =
                self.session.shared.records.lock().read(&self.partition, self.position, limit)?;
            match found {
                Found::Records(records) => {
                    let last = records.last().map_or(self.position, |last| last.offset.next());
                    self.position = last;
                    return Ok(records);
                }
                Found::Nothing(change) => change.await,
            }
        }
    }
}

impl Reader for MemoryReader {
    fn read(&mut self, limit: ReadLimit) -> BoxFuture<'_, Result<Vec<Fetched>, ReadError>> {
        self.next(limit).boxed()
    }

    fn position(&self) -> Offset {
        self.position
    }
}
