//! Answers questions: an execution's state, its end, its history, what became of a command.
//!
//! An execution in memory is answered from its committed state. One that is not is looked up
//! only after the shard has read everything that was in `commands` when the question came, so
//! that nobody is told "unknown" about a start that was acknowledged.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use flowmill_engine::{Execution, Rejection};
use flowmill_log::{Partition, ReadError, Topic};
use flowmill_model::history::{InputRef, InputTopic, RecordedTransition};
use flowmill_model::{ExecutionId, Offset, Sequence};
use flowmill_routing::{CommandOutcome, ExecutionView, HistoryPage, Position, Request};
use tokio::sync::oneshot;

use super::input::Input;
use super::live::Phase;
use super::serving::Serving;
use super::{Next, ShardMessage};
use crate::view;

/// Outcomes kept for those who ask after the decision.
const RECENT_OUTCOMES: usize = 16_384;

/// Questions that wait.
#[derive(Default)]
pub(crate) struct Questions {
    /// Wait for the shard to reach a position.
    positions: Vec<(Offset, Request)>,
    /// Wait for an execution's end.
    ends: BTreeMap<ExecutionId, Vec<oneshot::Sender<Option<ExecutionView>>>>,
    /// Wait for an execution to be loaded.
    loads: BTreeMap<ExecutionId, Vec<Request>>,
    /// Wait for a command's decision.
    outcomes: BTreeMap<Offset, Vec<oneshot::Sender<CommandOutcome>>>,
    recent: VecDeque<(Offset, CommandOutcome)>,
    by_offset: BTreeMap<Offset, CommandOutcome>,
}

impl Questions {
    /// A command at `offset` is decided.
    pub(crate) fn decided(&mut self, offset: Offset, outcome: CommandOutcome) {
        for waiting in self.outcomes.remove(&offset).unwrap_or_default() {
            drop(waiting.send(outcome.clone()));
        }
        self.by_offset.insert(offset, outcome.clone());
        self.recent.push_back((offset, outcome));
        if self.recent.len() > RECENT_OUTCOMES
            && let Some((oldest, _)) = self.recent.pop_front()
        {
            self.by_offset.remove(&oldest);
        }
    }

    /// Forgets those that nobody waits for any more.
    pub(crate) fn prune(&mut self) {
        self.ends.retain(|_, waiting| {
            waiting.retain(|reply| !reply.is_closed());
            !waiting.is_empty()
        });
        self.outcomes.retain(|_, waiting| {
            waiting.retain(|reply| !reply.is_closed());
            !waiting.is_empty()
        });
        self.positions.retain(|(_, request)| !is_closed(request));
    }
}

fn is_closed(request: &Request) -> bool {
    match request {
        Request::Read { reply, .. } | Request::Ended { reply, .. } => reply.is_closed(),
        Request::History { reply, .. } => reply.is_closed(),
        Request::Outcome { reply, .. } => reply.is_closed(),
        Request::Resume { reply, .. } => reply.is_closed(),
    }
}

/// What a caller is told of a command that changed nothing.
pub(crate) fn outcome_of(rejection: &Rejection) -> CommandOutcome {
    match rejection {
        Rejection::AlreadyExists { same_input: true } => CommandOutcome::Exists,
        Rejection::AlreadyExists { same_input: false } => CommandOutcome::KeyReused,
        Rejection::Unknown => CommandOutcome::Unknown,
        Rejection::Duplicate(_) => CommandOutcome::Applied,
        Rejection::AlreadyEnded
        | Rejection::NotExpected(_)
        | Rejection::Stale
        | Rejection::Early(_)
        | Rejection::TooManySignals
        | Rejection::Quarantined
        | Rejection::TooManyInputs
        | Rejection::PayloadTooLarge(_)
        | Rejection::NotJson(_)
        | Rejection::OtherFlow => CommandOutcome::Refused(rejection.to_string()),
    }
}

impl Serving {
    /// Takes a question.
    pub(super) fn ask(&mut self, request: Request) -> Next {
        let after = match &request {
            Request::Read { after, .. } | Request::Ended { after, .. } => *after,
            Request::Outcome { .. } | Request::History { .. } | Request::Resume { .. } => None,
        };
        let ahead = after.filter(|position| !self.has_reached(position.offset));
        match (request, ahead) {
            (Request::Outcome { of, reply }, _) => self.ask_outcome(of, reply),
            // It is served: dropping the reply says so.
            (Request::Resume { .. }, _) => {}
            (request, Some(position)) => {
                self.questions.positions.push((position.offset, request));
            }
            (request, None) => self.ask_execution(request),
        }
        Next::Serve
    }

    /// Whether the command at `offset` is decided or deferred.
    fn has_reached(&self, offset: Offset) -> bool {
        self.judge.positions().commands > offset
    }

    fn ask_outcome(&mut self, of: Position, reply: oneshot::Sender<CommandOutcome>) {
        if let Some(outcome) = self.questions.by_offset.get(&of.offset) {
            drop(reply.send(outcome.clone()));
        } else if self.has_reached(of.offset) && !self.is_undecided(of.offset) {
            drop(reply.send(CommandOutcome::Forgotten));
        } else {
            self.questions.outcomes.entry(of.offset).or_default().push(reply);
        }
    }

