//! Searches the whole state space of a model, breadth first.
//!
//! Every state that can be reached is visited once, in the order of its distance from the start,
//! so a counterexample is one of the shortest; only one that ends at rest can be missed for one that
//! is a step longer. One thread does it, so the same search gives the same counterexample.
//!
//! **Invariant:** a search that did not visit everything never says that a model holds.

use std::collections::VecDeque;
use std::hash::Hash;
use std::time::{Duration, Instant};

use crate::fingerprint::{Fingerprints, SeenStates};
use crate::property::Broken;

/// States after which a search gives up: a model is too large for its purpose.
const MOST_STATES: usize = 30_000_000;

/// Something that goes from state to state.
pub(crate) trait Model {
    /// Everything that later steps depend on.
    type State: Clone + Hash + 'static;
    /// What can happen.
    type Step;

    /// The state that everything begins with.
    fn start(&self) -> Self::State;

    /// Everything that can happen next.
    fn steps(&self, state: &Self::State, steps: &mut Vec<Self::Step>);

    /// The state after a step, unless the step itself breaks a property.
    fn take(&self, state: &Self::State, step: &Self::Step) -> Result<Self::State, Broken>;

    /// Whether somebody who is alive takes the step of himself, sooner or later. Faults, delays
    /// and decisions that nobody owes are none.
    fn is_owed(&self, state: &Self::State, step: &Self::Step) -> bool;

    /// What must hold in every state.
    fn check(&self, state: &Self::State) -> Result<(), Broken>;

    /// What must hold in a state in which nobody owes a step.
    fn check_at_rest(&self, state: &Self::State) -> Result<(), Broken>;

    /// What must be reached somewhere, or the model would show nothing.
    fn goals(&self) -> &'static [Goal<Self::State>];

    /// A step in plain words.
    fn tell(&self, state: &Self::State, step: &Self::Step) -> String;
}

/// Something useful that a model must be able to reach.
pub(crate) struct Goal<S> {
    pub(crate) name: &'static str,
    pub(crate) is_reached: fn(&S) -> bool,
}

/// What a search found.
#[derive(Clone, Debug)]
pub struct Found {
    /// Different states visited.
    pub states: usize,
    /// Steps tried.
    pub steps: usize,
    /// The distance of the farthest state visited from the start.
    pub depth: usize,
    /// How long it took.
    pub took: Duration,
    /// How it ended.
    pub end: End,
}

/// How a search ended.
#[derive(Clone, Debug)]
pub enum End {
    /// Everything was visited, every property holds and every goal is reached.
    Holds,
    /// A property does not hold.
    Broken(Counterexample),
    /// Every property holds, and these goals are never reached.
    Vacuous(Vec<&'static str>),
    /// There are more states than a search looks at.
    TooLarge,
}

/// A way from the start to where a property does not hold.
#[derive(Clone, Debug)]
pub struct Counterexample {
    /// What does not hold.
    pub broken: Broken,
    /// What happened, in plain words.
    pub steps: Vec<String>,
}

/// Searches everything that `model` can reach.
pub(crate) fn search<M: Model>(model: &M) -> Found {
    let began = Instant::now();
    let mut search = Search::new(model);
    let end = search.run();
    let Search { parents, tried, depth, .. } = search;
    Found { states: parents.len(), steps: tried, depth, took: began.elapsed(), end }
}

/// Where a state was first reached from: the parent's place and which of its steps it was.
#[derive(Clone, Copy)]
struct Parent {
    state: u32,
    step: u16,
}

struct Search<'a, M: Model> {
    model: &'a M,
    fingerprints: Fingerprints,
    seen: SeenStates,
    parents: Vec<Parent>,
    /// States that are seen and not yet gone on from: place, distance, state.
    open: VecDeque<(u32, usize, M::State)>,
    reached: Vec<bool>,
    tried: usize,
    depth: usize,
}

impl<'a, M: Model> Search<'a, M> {
    fn new(model: &'a M) -> Self {
        Self {
            model,
            fingerprints: Fingerprints::default(),
            seen: SeenStates::default(),
            parents: Vec::new(),
            open: VecDeque::new(),
            reached: vec![false; model.goals().len()],
            tried: 0,
            depth: 0,
        }
    }

    fn run(&mut self) -> End {
        self.meet(self.model.start(), Parent { state: 0, step: 0 }, 0);
        while let Some((place, distance, state)) = self.open.pop_front() {
            self.depth = distance;
            self.note_goals(&state);
            if let Err((broken, step)) = self.go_on(place, distance, &state) {
                return End::Broken(self.counterexample(broken, place, step));
            }
            if self.parents.len() > MOST_STATES {
                return End::TooLarge;
            }
        }
        let goals = self.model.goals().iter().zip(&self.reached);
        let missed: Vec<_> = goals.filter(|(_, reached)| !**reached).map(|(g, _)| g.name).collect();
        if missed.is_empty() { End::Holds } else { End::Vacuous(missed) }
    }

