//! Requests to a shard's owner, and the way to it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use flowmill_model::{Epoch, ExecutionId, Sequence, ShardId, Timestamp};
use parking_lot::RwLock;
use tokio::sync::{mpsc, oneshot, watch};

use crate::remote::Peer;
use crate::view::{CommandOutcome, ExecutionView, HistoryPage, Position};

/// Requests that wait for one shard. Beyond it callers are told to come back.
const INBOX: usize = 4_096;

/// A question to the owner of a shard, with the way back.
#[derive(Debug)]
pub enum Request {
    /// An execution's state; `None` when the owner knows that there is no such execution.
    Read {
        /// The execution.
        execution: ExecutionId,
        /// A write the answer must have seen.
        after: Option<Position>,
        /// The way back.
        reply: oneshot::Sender<Option<ExecutionView>>,
    },
    /// The state once the execution has ended; `None` as for a read. The asker stops waiting by
    /// dropping the receiver.
    Ended {
        /// The execution.
        execution: ExecutionId,
        /// A write the answer must have seen.
        after: Option<Position>,
        /// The way back.
        reply: oneshot::Sender<Option<ExecutionView>>,
    },
    /// Events of an execution; `None` as for a read.
    History {
        /// The execution.
        execution: ExecutionId,
        /// The first event wanted.
        from: Sequence,
        /// At most so many events.
        limit: usize,
        /// The way back.
        reply: oneshot::Sender<Option<HistoryPage>>,
    },
    /// What became of a command, once it is decided. The asker stops waiting by dropping the
    /// receiver.
    Outcome {
        /// The command's place.
        of: Position,
        /// The way back.
        reply: oneshot::Sender<CommandOutcome>,
    },
    /// Take the shard over again, if it is halted.
    Resume {
        /// The shard.
        shard: ShardId,
        /// The way back; dropped if it is not halted.
        reply: oneshot::Sender<()>,
    },
}

impl Request {
    /// The execution a question is about; that of no execution for what is about none.
    pub const fn execution(&self) -> ExecutionId {
        match self {
            Self::Read { execution, .. }
            | Self::Ended { execution, .. }
            | Self::History { execution, .. } => *execution,
            Self::Outcome { of, .. } => ExecutionId::new(of.shard, 0),
            Self::Resume { shard, .. } => ExecutionId::new(*shard, 0),
        }
    }
}

/// Why a question has no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AskError {
    /// No node is known to own the shard.
    #[error("shard {0} has no owner for now")]
    NoOwner(ShardId),
    /// The owner lost the shard, or stopped, before it answered.
    #[error("shard {0} moved, ask again")]
    Moved(ShardId),
    /// More questions wait than the owner takes.
    #[error("shard {0} has too many requests waiting")]
    Busy(ShardId),
    /// The answer did not come in time.
    #[error("shard {0} did not answer in time")]
    TimedOut(ShardId),
}

/// How a shard stands.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub enum ShardState {
    /// Not claimed yet.
    #[default]
    Claiming,
    /// Takes everything.
    Open,
    /// Takes no new keyed starts.
    Full,
    /// Stopped by an alarm; why.
    Halted(String),
}

/// How a shard stands, with figures.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct ShardStatus {
    /// The state.
    pub state: ShardState,
    /// The owner's epoch; 0 when unclaimed.
    pub epoch: u64,
    /// Live execution actors.
    pub actors: usize,
    /// Commands that are in the log and not in a batch.
    pub commands_waiting: u64,
    /// How long the oldest of them has waited.
    pub commands_lag: Duration,
    /// Inputs deferred.
    pub deferred: usize,
    /// Credits left for reading commands.
    pub credits: usize,
    /// Batches committed but not projected yet.
    pub projection_lag: u64,
    /// When the oldest batch was decided that is not wholly in the store; nothing when all are,
    /// and of an owner elsewhere, which tells it in its own metrics.
    pub unstored_since: Option<Timestamp>,
    /// Tasks sent or to be sent whose result is pending.
    pub tasks_in_flight: usize,
}

impl ShardStatus {
    /// Whether it is halted.
    pub const fn is_halted(&self) -> bool {
        matches!(self.state, ShardState::Halted(_))
    }
}

/// Where an owner takes its questions from.
#[derive(Debug)]
pub struct Inbox {
    /// The questions.
    pub requests: mpsc::Receiver<Request>,
    /// Where the owner publishes how it stands.
    pub status: watch::Sender<ShardStatus>,
}

