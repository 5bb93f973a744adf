//! Records of the `shards` topic: who owns which shard, told to everybody.
//!
//! An announcement is a hint: where to ask, and which tasks were certainly sent again. What makes
//! a node the owner stands in history. The topic is compacted by shard, which keeps the last
//! record and not the highest, so a reader ignores an epoch below one it has seen.

use bincode::{Decode, Encode};
use bytes::Bytes;

use crate::ids::{BatchNumber, Epoch, ShardId};

/// The format of the records that this build writes; a member announces it, so that a newer build
/// knows what every live member can read.
pub const FORMAT_LEVEL: u32 = 1;

/// One record of `shards` (key: the shard).
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct ShardAnnouncement {
    /// The shard.
    pub shard: ShardId,
    /// The epoch of the owner's valid claim.
    pub epoch: Epoch,
    /// The dispatched mark that the claim found: what is above it, the owner sends again.
    pub mark_found: BatchNumber,
    /// The owner's name, as its claim has it.
    pub node: String,
    /// Where the owner answers other nodes, `http://HOST:PORT`; nothing in one process.
    pub address: Option<String>,
    /// The highest format of records that the owner reads.
    pub format: u32,
}

crate::framed! { ShardAnnouncement = 14, 1; }

impl ShardAnnouncement {
    /// The key under which the record replaces earlier ones of its shard.
    pub fn key(&self) -> Bytes {
        Bytes::copy_from_slice(&self.shard.get().to_be_bytes())
    }

    /// Whether a task of `batch`, sent under `epoch`, is a superseded owner's late sending of what
    /// this owner has sent again. An old epoch alone proves nothing: that can be the only copy.
    pub fn supersedes(&self, epoch: Epoch, batch: BatchNumber) -> bool {
        self.epoch > epoch && self.mark_found < batch
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::envelope;

    fn announcement() -> ShardAnnouncement {
        ShardAnnouncement {
            shard: ShardId::new(3),
            epoch: Epoch::new(7),
            mark_found: BatchNumber::new(40),
            node: "node-1".to_owned(),
            address: Some("http://127.0.0.1:1".to_owned()),
            format: FORMAT_LEVEL,
        }
    }

    #[test]
    fn an_announcement_survives_its_bytes() {
        let bytes = envelope::encode(&announcement());
        assert_eq!(envelope::decode::<ShardAnnouncement>(&bytes).expect("decodes"), announcement());
    }

    #[test]
    fn the_bytes_of_an_announcement_do_not_change() {
        let mut expected = vec![14, 1, 31, 3, 7, 40, 6];
        expected.extend(b"node-1\x01\x12http://127.0.0.1:1\x01");
        assert_eq!(envelope::encode(&announcement()), expected);
    }

    #[test]
    fn only_what_was_sent_again_is_superseded() {
        let check = |epoch, batch, expect| {
            let found = announcement().supersedes(Epoch::new(epoch), BatchNumber::new(batch));
            assert_eq!(found, expect, "epoch {epoch}, batch {batch}");
        };
        check(6, 41, true);
        check(6, 40, false);
        check(7, 41, false);
        check(8, 41, false);
    }
}
