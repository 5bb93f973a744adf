//! Nodes that die, stand still, leave and come back.

use flowmill_nodes::{Place, Role};
use flowmill_runtime::crash;
use tokio::task::block_in_place;
use tokio::time::sleep;

use super::{Strike, Torment};
use crate::world::Death;

/// Where a batch is in the log and what it decided is not sent yet.
const BEFORE_SENDING: &str = "batch-committed";

impl Torment<'_> {
    pub(super) async fn orchestrator_dies(&mut self) -> anyhow::Result<Strike> {
        let world = &mut *self.world;
        let slot = world.any(Role::Orchestrator);
        if world.below(2) == 0 {
            let served = world.served(slot).await;
            world.kill(slot);
            sleep(world.between(0, 3)).await;
            world.restart(slot).await?;
            return Ok(Strike::of("an orchestrator is killed").on(served));
        }
        // Those that an orchestrator passes.
        let places = crash::PLACES.into_iter();
        let places: Vec<_> =
            places.filter(|p| !matches!(*p, "command-appended" | "result-appended")).collect();
        let place = places[world.below(places.len())];
        let passes = if place == "claim-appended" { 2 } else { 20 };
        self.dies_at(slot, place, passes).await
    }

    pub(super) async fn orchestrator_dies_before_it_sends(&mut self) -> anyhow::Result<Strike> {
        let slot = self.world.any(Role::Orchestrator);
        self.dies_at(slot, BEFORE_SENDING, 200).await
    }

    /// Has an orchestrator come back to die at a named place, at one of its first passes.
    async fn dies_at(&mut self, slot: usize, place: &str, passes: usize) -> anyhow::Result<Strike> {
        let world = &mut *self.world;
        world.terminate(slot)?;
        let at = format!("{place}:{}", 1 + world.below(passes));
        let Death { died, served } = world.restart_to_die(slot, &at).await?;
        world.restart(slot).await?;
        let how = if died { "dies at" } else { "is killed, having never come to" };
        let strike = Strike::of(format!("an orchestrator {how} {at}"));
        // One that died in its first moments had not said yet what it served.
        Ok(if served.is_empty() { strike } else { strike.on(served) })
    }

    pub(super) async fn orchestrator_stands_still(&mut self) -> anyhow::Result<Strike> {
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

    pub(super) async fn orchestrator_comes_and_goes(&mut self) -> anyhow::Result<Strike> {
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

    pub(super) async fn most_orchestrators_leave(&mut self) -> anyhow::Result<Strike> {
        let world = &mut *self.world;
        let mut orchestrators = world.all(Role::Orchestrator);
        orchestrators.swap_remove(world.below(orchestrators.len()));
        for slot in &orchestrators {
            world.terminate(*slot)?;
        }
        sleep(world.between(3, 8)).await;
        for slot in orchestrators {
            world.restart(slot).await?;
        }
        Ok(Strike::of("all orchestrators but one leave and come back").everywhere())
    }

    pub(super) async fn worker_dies(&mut self) -> anyhow::Result<Strike> {
        let slot = self.world.any(Role::Worker);
        self.world.kill(slot);
        sleep(self.world.between(0, 2)).await;
        self.world.restart(slot).await?;
        Ok(Strike::of("a worker is killed"))
    }

    pub(super) async fn every_node_is_restarted(&mut self) -> anyhow::Result<Strike> {
        let world = &mut *self.world;
        for slot in 0..world.slots.len() {
            world.terminate(slot)?;
            world.slots[slot].is_previous = !world.slots[slot].is_previous;
            world.restart(slot).await?;
        }
        Ok(Strike::of("every node is restarted in turn").everywhere())
    }
}
