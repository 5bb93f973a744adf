//! Timers across take-overs: the owner's memory, the rows of the store, the cursor.
//!
//! A batch sets a timer or is the firing of one. The projector writes a row for every timer that is
//! pending at its flush, and a watermark with the timer cursor: no timer that is pending there is
//! due before it. A new owner finds any watermark that can have been written. It has the timers
//! that were set after the watermark in its memory, and finds the others in the rows from the
//! cursor on. An owner crashes or is replaced at any point, with a batch on its way. Time moves in
//! ticks.
//!
//! Checked: S9.
//!
//! Not here: a store that loses rows, a margin mark, the horizon of what is kept in memory, slots.

mod told;

use crate::history::Log;
use crate::ids::{Epoch, Number, Set};
use crate::mutation::Mutation;
use crate::property::{Broken, Property};
use crate::search::{Goal, Model};
use crate::term::Term;

/// Claims.
const CLAIMS: u8 = 4;

/// When each timer is due, in ticks.
const DUE: [u8; 3] = [2, 1, 0];

/// The last tick.
const END: u8 = 3;

/// What is searched, in words.
pub(crate) fn bounds() -> String {
    format!("{CLAIMS} claims, {} timers, {END} ticks", DUE.len())
}

pub(crate) struct Timers {
    mutation: Option<Mutation>,
}

/// What a batch says here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Content {
    Sets(usize),
    Fires(usize),
}

/// The log, the owner and the time.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct State {
    log: Log<Content>,
    owner: Option<Owner>,
    now: u8,
}

/// A node that believes that it owns the shard.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Owner {
    term: Term<Content>,
    /// Timers that it has in its memory.
    memory: Set,
}

pub(crate) enum Step {
    /// A node claims the shard, reads history from the batch on that a watermark stands on, and the
    /// rows from the watermark's cursor on.
    Claim(Number),
    /// The owner appends a batch that sets a timer.
    Set(usize),
    /// The owner appends the firing of a timer that is due.
    Fire(usize),
    Land(usize),
    /// The owner learns that its batch is committed.
    Commit,
    Tick,
}

impl Timers {
    pub(crate) const fn new(mutation: Option<Mutation>) -> Self {
        Self { mutation }
    }

    fn has(&self, mutation: Mutation) -> bool {
        self.mutation == Some(mutation)
    }

    fn owner_steps(&self, state: &State, owner: &Owner, steps: &mut Vec<Step>) {
        let known = owner.term.number;
        if owner.term.may_append(&state.log) {
            let unset = (0..DUE.len()).filter(|timer| !state.is_set(*timer, known));
            steps.extend(unset.map(Step::Set));
            let due = owner.memory.iter().filter(|timer| DUE[*timer] <= state.now);
            let fires = due.filter(|timer| state.pending(known).has(*timer));
            steps.extend(fires.map(Step::Fire));
        } else if owner.term.is_committed(&state.log) {
            steps.push(Step::Commit);
        }
    }

    /// Takes the shard over: what was set after the watermark is in memory, the rest in rows.
    fn take_over(&self, state: &mut State, watermark: Number) {
        let term = Term::begin(&mut state.log);
        let cursor = self.cursor(state, watermark);
        let found = self.rows(state, watermark).filter(|timer| DUE[*timer] >= cursor);
        let after = state.log.valid().filter(|(_, batch)| batch.number > watermark);
        let set = after.filter_map(|(_, batch)| match batch.content {
            Content::Sets(timer) => Some(timer),
            Content::Fires(_) => None,
        });
        let memory = found.chain(set).collect();
        state.owner = Some(Owner { term, memory });
    }

    /// The timers that have a row once a watermark stands on a batch: those that are pending then.
    fn rows(&self, state: &State, watermark: Number) -> impl Iterator<Item = usize> + use<> {
        let skips = self.has(Mutation::ShortTimerSkipped);
        let soon = state.now + 1;
        let pending = state.pending(watermark);
        pending.iter().filter(move |timer| !skips || DUE[*timer] > soon)
    }

    /// The cursor of a watermark: the first time at which a timer is due that is pending there.
    fn cursor(&self, state: &State, watermark: Number) -> u8 {
        let first = |at: Number| state.pending(at).iter().map(|timer| DUE[timer]).min();
        let cursor = |at: Number| first(at).unwrap_or(state.now);
        if !self.has(Mutation::CursorNeverFalls) {
            return cursor(watermark);
        }
        let earlier = state.log.valid().map(|(_, batch)| batch.number);
        let earlier = earlier.filter(|number| *number <= watermark);
        earlier.map(cursor).max().unwrap_or_default()
    }
}