/// The way to an owner in this process.
#[derive(Clone, Debug)]
struct Here {
    requests: mpsc::Sender<Request>,
    status: watch::Receiver<ShardStatus>,
}

/// The way to an owner in another process.
#[derive(Clone, Debug)]
struct Elsewhere {
    epoch: Epoch,
    peer: Peer,
}

enum Route {
    Here(Here),
    Elsewhere(Peer),
}

/// The way to the owner of every shard. Cheap to clone; all clones see the same.
///
/// Of an owner here and one elsewhere the one with the higher epoch is asked.
#[derive(Clone, Debug, Default)]
pub struct Owners {
    here: Arc<RwLock<BTreeMap<ShardId, Here>>>,
    elsewhere: Arc<RwLock<BTreeMap<ShardId, Elsewhere>>>,
    /// Every node that owns a shard, as far as is known.
    peers: Arc<RwLock<Vec<Peer>>>,
}

impl Owners {
    /// Makes this process the place where questions to `shard` are answered; replaces an earlier
    /// registration.
    pub fn register(&self, shard: ShardId) -> Inbox {
        let (sender, requests) = mpsc::channel(INBOX);
        let (status, receiver) = watch::channel(ShardStatus::default());
        self.here.write().insert(shard, Here { requests: sender, status: receiver });
        Inbox { requests, status }
    }

    /// The same, without the owners in other processes.
    #[must_use]
    pub fn only_here(&self) -> Self {
        Self { here: Arc::clone(&self.here), ..Self::default() }
    }

    /// Says which owners are in other processes, all of them.
    pub(crate) fn set_elsewhere(
        &self,
        owners: impl IntoIterator<Item = (ShardId, Epoch, Peer)>,
        peers: Vec<Peer>,
    ) {
        let entry = |(shard, epoch, peer)| (shard, Elsewhere { epoch, peer });
        *self.elsewhere.write() = owners.into_iter().map(entry).collect();
        *self.peers.write() = peers;
    }

    /// How each shard stands that has a known owner.
    pub fn statuses(&self) -> BTreeMap<ShardId, ShardStatus> {
        let mut known: BTreeSet<ShardId> = self.here.read().keys().copied().collect();
        known.extend(self.elsewhere.read().keys());
        let owned = known.into_iter().filter(|shard| self.route(*shard).is_some());
        let mut statuses: BTreeMap<ShardId, ShardStatus> =
            owned.filter_map(|shard| Some((shard, self.status(shard)?))).collect();
        for (shard, halted) in self.halted_elsewhere() {
            statuses.entry(shard).or_insert(halted);
        }
        statuses
    }

    /// The shards that are halted at another node. One that could not be claimed is not announced,
    /// so that nothing but the node itself says where it is.
    fn halted_elsewhere(&self) -> Vec<(ShardId, ShardStatus)> {
        let peers = self.peers.read();
        peers.iter().flat_map(Peer::halted).collect()
    }

    /// Every shard that was ever served in this process, and how it stands if it still is.
    pub fn served(&self) -> BTreeMap<ShardId, Option<ShardStatus>> {
        let status = |here: &Here| here.status.borrow().clone();
        let served = |here: &Here| (!here.requests.is_closed()).then(|| status(here));
        self.here.read().iter().map(|(shard, here)| (*shard, served(here))).collect()
    }

    /// How a shard stands; `None` when no owner is known. An owner here that has ended is shown as
    /// it was at last, until another one is known.
    pub fn status(&self, shard: ShardId) -> Option<ShardStatus> {
        match self.route(shard) {
            Some(Route::Here(here)) => Some(here.status.borrow().clone()),
            Some(Route::Elsewhere(peer)) => {
                peer.status(shard).or_else(|| self.halted(shard).map(|(_, status)| status))
            }
            None => self.here.read().get(&shard).map(|here| here.status.borrow().clone()),
        }
    }

    /// Where the shard is halted, if some node says so.
    fn halted(&self, shard: ShardId) -> Option<(Route, ShardStatus)> {
        let here = self.here.read().get(&shard).filter(|here| !here.requests.is_closed()).cloned();
        let status = here.as_ref().map(|here| here.status.borrow().clone());
        let (here, status) = (here.map(Route::Here), status.filter(ShardStatus::is_halted));
        let elsewhere = |peer: &Peer| {
            let status = peer.status(shard).filter(ShardStatus::is_halted)?;
            Some((Route::Elsewhere(peer.clone()), status))
        };
        here.zip(status).or_else(|| self.peers.read().iter().find_map(elsewhere))
    }

