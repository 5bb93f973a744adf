//! Disks without room.

use tokio::task::block_in_place;
use tokio::time::sleep;

use super::{Strike, Torment};

impl Torment<'_> {
    /// The disk of the broker or of the store is full for a while. Both end, or stop serving, when
    /// they cannot write; whoever makes room starts them again.
    pub(super) async fn disk_is_full(&mut self) -> anyhow::Result<Strike> {
        let world = &mut *self.world;
        let (of_kafka, lasts) = (world.below(2) == 0, world.between(5, 20));
        let disk = if of_kafka { &world.disks()?.kafka } else { &world.disks()?.cql };
        let bytes = block_in_place(|| disk.fill())?;
        sleep(lasts).await;
        disk.clear()?;
        block_in_place(|| match of_kafka {
            true => world.kafka.kill(0).and_then(|()| world.kafka.restart(0)),
            false => world.cql.kill(0).and_then(|()| world.cql.restart(0)),
        })?;
        let (whose, lasts) = (if of_kafka { "broker" } else { "store" }, lasts.as_secs_f64());
        let megabytes = bytes >> 20;
        Ok(Strike::of(format!(
            "the disk of the {whose} is full for {lasts:.1} s, by {megabytes} MiB, and it is restarted"
        )))
    }
}
