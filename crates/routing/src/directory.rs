//! Who owns which shard, as the `shards` topic tells everybody.
//!
//! A [`Directory`] tails the topic from its start and answers from memory. **Invariant:** what it
//! says of a shard never falls back to a lower epoch. It is a hint of where to ask and says
//! nothing about who may commit.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use flowmill_log::{Bounds, Log, Partition, ReadError, ReadLimit, Reader, Topic};
use flowmill_model::shard::ShardAnnouncement;
use flowmill_model::{Epoch, Offset, ShardId, envelope};
use parking_lot::RwLock;
use tokio::sync::watch;

/// Records taken in one read.
const READ: ReadLimit =
    ReadLimit { records: NonZeroUsize::new(256).expect("not zero"), bytes: 1024 * 1024 };

/// Pause before a topic that could not be read is tried again.
const AGAIN: Duration = Duration::from_millis(500);

/// What is known of a shard's owner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Announced {
    /// The announcement of the highest epoch.
    pub latest: Arc<ShardAnnouncement>,
    /// The epoch of the last record in the topic. Below that of `latest`, a late record has taken
    /// its place, and the owner must announce itself again.
    pub last_epoch: Epoch,
}

/// The owners of shards. Cheap to clone; all clones see the same.
#[derive(Clone, Debug)]
pub struct Directory {
    shards: Arc<RwLock<BTreeMap<ShardId, Announced>>>,
    progress: watch::Receiver<Offset>,
}

impl Directory {
    /// Starts to follow the `shards` topic of `log`, in a task of the current runtime that ends
    /// when the last clone is dropped.
    pub fn follow(log: &Arc<dyn Log>) -> Self {
        let (sender, progress) = watch::channel(Offset::new(0));
        let shards = Arc::new(RwLock::new(BTreeMap::new()));
        let tail = Tail { log: Arc::clone(log), shards: Arc::clone(&shards), progress: sender };
        flowmill_runtime::spawn("shard directory", tail.run());
        Self { shards, progress }
    }

    /// What is known of a shard's owner; `None` when nobody has announced itself.
    pub fn get(&self, shard: ShardId) -> Option<Announced> {
        self.shards.read().get(&shard).cloned()
    }

    /// Every shard with an announced owner.
    pub fn all(&self) -> BTreeMap<ShardId, Announced> {
        self.shards.read().clone()
    }

    /// Waits until anything new has been read.
    pub async fn changed(&mut self) {
        // An ended reader never changes again; waiting for ever is the right answer then.
        if self.progress.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Waits until everything that is in the topic now has been read.
    ///
    /// # Errors
    /// When the end of the topic cannot be found out.
    pub async fn caught_up(&self, log: &Arc<dyn Log>) -> Result<(), ReadError> {
        let Bounds { end, .. } = log.bounds(&shards_topic()).await?;
        let mut progress = self.progress.clone();
        let reached = progress.wait_for(|next| *next >= end).await;
        reached.map(drop).map_err(|_| ReadError::Closed("the reader ended".into()))
    }
}

fn shards_topic() -> Partition {
    Partition::new(Topic::Shards, 0)
}

struct Tail {
    log: Arc<dyn Log>,
    shards: Arc<RwLock<BTreeMap<ShardId, Announced>>>,
    progress: watch::Sender<Offset>,
}

impl Tail {
    async fn run(self) {
        while !self.progress.is_closed() {
            if let Err(error) = self.read_on().await {
                tracing::warn!(%error, "the owners of shards cannot be read for now");
                tokio::time::sleep(AGAIN).await;
            }
        }
    }

    /// Reads from the topic's start until that fails or nobody listens any more.
    async fn read_on(&self) -> Result<(), ReadError> {
        let start = self.log.bounds(&shards_topic()).await?.start;
        let mut reader: Box<dyn Reader> = self.log.reader(&shards_topic(), start);
        self.progress.send_replace(reader.position());
        loop {
            let records = tokio::select! {
                biased;
                () = self.progress.closed() => return Ok(()),
                records = reader.read(READ) => records?,
            };
            records.iter().for_each(|fetched| self.take(fetched.offset, &fetched.record.value));
            self.progress.send_replace(reader.position());
        }
    }

    /// An announcement that cannot be read is an alarm but no obstacle: others still hold.
    fn take(&self, offset: Offset, bytes: &[u8]) {
        match envelope::decode::<ShardAnnouncement>(bytes) {
            Ok(announcement) => note(&mut self.shards.write(), announcement),
            Err(error) => {
                let (partition, build) = (shards_topic(), env!("CARGO_PKG_VERSION"));
                tracing::error!(%partition, %offset, build, %error, "a record cannot be read");
            }
        }
    }
}

fn note(shards: &mut BTreeMap<ShardId, Announced>, announcement: ShardAnnouncement) {
    let epoch = announcement.epoch;
    let known = shards.get(&announcement.shard).map(|known| Arc::clone(&known.latest));
    let latest =
        known.filter(|known| known.epoch > epoch).unwrap_or_else(|| Arc::new(announcement.clone()));
    shards.insert(announcement.shard, Announced { latest, last_epoch: epoch });
}

#[cfg(test)]
mod tests {
    use flowmill_log::{MemoryLog, Record, Retention, Survival, TopicSpec};
    use flowmill_model::BatchNumber;

    use super::*;

    async fn log() -> Arc<dyn Log> {
        let log = MemoryLog::new();
        let spec = TopicSpec {
            topic: Topic::Shards,
            partitions: 1,
            retention: Retention::Compacted,
            survival: Survival::Derivable,
        };
        log.ensure(spec).await.unwrap();
        Arc::new(log)
    }

    async fn announce(log: &Arc<dyn Log>, shard: u16, epoch: u64) {
        let announcement = ShardAnnouncement {
            shard: ShardId::new(shard),
            epoch: Epoch::new(epoch),
            mark_found: BatchNumber::new(0),
            node: format!("node-{epoch}"),
            address: None,
            format: 1,
        };
        let record = Record::keyed(announcement.key(), envelope::encode(&announcement));
        log.append(&shards_topic(), record).await.unwrap();
    }

    #[tokio::test]
    async fn a_lower_epoch_never_replaces_a_higher_one_and_is_noticed() {
        let log = log().await;
        let directory = Directory::follow(&log);
        for (shard, epoch) in [(1, 4), (2, 9), (1, 5), (1, 3)] {
            announce(&log, shard, epoch).await;
            // Before a later record takes its place in the topic.
            directory.caught_up(&log).await.unwrap();
        }
        let known = directory.get(ShardId::new(1)).unwrap();
        assert_eq!((known.latest.epoch, known.last_epoch), (Epoch::new(5), Epoch::new(3)));
        assert_eq!(known.latest.node, "node-5");
        assert_eq!(directory.all().len(), 2);
        assert_eq!(directory.get(ShardId::new(7)), None);
    }

    #[tokio::test]
    async fn bytes_that_are_no_announcement_hold_up_nobody() {
        let log = log().await;
        log.append(&shards_topic(), Record::keyed("x", "rubbish")).await.unwrap();
        announce(&log, 1, 1).await;
        let directory = Directory::follow(&log);
        directory.caught_up(&log).await.unwrap();
        assert!(directory.get(ShardId::new(1)).is_some());
    }
}
