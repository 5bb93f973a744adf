//! How an owner that commits nothing learns that another one has claimed the shard.
//!
//! An owner that commits finds out by where its append lands. One at rest has two sources: the other
//! one's announcement, and, for a claim whose owner died before it announced itself, a look at the
//! end of history now and then. Reading history as it grows would tell the same and have the log send
//! every batch back to who wrote it.
//!
//! **Invariant:** nothing depends on this for safety; see [`validity`](crate::validity).

use std::num::NonZeroUsize;
use std::sync::Arc;

use flowmill_log::{Log, Partition, ReadError, ReadLimit, Topic};
use flowmill_model::history::HistoryRecord;
use flowmill_model::{Epoch, Offset, limits};
use flowmill_runtime::spawn;

use super::ShardMessage;
use super::serving::Serving;

/// Records taken in one read.
const READ: ReadLimit =
    ReadLimit { records: NonZeroUsize::new(256).expect("not zero"), bytes: limits::RECORD_BYTES };

impl Serving {
    /// Listens for the announcement of a later owner, as long as the term lasts.
    pub(super) fn watch_claims(&mut self) {
        let (me, incarnation) = (self.me.clone(), self.incarnation);
        let (shard, epoch) = (self.id, self.judge.epoch());
        let mut directory = self.shared.directory.clone();
        self.background.push(spawn("claim watch", async move {
            while directory.get(shard).is_none_or(|known| known.latest.epoch <= epoch) {
                directory.changed().await;
            }
            drop(me.cast(ShardMessage::ForeignClaim(incarnation)));
        }));
    }

    /// Looks for a claim behind what was judged, if nothing was committed since the last look.
    pub(super) fn look_at_history(&mut self) {
        let next = self.judge.next();
        let rested = std::mem::replace(&mut self.looked_at, next) == next;
        if !rested || self.open.is_some() {
            return;
        }
        let history = Partition::of_shard(Topic::History, self.id);
        let (log, epoch) = (Arc::clone(&self.shared.log), self.judge.epoch());
        let (me, incarnation, shard) = (self.me.clone(), self.incarnation, self.id);
        spawn("look at history", async move {
            match is_claimed(log.as_ref(), &history, next, epoch).await {
                Ok(true) => drop(me.cast(ShardMessage::ForeignClaim(incarnation))),
                Ok(false) => {}
                // What cannot be seen now is seen at the next look.
                Err(error) => tracing::debug!(%shard, %error, "history cannot be looked at"),
            }
        });
    }
}

/// Whether there is a claim of a later epoch at or behind `from`.
async fn is_claimed(
    log: &dyn Log,
    history: &Partition,
    from: Offset,
    epoch: Epoch,
) -> Result<bool, ReadError> {
    let end = log.bounds(history).await?.end;
    if end <= from {
        return Ok(false);
    }
    let mut reader = log.reader(history, from);
    while reader.position() < end {
        let later = |value: &[u8]| HistoryRecord::claim_of(value).is_some_and(|of| of > epoch);
        if reader.read(READ).await?.iter().any(|fetched| later(&fetched.record.value)) {
            return Ok(true);
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use flowmill_log::{MemoryLog, Record, Retention, Survival, TopicSpec};
    use flowmill_model::ShardId;
    use flowmill_model::history::{Claim, LogIdentity};

    use super::*;

    #[tokio::test]
    async fn a_claim_behind_what_was_judged_is_found() {
        let log = MemoryLog::new();
        let (topic, retention) = (Topic::History, Retention::UntilTrimmed);
        let spec = TopicSpec { topic, partitions: 1, retention, survival: Survival::Durable };
        log.ensure(spec).await.unwrap();
        let history = Partition::of_shard(Topic::History, ShardId::new(0));
        let claim = |epoch| {
            let (node, log) = ("n".to_owned(), LogIdentity::default());
            let claim = Claim { epoch: Epoch::new(epoch), node, nonce: 1, log };
            Bytes::from(HistoryRecord::Claim(claim).encode())
        };
        for bytes in [claim(1), Bytes::from_static(b"a batch"), claim(3)] {
            log.append(&history, Record::of(bytes)).await.unwrap();
        }
        let check = async |from, epoch, expect| {
            let found = is_claimed(&log, &history, Offset::new(from), Epoch::new(epoch)).await;
            assert_eq!(found.unwrap(), expect, "from {from}, epoch {epoch}");
        };
        check(0, 2, true).await;
        check(2, 2, true).await;
        check(0, 3, false).await;
        check(3, 1, false).await;
    }
}
