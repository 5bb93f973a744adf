//! Tells everybody who owns the shard, once its first batch is committed.
//!
//! The `shards` topic keeps the last record of a shard and not that of the highest epoch. So an
//! owner that sees a late record of an earlier one in the place of its own announces itself again.

use std::sync::Arc;
use std::time::Duration;

use flowmill_log::{Log, Partition, Record, Topic};
use flowmill_model::envelope;
use flowmill_model::shard::{FORMAT_LEVEL, ShardAnnouncement};
use flowmill_routing::{Announced, Directory};

use super::serving::Serving;

/// Pause before an announcement that was not acknowledged is made again.
const AGAIN: Duration = Duration::from_millis(200);

impl Serving {
    /// Announces this owner, and again whenever that is needed, as long as the term lasts.
    pub(super) fn announce(&mut self) {
        let announcer = Announcer {
            log: Arc::clone(&self.shared.log),
            directory: self.shared.directory.clone(),
            announcement: ShardAnnouncement {
                shard: self.id,
                epoch: self.judge.epoch(),
                mark_found: self.mark_found,
                node: self.shared.settings.node.clone(),
                address: self.shared.settings.address.clone(),
                format: FORMAT_LEVEL,
            },
        };
        self.background.push(flowmill_runtime::spawn("announcer", announcer.run()));
    }
}

struct Announcer {
    log: Arc<dyn Log>,
    directory: Directory,
    announcement: ShardAnnouncement,
}

impl Announcer {
    async fn run(mut self) {
        loop {
            self.append().await;
            self.overwritten().await;
        }
    }

    async fn append(&self) {
        let shards = Partition::new(Topic::Shards, 0);
        let value = envelope::encode(&self.announcement);
        let record = Record::keyed(self.announcement.key(), value);
        while let Err(error) = self.log.append(&shards, record.clone()).await {
            tracing::warn!(shard = %self.announcement.shard, %error, "an announcement is repeated");
            tokio::time::sleep(AGAIN).await;
        }
    }

    /// Waits until a late record of an earlier owner has taken the announcement's place.
    async fn overwritten(&mut self) {
        let (shard, own) = (self.announcement.shard, self.announcement.epoch);
        let hidden = |known: Announced| known.latest.epoch == own && known.last_epoch < own;
        while !self.directory.get(shard).is_some_and(hidden) {
            self.directory.changed().await;
        }
    }
}
