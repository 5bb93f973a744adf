//! Brokers and the store that die, stand still and are slow, and everything at once.

use std::time::Duration;

use flowmill_nodes::Role;
use flowmill_rig::Proxy;
use tokio::task::block_in_place;
use tokio::time::{Instant, sleep};

use super::{Strike, Torment};

/// How long the store is away at most.
const AWAY: Duration = Duration::from_secs(600);

/// How much later a slow store answers.
const SLOW: Duration = Duration::from_millis(500);

impl Torment<'_> {
    pub(super) async fn broker_fails(&mut self) -> anyhow::Result<Strike> {
        let world = &mut *self.world;
        let node = world.below(world.kafka.nodes());
        if world.below(2) == 0 {
            world.kafka.kill(node)?;
            sleep(world.between(0, 5)).await;
            block_in_place(|| world.kafka.restart(node))?;
            return Ok(Strike::of("a broker is killed"));
        }
        let still = world.between(5, 30);
        world.kafka.pause(node)?;
        sleep(still).await;
        world.kafka.resume(node)?;
        Ok(Strike::of(format!("a broker stands still for {:.1} s", still.as_secs_f64())))
    }

    pub(super) async fn store_fails(&mut self) -> anyhow::Result<Strike> {
        match self.world.below(3) {
            _ if self.large => self.store_is_away(AWAY).await,
            0 => self.store_is_killed().await,
            1 => self.store_stands_still().await,
            _ => self.store_is_slow().await,
        }
    }

    async fn store_is_killed(&mut self) -> anyhow::Result<Strike> {
        let away = self.world.between(0, 5);
        self.store_is_away(away).await
    }

    async fn store_is_away(&mut self, lasts: Duration) -> anyhow::Result<Strike> {
        let world = &mut *self.world;
        let node = world.below(world.cql.nodes());
        world.cql.kill(node)?;
        sleep(lasts).await;
        block_in_place(|| world.cql.restart(node))?;
        let away = lasts.as_secs_f64();
        Ok(Strike::of(format!("a node of the store is killed, and back after {away:.1} s")))
    }

    async fn store_stands_still(&mut self) -> anyhow::Result<Strike> {
        let world = &mut *self.world;
        let (node, still) = (world.below(world.cql.nodes()), world.between(5, 30));
        world.cql.pause(node)?;
        sleep(still).await;
        world.cql.resume(node)?;
        let still = still.as_secs_f64();
        Ok(Strike::of(format!("a node of the store stands still for {still:.1} s")))
    }

    async fn store_is_slow(&mut self) -> anyhow::Result<Strike> {
        let world = &mut *self.world;
        let lasts = world.between(5, 30);
        let ways = || world.slots.iter().flat_map(|slot| &slot.store);
        ways().for_each(|way| way.slow(SLOW / 2));
        sleep(lasts).await;
        ways().for_each(Proxy::mend);
        let what = format!("the store answers {SLOW:?} later for {:.1} s", lasts.as_secs_f64());
        Ok(Strike::of(what))
    }

    pub(super) async fn everything_dies(&mut self) -> anyhow::Result<Strike> {
        let world = &mut *self.world;
        (0..world.slots.len()).for_each(|slot| world.kill(slot));
        (0..world.kafka.nodes()).try_for_each(|node| world.kafka.kill(node))?;
        let stores = 0..world.cql.nodes();
        stores.clone().try_for_each(|node| world.cql.kill(node))?;
        block_in_place(|| -> anyhow::Result<()> {
            world.kafka.restart_all()?;
            Ok(stores.clone().try_for_each(|node| world.cql.restart(node))?)
        })?;
        let healed = Instant::now();
        world.start_all().await?;
        Ok(Strike { healed, ..Strike::of("everything is killed") })
    }

    pub(super) async fn several_fail(&mut self) -> anyhow::Result<Strike> {
        let world = &mut *self.world;
        let (mut what, mut still) = (Vec::new(), None);
        for role in [Role::Orchestrator, Role::Gateway, Role::Worker] {
            if world.below(2) == 0 {
                let slot = world.any(role);
                world.kill(slot);
                what.push(role.as_str());
            }
        }
        if world.below(2) == 0 {
            let slot = world.any(Role::Orchestrator);
            if let Ok(node) = world.node(slot) {
                node.pause()?;
                still = Some(slot);
                what.push("another orchestrator, for a while,");
            }
        }
        let node = world.below(world.kafka.nodes());
        let (broker, store) = (world.below(3) == 0, world.below(3) == 0);
        if broker {
            world.kafka.pause(node)?;
            what.push("a broker, for a while,");
        }
        if store {
            world.cql.pause(node)?;
            what.push("a node of the store, for a while,");
        }
        sleep(world.between(2, 10)).await;
        if broker {
            world.kafka.resume(node)?;
        }
        if store {
            world.cql.resume(node)?;
        }
        if let Some(slot) = still {
            world.node(slot)?.resume()?;
        }
        let healed = Instant::now();
        world.start_all().await?;
        let what = if what.is_empty() { "nothing".to_owned() } else { what.join(" and ") };
        Ok(Strike { healed, ..Strike::of(format!("these fail at once: {what}")) })
    }
}