    /// Whether the command at `offset`, which the shard has passed, still waits for its decision
    /// or for the batch that holds it.
    fn is_undecided(&self, offset: Offset) -> bool {
        let command = InputRef { topic: InputTopic::Commands, offset };
        let is_it = |input: &Input| input.of_log() == Some(command);
        self.ready.iter().any(|ready| is_it(&ready.input))
            || self.open.as_ref().is_some_and(|open| open.holds(command))
            || self.executions.any(|live| live.holds(command))
    }

    fn ask_execution(&mut self, request: Request) {
        let id = request.execution();
        let known = self.executions.get(id).is_some_and(|live| live.committed.is_some());
        if known {
            self.answer(request);
        } else {
            self.read_end(request);
        }
    }

    /// Finds out how far the shard must read before it may say "unknown".
    fn read_end(&self, request: Request) {
        let commands = Partition::of_shard(Topic::Commands, self.id);
        let (log, incarnation) = (Arc::clone(&self.shared.log), self.incarnation);
        self.beside("read barrier", async move {
            let end = log.bounds(&commands).await.map(|bounds| bounds.end);
            ShardMessage::Barrier(incarnation, request, end)
        });
    }

    pub(super) fn barrier(&mut self, request: Request, end: Result<Offset, ReadError>) -> Next {
        match end {
            // Dropping the request tells the asker to ask again.
            Err(ReadError::Unavailable(_)) => {}
            Err(error) => return Next::Halt(error.to_string()),
            Ok(end) if self.judge.positions().commands >= end => self.look_up(request),
            Ok(end) => {
                let last = Offset::new(end.get().saturating_sub(1));
                self.questions.positions.push((last, request));
            }
        }
        Next::Serve
    }

    /// Answers from memory, or after a look into the store. The shard has read everything that
    /// the answer must have seen; what it could not decide yet is waited for.
    fn look_up(&mut self, request: Request) {
        let id = request.execution();
        self.ensure(id, false);
        self.questions.loads.entry(id).or_default().push(request);
        self.answer_readers(id);
    }

    /// Answers what waited for the shard to get where it is now.
    pub(super) fn answer_positions(&mut self) {
        let reached = self.judge.positions().commands;
        let waiting = std::mem::take(&mut self.questions.positions);
        let (now, later): (Vec<_>, Vec<_>) =
            waiting.into_iter().partition(|(offset, _)| reached > *offset);
        self.questions.positions = later;
        now.into_iter().for_each(|(_, request)| self.look_up(request));
    }

    /// Answers what waited for an execution's state.
    pub(super) fn answer_readers(&mut self, id: ExecutionId) {
        let Some(live) = self.executions.get(id) else { return };
        let looking = matches!(live.phase, Phase::Loading);
        if live.committed.is_none() && (looking || live.is_undecided()) {
            return;
        }
        let waiting = self.questions.loads.remove(&id).unwrap_or_default();
        waiting.into_iter().for_each(|request| self.answer(request));
    }

    /// Answers from what is in memory now.
    fn answer(&mut self, request: Request) {
        let id = request.execution();
        let committed = self.executions.get(id).and_then(|live| live.committed.clone());
        match request {
            Request::Read { reply, .. } => {
                drop(reply.send(committed.and_then(|execution| self.view(&execution))));
            }
            Request::Ended { reply, .. } => match committed {
                Some(execution) if !execution.is_ended() => {
                    self.questions.ends.entry(id).or_default().push(reply);
                }
                other => drop(reply.send(other.and_then(|execution| self.view(&execution)))),
            },
            Request::History { from, limit, reply, .. } => {
                self.answer_history(committed, from, limit, reply);
            }
            Request::Outcome { of, reply } => self.ask_outcome(of, reply),
            Request::Resume { .. } => {}
        }
    }

    fn view(&self, execution: &Execution) -> Option<ExecutionView> {
        let (version, hash) = execution.flow()?;
        let flow = self.shared.catalogue.get(version, hash).map(|deployed| deployed.flow);
        view::execution(execution, flow.as_deref())
    }

    /// An execution has ended: tell who waits for it.
    pub(super) fn answer_ended(&mut self, id: ExecutionId, execution: &Execution) {
        let waiting = self.questions.ends.remove(&id).unwrap_or_default();
        for reply in waiting {
            drop(reply.send(self.view(execution)));
        }
    }

    /// Reads the rest of a history beside the shard.
    fn answer_history(
        &self,
        committed: Option<Arc<Execution>>,
        from: Sequence,
        limit: usize,
        reply: oneshot::Sender<Option<HistoryPage>>,
    ) {
        let Some(execution) = committed else {
            drop(reply.send(None));
            return;
        };
        let id = execution.id();
        let live = self.executions.get(id);
        let unflushed: Vec<RecordedTransition> =
            live.map(|live| live.unflushed.iter().cloned().collect()).unwrap_or_default();
        let flow = execution.flow().and_then(|(version, hash)| {
            self.shared.catalogue.get(version, hash).map(|deployed| deployed.flow)
        });
        let Some(flow) = flow else {
            tracing::error!(execution = %id, "its flow's version is not in the catalogue");
            return;
        };
        let store = Arc::clone(&self.shared.store);
        flowmill_runtime::spawn("history", async move {
            let asked = view::HistoryQuery { id, from, limit };
            match view::history(store.as_ref(), &asked, &unflushed, &flow).await {
                Ok(page) => drop(reply.send(Some(page))),
                // Dropping the way back tells the asker to ask again.
                Err(error) => tracing::warn!(execution = %id, error, "a history cannot be read"),
            }
        });
    }
}
