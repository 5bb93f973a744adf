//! The faults, one function each: it strikes, heals, and says what it did.
//!
//! Their numbers are used wherever Flowmill's reliability is spoken of; docs/reliability.md has the
//! table.

mod inputs;

use std::time::Duration;

use clap::ValueEnum;
use flowmill_model::ShardId;
use flowmill_nodes::{Place, Role};
use flowmill_runtime::crash;
use tokio::task::block_in_place;
use tokio::time::{Instant, sleep};

use self::inputs::Inputs;
use crate::callers::Callers;
use crate::flows::Kind;
use crate::world::World;

/// A kind of fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, ValueEnum)]
#[value(rename_all = "UPPER")]
pub(crate) enum Nemesis {
    /// An orchestrator is killed, at any moment or at a named place.
    N1,
    /// An orchestrator stands still for longer than its session lasts, and goes on.
    N2,
    /// The broker is killed, or stands still.
    N5,
    /// The store is killed, or stands still.
    N6,
    /// An orchestrator joins, and leaves in good order.
    N8,
    /// A worker is killed in the middle of its calls.
    N10,
    /// Results come twice, late, and with forged tokens.
    N11,
    /// Records that are no commands and no results.
    N13,
    /// Fifty times the load for some seconds.
    N17,
    /// Everything is killed at once.
    N19,
    /// Several things fail at the same time.
    N20,
}

/// What a strike did.
pub(crate) struct Strike {
    /// In words, for the record.
    pub(crate) what: String,
    /// When everything worked again, as far as the strike is concerned.
    pub(crate) healed: Instant,
    /// Which shards' pauses are its doing.
    pub(crate) shards: Shards,
    /// How many records it injected that are to come out as dead letters.
    pub(crate) poison: usize,
}

/// Which shards rested because of a strike, and when.
pub(crate) enum Shards {
    /// These, while it struck.
    These(Vec<ShardId>),
    /// Any, while it struck.
    All,
    /// Nobody could answer while it struck: what counts is how long they took afterwards.
    AfterHealing,
}

/// Where faults are made.
pub(crate) struct Torment<'a> {
    pub(crate) world: &'a mut World,
    pub(crate) callers: &'a Callers,
    pub(crate) inputs: &'a Inputs,
    pub(crate) rate: u32,
}

pub(crate) use self::inputs::Inputs as Injected;

impl Nemesis {
    /// Those that a campaign mixes which names none, each as often as it is here.
    pub(crate) const MIXED: [Self; 14] = [
        Self::N1,
        Self::N1,
        Self::N1,
        Self::N2,
        Self::N5,
        Self::N6,
        Self::N8,
        Self::N10,
        Self::N11,
        Self::N13,
        Self::N17,
        Self::N19,
        Self::N20,
        Self::N20,
    ];

    /// Strikes once.
    pub(crate) async fn strike(self, torment: &mut Torment<'_>) -> anyhow::Result<Strike> {
        match self {
            Self::N1 => torment.orchestrator_dies().await,
            Self::N2 => torment.orchestrator_stands_still().await,
            Self::N5 => torment.broker_fails().await,
            Self::N6 => torment.store_fails().await,
            Self::N8 => torment.orchestrator_comes_and_goes().await,
            Self::N10 => torment.worker_dies().await,
            Self::N11 => torment.results_are_forged().await,
            Self::N13 => torment.poison().await,
            Self::N17 => torment.burst().await,
            Self::N19 => torment.everything_dies().await,
            Self::N20 => torment.several_fail().await,
        }
    }
}

impl Strike {
    fn of(what: impl Into<String>) -> Self {
        Self { what: what.into(), healed: Instant::now(), shards: Shards::AfterHealing, poison: 0 }
    }

    fn on(self, shards: Vec<ShardId>) -> Self {
        Self { shards: Shards::These(shards), ..self }
    }

    fn everywhere(self) -> Self {
        Self { shards: Shards::All, ..self }
    }
}

