//! Requests to a shard's owner, and the way to it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use flowmill_model::{ExecutionId, Sequence, ShardId};
use parking_lot::RwLock;
use tokio::sync::{mpsc, oneshot, watch};

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
}

impl Request {
    /// The execution a question is about; that of no execution for a command's outcome.
    pub const fn execution(&self) -> ExecutionId {
        match self {
            Self::Read { execution, .. }
            | Self::Ended { execution, .. }
            | Self::History { execution, .. } => *execution,
            Self::Outcome { of, .. } => ExecutionId::new(of.shard, 0),
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
    /// Tasks sent or to be sent whose result is pending.
    pub tasks_in_flight: usize,
}

/// Where an owner takes its questions from.
#[derive(Debug)]
pub struct Inbox {
    /// The questions.
    pub requests: mpsc::Receiver<Request>,
    /// Where the owner publishes how it stands.
    pub status: watch::Sender<ShardStatus>,
}

#[derive(Clone, Debug)]
struct Route {
    requests: mpsc::Sender<Request>,
    status: watch::Receiver<ShardStatus>,
}

/// The way to the owner of every shard. Cheap to clone; all clones see the same.
#[derive(Clone, Debug, Default)]
pub struct Owners {
    routes: Arc<RwLock<BTreeMap<ShardId, Route>>>,
}

impl Owners {
    /// Makes this process the place where questions to `shard` are answered; replaces an earlier
    /// registration.
    pub fn register(&self, shard: ShardId) -> Inbox {
        let (sender, requests) = mpsc::channel(INBOX);
        let (status, receiver) = watch::channel(ShardStatus::default());
        self.routes.write().insert(shard, Route { requests: sender, status: receiver });
        Inbox { requests, status }
    }

    /// How each known shard stands.
    pub fn statuses(&self) -> BTreeMap<ShardId, ShardStatus> {
        let routes = self.routes.read();
        routes.iter().map(|(shard, route)| (*shard, route.status.borrow().clone())).collect()
    }

    /// How a shard stands; `None` when no owner is known.
    pub fn status(&self, shard: ShardId) -> Option<ShardStatus> {
        self.routes.read().get(&shard).map(|route| route.status.borrow().clone())
    }

    /// An execution's state; see [`Request::Read`].
    pub async fn read(
        &self,
        execution: ExecutionId,
        after: Option<Position>,
        within: Duration,
    ) -> Result<Option<ExecutionView>, AskError> {
        self.ask(execution.shard(), within, |reply| Request::Read { execution, after, reply }).await
    }

    /// An execution's state once it has ended; see [`Request::Ended`].
    pub async fn ended(
        &self,
        execution: ExecutionId,
        after: Option<Position>,
        within: Duration,
    ) -> Result<Option<ExecutionView>, AskError> {
        self.ask(execution.shard(), within, |reply| Request::Ended { execution, after, reply })
            .await
    }

    /// Events of an execution; see [`Request::History`].
    pub async fn history(
        &self,
        execution: ExecutionId,
        from: Sequence,
        limit: usize,
        within: Duration,
    ) -> Result<Option<HistoryPage>, AskError> {
        let question = |reply| Request::History { execution, from, limit, reply };
        self.ask(execution.shard(), within, question).await
    }

    /// What became of a command; see [`Request::Outcome`].
    pub async fn outcome(
        &self,
        of: Position,
        within: Duration,
    ) -> Result<CommandOutcome, AskError> {
        self.ask(of.shard, within, |reply| Request::Outcome { of, reply }).await
    }

    async fn ask<T>(
        &self,
        shard: ShardId,
        within: Duration,
        question: impl FnOnce(oneshot::Sender<T>) -> Request,
    ) -> Result<T, AskError> {
        let route = self.routes.read().get(&shard).cloned().ok_or(AskError::NoOwner(shard))?;
        let (reply, answer) = oneshot::channel();
        route.requests.try_send(question(reply)).map_err(|error| match error {
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