    /// An execution's state; see [`Request::Read`].
    ///
    /// # Errors
    /// Why there is no answer.
    pub async fn read(
        &self,
        execution: ExecutionId,
        after: Option<Position>,
        within: Duration,
    ) -> Result<Option<ExecutionView>, AskError> {
        match self.route_or_error(execution.shard())? {
            Route::Here(here) => {
                let question = |reply| Request::Read { execution, after, reply };
                here.ask(execution.shard(), within, question).await
            }
            Route::Elsewhere(peer) => peer.read(execution, after, within).await,
        }
    }

    /// An execution's state once it has ended; see [`Request::Ended`].
    ///
    /// # Errors
    /// Why there is no answer.
    pub async fn ended(
        &self,
        execution: ExecutionId,
        after: Option<Position>,
        within: Duration,
    ) -> Result<Option<ExecutionView>, AskError> {
        match self.route_or_error(execution.shard())? {
            Route::Here(here) => {
                let question = |reply| Request::Ended { execution, after, reply };
                here.ask(execution.shard(), within, question).await
            }
            Route::Elsewhere(peer) => peer.ended(execution, after, within).await,
        }
    }

    /// Events of an execution; see [`Request::History`].
    ///
    /// # Errors
    /// Why there is no answer.
    pub async fn history(
        &self,
        execution: ExecutionId,
        from: Sequence,
        limit: usize,
        within: Duration,
    ) -> Result<Option<HistoryPage>, AskError> {
        match self.route_or_error(execution.shard())? {
            Route::Here(here) => {
                let question = |reply| Request::History { execution, from, limit, reply };
                here.ask(execution.shard(), within, question).await
            }
            Route::Elsewhere(peer) => peer.history(execution, from, limit, within).await,
        }
    }

    /// What became of a command; see [`Request::Outcome`].
    ///
    /// # Errors
    /// Why there is no answer.
    pub async fn outcome(
        &self,
        of: Position,
        within: Duration,
    ) -> Result<CommandOutcome, AskError> {
        match self.route_or_error(of.shard)? {
            Route::Here(here) => {
                here.ask(of.shard, within, |reply| Request::Outcome { of, reply }).await
            }
            Route::Elsewhere(peer) => peer.outcome(of, within).await,
        }
    }

    /// Has the node that holds a halted shard take it over again. Whether that succeeds shows in the
    /// shard's status.
    ///
    /// # Errors
    /// Why nobody does: [`AskError::Moved`] if the shard is not halted where it is.
    pub async fn resume(&self, shard: ShardId, within: Duration) -> Result<(), AskError> {
        let halted = self.halted(shard).map(|(route, _)| route);
        match halted.map_or_else(|| self.route_or_error(shard), Ok)? {
            Route::Here(here) => {
                here.ask(shard, within, |reply| Request::Resume { shard, reply }).await
            }
            Route::Elsewhere(peer) => peer.resume(shard, within).await,
        }
    }

    fn route_or_error(&self, shard: ShardId) -> Result<Route, AskError> {
        self.route(shard).ok_or(AskError::NoOwner(shard))
    }

    fn route(&self, shard: ShardId) -> Option<Route> {
        let here = self.here.read().get(&shard).filter(|here| !here.requests.is_closed()).cloned();
        let elsewhere = self.elsewhere.read().get(&shard).cloned();
        match (here, elsewhere) {
            (Some(here), Some(elsewhere)) if here.status.borrow().epoch < elsewhere.epoch.get() => {
                Some(Route::Elsewhere(elsewhere.peer))
            }
            (Some(here), _) => Some(Route::Here(here)),
            (None, Some(elsewhere)) => Some(Route::Elsewhere(elsewhere.peer)),
            (None, None) => None,
        }
    }
}

impl Here {
    async fn ask<T>(
        &self,
        shard: ShardId,
        within: Duration,
        question: impl FnOnce(oneshot::Sender<T>) -> Request,
    ) -> Result<T, AskError> {
        let (reply, answer) = oneshot::channel();
        self.requests.try_send(question(reply)).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => AskError::Busy(shard),
            mpsc::error::TrySendError::Closed(_) => AskError::NoOwner(shard),
        })?;
        match tokio::time::timeout(within, answer).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(_)) => Err(AskError::Moved(shard)),
            Err(_) => Err(AskError::TimedOut(shard)),
        }
    }
}
