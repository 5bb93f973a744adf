//! Serves one queue: shares its partitions with the other members of its group and says how far
//! they were worked off. What is handed over in good order is committed as far as it was picked
//! up: this worker ends it.

use std::collections::BTreeMap;
use std::sync::Arc;

use flowmill_log::{Log, Member, Partition, ReadError, Topic, worker_group};
use flowmill_model::{Offset, limits};
use flowmill_routing::Directory;
use flowmill_runtime::spawn;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::partition::PartitionReader;
use crate::progress::Progress;
use crate::slots::{Slots, Source};

/// Serves one queue.
pub(crate) struct QueueServer {
    pub(crate) log: Arc<dyn Log>,
    pub(crate) slots: Arc<Slots>,
    pub(crate) source: Source,
    /// Which owners have announced themselves.
    pub(crate) directory: Directory,
}

/// A partition that is read. Reading ends when this is dropped.
struct Reading {
    progress: Arc<Progress>,
    task: JoinHandle<()>,
}

impl Drop for Reading {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Reading {
    /// Ends the reading; once this answers, nothing more is picked up.
    async fn end(mut self) -> Arc<Progress> {
        self.task.abort();
        // It ends as aborted, or by itself just before; both are fine.
        drop((&mut self.task).await);
        Arc::clone(&self.progress)
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
            let picked_up = reading.end().await.picked_up();
            commit(&*member, number, picked_up);
        }
        served
    }

    async fn serve_as(
        &self,
        member: &mut dyn Member,
        readings: &mut BTreeMap<u16, Reading>,
        stop: &CancellationToken,
    ) -> Result<(), ReadError> {
        let moved = Arc::new(Notify::new());
        let mut commit_at = None;
        let mut next_commit = Instant::now();
        loop {
            let by_time = || readings.values().filter_map(|r| r.progress.moves_at()).min();
            let wake = commit_at.or_else(by_time);
            tokio::select! {
                biased;
                () = stop.cancelled() => return Ok(()),
                assigned = member.assigned() => {
                    self.reassign(member, readings, &assigned?, &moved).await;
                }
                () = sleep_until(wake.unwrap_or(next_commit)), if wake.is_some() => {
                    commit_at = None;
                    next_commit = Instant::now() + limits::PICK_UP_DELAY;
                    for (&number, reading) in &*readings {
                        commit(member, number, reading.progress.done());
                    }
                }
                () = moved.notified(), if commit_at.is_none() => {
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
        moved: &Arc<Notify>,
    ) {
        let gone: Vec<_> =
            readings.extract_if(.., |number, _| !assigned.contains(number)).collect();
        for (number, reading) in gone {
            let picked_up = reading.end().await.picked_up();
            commit(member, number, picked_up);
        }
        for &number in assigned {
            readings.entry(number).or_insert_with(|| self.read(number, moved));
        }
        tracing::info!(queue = %self.source.queue, partitions = ?assigned, "serves a queue");
    }

    fn read(&self, number: u16, moved: &Arc<Notify>) -> Reading {
        let topic = Topic::Tasks(self.source.queue.clone());
        let progress = Arc::new(Progress::new(self.log.survival(&topic), Arc::clone(moved)));
        let reader = PartitionReader {
            log: Arc::clone(&self.log),
            slots: Arc::clone(&self.slots),
            source: self.source.clone(),
            directory: self.directory.clone(),
            partition: Partition::new(topic, number),
            progress: Arc::clone(&progress),
        };
        Reading { progress, task: spawn("task reader", reader.run()) }
    }
}

fn commit(member: &dyn Member, number: u16, next: Option<Offset>) {
    if let Some(next) = next {
        member.commit(number, next);
    }
}