    /// Takes every step from a state. An error names the step that breaks something, if it is one.
    fn go_on(
        &mut self,
        place: u32,
        distance: usize,
        state: &M::State,
    ) -> Result<(), (Broken, Option<u16>)> {
        let model = self.model;
        let mut steps = Vec::new();
        model.steps(state, &mut steps);
        let mut rests = true;
        for (index, step) in (0..).zip(&steps) {
            self.tried += 1;
            rests &= !model.is_owed(state, step);
            let at_step = |broken| (broken, Some(index));
            let next = model.take(state, step).map_err(at_step)?;
            if let Some(next) = self.meet(next, Parent { state: place, step: index }, distance + 1)
            {
                model.check(next).map_err(at_step)?;
            }
        }
        if rests { model.check_at_rest(state).map_err(|broken| (broken, None)) } else { Ok(()) }
    }

    /// Notes a state; answers it if it is new.
    fn meet(&mut self, state: M::State, parent: Parent, distance: usize) -> Option<&M::State> {
        if !self.seen.insert(self.fingerprints.of(&state)) {
            return None;
        }
        let place = u32::try_from(self.parents.len()).expect("fewer than the most states");
        self.parents.push(parent);
        self.open.push_back((place, distance, state));
        self.open.back().map(|(_, _, state)| state)
    }

    fn note_goals(&mut self, state: &M::State) {
        for (goal, reached) in self.model.goals().iter().zip(&mut self.reached) {
            *reached = *reached || (goal.is_reached)(state);
        }
    }

    /// Goes the way to a state, and a last step, once more and tells it.
    fn counterexample(&self, broken: Broken, place: u32, last: Option<u16>) -> Counterexample {
        let mut way: Vec<u16> = last.into_iter().collect();
        let mut at = place;
        while at != 0 {
            let Parent { state, step } = self.parents[at as usize];
            way.push(step);
            at = state;
        }
        way.reverse();
        let mut state = self.model.start();
        let mut told = Vec::with_capacity(way.len());
        let mut steps = Vec::new();
        for index in way {
            steps.clear();
            self.model.steps(&state, &mut steps);
            let step = &steps[usize::from(index)];
            told.push(self.model.tell(&state, step));
            // The last one may have no state after it.
            let Ok(next) = self.model.take(&state, step) else { break };
            state = next;
        }
        Counterexample { broken, steps: told }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::property::Property;

    /// Counts from 0; may add 1 or 2, or stop for good.
    struct Counter {
        most: u8,
        forbidden: Option<u8>,
        goals: &'static [Goal<u8>],
    }

    impl Model for Counter {
        type State = u8;
        type Step = u8;

        fn start(&self) -> u8 {
            0
        }

        fn steps(&self, state: &u8, steps: &mut Vec<u8>) {
            steps.extend([1, 2].into_iter().filter(|step| state + step <= self.most));
        }

        fn take(&self, state: &u8, step: &u8) -> Result<u8, Broken> {
            Ok(state + step)
        }

        fn is_owed(&self, _: &u8, step: &u8) -> bool {
            *step == 1
        }

        fn check(&self, state: &u8) -> Result<(), Broken> {
            if Some(*state) == self.forbidden { Err(BROKEN) } else { Ok(()) }
        }

        fn check_at_rest(&self, state: &u8) -> Result<(), Broken> {
            if *state == 9 { Err(BROKEN) } else { Ok(()) }
        }

        fn goals(&self) -> &'static [Goal<u8>] {
            self.goals
        }

        fn tell(&self, state: &u8, step: &u8) -> String {
            format!("{state}+{step}")
        }
    }

    const BROKEN: Broken = Broken { property: Property::S1, why: "" };
    const SEVEN: &[Goal<u8>] = &[Goal { name: "seven", is_reached: |state| *state == 7 }];

    fn found(most: u8, forbidden: Option<u8>, goals: &'static [Goal<u8>]) -> Found {
        search(&Counter { most, forbidden, goals })
    }

    #[test]
    fn every_state_is_visited_once() {
        let Found { states, steps, depth, end, .. } = found(8, None, SEVEN);
        assert!(matches!(end, End::Holds), "{end:?}");
        assert_eq!((states, steps, depth), (9, 15, 4));
    }

    #[test]
    fn a_counterexample_is_a_shortest_one() {
        let End::Broken(shown) = found(8, Some(5), SEVEN).end else { panic!("it is reached") };
        assert_eq!(shown.steps, ["0+1", "1+2", "3+2"]);
    }

    #[test]
    fn what_must_hold_at_rest_is_looked_at_where_nobody_owes_a_step() {
        assert!(matches!(found(9, None, SEVEN).end, End::Broken(_)));
        assert!(matches!(found(10, None, SEVEN).end, End::Holds));
    }

    #[test]
    fn a_model_that_never_gets_anywhere_does_not_hold() {
        let End::Vacuous(missed) = found(6, None, SEVEN).end else { panic!("it ends at 6") };
        assert_eq!(missed, ["seven"]);
    }
}
