//! A network between a node and what it stands on, or the other nodes, that is cut, slow, or breaks
//! connections.

use std::time::Duration;

use flowmill_nodes::Role;
use flowmill_rig::Proxy;
use tokio::time::{Instant, sleep};

use super::{Strike, Torment};
use crate::world::World;

/// How often a network breaks connections that does.
const BREAKS_EVERY: Duration = Duration::from_millis(300);

/// What is between a node and a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Kafka,
    Store,
    Both,
    /// From the other nodes, which ask an orchestrator for what it owns.
    Nodes,
}

impl Way {
    const fn text(self) -> &'static str {
        match self {
            Self::Kafka => "Kafka",
            Self::Store => "the store",
            Self::Both => "Kafka and the store",
            Self::Nodes => "the other nodes",
        }
    }

    fn proxies(self, world: &World, slot: usize) -> Vec<&Proxy> {
        let kafka = world.ways_to_kafka(slot).iter();
        let store = world.slots[slot].store.iter();
        match self {
            Self::Kafka => kafka.collect(),
            Self::Store => store.collect(),
            Self::Both => kafka.chain(store).collect(),
            Self::Nodes => vec![&world.slots[slot].peers],
        }
    }
}

impl Torment<'_> {
    pub(super) async fn network_fails(&mut self) -> anyhow::Result<Strike> {
        let world = &*self.world;
        let role = match world.below(6) {
            0 => Role::Gateway,
            1 => Role::Worker,
            _ => Role::Orchestrator,
        };
        let slot = world.any(role);
        // A worker has no store, and nobody asks a gateway for a shard.
        let ways = match role {
            Role::Worker => 1,
            Role::Gateway => 3,
            Role::Orchestrator => 4,
        };
        let way = [Way::Kafka, Way::Store, Way::Both, Way::Nodes][world.below(ways)];
        let served = world.served(slot).await;
        let (lasts, how) = (world.between(5, 15), world.below(3));
        let what = match how {
            0 => {
                way.proxies(world, slot).into_iter().for_each(Proxy::cut);
                sleep(lasts).await;
                "is cut"
            }
            1 => {
                let delay = Duration::from_millis(50 + self.world.entropy.next() % 250);
                way.proxies(world, slot).into_iter().for_each(|proxy| proxy.slow(delay));
                sleep(lasts).await;
                "is slow"
            }
            _ => {
                let until = Instant::now() + lasts;
                while Instant::now() < until {
                    way.proxies(world, slot).into_iter().for_each(Proxy::reset);
                    sleep(BREAKS_EVERY).await;
                }
                "breaks connections"
            }
        };
        way.proxies(world, slot).into_iter().for_each(Proxy::mend);
        let (role, way, lasts) = (role.as_str(), way.text(), lasts.as_secs_f64());
        let strike =
            Strike::of(format!("the network between the {role} and {way} {what} for {lasts:.1} s"));
        Ok(if served.is_empty() { strike } else { strike.on(served) })
    }
}
