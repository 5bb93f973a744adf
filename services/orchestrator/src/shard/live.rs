//! The executions a shard has in memory, and where each one's next decision stands.
//!
//! An execution is here while an input for it is on its way, while its last change is not in the
//! store yet, and for a while after that. Everything else about it is in the store, and comes
//! back with the next input.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use flowmill_engine::Execution;
use flowmill_model::history::{InputRef, RecordedTransition};
use flowmill_model::{ExecutionId, Sequence, Timestamp, limits};
use ractor::{ActorId, ActorRef};

use super::input::Input;
use crate::execution::Round;

/// The executions in memory.
#[derive(Default)]
pub(crate) struct Executions {
    by_id: BTreeMap<ExecutionId, Live>,
    by_actor: BTreeMap<u64, ExecutionId>,
}

/// One execution in memory.
pub(crate) struct Live {
    pub(crate) phase: Phase,
    /// The state that is committed; `None` while it is looked up and when there is none.
    pub(crate) committed: Option<Arc<Execution>>,
    /// Inputs that are deferred and not given to the actor yet, in order.
    pub(crate) waiting: VecDeque<Input>,
    /// The round the actor works on.
    pub(crate) deciding: Option<Deciding>,
    /// Decisions that wait for a batch.
    pub(crate) undelivered: usize,
    /// Committed events that are not in the store yet.
    pub(crate) unflushed: VecDeque<RecordedTransition>,
    /// When something last happened.
    pub(crate) touched: Timestamp,
}

/// How far an execution is from being decided on.
pub(crate) enum Phase {
    /// Its state is looked up in the store.
    Loading,
    /// Its state is here; its flow's version is not.
    NoFlow,
    /// Its state is here, no actor runs.
    Idle,
    /// Its actor runs.
    Acting(ActorRef<Round>),
}

/// What an actor works on.
pub(crate) struct Deciding {
    pub(crate) round: u64,
    pub(crate) inputs: Vec<Input>,
    /// Whether the open batch waits for it.
    pub(crate) in_batch: bool,
}

impl Live {
    pub(crate) fn new(phase: Phase, committed: Option<Arc<Execution>>, now: Timestamp) -> Self {
        Self {
            phase,
            committed,
            waiting: VecDeque::new(),
            deciding: None,
            undelivered: 0,
            unflushed: VecDeque::new(),
            touched: now,
        }
    }

    /// Whether an input must queue behind earlier ones that are deferred.
    pub(crate) fn is_behind(&self) -> bool {
        let late = self.deciding.as_ref().is_some_and(|deciding| !deciding.in_batch);
        !self.waiting.is_empty() || late || self.has_lost_its_actor()
    }

    /// Whether a round can begin: the newest state is here, and nobody works on it.
    pub(crate) fn can_decide(&self) -> bool {
        let here = match self.phase {
            Phase::Loading => false,
            Phase::NoFlow | Phase::Idle | Phase::Acting(_) => true,
        };
        here && self.deciding.is_none() && !self.has_lost_its_actor()
    }

    /// Whether its newest state is only in decisions that wait for a batch.
    fn has_lost_its_actor(&self) -> bool {
        self.undelivered > 0 && !matches!(self.phase, Phase::Acting(_))
    }

    /// Whether the input is one that waits for its decision.
    pub(crate) fn holds(&self, wanted: InputRef) -> bool {
        let deciding = self.deciding.iter().flat_map(|deciding| &deciding.inputs);
        self.waiting.iter().chain(deciding).any(|input| input.of_log() == Some(wanted))
    }

    /// Whether anything about it is still to be decided or committed.
    pub(crate) fn is_undecided(&self) -> bool {
        !self.waiting.is_empty() || self.deciding.is_some() || self.undelivered > 0
    }

    /// Whether nothing about it is on its way.
    pub(crate) fn is_settled(&self) -> bool {
        let resting = match self.phase {
            Phase::Idle | Phase::Acting(_) => true,
            Phase::Loading | Phase::NoFlow => false,
        };
        resting && !self.is_undecided() && self.unflushed.is_empty()
    }

