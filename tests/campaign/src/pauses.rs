//! How long each shard does not answer.
//!
//! Every shard has a caller that sends one command after the other to an execution of it. The
//! command does not apply, and only the shard's owner can say so.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use flowmill_client::Control;
use flowmill_model::{ExecutionId, ShardId};
use flowmill_runtime::spawn;
use parking_lot::Mutex;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};

use crate::callers::{AGAIN, Ways};

/// Between two commands.
const PAUSE: Duration = Duration::from_millis(100);

/// How long one try may take. What is asked of a node that stands still is asked of another one.
const TRY: Duration = Duration::from_secs(2);

/// The callers.
pub(crate) struct Pauses {
    shards: BTreeMap<ShardId, Arc<Mutex<Seen>>>,
    running: Vec<JoinHandle<()>>,
}

/// What a shard's caller saw.
#[derive(Clone, Copy, Debug)]
struct Seen {
    /// The last answer came then.
    answered: Instant,
    /// The longest that an answer took.
    longest: Duration,
}

impl Pauses {
    /// Begins, with an execution of every shard.
    pub(crate) fn watch(ways: &Ways, targets: &BTreeMap<ShardId, ExecutionId>) -> Self {
        let now = Instant::now();
        let (mut shards, mut running) = (BTreeMap::new(), Vec::new());
        for (shard, id) in targets {
            let seen = Seen { answered: now, longest: Duration::ZERO };
            let seen = Arc::new(Mutex::new(seen));
            shards.insert(*shard, Arc::clone(&seen));
            running.push(spawn("pause", ask(ways.clone(), *id, seen)));
        }
        Self { shards, running }
    }

    /// Forgets how long answers took so far.
    pub(crate) fn reset(&self) {
        self.shards.values().for_each(|seen| seen.lock().longest = Duration::ZERO);
    }

    /// The longest that an answer took, by shard.
    pub(crate) fn longest(&self) -> BTreeMap<ShardId, Duration> {
        self.shards.iter().map(|(shard, seen)| (*shard, seen.lock().longest)).collect()
    }

    /// Whether every shard has answered since then.
    pub(crate) fn all_answered_since(&self, then: Instant) -> bool {
        self.shards.values().all(|seen| seen.lock().answered > then)
    }

    /// The shards that have not.
    pub(crate) fn silent_since(&self, then: Instant) -> Vec<ShardId> {
        let silent = self.shards.iter().filter(|(_, seen)| seen.lock().answered <= then);
        silent.map(|(shard, _)| *shard).collect()
    }
}

impl Drop for Pauses {
    fn drop(&mut self) {
        self.running.iter().for_each(JoinHandle::abort);
    }
}

async fn ask(ways: Ways, id: ExecutionId, seen: Arc<Mutex<Seen>>) {
    let mut turn = 0;
    loop {
        let begun = Instant::now();
        loop {
            let asking = ways.at(turn).control(id, Control::Resume, None, None);
            let answer = timeout(TRY, asking).await;
            if answer.is_ok_and(|a| a.is_err_and(|error| error.status() == Some(409))) {
                break;
            }
            turn += 1;
            sleep(AGAIN).await;
        }
        {
            let mut seen = seen.lock();
            seen.answered = Instant::now();
            seen.longest = seen.longest.max(begun.elapsed());
        }
        sleep(PAUSE).await;
    }
}