impl Torment<'_> {
    async fn orchestrator_dies(&mut self) -> anyhow::Result<Strike> {
        let world = &mut *self.world;
        let slot = world.any(Role::Orchestrator);
        let served = world.served(slot).await;
        world.kill(slot);
        if world.below(2) == 0 {
            sleep(world.between(0, 3)).await;
            world.restart(slot).await?;
            return Ok(Strike::of("an orchestrator is killed").on(served));
        }
        // Those that an orchestrator passes.
        let places = crash::PLACES.into_iter();
        let places: Vec<_> =
            places.filter(|p| !matches!(*p, "command-appended" | "result-appended")).collect();
        let place = places[world.below(places.len())];
        let at =
            format!("{place}:{}", 1 + world.below(if place == "claim-appended" { 2 } else { 20 }));
        let died = world.restart_to_die(slot, &at).await?;
        world.restart(slot).await?;
        let how = if died { "dies at" } else { "is killed, having never come to" };
        Ok(Strike::of(format!("an orchestrator is killed, comes back and {how} {at}")))
    }

    async fn orchestrator_stands_still(&mut self) -> anyhow::Result<Strike> {
        let world = &mut *self.world;
        let slot = world.any(Role::Orchestrator);
        let served = world.served(slot).await;
        world.node(slot)?.pause()?;
        let still = world.between(8, 14);
        sleep(still).await;
        world.node(slot)?.resume()?;
        let what = format!("an orchestrator stands still for {:.1} s", still.as_secs_f64());
        Ok(Strike::of(what).on(served))
    }

    async fn broker_fails(&mut self) -> anyhow::Result<Strike> {
        let world = &mut *self.world;
        if world.below(2) == 0 {
            world.kafka.kill(0)?;
            sleep(world.between(0, 5)).await;
            block_in_place(|| world.kafka.restart(0))?;
            return Ok(Strike::of("the broker is killed"));
        }
        let still = world.between(5, 30);
        world.kafka.pause(0)?;
        sleep(still).await;
        world.kafka.resume(0)?;
        Ok(Strike::of(format!("the broker stands still for {:.1} s", still.as_secs_f64())))
    }

    async fn store_fails(&mut self) -> anyhow::Result<Strike> {
        let world = &mut *self.world;
        if world.below(2) == 0 {
            world.cql.kill(0)?;
            sleep(world.between(0, 5)).await;
            block_in_place(|| world.cql.restart(0))?;
            return Ok(Strike::of("the store is killed"));
        }
        let still = world.between(5, 30);
        world.cql.pause(0)?;
        sleep(still).await;
        world.cql.resume(0)?;
        Ok(Strike::of(format!("the store stands still for {:.1} s", still.as_secs_f64())))
    }

    async fn orchestrator_comes_and_goes(&mut self) -> anyhow::Result<Strike> {
        let world = &mut *self.world;
        if world.below(2) == 0 {
            let slot = world.any(Role::Orchestrator);
            world.terminate(slot)?;
            sleep(world.between(0, 5)).await;
            world.restart(slot).await?;
            return Ok(Strike::of("an orchestrator leaves and comes back").everywhere());
        }
        let node = world.cluster.node(&Place::of(Role::Orchestrator)).await?;
        sleep(world.between(5, 10)).await;
        let status = block_in_place(|| node.terminate())?;
        anyhow::ensure!(status.success(), "an orchestrator that was asked to end: {status}");
        Ok(Strike::of("an orchestrator joins and leaves").everywhere())
    }

    async fn worker_dies(&mut self) -> anyhow::Result<Strike> {
        let slot = self.world.any(Role::Worker);
        self.world.kill(slot);
        sleep(self.world.between(0, 2)).await;
        self.world.restart(slot).await?;
        Ok(Strike::of("a worker is killed"))
    }

    async fn results_are_forged(&mut self) -> anyhow::Result<Strike> {
        let (repeated, forged) = self.inputs.repeat_and_forge().await?;
        Ok(Strike::of(format!("{repeated} results come again, {forged} with forged tokens")))
    }

    async fn poison(&mut self) -> anyhow::Result<Strike> {
        let poison = self.inputs.poison(&self.world.entropy).await?;
        let what = format!("{poison} records that are no commands and no results");
        Ok(Strike { poison, ..Strike::of(what) })
    }

    /// Starts that are asked for once. Some are refused; the others are owed.
    async fn burst(&mut self) -> anyhow::Result<Strike> {
        const SECONDS: u32 = 3;
        let (pieces, each) = (SECONDS * 20, usize::try_from(self.rate * 50 / 20)?);
        let mut asking = Vec::new();
        for _ in 0..pieces {
            for _ in 0..each {
                let callers = self.callers.clone();
                asking.push(flowmill_runtime::spawn("burst", async move {
                    let key = callers.key("burst");
                    callers.start_once(&key, Kind::Call).await
                }));
            }
            sleep(Duration::from_millis(50)).await;
        }
        let (asked, mut taken) = (asking.len(), 0);
        for start in asking {
            taken += usize::from(start.await?);
        }
        Ok(Strike::of(format!("a burst of {asked} starts, of which {taken} are taken")))
    }

    async fn everything_dies(&mut self) -> anyhow::Result<Strike> {
        let world = &mut *self.world;
        (0..world.slots.len()).for_each(|slot| world.kill(slot));
        world.kafka.kill(0)?;
        world.cql.kill(0)?;
        block_in_place(|| -> anyhow::Result<()> {
            world.kafka.restart(0)?;
            Ok(world.cql.restart(0)?)
        })?;
        let healed = Instant::now();
        world.start_all().await?;
        Ok(Strike { healed, ..Strike::of("everything is killed") })
    }

    async fn several_fail(&mut self) -> anyhow::Result<Strike> {
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
        let (broker, store) = (world.below(3) == 0, world.below(3) == 0);
        if broker {
            world.kafka.pause(0)?;
            what.push("the broker, for a while,");
        }
        if store {
            world.cql.pause(0)?;
            what.push("the store, for a while,");
        }
        sleep(world.between(2, 10)).await;
        if broker {
            world.kafka.resume(0)?;
        }
        if store {
            world.cql.resume(0)?;
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
