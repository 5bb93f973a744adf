//! Fills a batch: gives inputs to the actors, gathers what they decide, defers what cannot be
//! decided in time.
//!
//! Order within a batch: deferred inputs that are now decided, commands, results, timers. An
//! input of an execution with a deferred one queues behind it, so that the order per execution
//! is kept whatever is slow.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use flowmill_engine::{Command, Decision, Execution, Moment, Rejection, TimerKind, Whereabouts};
use flowmill_model::history::{Blob, DefinitionRecord, InputRef, InputTopic, Rejected};
use flowmill_model::{
    BatchNumber, ErrorCode, ExecutionId, Problem, Sequence, TaskId, Timestamp, limits,
};
use flowmill_routing::CommandOutcome;
use flowmill_telemetry::trace;
use ractor::ActorId;
use ractor::ActorRuntime;

use super::input::{Input, Parsed, Source};
use super::live::{Deciding, Live, Phase};
use super::serving::Serving;
use super::{Next, ShardMessage};
use crate::execution::{Birth, Decided, ExecutionActor, Question, Round, Staged, Verdict};

/// The build, as rejected inputs name it.
const BUILD: &str = env!("CARGO_PKG_VERSION");

/// The batch that is being filled or committed.
pub(crate) struct Open {
    pub(super) number: BatchNumber,
    pub(super) at: Timestamp,
    /// The same, as spans have it.
    pub(super) opened: SystemTime,
    /// Inputs per execution, with what was decided on them.
    pub(super) groups: BTreeMap<ExecutionId, Group>,
    /// Groups without a decision.
    pub(super) missing: usize,
    pub(super) deferred: Vec<flowmill_model::history::Deferred>,
    pub(super) rejected: Vec<Rejected>,
    /// Deferred inputs that the batch resolves only to defer them again.
    pub(super) renewed: Vec<InputRef>,
    pub(super) catalogue: Vec<CatalogueDecision>,
    pub(super) definitions: Vec<DefinitionRecord>,
    /// Set once the record is on its way.
    pub(super) sealed: Option<super::commit::Sealed>,
}

/// What a batch decided on a change of the catalogue of flows.
pub(crate) struct CatalogueDecision {
    pub(super) input: InputRef,
    pub(super) outcome: CommandOutcome,
    /// The record's size.
    pub(super) bytes: usize,
}

/// The inputs of one execution in a batch.
pub(crate) struct Group {
    pub(super) inputs: Vec<Input>,
    pub(super) verdicts: Option<Vec<Verdict>>,
}

/// Decisions that a batch can take.
pub(crate) struct Ready {
    pub(super) execution: ExecutionId,
    pub(super) input: Input,
    pub(super) verdict: Verdict,
    /// Whether an earlier batch deferred the input, so that this one must resolve it.
    pub(super) deferred: bool,
}

impl Serving {
    /// One message while serving.
    pub(super) fn on(&mut self, message: ShardMessage) -> Next {
        match message {
            ShardMessage::Fetched(_, topic, records) => self.fetched(topic, records),
            ShardMessage::Loaded(_, id, loaded) => self.loaded(id, loaded),
            ShardMessage::Decided(decided) => self.decided(decided),
            ShardMessage::BatchDue(_, number) => self.batch_due(number),
            ShardMessage::Appended(_, outcome) => self.appended(outcome),
            ShardMessage::Gap(_, gap) => self.gap(gap),
            ShardMessage::Dispatched(_, dispatched) => self.dispatched(dispatched),
            ShardMessage::Projection(_, report) => self.reported(report),
            ShardMessage::TimersRead(_, rows, until) => self.timers_read(rows, until),
            ShardMessage::PickedUp(_, found) => self.picked_up(found),
            ShardMessage::Tick(_) => self.tick(),
            ShardMessage::CatalogueChanged(_) => self.catalogue_changed(),
            ShardMessage::Barrier(_, request, end) => self.barrier(request, end),
            ShardMessage::Alarm(_) => Next::Serve,
            ShardMessage::TakenOver(..)
            | ShardMessage::ReadFailed(..)
            | ShardMessage::ForeignClaim(_)
            | ShardMessage::Ask(_)
            | ShardMessage::Stop(_) => Next::Serve,
        }
    }

    fn fetched(&mut self, topic: InputTopic, records: Vec<flowmill_log::Fetched>) -> Next {
        let now = self.shared.clock.now();
        self.intake.add(self.id, topic, records, now);
        // A look ahead: states that will be needed are on their way before their batch opens.
        let needed = self.intake.waiting().filter(|input| !self.is_fresh(input));
        let missing = needed.map(|input| input.execution);
        let missing: Vec<_> = missing.filter(|id| self.executions.get(*id).is_none()).collect();
        missing.into_iter().for_each(|id| self.ensure(id, false));
        Next::Serve
    }