    /// Whether all that is wrong with letting it go is that it is not in the store yet.
    #[cfg(feature = "mutations")]
    pub(crate) fn is_at_rest(&self) -> bool {
        matches!(self.phase, Phase::Idle | Phase::Acting(_)) && !self.is_undecided()
    }

    /// Whether no input for it can be expected before `until`: it has ended, was never started,
    /// or waits for a later time.
    pub(crate) fn rests_until(&self, until: Timestamp) -> bool {
        self.committed.as_ref().is_none_or(|execution| {
            let waits = || execution.is_idle() && execution.timers().all(|t| t.due > until);
            execution.is_ended() || waits()
        })
    }

    /// Notes that events below `sequence` are in the store; answers what they weighed.
    pub(crate) fn flushed(&mut self, sequence: Sequence) -> usize {
        let mut weight = 0;
        let written = |recorded: &mut RecordedTransition| recorded.transition.first < sequence;
        while let Some(recorded) = self.unflushed.pop_front_if(written) {
            weight += weight_of(&recorded);
        }
        weight
    }
}

/// What a committed transition counts for until it is in the store, in bytes.
pub(crate) fn weight_of(recorded: &RecordedTransition) -> usize {
    recorded.transition.events.0.len() + limits::UNFLUSHED_OVERHEAD_BYTES
}

impl Executions {
    pub(crate) fn get(&self, id: ExecutionId) -> Option<&Live> {
        self.by_id.get(&id)
    }

    pub(crate) fn get_mut(&mut self, id: ExecutionId) -> Option<&mut Live> {
        self.by_id.get_mut(&id)
    }

    pub(crate) fn insert(&mut self, id: ExecutionId, live: Live) -> &mut Live {
        self.by_id.entry(id).insert_entry(live).into_mut()
    }

    pub(crate) fn len(&self) -> usize {
        self.by_id.len()
    }

    /// Live actors.
    pub(crate) fn actors(&self) -> usize {
        self.by_actor.len()
    }

    /// Notes the actor of an execution.
    pub(crate) fn acting(&mut self, id: ExecutionId, actor: ActorRef<Round>) {
        self.by_actor.insert(actor.get_id().pid(), id);
        if let Some(live) = self.by_id.get_mut(&id) {
            live.phase = Phase::Acting(actor);
        }
    }

    /// Takes note that an actor failed; answers whose it was.
    pub(crate) fn failed(&mut self, actor: ActorId) -> Option<ExecutionId> {
        let id = self.by_actor.remove(&actor.pid())?;
        if let Some(live) = self.by_id.get_mut(&id) {
            live.phase = Phase::Idle;
        }
        Some(id)
    }

    /// Lets an execution's actor go.
    pub(crate) fn rest(&mut self, id: ExecutionId) {
        let Some(live) = self.by_id.get_mut(&id) else { return };
        if let Phase::Acting(actor) = std::mem::replace(&mut live.phase, Phase::Idle) {
            self.by_actor.remove(&actor.get_id().pid());
            actor.stop(None);
        }
    }

    /// Forgets an execution.
    pub(crate) fn forget(&mut self, id: ExecutionId) {
        self.rest(id);
        self.by_id.remove(&id);
    }

    /// Whether `condition` holds for any execution.
    pub(crate) fn any(&self, condition: impl Fn(&Live) -> bool) -> bool {
        self.by_id.values().any(condition)
    }

    /// The ids of all executions for which `condition` holds.
    pub(crate) fn select(&self, condition: impl Fn(&Live) -> bool) -> Vec<ExecutionId> {
        self.by_id.iter().filter(|(_, live)| condition(live)).map(|(id, _)| *id).collect()
    }

    /// Lets every actor go.
    pub(crate) fn stop_all(&mut self) {
        for live in self.by_id.values_mut() {
            if let Phase::Acting(actor) = std::mem::replace(&mut live.phase, Phase::Idle) {
                actor.stop(None);
            }
        }
        self.by_actor.clear();
    }
}
