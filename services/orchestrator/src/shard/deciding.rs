//! Has executions' actors decide inputs, and takes in what they decide.

use std::sync::Arc;

use flowmill_engine::{Command, Decision, Execution, Moment, Rejection, TimerKind, Whereabouts};
use flowmill_model::{ErrorCode, ExecutionId, Problem, Sequence, TaskId};
use flowmill_store::TimerKey;
use ractor::{ActorId, ActorRuntime};

use super::Next;
use super::batch::Ready;
use super::input::{Input, Source};
use super::live::{Deciding, Phase};
use super::serving::Serving;
use crate::execution::{Birth, Decided, ExecutionActor, Question, Round, Staged, Verdict};

impl Serving {
    pub(super) fn give_groups(&mut self) {
        let Some(open) = &mut self.open else { return };
        open.missing = open.groups.len();
        let ids: Vec<_> = open.groups.keys().copied().collect();
        ids.into_iter().for_each(|id| self.give_group(id));
    }

    /// Gives an execution's inputs in the open batch to its actor, if it is there to decide.
    pub(super) fn give_group(&mut self, id: ExecutionId) {
        let inputs = match self.open.as_mut().filter(|open| open.sealed.is_none()) {
            None => return,
            Some(open) => match open.groups.get_mut(&id) {
                Some(group) if group.verdicts.is_none() && !group.inputs.is_empty() => {
                    std::mem::take(&mut group.inputs)
                }
                Some(_) | None => return,
            },
        };
        if let Err(inputs) = self.give(id, inputs, true)
            && let Some(group) = self.open.as_mut().and_then(|open| open.groups.get_mut(&id))
        {
            group.inputs = inputs;
        }
    }

    /// Gives an execution's deferred inputs to its actor, if it is there to decide.
    pub(super) fn give_waiting(&mut self, id: ExecutionId) {
        let Some(live) = self.executions.get_mut(id) else { return };
        if live.waiting.is_empty() || live.deciding.is_some() {
            return;
        }
        let inputs = Vec::from(std::mem::take(&mut live.waiting));
        if let Err(inputs) = self.give(id, inputs, false)
            && let Some(live) = self.executions.get_mut(id)
        {
            live.waiting = inputs.into();
        }
    }

    /// Has inputs decided; gives them back when that cannot begin now.
    fn give(
        &mut self,
        id: ExecutionId,
        inputs: Vec<Input>,
        in_batch: bool,
    ) -> Result<(), Vec<Input>> {
        let Some(live) = self.executions.get(id) else { return Err(inputs) };
        if !live.can_decide() {
            return Err(inputs);
        }
        if live.committed.is_none() && !matches!(live.phase, Phase::Acting(_)) {
            let starts = inputs.iter().any(|i| matches!(i.command, Command::Start { .. }));
            if !starts {
                self.refuse_unknown(id, inputs, in_batch);
                return Ok(());
            }
        }
        if !self.act(id, &inputs) {
            return Err(inputs);
        }
        self.rounds += 1;
        let number = self.rounds;
        let now = self.shared.clock.now();
        let question = |input: &Input| Question {
            command: self.command(input),
            moment: Moment { now, seed: self.shared.entropy.next() },
            raw: input.raw.clone(),
        };
        let questions = inputs.iter().map(question).collect();
        let Some(live) = self.executions.get_mut(id) else { return Err(inputs) };
        live.deciding = Some(Deciding { round: number, inputs, in_batch });
        if let Phase::Acting(actor) = &live.phase {
            // An actor that failed in this moment is dealt with when its end is reported.
            drop(actor.cast(Round { number, inputs: questions }));
        }
        Ok(())
    }

    /// The input as its actor decides it; for a timer, with what is known of its task by now.
    fn command(&self, input: &Input) -> Command {
        match input.source {
            Source::Log(_) => input.command.clone(),
            Source::Timer(key) => {
                Command::TimerFired { timer: key.timer, whereabouts: self.whereabouts(key) }
            }
        }
    }

