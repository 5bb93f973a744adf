//! Sees shards whose loops are stuck, so that their node does not keep them.
//!
//! To the group a node with a stuck loop looks well: its member polls. So every loop is asked to
//! turn once in a while. While one does not, the group is told of no progress, and the loop is
//! stopped. One that does not even stop holds its thread and everything it has for ever: only the
//! end of the process frees that, and [`Watch::lost`] says so to whoever can end it.
//!
//! **Invariant:** the watch waits for nothing that a loop may be stuck in. It runs beside the
//! executions' decisions and not beside the loops, which may hold up every thread there. And it logs
//! nothing: where nobody takes what is logged, whoever logs is stuck.

use std::collections::BTreeMap;
use std::sync::Arc;

use flowmill_model::ShardId;
use parking_lot::Mutex;
use ractor::ActorRef;
use tokio::sync::watch;
use tokio::task::AbortHandle;
use tokio::time::MissedTickBehavior;

use crate::pulse::{self, Beat, Pulse};
use crate::shard::ShardMessage;

/// The loops of a node.
pub(crate) struct Watch {
    loops: Mutex<BTreeMap<ShardId, Loop>>,
    /// The first that did not turn when they were asked last.
    silent: Mutex<Option<ShardId>>,
    lost: watch::Sender<Option<ShardId>>,
}

/// One shard's loop.
struct Loop {
    actor: ActorRef<ShardMessage>,
    /// Says whether the actor has ended.
    running: AbortHandle,
    pulse: Pulse,
}

/// A loop is watched as long as this is there.
pub(crate) struct Watched {
    watch: Arc<Watch>,
    shard: ShardId,
}

impl Watch {
    /// Watches nothing yet.
    pub(crate) fn new() -> Arc<Self> {
        let (lost, _) = watch::channel(None);
        Arc::new(Self { loops: Mutex::default(), silent: Mutex::default(), lost })
    }

    /// Watches the loop of an actor that runs.
    pub(crate) fn over(
        self: &Arc<Self>,
        shard: ShardId,
        actor: ActorRef<ShardMessage>,
        running: AbortHandle,
    ) -> Watched {
        let watched = Loop { actor, running, pulse: Pulse::default() };
        self.loops.lock().insert(shard, watched);
        Watched { watch: Arc::clone(self), shard }
    }

    /// Asks the loops to turn, again and again.
    pub(crate) async fn run(self: Arc<Self>) {
        let mut turns = tokio::time::interval(pulse::EVERY);
        turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            turns.tick().await;
            self.turn();
        }
    }

    /// A shard whose loop does not turn, if there is one.
    pub(crate) fn silent(&self) -> Option<ShardId> {
        *self.silent.lock()
    }

    /// Waits until a loop neither turns nor stops, and says which.
    pub(crate) async fn lost(&self) -> ShardId {
        let mut lost = self.lost.subscribe();
        let lost = lost.wait_for(Option::is_some).await;
        lost.ok().and_then(|lost| *lost).expect("the sender is there as long as this is")
    }

    fn turn(&self) {
        let loops = self.loops.lock();
        let silent = loops.iter().filter(|(shard, asked)| !self.ask(**shard, asked));
        // Each one is asked, whatever another one says.
        let silent: Vec<_> = silent.map(|(shard, _)| *shard).collect();
        *self.silent.lock() = silent.first().copied();
    }

    /// Asks a loop to turn; says whether it does.
    fn ask(&self, shard: ShardId, asked: &Loop) -> bool {
        let Loop { actor, running, pulse } = asked;
        if running.is_finished() {
            // It was stopped, or it failed. Its partition goes elsewhere, and may come back.
            return false;
        }
        let beat = pulse.ask();
        match beat {
            Beat::Turns => {}
            Beat::Stuck => actor.kill(),
            Beat::Lost => {
                self.lost.send_if_modified(|lost| lost.replace(shard).is_none());
            }
        }
        drop(actor.cast(ShardMessage::Turn(pulse.clone())));
        beat == Beat::Turns
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.watch.loops.lock().remove(&self.shard);
    }
}
