//! One reader: finds where its partition begins, has it fetched, and gives what comes.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;

use flowmill_model::Offset;
use futures::FutureExt;
use futures::channel::oneshot;
use futures::future::BoxFuture;

use super::queue::{Queue, Taken};
use super::{Lanes, Place};
use crate::contract::{Bounds, Fetched, ReadError, ReadLimit, Reader};
use crate::kafka::queries::BoundsAnswer;
use crate::topic::Partition;

/// Reads a partition. Nothing is fetched before its first read.
pub(in crate::kafka) struct KafkaReader {
    lanes: Lanes,
    partition: Partition,
    position: Offset,
    state: State,
}

enum State {
    /// Nothing is under way.
    Idle,
    /// It is asked where the partition begins and ends.
    Asking(oneshot::Receiver<BoundsAnswer>),
    /// The partition is fetched. The place comes first: it ends before the queue.
    Fetching { place: Place, queue: Arc<Queue> },
}

impl KafkaReader {
    pub(super) fn new(lanes: Lanes, partition: Partition, position: Offset) -> Self {
        Self { lanes, partition, position, state: State::Idle }
    }

    /// Loses nothing when it is dropped: what is under way is kept in the reader.
    async fn next(&mut self, limit: ReadLimit) -> Result<Vec<Fetched>, ReadError> {
        loop {
            match &mut self.state {
                State::Idle => {
                    self.state = State::Asking(self.lanes.0.queries.bounds(&self.partition));
                }
                State::Asking(answer) => {
                    let answered = answer.await;
                    self.state = State::Idle;
                    let closed = |_| ReadError::Closed("nobody asks the brokers".to_owned());
                    self.fetch(answered.map_err(closed)??)?;
                }
                State::Fetching { place, queue } => {
                    let taken = poll_fn(|context| match queue.take(limit, context) {
                        Taken::Nothing => Poll::Pending,
                        taken @ (Taken::Records { .. } | Taken::Interrupted) => Poll::Ready(taken),
                    });
                    match taken.await {
                        Taken::Records { records, resume } => {
                            if resume {
                                place.resume();
                            }
                            let next = records.last().map(|last| last.offset.next());
                            self.position = next.unwrap_or(self.position);
                            return Ok(records);
                        }
                        Taken::Nothing | Taken::Interrupted => self.state = State::Idle,
                    }
                }
            }
        }
    }

    /// Begins to fetch, from the end if the position is beyond it: a fetch there would fail.
    fn fetch(&mut self, bounds: Bounds) -> Result<(), ReadError> {
        let Bounds { start, end } = bounds;
        if self.position < start {
            return Err(ReadError::OutOfRange { start });
        }
        let queue = Arc::new(Queue::new(self.position));
        let place = self.lanes.attach(&self.partition, self.position.min(end), &queue);
        let place = place.map_err(|error| ReadError::Closed(error.to_string()))?;
        self.state = State::Fetching { place, queue };
        Ok(())
    }
}

impl Reader for KafkaReader {
    fn read(&mut self, limit: ReadLimit) -> BoxFuture<'_, Result<Vec<Fetched>, ReadError>> {
        self.next(limit).boxed()
    }

    fn position(&self) -> Offset {
        self.position
    }
}
