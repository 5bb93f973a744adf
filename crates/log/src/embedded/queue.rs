//! What waits for the writer.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use flowmill_model::{Offset, limits};
use parking_lot::{Condvar, Mutex};
use tokio::sync::oneshot;

use super::partition::DurablePartition;
use crate::contract::{AppendError, NotWritten, ReadError, Record};
use crate::topic::{Topic, TopicSpec};

/// Something for the writer to do, and where to send the answer. Nobody may be waiting for it.
pub(super) enum Job {
    Append(AppendJob),
    Ensure(EnsureJob),
    Trim(TrimJob),
}

pub(super) struct AppendJob {
    pub(super) partition: Arc<DurablePartition>,
    pub(super) record: Record,
    pub(super) answer: oneshot::Sender<Result<Offset, AppendError>>,
}

pub(super) struct EnsureJob {
    pub(super) spec: TopicSpec,
    pub(super) answer: oneshot::Sender<Result<(), ReadError>>,
}

pub(super) struct TrimJob {
    pub(super) partition: Arc<DurablePartition>,
    pub(super) before: u64,
    /// `None` when the log itself wants it.
    pub(super) answer: Option<TrimAnswer>,
}

pub(super) struct TrimAnswer {
    /// The partition's topic, for an error.
    pub(super) topic: Topic,
    pub(super) sender: oneshot::Sender<Result<(), ReadError>>,
}

impl Job {
    /// Bytes it holds while it waits.
    fn bytes(&self) -> usize {
        match self {
            Self::Append(job) => job.record.bytes(),
            Self::Ensure(_) | Self::Trim(_) => 0,
        }
    }

    /// Answers that it was not done.
    pub(super) fn refuse(self, why: &NotWritten) {
        match self {
            Self::Append(job) => {
                job.answer.send(Err(AppendError::NotWritten(why.clone()))).ok();
            }
            Self::Ensure(job) => job.refuse(why),
            Self::Trim(job) => job.refuse(why),
        }
    }
}

impl EnsureJob {
    pub(super) fn refuse(self, why: &NotWritten) {
        self.answer.send(Err(refused(self.spec.topic, why))).ok();
    }
}

impl TrimJob {
    pub(super) fn refuse(self, why: &NotWritten) {
        if let Some(TrimAnswer { topic, sender }) = self.answer {
            sender.send(Err(refused(topic, why))).ok();
        }
    }

    pub(super) fn done(self) {
        if let Some(answer) = self.answer {
            answer.sender.send(Ok(())).ok();
        }
    }
}

fn refused(topic: Topic, why: &NotWritten) -> ReadError {
    match why {
        NotWritten::Closed(reason) => ReadError::Closed(reason.clone()),
        NotWritten::Full | NotWritten::TooLarge { .. } | NotWritten::NoSuchPartition(_) => {
            ReadError::Refused { topic, why: why.to_string() }
        }
    }
}

/// The line of waiting jobs. Their order in it is their order in the log.
#[derive(Default)]
pub(super) struct Queue {
    state: Mutex<State>,
    arrived: Condvar,
}

#[derive(Default)]
struct State {
    jobs: VecDeque<Job>,
    bytes: usize,
    /// No more jobs are taken, for this reason.
    closed: Option<String>,
}

impl Queue {
    /// Adds a job, or refuses it.
    pub(super) fn push(&self, job: Job) {
        let mut state = self.state.lock();
        let bytes = job.bytes();
        let refusal = match &state.closed {
            Some(reason) => NotWritten::Closed(reason.clone()),
            None if state.bytes + bytes > limits::LOG_WAITING_BYTES => NotWritten::Full,
            None => {
                state.bytes += bytes;
                state.jobs.push_back(job);
                self.arrived.notify_one();
                return;
            }
        };
        drop(state);
        job.refuse(&refusal);
    }

    /// Waits for jobs, at most for `patience`, and gives all there are. `None` once the queue is
    /// closed and empty.
    pub(super) fn take(&self, patience: Option<Duration>) -> Option<VecDeque<Job>> {
        let mut state = self.state.lock();
        let waiting = |state: &mut State| state.jobs.is_empty() && state.closed.is_none();
        match patience {
            None => self.arrived.wait_while(&mut state, waiting),
            Some(patience) => {
                self.arrived.wait_while_for(&mut state, waiting, patience);
            }
        }
        if state.jobs.is_empty() && state.closed.is_some() {
            return None;
        }
        state.bytes = 0;
        Some(std::mem::take(&mut state.jobs))
    }

    /// Why no more jobs are taken, if that is so.
    pub(super) fn closed_reason(&self) -> Option<String> {
        self.state.lock().closed.clone()
    }

    /// Takes no more jobs. Those there are stay.
    pub(super) fn close(&self, reason: &str) {
        self.state.lock().closed.get_or_insert_with(|| reason.to_owned());
        self.arrived.notify_all();
    }
}
