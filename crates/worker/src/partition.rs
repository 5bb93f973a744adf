//! Reads one partition of a queue and begins its tasks in order.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use flowmill_events::{ContractError, decode_task};
use flowmill_log::{Fetched, Log, Partition, ReadError, ReadLimit, worker_group};
use flowmill_model::task::TaskRecord;
use flowmill_model::{Offset, limits};
use flowmill_routing::Directory;
use tokio::time::sleep;

use crate::progress::Progress;
use crate::slots::{Place, Slots, Source};

/// Records taken in one read.
const READ: ReadLimit =
    ReadLimit { records: NonZeroUsize::new(256).expect("not zero"), bytes: limits::RECORD_BYTES };

/// Pause before a partition that could not be read is tried again.
const AGAIN: Duration = Duration::from_secs(1);

/// Reads one partition.
pub(crate) struct PartitionReader {
    pub(crate) log: Arc<dyn Log>,
    pub(crate) slots: Arc<Slots>,
    pub(crate) source: Source,
    /// Which owners have announced themselves.
    pub(crate) directory: Directory,
    pub(crate) partition: Partition,
    pub(crate) progress: Arc<Progress>,
}

/// Why reading ended.
#[derive(Debug, thiserror::Error)]
enum Stopped {
    #[error("the partition cannot be read")]
    Read(#[from] ReadError),
    #[error("the record at offset {offset} is of a newer format than this build reads")]
    NewerFormat { offset: Offset, source: ContractError },
}

impl PartitionReader {
    /// Reads for ever, or until a record of a newer format: passing over that one would lose a
    /// task, and so would a guess. Stops cleanly wherever it is dropped.
    pub(crate) async fn run(self) {
        loop {
            let error = match self.read_on().await {
                Stopped::Read(error) => error,
                newer @ Stopped::NewerFormat { .. } => {
                    self.source.counters.stopped.add();
                    let (partition, error) = (&self.partition, &newer as &dyn std::error::Error);
                    tracing::error!(
                        %partition,
                        error,
                        "tasks are not read any more; run a worker of the newer version"
                    );
                    return;
                }
            };
            tracing::warn!(%error, partition = %self.partition, "tasks cannot be read for now");
            sleep(AGAIN).await;
        }
    }

    async fn read_on(&self) -> Stopped {
        let mut from = match self.start().await {
            Ok(offset) => offset,
            Err(error) => return error.into(),
        };
        loop {
            let stopped = self.read_from(from).await;
            // What is below was picked up by every group or is out of its time; the owner of a
            // task that nobody picked up sends it again.
            let Stopped::Read(ReadError::OutOfRange { start }) = stopped else { return stopped };
            from = start;
        }
    }

    /// Where the group, or this reader before it stumbled, has got to.
    async fn start(&self) -> Result<Offset, ReadError> {
        let group = worker_group(&self.source.queue);
        let committed = self.log.committed(&group, &self.partition).await?;
        let first = match committed {
            Some(offset) => offset,
            None => self.log.bounds(&self.partition).await?.start,
        };
        Ok(first.max(self.progress.picked_up().unwrap_or_default()))
    }

    async fn read_from(&self, from: Offset) -> Stopped {
        let mut reader = self.log.reader(&self.partition, from);
        loop {
            let records = match reader.read(READ).await {
                Ok(records) => records,
                Err(error) => return error.into(),
            };
            for fetched in records {
                if let Err(stopped) = self.pick_up(fetched).await {
                    return stopped;
                }
            }
        }
    }

    /// Whether the task is a former owner's late sending of what a later one has sent again.
    fn is_superseded(&self, task: &TaskRecord) -> bool {
        let owner = self.directory.get(task.id.execution.shard());
        owner.is_some_and(|owner| owner.latest.supersedes(task.epoch, task.batch))
    }

    async fn pick_up(&self, fetched: Fetched) -> Result<(), Stopped> {
        let Fetched { offset, record } = fetched;
        match decode_task(&record) {
            Ok(task) if self.is_superseded(&task) => self.source.counters.superseded.add(),
            Ok(task) => {
                let slot = self.slots.free().await;
                let slot = slot.holding(self.progress.begin(offset));
                let place = Place { partition: self.partition.number, offset };
                self.slots.begin(slot, &self.source, place, task);
            }
            Err(source) if source.is_newer_format() => {
                return Err(Stopped::NewerFormat { offset, source });
            }
            Err(error) => {
                self.source.counters.undecodable.add();
                let partition = &self.partition;
                tracing::warn!(%error, %partition, %offset, "a record is no task and is passed over");
            }
        }
        self.progress.passed(offset);
        Ok(())
    }
}
