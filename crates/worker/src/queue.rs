//! Serves one queue: shares its partitions with the other members of its group and says how far
//! they were picked up.

use std::collections::BTreeMap;
use std::sync::Arc;

use flowmill_log::{Log, Member, Partition, ReadError, Topic, worker_group};
use flowmill_model::limits;
use flowmill_runtime::spawn;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::partition::{PartitionReader, PickedUp};
use crate::slots::{Slots, Source};

/// Serves one queue.
pub(crate) struct QueueServer {
    pub(crate) log: Arc<dyn Log>,
    pub(crate) slots: Arc<Slots>,
    pub(crate) source: Source,
}

/// A partition that is read. Reading ends when this is dropped.
struct Reading {
    picked_up: Arc<PickedUp>,
    task: JoinHandle<()>,
}

impl Drop for Reading {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Reading {
    /// Ends the reading; once this answers, nothing more is picked up.
    async fn end(mut self) -> Arc<PickedUp> {
        self.task.abort();
        // It ends as aborted, or by itself just before; both are fine.
        drop((&mut self.task).await);
        Arc::clone(&self.picked_up)
    }
}

impl QueueServer {
    /// Serves the queue until `stop`; then nothing more is picked up, and the group knows what
    /// was.
    pub(crate) async fn serve(self, stop: CancellationToken) -> Result<(), ReadError> {
        let topic = Topic::Tasks(self.source.queue.clone());
        let mut member = self.log.join(&worker_group(&self.source.queue), &topic);
        let mut readings = BTreeMap::new();
        let served = self.serve_as(&mut *member, &mut readings, &stop).await;
        for (number, reading) in readings {
            let picked_up = reading.end().await;
            commit(&*member, number, &picked_up);
        }
        served
    }

    async fn serve_as(
        &self,
        member: &mut dyn Member,
        readings: &mut BTreeMap<u16, Reading>,
        stop: &CancellationToken,
    ) -> Result<(), ReadError> {
        let progress = Arc::new(Notify::new());
        let mut commit_at = None;
        let mut next_commit = Instant::now();
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => return Ok(()),
                assigned = member.assigned() => {
                    self.reassign(member, readings, &assigned?, &progress).await;
                }
                () = sleep_until(commit_at.unwrap_or(next_commit)), if commit_at.is_some() => {
                    commit_at = None;
                    next_commit = Instant::now() + limits::PICK_UP_DELAY;
                    for (&number, reading) in &*readings {
                        commit(member, number, &reading.picked_up);
                    }
                }
                () = progress.notified(), if commit_at.is_none() => {
                    commit_at = Some(next_commit.max(Instant::now()));
                }
            }
        }
    }

    async fn reassign(
        &self,
        member: &mut dyn Member,
        readings: &mut BTreeMap<u16, Reading>,
        assigned: &[u16],
        progress: &Arc<Notify>,
    ) {
        let gone: Vec<_> =
            readings.extract_if(.., |number, _| !assigned.contains(number)).collect();
        for (number, reading) in gone {
            let picked_up = reading.end().await;
            commit(member, number, &picked_up);
        }
        for &number in assigned {
            readings.entry(number).or_insert_with(|| self.read(number, progress));
        }
        tracing::info!(queue = %self.source.queue, partitions = ?assigned, "serves a queue");
    }

    fn read(&self, number: u16, progress: &Arc<Notify>) -> Reading {
        let picked_up = Arc::new(PickedUp::default());
        let reader = PartitionReader {
            log: Arc::clone(&self.log),
            slots: Arc::clone(&self.slots),
            source: self.source.clone(),
            partition: Partition::new(Topic::Tasks(self.source.queue.clone()), number),
            picked_up: Arc::clone(&picked_up),
            progress: Arc::clone(progress),
        };
        Reading { picked_up, task: spawn("task reader", reader.run()) }
    }
}

fn commit(member: &dyn Member, number: u16, picked_up: &PickedUp) {
    if let Some(next) = picked_up.next() {
        member.commit(number, next);
    }
}