impl State {
    /// Whether the batches up to `last` set a timer.
    fn is_set(&self, timer: usize, last: Number) -> bool {
        let mut upto = self.log.valid().filter(|(_, batch)| batch.number <= last);
        upto.any(|(_, batch)| batch.content == Content::Sets(timer))
    }

    /// The timers that are pending after the batch `last`.
    fn pending(&self, last: Number) -> Set {
        let mut pending = Set::default();
        for (_, batch) in self.log.valid().filter(|(_, batch)| batch.number <= last) {
            match batch.content {
                Content::Sets(timer) => pending.add(timer),
                Content::Fires(timer) => pending.remove(timer),
            }
        }
        pending
    }

    fn append(&mut self, content: Content) {
        let owner = self.owner.as_mut().expect("there is one");
        owner.term.append(&mut self.log, content);
    }

    /// Whether there is an owner who knows what became of its last batch.
    fn is_served(&self) -> bool {
        self.owner.as_ref().is_some_and(|owner| owner.term.open.is_none())
    }
}

impl Model for Timers {
    type State = State;
    type Step = Step;

    fn start(&self) -> State {
        State { log: Log::default(), owner: None, now: 0 }
    }

    fn steps(&self, state: &State, steps: &mut Vec<Step>) {
        let end = state.log.end();
        if end.epoch < Epoch::new(CLAIMS) {
            let batches = state.log.valid().map(|(_, batch)| batch.number);
            let watermarks = std::iter::once(Number::default()).chain(batches);
            steps.extend(watermarks.map(Step::Claim));
        }
        if let Some(owner) = &state.owner {
            self.owner_steps(state, owner, steps);
        }
        steps.extend(state.log.landing().map(Step::Land));
        if state.now < END {
            steps.push(Step::Tick);
        }
    }

    fn take(&self, state: &State, step: &Step) -> Result<State, Broken> {
        let mut next = state.clone();
        match *step {
            Step::Claim(watermark) => self.take_over(&mut next, watermark),
            Step::Set(timer) => next.append(Content::Sets(timer)),
            Step::Fire(timer) => next.append(Content::Fires(timer)),
            Step::Land(index) => next.log.land_or_vanish(index),
            Step::Commit => {
                let owner = next.owner.as_mut().expect("there is one");
                match owner.term.commit().content {
                    Content::Sets(timer) => owner.memory.add(timer),
                    Content::Fires(timer) => owner.memory.remove(timer),
                }
            }
            Step::Tick => next.now += 1,
        }
        Ok(next)
    }

    fn is_owed(&self, state: &State, step: &Step) -> bool {
        match step {
            // An owner does not wait for ever for a batch that does not land.
            Step::Claim(_) => !state.is_served(),
            Step::Set(_) | Step::Fire(_) | Step::Commit | Step::Tick => true,
            Step::Land(_) => false,
        }
    }

    fn check(&self, state: &State) -> Result<(), Broken> {
        let mut fired = Set::default();
        for (_, batch) in state.log.valid() {
            if let Content::Fires(timer) = batch.content {
                Property::S9.unless(!fired.has(timer), "a timer fires twice")?;
                fired.add(timer);
            }
        }
        Ok(())
    }

    fn check_at_rest(&self, state: &State) -> Result<(), Broken> {
        let fired = state.pending(state.log.end().number).is_empty();
        Property::S9.unless(fired || !state.is_served(), "a timer that is due never fires")
    }

    fn goals(&self) -> &'static [Goal<State>] {
        GOALS
    }

    fn tell(&self, state: &State, step: &Step) -> String {
        told::tell(state, step)
    }
}

const GOALS: &[Goal<State>] = &[
    Goal {
        name: "all timers have fired",
        is_reached: |state| {
            let end = state.log.end().number;
            (0..DUE.len()).all(|timer| state.is_set(timer, end)) && state.pending(end).is_empty()
        },
    },
    Goal {
        name: "a timer fires that an earlier owner set",
        is_reached: |state| {
            let epoch_of = |content: Content| {
                let mut valid = state.log.valid();
                valid.find(|(_, batch)| batch.content == content).map(|(_, batch)| batch.epoch)
            };
            let later = |timer: usize| {
                let (set, fired) =
                    (epoch_of(Content::Sets(timer)), epoch_of(Content::Fires(timer)));
                fired.is_some() && fired > set
            };
            (0..DUE.len()).any(later)
        },
    },
    Goal {
        name: "a timer that is due waits for a node to take over",
        is_reached: |state| {
            let pending = state.pending(state.log.end().number);
            !state.is_served() && pending.iter().any(|timer| DUE[timer] < state.now)
        },
    },
];