    /// Opens a batch if there is none and something to decide; seals it when all is decided.
    pub(super) fn advance(&mut self) -> Next {
        if self.open.is_none() {
            self.open_batch();
        }
        let complete = self.open.as_ref().is_some_and(|o| o.missing == 0 && o.sealed.is_none());
        if complete {
            self.seal();
        }
        self.timers.set_alarm();
        self.stop_if_done()
    }

    fn open_batch(&mut self) {
        let now = self.shared.clock.now();
        let commands_wait = self.unflushed >= limits::UNFLUSHED_BYTES;
        let idle = self.intake.is_empty(commands_wait)
            && self.ready.is_empty()
            && self.renewals.is_empty()
            && !self.timers.is_due(now);
        let waited = now.since(self.idle_since) >= limits::MARK_DELAY || self.stopping.is_some();
        let mark_moved = waited && self.mark.is_news(self.judge.mark());
        if idle && !mark_moved && !self.first_batch {
            return;
        }
        if self.stopping.is_some() && !mark_moved && self.ready.is_empty() {
            return;
        }
        let number = self.judge.number().next();
        self.open = Some(Open {
            number,
            at: now,
            opened: trace::now(),
            groups: BTreeMap::new(),
            missing: 0,
            deferred: vec![],
            rejected: vec![],
            renewed: vec![],
            catalogue: vec![],
            definitions: vec![],
            sealed: None,
        });
        if self.first_batch || self.stopping.is_some() {
            return;
        }
        self.renew(now);
        let taken = self.intake.take(commands_wait);
        taken.into_iter().for_each(|parsed| self.admit(parsed, now));
        self.admit_timers(now);
        self.give_groups();
        self.limit_waiting(number);
    }

    /// Has the shard told when the batch has waited for decisions as long as it may.
    fn limit_waiting(&self, number: BatchNumber) {
        if self.open.as_ref().is_some_and(|open| open.missing > 0) {
            let incarnation = self.incarnation;
            self.beside("batch due", async move {
                tokio::time::sleep(limits::DECISION_WAIT).await;
                ShardMessage::BatchDue(incarnation, number)
            });
        }
    }

    fn admit(&mut self, parsed: Parsed, now: Timestamp) {
        match parsed {
            Parsed::Input(input) => self.admit_input(input),
            Parsed::Catalogue { input, command, bytes } => {
                let Some(definitions) = &mut self.definitions else { return };
                let (outcome, record) = definitions.decide(&command, now);
                let Some(open) = &mut self.open else { return };
                open.catalogue.push(CatalogueDecision { input, outcome, bytes });
                open.definitions.extend(record);
            }
            Parsed::Rejected { input, reason, raw, newer } => {
                tracing::warn!(shard = %self.id, ?input, reason, newer, "an input is rejected");
                self.shared.metrics.input_rejected();
                let Some(open) = &mut self.open else { return };
                let (build, record) = (BUILD.to_owned(), Blob(raw));
                open.rejected.push(Rejected { input, reason, build, record });
            }
        }
    }

    fn admit_input(&mut self, input: Input) {
        let id = input.execution;
        self.ensure(id, self.is_fresh(&input));
        if self.executions.get(id).is_some_and(Live::is_behind) {
            self.defer(input);
            return;
        }
        let Some(open) = &mut self.open else { return };
        let group = Group { inputs: vec![], verdicts: None };
        open.groups.entry(id).or_insert(group).inputs.push(input);
    }

    /// Puts an input into the batch as deferred, and queues it.
    fn defer(&mut self, input: Input) {
        match (input.source, input.deferred()) {
            (Source::Timer(key), _) => self.timers.again(key, self.shared.clock.now()),
            (Source::Log(_), entry) => {
                if let Some(open) = &mut self.open {
                    open.deferred.extend(entry);
                }
                self.deferred += 1;
                if let Some(live) = self.executions.get_mut(input.execution) {
                    live.waiting.push_back(input);
                }
            }
        }
    }

    /// Finds deferrals that have grown old: those to be renewed in the next batch, so that they do
    /// not pin the watermark, and those that nobody waits for any longer.
    pub(super) fn look_at_deferrals(&mut self, now: Timestamp) {
        if self.deferred == 0 {
            return;
        }
        let is_old = |live: &Live, age: Duration, since: fn(&Input) -> Timestamp| {
            let mut waiting = live.waiting.iter();
            live.deciding.is_none() && waiting.any(|input| now.since(since(input)) >= age)
        };
        let expired = self.executions.select(|live| {
            live.can_decide() && is_old(live, limits::DEFERRAL_EXPIRY, |input| input.since)
        });
        expired.into_iter().for_each(|id| self.expire(id));
        self.renewals = self
            .executions
            .select(|live| is_old(live, limits::DEFERRAL_RENEWAL, |input| input.renewed));
    }

