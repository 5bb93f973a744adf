//! Inputs that are read and cannot be decided yet.
//!
//! Inputs come from two topics, commands and results, for two executions. An owner crashes or is
//! replaced at any point, with a batch on its way. A batch takes the next of either topic, decides
//! it or defers it, and resolves what was deferred before; it can also renew deferrals: resolve
//! them and defer them again. A new owner reads history from a watermark on, which can stand
//! wherever no deferral at or below it is open.
//!
//! Checked: S1, S7 and S8.
//!
//! Not here: rows, outputs, expiry, more than one input of a topic in a batch.

mod batch;
mod told;

use crate::history::Log;
use crate::ids::{Epoch, Number};
use crate::mutation::Mutation;
use crate::property::{Broken, Property};
use crate::search::{Goal, Model};
use crate::term::Term;

use batch::{Choice, Content, EXECUTIONS, Input, Memory, TOPICS};

/// Claims.
const CLAIMS: u8 = 4;

/// Times that deferrals are renewed.
const RENEWALS: u8 = 1;

/// What is searched, in words.
pub(crate) fn bounds() -> String {
    let inputs: usize = TOPICS.map(<[usize]>::len).iter().sum();
    format!(
        "{CLAIMS} claims, {inputs} inputs of {} topics and {EXECUTIONS} executions, \
         {RENEWALS} renewal",
        TOPICS.len()
    )
}

pub(crate) struct Deferrals {
    mutation: Option<Mutation>,
}

/// The log and the owner.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct State {
    log: Log<Content>,
    owner: Option<Owner>,
    renewals: u8,
}

/// A node that believes that it owns the shard.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Owner {
    term: Term<Content>,
    memory: Memory,
}

pub(crate) enum Step {
    /// A node claims the shard and reads history from the batch on that a watermark stands on.
    Claim(Number),
    Append(Choice),
    Land(usize),
    /// The owner learns that its batch is committed.
    Commit,
}

impl Deferrals {
    pub(crate) const fn new(mutation: Option<Mutation>) -> Self {
        Self { mutation }
    }

    fn owner_steps(&self, state: &State, owner: &Owner, steps: &mut Vec<Step>) {
        if owner.term.may_append(&state.log) {
            let choices = owner.memory.choices(state.renewals < RENEWALS);
            let can = |choice: &Choice| owner.memory.decide(choice, self.mutation).is_some();
            steps.extend(choices.filter(can).map(Step::Append));
        } else if owner.term.is_committed(&state.log) {
            steps.push(Step::Commit);
        }
    }

    /// The watermarks that a new owner can find: any that may stand, since nothing is known of when
    /// they were written. What may stand once may do so for ever.
    fn watermarks(&self, state: &State) -> impl Iterator<Item = Number> {
        let past = self.mutation == Some(Mutation::WatermarkPastDeferral);
        let first = state.first_open_deferral().filter(|_| !past);
        let below = move |number: &Number| first.is_none_or(|first| *number < first);
        let batches = state.log.valid().map(|(_, batch)| batch.number).filter(below);
        std::iter::once(Number::default()).chain(batches)
    }
}

impl State {
    /// The first batch with a deferral that is not resolved.
    fn first_open_deferral(&self) -> Option<Number> {
        let mut open: Vec<(Input, Number)> = Vec::new();
        for (_, batch) in self.log.valid() {
            open.retain(|(input, _)| !batch.content.resolved.contains(input));
            open.extend(batch.content.deferred.iter().map(|input| (*input, batch.number)));
        }
        open.into_iter().map(|(_, number)| number).min()
    }

    /// Whether there is an owner who knows what became of its last batch.
    fn is_served(&self) -> bool {
        self.owner.as_ref().is_some_and(|owner| owner.term.open.is_none())
    }

    fn take_over(&mut self, watermark: Number) {
        let term = Term::begin(&mut self.log);
        let stands_on = self.log.batch(watermark);
        let positions = stands_on.map(|batch| batch.content.positions).unwrap_or_default();
        let mut memory = Memory { positions, waiting: Vec::new() };
        let valid = self.log.valid().map(|(_, batch)| batch);
        for batch in valid.filter(|batch| batch.number > watermark) {
            memory.read(&batch.content);
        }
        self.owner = Some(Owner { term, memory });
    }
}

impl Model for Deferrals {
    type State = State;
    type Step = Step;

    fn start(&self) -> State {
        State { log: Log::default(), owner: None, renewals: 0 }
    }

    fn steps(&self, state: &State, steps: &mut Vec<Step>) {
        if state.log.end().epoch < Epoch::new(CLAIMS) {
            steps.extend(self.watermarks(state).map(Step::Claim));
        }
        if let Some(owner) = &state.owner {
            self.owner_steps(state, owner, steps);
        }
        steps.extend(state.log.landing().map(Step::Land));
    }

    fn take(&self, state: &State, step: &Step) -> Result<State, Broken> {
        let mut next = state.clone();
        match step {
            Step::Claim(watermark) => next.take_over(*watermark),
            Step::Append(choice) => {
                let State { log, owner, renewals } = &mut next;
                let owner = owner.as_mut().expect("there is one");
                let content = owner.memory.decide(choice, self.mutation).expect("it can");
                owner.term.append(log, content);
                *renewals += u8::from(choice.renew.is_some());
            }
            Step::Land(index) => next.log.land_or_vanish(*index),
            Step::Commit => {
                let owner = next.owner.as_mut().expect("there is one");
                let batch = owner.term.commit();
                owner.memory.commit(&batch.content);
            }
        }
        Ok(next)
    }

    fn is_owed(&self, state: &State, step: &Step) -> bool {
        match step {
            // An owner does not wait for ever for a batch that does not land.
            Step::Claim(_) => !state.is_served(),
            Step::Append(_) | Step::Commit => true,
            Step::Land(_) => false,
        }
    }

    fn check(&self, state: &State) -> Result<(), Broken> {
        batch::fold(state.log.valid().map(|(_, batch)| &batch.content)).map(drop)
    }

    fn check_at_rest(&self, state: &State) -> Result<(), Broken> {
        let folded = batch::fold(state.log.valid().map(|(_, batch)| &batch.content))?;
        let done = !state.is_served() || folded.is_complete();
        Property::S1.unless(done, "an input is never decided")
    }

    fn goals(&self) -> &'static [Goal<State>] {
        GOALS
    }

    fn tell(&self, state: &State, step: &Step) -> String {
        told::tell(state, step, self.mutation)
    }
}

const GOALS: &[Goal<State>] = &[
    Goal {
        name: "everything is decided",
        is_reached: |state| {
            let folded = batch::fold(state.log.valid().map(|(_, batch)| &batch.content));
            folded.is_ok_and(|folded| folded.is_complete())
        },
    },
    Goal {
        name: "what one owner deferred another one resolves",
        is_reached: |state| {
            let batches: Vec<_> = state.log.valid().map(|(_, batch)| batch).collect();
            batches.iter().any(|later| {
                let by_earlier = |input: &Input| {
                    let others = batches.iter().filter(|other| other.epoch < later.epoch);
                    others.flat_map(|other| &other.content.deferred).any(|other| other == input)
                };
                later.content.resolved.iter().any(by_earlier)
            })
        },
    },
    Goal {
        name: "deferrals of both topics are open at once",
        is_reached: |state| {
            state.owner.as_ref().is_some_and(|owner| {
                let mut topics: Vec<_> =
                    owner.memory.waiting.iter().map(|input| input.topic).collect();
                topics.sort_unstable();
                topics.dedup();
                topics.len() == TOPICS.len()
            })
        },
    },
];
