//! The actor of one execution: decides its inputs, one after the other, on the deciders' runtime.
//!
//! It holds the newest state, staged transitions included. The shard tells it nothing when they
//! are committed: if a commit fails, the whole incarnation of the shard is dropped, with every
//! actor of it, and states are built again from the log. So an actor never has to go back.
//!
//! **Invariant:** an actor does no I/O and never waits; only `decide` takes its time. A panic in
//! it ends this actor and nothing else.

use std::sync::Arc;

use bytes::Bytes;
use flowmill_engine::{Command, Decision, Effect, Execution, Moment, Rejection, TaskSpec, effects};
use flowmill_flow::Flow;
use flowmill_model::event::Event;
use flowmill_model::history::{Blob, Transition};
use flowmill_model::{ExecutionId, Sequence};
use ractor::{Actor, ActorProcessingErr, ActorRef};

use crate::shard::ShardMessage;

/// Makes [`ExecutionActor`]s; holds nothing itself.
pub struct ExecutionActor;

/// What an actor starts with.
pub struct Birth {
    /// The state, with everything decided so far.
    pub execution: Arc<Execution>,
    /// Its flow.
    pub flow: Arc<Flow>,
    /// Where decisions go.
    pub shard: ActorRef<ShardMessage>,
    /// The shard's incarnation that this actor belongs to.
    pub incarnation: u64,
    /// How its node is broken on purpose.
    #[cfg(feature = "mutations")]
    pub mutation: Option<crate::mutations::Mutation>,
}

/// Inputs to decide, in order.
pub struct Round {
    /// Tells this round's answer from others.
    pub number: u64,
    /// The inputs.
    pub inputs: Vec<Question>,
}

/// One input to decide.
pub struct Question {
    /// The input.
    pub command: Command,
    /// When it is decided.
    pub moment: Moment,
    /// The record it was read from, in case the execution has to keep it; empty for a timer.
    pub raw: Bytes,
}

/// The answer to a [`Round`]: one verdict per input, in order.
pub struct Decided {
    /// The incarnation of the shard that asked.
    pub incarnation: u64,
    /// The execution.
    pub execution: ExecutionId,
    /// The round's number.
    pub round: u64,
    /// One per input.
    pub verdicts: Vec<Verdict>,
}

/// What was decided on one input.
pub enum Verdict {
    /// It changes the execution.
    Staged(Staged),
    /// It does not; why.
    Rejected(Rejection),
}

/// A transition that is decided and not yet committed.
pub struct Staged {
    /// The events, ready for the batch.
    pub transition: Transition,
    /// The state after them.
    pub after: Arc<Execution>,
    /// Tasks to send once it is committed.
    pub tasks: Vec<TaskSpec>,
    /// The events' names and kinds, for metrics.
    pub events: Vec<Event>,
}

impl Staged {
    /// Makes the staged form of a decision on an execution that had `first` events.
    pub fn new(id: ExecutionId, first: Sequence, decision: Decision) -> Self {
        let Decision { events, after } = decision;
        let count = u32::try_from(events.len()).unwrap_or(u32::MAX);
        let tasks = events.iter().flat_map(|event| effects(&after, event)).filter_map(task);
        let tasks = tasks.collect();
        let bytes = Blob(Event::encode_all(&events).into());
        let transition = Transition { execution: id, first, count, events: bytes };
        Self { transition, after: Arc::new(after), tasks, events }
    }
}

fn task(effect: Effect) -> Option<TaskSpec> {
    match effect {
        Effect::Task(task) => Some(task),
        Effect::SetTimer(_) | Effect::CancelTimer(_) | Effect::Lifecycle(_) => None,
    }
}

impl Actor for ExecutionActor {
    type Msg = Round;
    type State = Birth;
    type Arguments = Birth;

    async fn pre_start(
        &self,
        _myself: ActorRef<Round>,
        birth: Birth,
    ) -> Result<Birth, ActorProcessingErr> {
        Ok(birth)
    }

    async fn handle(
        &self,
        _myself: ActorRef<Round>,
        round: Round,
        state: &mut Birth,
    ) -> Result<(), ActorProcessingErr> {
        let verdicts = round.inputs.iter().map(|question| state.decide(question)).collect();
        let Birth { execution, incarnation, .. } = state;
        let (round, execution, incarnation) = (round.number, execution.id(), *incarnation);
        let decided = Decided { incarnation, execution, round, verdicts };
        // A shard that is gone has dropped this incarnation; there is nobody left to tell.
        drop(state.shard.cast(ShardMessage::Decided(decided)));
        Ok(())
    }
}

impl Birth {
    fn decide(&mut self, question: &Question) -> Verdict {
        let before = Arc::clone(&self.execution);
        match self.decision(&before, question) {
            Err(rejection) => Verdict::Rejected(rejection),
            Ok(decision) => {
                #[cfg(feature = "mutations")]
                let decision = self.broken_decision(&before, &question.command, decision);
                let staged = Staged::new(before.id(), before.sequence(), decision);
                self.execution = Arc::clone(&staged.after);
                Verdict::Staged(staged)
            }
        }
    }

    fn decision(&self, before: &Execution, question: &Question) -> Result<Decision, Rejection> {
        let Question { command, moment, raw } = question;
        #[cfg(feature = "mutations")]
        crate::mutations::panic_if_asked(command);
        #[cfg(feature = "mutations")]
        let command = &self.broken_command(before, command);
        match flowmill_engine::decide(&self.flow, before, command, moment) {
            Err(Rejection::Quarantined) => match crate::shard::kept(command, raw) {
                Some(kept) => flowmill_engine::keep_input(before, kept),
                None => Err(Rejection::Quarantined),
            },
            Ok(decision) if matches!(command, Command::Resume(_)) => {
                Ok(self.decide_kept(before, decision, moment))
            }
            other => other,
        }
    }

    /// Decides what a quarantined execution kept, right behind its resumption.
    fn decide_kept(&self, before: &Execution, resumed: Decision, moment: &Moment) -> Decision {
        let Decision { mut events, mut after } = resumed;
        for kept in before.kept_inputs() {
            let Some(command) = crate::shard::command_of(&kept.0) else { continue };
            // What no longer applies changes nothing, as at any other time.
            if let Ok(more) = flowmill_engine::decide(&self.flow, &after, &command, moment) {
                events.extend(more.events);
                after = more.after;
            }
        }
        Decision { events, after }
    }
}
