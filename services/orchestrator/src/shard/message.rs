//! What a shard is told by the tasks around it, and by others.

use std::sync::Arc;

use flowmill_engine::Execution;
use flowmill_log::{AppendError, Fetched, ReadError};
use flowmill_model::history::{HistoryRecord, InputTopic};
use flowmill_model::{BatchNumber, ExecutionId, Offset, Queue, Timestamp};
use flowmill_routing::Request;
use flowmill_store::{StoreError, TimerRow};
use tokio::sync::oneshot;

use super::outputs::Dispatched;
use crate::execution::Decided;
use crate::projector::Report;
use crate::pulse::Pulse;
use crate::takeover::{Alarm, Takeover};

/// What a shard's actor is told.
pub enum ShardMessage {
    /// The take-over of an incarnation ended.
    TakenOver(u64, Box<Result<Takeover, Alarm>>),
    /// Records of an input topic were read.
    Fetched(u64, InputTopic, Vec<Fetched>),
    /// An input topic, or history, cannot be read.
    ReadFailed(u64, ReadError),
    /// A state was looked up in the store.
    Loaded(u64, ExecutionId, Result<Option<Arc<Execution>>, LoadError>),
    /// An execution's actor has decided.
    Decided(Decided),
    /// The open batch has waited for decisions as long as it may.
    BatchDue(u64, BatchNumber),
    /// The batch after this one has gathered inputs for long enough.
    Gathered(u64, BatchNumber),
    /// An append of a batch ended.
    Appended(u64, Result<Offset, AppendError>),
    /// What stands between the judged offset and the acknowledged one, with it.
    Gap(u64, Result<Vec<(Offset, HistoryRecord)>, Alarm>),
    /// Outputs of a batch were sent.
    Dispatched(u64, Dispatched),
    /// The projector reports.
    Projection(u64, Report),
    /// Pending timers were read from the store, all that are due before the given time.
    TimersRead(u64, Result<Vec<TimerRow>, StoreError>, Timestamp),
    /// How far each task queue's workers have picked tasks up.
    PickedUp(u64, Vec<((Queue, u16), Offset)>),
    /// Where the commands end.
    CommandsEnd(u64, Offset),
    /// A timer may be due.
    Alarm(u64),
    /// Time for upkeep.
    Tick(u64),
    /// The catalogue of flows has news.
    CatalogueChanged(u64),
    /// Another owner's claim was seen in history.
    ForeignClaim(u64),
    /// Shows that the loop turns.
    Turn(Pulse),
    /// Somebody asks.
    Ask(Request),
    /// The commands' end that a question must wait for.
    Barrier(u64, Request, Result<Offset, ReadError>),
    /// Serve until another node has claimed the shard, and then end.
    HandOver,
    /// Finish the batch, checkpoint, leave.
    Stop(oneshot::Sender<()>),
}

/// Why a state could not be loaded.
#[derive(Clone, Debug)]
pub enum LoadError {
    /// The store did not answer; to be tried again.
    Store(StoreError),
    /// What it gave cannot be used; why.
    Damaged(String),
}

impl ShardMessage {
    /// The incarnation a message belongs to; `None` when it is for all.
    pub(super) const fn incarnation(&self) -> Option<u64> {
        match self {
            Self::TakenOver(of, _)
            | Self::Fetched(of, ..)
            | Self::ReadFailed(of, _)
            | Self::Loaded(of, ..)
            | Self::BatchDue(of, _)
            | Self::Gathered(of, _)
            | Self::Appended(of, _)
            | Self::Gap(of, _)
            | Self::Dispatched(of, _)
            | Self::Projection(of, _)
            | Self::TimersRead(of, ..)
            | Self::PickedUp(of, _)
            | Self::CommandsEnd(of, _)
            | Self::Alarm(of)
            | Self::Tick(of)
            | Self::CatalogueChanged(of)
            | Self::ForeignClaim(of)
            | Self::Barrier(of, ..) => Some(*of),
            Self::Decided(decided) => Some(decided.incarnation),
            Self::Ask(_) | Self::Turn(_) | Self::HandOver | Self::Stop(_) => None,
        }
    }
}