    /// What this owner knows of the task that a timer guards.
    fn whereabouts(&self, key: TimerKey) -> Whereabouts {
        let Some(execution) = self.executions.get(key.execution).and_then(|l| l.committed.as_ref())
        else {
            return Whereabouts::NotSent;
        };
        let timer = execution.timers().find(|timer| timer.id == key.timer);
        let Some(task) =
            timer.filter(|timer| timer.kind == TimerKind::Attempt).and_then(|t| t.activation)
        else {
            return Whereabouts::NotATask;
        };
        let Some(spec) = execution.task(task) else { return Whereabouts::NotATask };
        let id = TaskId { execution: key.execution, activation: task, attempt: spec.attempt };
        let Some(sent) = self.sent.get(&id).filter(|sent| sent.token == spec.token) else {
            return Whereabouts::NotSent;
        };
        let partition = (sent.queue.clone(), sent.partition);
        let samples = self.pickups.get(&partition).into_iter().flatten();
        let mut passed = samples.filter(|(_, committed)| *committed > sent.offset);
        passed.next().map_or(Whereabouts::Queued, |(at, _)| Whereabouts::PickedUp { at: *at })
    }

    /// Inputs for an execution that does not exist change nothing.
    fn refuse_unknown(&mut self, id: ExecutionId, inputs: Vec<Input>, in_batch: bool) {
        let verdicts = inputs.iter().map(|_| Verdict::Rejected(Rejection::Unknown)).collect();
        self.take_verdicts(id, inputs, verdicts, in_batch);
    }

    /// Makes sure the execution's actor runs; false when its flow is not here.
    fn act(&mut self, id: ExecutionId, inputs: &[Input]) -> bool {
        let Some(live) = self.executions.get(id) else { return false };
        if matches!(live.phase, Phase::Acting(_)) {
            return true;
        }
        let wanted = match &live.committed {
            Some(execution) => execution.flow().map(|(flow, hash)| (flow.clone(), *hash)),
            None => inputs.iter().find_map(|input| match &input.command {
                Command::Start { start, .. } => Some((start.flow.clone(), start.hash)),
                Command::Signal(_)
                | Command::Cancel(_)
                | Command::Suspend(_)
                | Command::Resume(_)
                | Command::Report(_)
                | Command::TimerFired { .. } => None,
            }),
        };
        let found = wanted.and_then(|(flow, hash)| self.shared.catalogue.get(&flow, &hash));
        let committed = live.committed.clone();
        let Some(deployed) = found else {
            if let Some(live) = self.executions.get_mut(id) {
                live.phase = Phase::NoFlow;
            }
            return false;
        };
        let execution = committed.unwrap_or_else(|| Arc::new(Execution::new(id)));
        self.spawn_actor(
            id,
            Birth {
                execution,
                flow: deployed.flow,
                shard: self.me.clone(),
                incarnation: self.incarnation,
                #[cfg(feature = "mutations")]
                mutation: self.shared.settings.mutation,
            },
        );
        true
    }

    fn spawn_actor(&mut self, id: ExecutionId, birth: Birth) {
        let _deciders = self.shared.deciders.enter();
        let supervisor = self.me.get_cell();
        let spawned = ActorRuntime::<ExecutionActor>::spawn_linked_instant(
            None,
            ExecutionActor,
            birth,
            supervisor,
        );
        match spawned {
            Ok((actor, _)) => self.executions.acting(id, actor),
            Err(error) => tracing::error!(execution = %id, %error, "an actor cannot be started"),
        }
    }

    pub(super) fn catalogue_changed(&mut self) -> Next {
        let waiting = self.executions.select(|live| matches!(live.phase, Phase::NoFlow));
        for id in waiting {
            self.give_group(id);
            self.give_waiting(id);
        }
        Next::Serve
    }

    pub(super) fn decided(&mut self, decided: Decided) -> Next {
        let Decided { execution, round, verdicts, .. } = decided;
        let Some(live) = self.executions.get_mut(execution) else { return Next::Serve };
        let current = live.deciding.take_if(|deciding| deciding.round == round);
        if let Some(Deciding { inputs, in_batch, .. }) = current {
            self.take_verdicts(execution, inputs, verdicts, in_batch);
            self.give_group(execution);
            self.give_waiting(execution);
        }
        Next::Serve
    }

