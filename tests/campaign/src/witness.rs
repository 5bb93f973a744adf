//! Reads the history of every shard from its beginning, as it grows, so that what owners let go of
//! later was seen.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use flowmill_log::{Log, Partition, ReadLimit, Topic};
use flowmill_model::{Offset, ShardId, limits};
use flowmill_runtime::spawn;
use parking_lot::Mutex;
use tokio::task::JoinHandle;
use tokio::time::sleep;

/// Records taken in one read.
const READ: ReadLimit =
    ReadLimit { records: NonZeroUsize::new(256).expect("not zero"), bytes: limits::RECORD_BYTES };

/// Pause after a read that failed.
const AGAIN: Duration = Duration::from_millis(200);

/// What was in a shard's history, in order.
pub(crate) type Records = Vec<(Offset, Bytes)>;

/// The witness, as long as it is there.
pub(crate) struct Witness {
    shards: Vec<Arc<Mutex<Records>>>,
    running: Vec<JoinHandle<()>>,
}

impl Witness {
    /// Begins with the histories of so many shards.
    pub(crate) fn watch(log: &Arc<dyn Log>, shards: u16) -> Self {
        let (mut seen, mut running) = (Vec::new(), Vec::new());
        for shard in (0..shards).map(ShardId::new) {
            let records = Arc::new(Mutex::new(Records::new()));
            seen.push(Arc::clone(&records));
            running.push(spawn("witness", read(Arc::clone(log), shard, records)));
        }
        Self { shards: seen, running }
    }

    /// What was seen of every shard, by its number.
    pub(crate) fn records(&self) -> Vec<Records> {
        self.shards.iter().map(|records| records.lock().clone()).collect()
    }

    /// How far it has read, by shard.
    pub(crate) fn positions(&self) -> Vec<u64> {
        let next = |records: &Arc<Mutex<Records>>| {
            records.lock().last().map_or(0, |(offset, _)| offset.get() + 1)
        };
        self.shards.iter().map(next).collect()
    }
}

impl Drop for Witness {
    fn drop(&mut self) {
        self.running.iter().for_each(JoinHandle::abort);
    }
}

async fn read(log: Arc<dyn Log>, shard: ShardId, records: Arc<Mutex<Records>>) {
    let history = Partition::of_shard(Topic::History, shard);
    let mut next = Offset::new(0);
    loop {
        let mut reader = log.reader(&history, next);
        while let Ok(fetched) = reader.read(READ).await {
            next = reader.position();
            let fetched = fetched.into_iter().map(|fetched| (fetched.offset, fetched.record.value));
            records.lock().extend(fetched);
        }
        sleep(AGAIN).await;
    }
}
