//! The shards that run on this node, and those that it still serves for who has them next.
//!
//! Between the moment at which a shard stops being this node's turn and its next owner's claim lie the
//! group's heartbeats and a rebalance: a second and more. The shard need not rest meanwhile. Whose it
//! is is decided by the claims in its history, and membership is only a hint; so its owner serves on
//! and claims no more, and the next one's claim ends its term.
//!
//! A node that has lost its group stops at once: others have had its shards for as long as it has
//! heard nothing, and what it answered would be old.

use std::collections::BTreeMap;
use std::sync::Arc;

use flowmill_model::{ShardId, limits};
use flowmill_routing::Owners;
use flowmill_runtime::spawn;
use futures::future::join_all;
use ractor::{Actor, ActorRef};
use tokio::sync::oneshot;
use tokio::task::{JoinError, JoinHandle};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::StartError;
use crate::shard::{Arguments, ShardActor, ShardMessage, Shared};
use crate::watch::{Watch, Watched};

/// The shards that run here.
pub(super) struct Running {
    shared: Shared,
    owners: Owners,
    watch: Arc<Watch>,
    shards: BTreeMap<ShardId, RunningShard>,
    leaving: BTreeMap<ShardId, Leaving>,
}

/// One shard that runs here.
struct RunningShard {
    id: ShardId,
    actor: ActorRef<ShardMessage>,
    ended: JoinHandle<()>,
    watched: Watched,
}

/// A shard that is another node's turn and still served here.
struct Leaving {
    actor: ActorRef<ShardMessage>,
    /// Ends the wait for its next owner.
    at_once: CancellationToken,
    gone: JoinHandle<()>,
}

impl Drop for Running {
    fn drop(&mut self) {
        let leaving = self.leaving.values().map(|leaving| &leaving.actor);
        self.shards
            .values()
            .map(|shard| &shard.actor)
            .chain(leaving)
            .for_each(|actor| actor.kill());
    }
}

impl Running {
    /// Runs nothing yet.
    pub(super) fn new(shared: Shared, owners: Owners, watch: Arc<Watch>) -> Self {
        let (shards, leaving) = (BTreeMap::new(), BTreeMap::new());
        Self { shared, owners, watch, shards, leaving }
    }

    /// A shard whose loop does not turn, if there is one.
    pub(super) fn silent(&self) -> Option<ShardId> {
        self.watch.silent()
    }

    /// Runs those shards. The others are handed over, or stopped, if they are `lost`.
    ///
    /// # Errors
    /// An actor cannot be started.
    pub(super) async fn reassign(
        &mut self,
        assigned: &[u16],
        lost: bool,
    ) -> Result<(), StartError> {
        let gone = |shard: ShardId| !assigned.contains(&shard.get());
        if lost {
            self.stop(gone).await;
        } else {
            self.hand_over(gone);
        }
        for shard in assigned.iter().map(|number| ShardId::new(*number)) {
            if self.shards.contains_key(&shard) {
                continue;
            }
            if let Some(leaving) = self.leaving.remove(&shard) {
                leaving.end().await;
            }
            let running = self.start(shard).await?;
            self.shards.insert(shard, running);
        }
        Ok(())
    }

    async fn start(&self, shard: ShardId) -> Result<RunningShard, StartError> {
        let (shared, inbox) = (self.shared.clone(), self.owners.register(shard));
        let arguments = Arguments { shard, shared, inbox };
        let started = ShardActor::spawn(None, ShardActor, arguments).await;
        let (actor, ended) =
            started.map_err(|error| StartError::Actor(shard, error.to_string()))?;
        let watched = self.watch.over(shard, actor.clone(), ended.abort_handle());
        Ok(RunningShard { id: shard, actor, ended, watched })
    }

    /// Stops every shard in good order, side by side.
    pub(super) async fn stop_all(&mut self) {
        let leaving = std::mem::take(&mut self.leaving).into_values().map(Leaving::end);
        let leaving = join_all(leaving);
        tokio::join!(self.stop(|_| true), leaving);
    }

    /// Ends every shard as a crash would.
    pub(super) async fn kill_all(&mut self) {
        for RunningShard { actor, ended, .. } in std::mem::take(&mut self.shards).into_values() {
            actor.kill();
            if let Err(error) = ended.await {
                tracing::debug!(%error, "a killed shard");
            }
        }
        for Leaving { actor, gone, .. } in std::mem::take(&mut self.leaving).into_values() {
            actor.kill();
            if let Err(error) = gone.await {
                tracing::debug!(%error, "a killed shard");
            }
        }
    }

    /// Serves every shard until another node has it, or for as long as that may take.
    pub(super) async fn hand_over_all(&mut self) {
        self.hand_over(|_| true);
        let leaving = std::mem::take(&mut self.leaving).into_values();
        for gone in join_all(leaving.map(|leaving| leaving.gone)).await {
            told(gone);
        }
    }

    async fn stop(&mut self, which: impl Fn(ShardId) -> bool) {
        join_all(self.take(which).into_iter().map(RunningShard::stop)).await;
    }

    fn hand_over(&mut self, which: impl Fn(ShardId) -> bool) {
        self.leaving.retain(|_, leaving| !leaving.gone.is_finished());
        for shard in self.take(which) {
            let (actor, at_once) = (shard.actor.clone(), CancellationToken::new());
            let id = shard.id;
            let gone = spawn("hand-over", shard.hand_over(at_once.clone()));
            self.leaving.insert(id, Leaving { actor, at_once, gone });
        }
    }

    fn take(&mut self, which: impl Fn(ShardId) -> bool) -> Vec<RunningShard> {
        self.shards.extract_if(.., |shard, _| which(*shard)).map(|(_, running)| running).collect()
    }
}

impl RunningShard {
    /// Lets it finish its batch and write what is behind.
    async fn stop(self) {
        let Self { actor, ended, watched, .. } = self;
        let (done, finished) = oneshot::channel();
        if actor.cast(ShardMessage::Stop(done)).is_ok() && finished.await.is_err() {
            tracing::warn!("a shard ended before it had finished");
        }
        told(ended.await);
        drop(watched);
    }

    /// Serves on until another node has claimed it. Stops it if nobody does in time, and `at_once`
    /// when that is asked.
    async fn hand_over(mut self, at_once: CancellationToken) {
        if self.actor.cast(ShardMessage::HandOver).is_ok() {
            tokio::select! {
                biased;
                ended = &mut self.ended => return told(ended),
                () = at_once.cancelled() => {}
                () = sleep(limits::HAND_OVER) => {
                    tracing::warn!(shard = %self.id, "nobody has claimed the shard; it is stopped");
                }
            }
        }
        self.stop().await;
    }
}

impl Leaving {
    /// Waits for its next owner no longer.
    async fn end(self) {
        self.at_once.cancel();
        told(self.gone.await);
    }
}

/// Says when what has ended did not end by itself.
fn told(ended: Result<(), JoinError>) {
    if let Err(error) = ended {
        tracing::warn!(%error, "a shard did not end in good order");
    }
}