    pub(super) fn take_verdicts(
        &mut self,
        id: ExecutionId,
        inputs: Vec<Input>,
        verdicts: Vec<Verdict>,
        in_batch: bool,
    ) {
        let open = self.open.as_mut().filter(|open| in_batch && open.sealed.is_none());
        if let Some(open) = open
            && let Some(group) = open.groups.get_mut(&id)
        {
            let count = inputs.len();
            group.inputs = inputs;
            group.verdicts = Some(verdicts);
            open.missing -= 1;
            if let Some(live) = self.executions.get_mut(id) {
                live.undelivered += count;
            }
            return;
        }
        if let Some(live) = self.executions.get_mut(id) {
            live.undelivered += inputs.len();
        }
        let ready = inputs.into_iter().zip(verdicts).map(|(input, verdict)| Ready {
            execution: id,
            deferred: matches!(input.source, Source::Log(_)),
            input,
            verdict,
        });
        self.ready.extend(ready);
    }

    /// An actor panicked: its execution is quarantined with the inputs it had; nobody else is
    /// affected.
    pub(super) fn actor_failed(&mut self, actor: ActorId, panic: &str) -> Next {
        let Some(id) = self.executions.failed(actor) else { return Next::Serve };
        tracing::error!(execution = %id, panic, "a transition panicked; the execution is quarantined");
        self.shared.metrics.quarantined();
        let Some(live) = self.executions.get_mut(id) else { return Next::Serve };
        let Some(Deciding { inputs, in_batch, .. }) = live.deciding.take() else {
            return Next::Serve;
        };
        let committed = live.committed.clone();
        let base = self.newest_staged(id).or(committed);
        let verdicts = self.quarantine(id, base, &inputs, panic);
        self.take_verdicts(id, inputs, verdicts, in_batch);
        Next::Serve
    }

    /// The newest state of an execution that is decided and not yet committed.
    fn newest_staged(&self, id: ExecutionId) -> Option<Arc<Execution>> {
        let sealed = self.open.as_ref().and_then(|open| open.sealed.as_ref());
        let sealed = sealed.into_iter().flat_map(|sealed| &sealed.decisions);
        let staged = sealed.chain(&self.ready).filter(|ready| ready.execution == id);
        staged.rev().find_map(|ready| match &ready.verdict {
            Verdict::Staged(staged) => Some(Arc::clone(&staged.after)),
            Verdict::Rejected(_) => None,
        })
    }

    fn quarantine(
        &self,
        id: ExecutionId,
        base: Option<Arc<Execution>>,
        inputs: &[Input],
        panic: &str,
    ) -> Vec<Verdict> {
        let problem = Problem::of(ErrorCode::Quarantined, panic);
        let mut state = base;
        let mut verdicts = Vec::with_capacity(inputs.len());
        for input in inputs {
            let moment = Moment { now: self.shared.clock.now(), seed: self.shared.entropy.next() };
            let decided = match (&state, &input.command) {
                (Some(state), _) => {
                    Ok(flowmill_engine::quarantine(state, problem.clone(), input.kept(), &moment))
                }
                (None, Command::Start { start, trace, sent_at }) => {
                    let new = Execution::new(id);
                    let problem = problem.clone();
                    Ok(flowmill_engine::quarantine_start(
                        &new, start, *trace, *sent_at, problem, &moment,
                    ))
                }
                (None, _) => Err(Rejection::Unknown),
            };
            verdicts.push(stage(id, &mut state, decided));
        }
        verdicts
    }
}

/// The verdict for a decision made here, not by an actor; `state` becomes the one after it.
pub(super) fn stage(
    id: ExecutionId,
    state: &mut Option<Arc<Execution>>,
    decided: Result<Decision, Rejection>,
) -> Verdict {
    match decided {
        Err(rejection) => Verdict::Rejected(rejection),
        Ok(decision) => {
            let first = state.as_ref().map_or(Sequence::new(0), |state| state.sequence());
            let staged = Staged::new(id, first, decision);
            *state = Some(Arc::clone(&staged.after));
            Verdict::Staged(staged)
        }
    }
}
