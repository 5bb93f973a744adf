//! One partition's records on their way to their ends.
//!
//! The consumer's thread puts records in and looks how many there are; a task works through them,
//! many at once, and says up to where all are done. The bound is kept by who puts in, so nothing
//! ever waits here for room.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};

use flowmill_model::limits;
use flowmill_runtime::spawn_on;
use futures::StreamExt;
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::record::TriggerRecord;
use super::starting::Starter;

/// A partition that is being read. Dropping it ends its work; what is not done then is read again
/// by whoever has the partition next.
pub(super) struct Work {
    records: mpsc::UnboundedSender<TriggerRecord>,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

/// What the thread and the task both know.
struct Shared {
    /// Every record below it is done.
    done: AtomicI64,
    records: AtomicUsize,
    bytes: AtomicUsize,
}

impl Work {
    /// Begins with the record at `start`.
    pub(super) fn begin(runtime: &Handle, starter: Starter, start: i64) -> Self {
        let (records, queue) = mpsc::unbounded_channel();
        let shared = Arc::new(Shared {
            done: AtomicI64::new(start),
            records: AtomicUsize::new(0),
            bytes: AtomicUsize::new(0),
        });
        let work = work(queue, starter, Arc::clone(&shared));
        Self { records, shared, task: spawn_on(runtime, "trigger partition", work) }
    }

    /// Takes a record.
    pub(super) fn put(&self, record: TriggerRecord) {
        self.shared.records.fetch_add(1, Ordering::AcqRel);
        self.shared.bytes.fetch_add(record.bytes(), Ordering::AcqRel);
        // The task ends only with this value, or when its runtime does.
        drop(self.records.send(record));
    }

    /// The position to commit: everything below it is done.
    pub(super) fn done(&self) -> i64 {
        self.shared.done.load(Ordering::Acquire)
    }

    /// Whether no more records should be put in.
    pub(super) fn is_full(&self) -> bool {
        self.holds(limits::TRIGGER_RECORDS, limits::TRIGGER_BYTES)
    }

    /// Whether there is room for a good number again.
    pub(super) fn has_room(&self) -> bool {
        !self.holds(limits::TRIGGER_RECORDS / 2, limits::TRIGGER_BYTES / 2)
    }

    fn holds(&self, records: usize, bytes: usize) -> bool {
        self.shared.records.load(Ordering::Acquire) >= records
            || self.shared.bytes.load(Ordering::Acquire) >= bytes
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn work(
    mut queue: mpsc::UnboundedReceiver<TriggerRecord>,
    starter: Starter,
    shared: Arc<Shared>,
) {
    let records = futures::stream::poll_fn(move |context| queue.poll_recv(context));
    let ends = records.map(|record| {
        let starter = starter.clone();
        async move {
            starter.settle(&record).await;
            record
        }
    });
    // In order, so that what is done is everything below a position.
    let mut ends = std::pin::pin!(ends.buffered(limits::TRIGGER_STARTS));
    while let Some(record) = ends.next().await {
        shared.done.store(record.place.offset.saturating_add(1), Ordering::Release);
        shared.records.fetch_sub(1, Ordering::AcqRel);
        shared.bytes.fetch_sub(record.bytes(), Ordering::AcqRel);
    }
}