    /// Resolves deferred inputs and defers them again, all those of an execution, in order.
    fn renew(&mut self, now: Timestamp) {
        let Some(open) = &mut self.open else { return };
        for id in std::mem::take(&mut self.renewals) {
            let Some(live) = self.executions.get_mut(id) else { continue };
            if live.deciding.is_some() {
                continue;
            }
            for input in &mut live.waiting {
                input.renewed = now;
                open.renewed.extend(input.of_log());
                open.deferred.extend(input.deferred());
            }
        }
    }

    /// Decides inputs that could not be decided for too long as a fault of their execution.
    fn expire(&mut self, id: ExecutionId) {
        let Some(live) = self.executions.get_mut(id) else { return };
        let (inputs, mut state) =
            (Vec::from(std::mem::take(&mut live.waiting)), live.committed.clone());
        let hours = limits::DEFERRAL_EXPIRY.as_secs() / 3_600;
        let why = format!("the execution's flow was not available for {hours} hours");
        tracing::error!(execution = %id, why, "deferred inputs are given up");
        let problem = Problem::of(ErrorCode::DeferralExpired, &why);
        let mut verdicts = Vec::with_capacity(inputs.len());
        for input in &inputs {
            let moment = Moment { now: self.shared.clock.now(), seed: self.shared.entropy.next() };
            let decided = match (&state, &input.command) {
                (Some(state), _) if state.is_ended() => Err(Rejection::AlreadyEnded),
                (Some(state), _) => Ok(flowmill_engine::fault(state, problem.clone(), &moment)),
                (None, Command::Start { start, trace, sent_at }) => {
                    let (new, problem) = (Execution::new(id), problem.clone());
                    Ok(flowmill_engine::fault_start(
                        &new, start, *trace, *sent_at, problem, &moment,
                    ))
                }
                (None, _) => Err(Rejection::Unknown),
            };
            verdicts.push(stage(id, &mut state, decided));
        }
        self.take_verdicts(id, inputs, verdicts, false);
    }

    fn admit_timers(&mut self, now: Timestamp) {
        for key in self.timers.take_due(now, limits::BATCH_INPUTS) {
            let id = key.execution;
            let pending = |live: &Live| {
                live.committed.as_ref().is_none_or(|e| e.timers().any(|t| t.id == key.timer))
            };
            if self.executions.get(id).is_some_and(|live| !pending(live)) {
                continue;
            }
            self.shared.metrics.timer_fired(now.since(key.due));
            self.admit_input(Input::timer(key, now));
        }
    }

    /// What this owner knows of the task that a timer guards.
    fn whereabouts(&self, key: flowmill_store::TimerKey) -> Whereabouts {
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

    fn give_groups(&mut self) {
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

    fn catalogue_changed(&mut self) -> Next {
        let waiting = self.executions.select(|live| matches!(live.phase, Phase::NoFlow));
        for id in waiting {
            self.give_group(id);
            self.give_waiting(id);
        }
        Next::Serve
    }

    fn decided(&mut self, decided: Decided) -> Next {
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

    fn take_verdicts(
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

    /// The batch has waited long enough: what is not decided is deferred.
    fn batch_due(&mut self, number: BatchNumber) -> Next {
        let Some(open) = self.open.as_mut().filter(|o| o.number == number && o.sealed.is_none())
        else {
            return Next::Serve;
        };
        let late: Vec<_> =
            open.groups.iter().filter(|(_, g)| g.verdicts.is_none()).map(|(id, _)| *id).collect();
        for id in late {
            let group = self.open.as_mut().and_then(|open| open.groups.remove(&id));
            let Some(Group { inputs, .. }) = group else { continue };
            inputs.into_iter().for_each(|input| self.defer(input));
            self.defer_deciding(id);
        }
        if let Some(open) = &mut self.open {
            open.missing = 0;
        }
        Next::Serve
    }

    /// What an actor is still deciding leaves the batch; the decision comes in a later one.
    fn defer_deciding(&mut self, id: ExecutionId) {
        let Some(live) = self.executions.get_mut(id) else { return };
        let Some(deciding) = live.deciding.as_mut().filter(|deciding| deciding.in_batch) else {
            return;
        };
        deciding.in_batch = false;
        let Some(open) = &mut self.open else { return };
        for input in &deciding.inputs {
            if let Some(entry) = input.deferred() {
                open.deferred.push(entry);
                self.deferred += 1;
            }
        }
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
fn stage(
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
