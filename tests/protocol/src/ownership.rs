//! Who owns the shard: claims, appends with every kind of end, and the check of what landed.
//!
//! Nodes take the shard over whenever it is assigned to them, and an owner goes on until it learns
//! that it is none. Any append can be late, lost, repeated, or applied and not acknowledged with
//! an offset; any node can pause or crash anywhere. An owner decides one input or more at a time;
//! which, is all that a batch says here.
//!
//! Checked: S1, S2 and S4, and that a shard with inputs is not left without anybody who serves it.
//!
//! Not here: outputs, the store, deferrals. What these need of ownership the other configurations
//! take for granted.

mod node;

use crate::history::{Log, Record, Rule, Verdict};
use crate::ids::{NodeId, Offset};
use crate::mutation::Mutation;
use crate::property::{Broken, Property};
use crate::search::{Goal, Model};

use node::{Inputs, Outcome, Phase, View};

/// Nodes that take part.
const NODES: usize = 3;

/// Claims that are appended, over all nodes.
const CLAIMS: u8 = 3;

/// Inputs of the shard.
const INPUTS: u8 = 2;

/// Repeats by the log's client.
const REPEATS: u8 = 1;

/// What is searched, in words.
pub(crate) fn bounds() -> String {
    format!("{NODES} nodes, {CLAIMS} claims, {INPUTS} inputs, {REPEATS} repeated append")
}

pub(crate) struct Ownership {
    mutation: Option<Mutation>,
    rule: Rule,
}

/// The log and what every node believes.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct State {
    log: Log<Inputs>,
    nodes: [Phase; NODES],
    /// Claims that were appended.
    claims: u8,
    repeats: u8,
}

pub(crate) enum Step {
    /// A node reads history to its end, to take the shard over.
    Read(NodeId),
    /// It appends its claim.
    Claim(NodeId),
    /// An owner appends a batch that decides the inputs below this one.
    Append(NodeId, u8),
    /// An append on its way lands.
    Land(usize),
    /// An append on its way lands and will land again.
    LandAndStay(usize),
    /// A node learns the offset of its append.
    Acknowledge(NodeId, Offset),
    /// A node does not learn what became of its append.
    TimeOut(NodeId),
    /// An owner reads what others have written.
    Look(NodeId),
    Crash(NodeId),
    /// The membership gives the shard to a node, too.
    Join(NodeId),
    /// It takes the shard from a node that is about to claim it.
    Leave(NodeId),
}

impl Ownership {
    pub(crate) fn new(mutation: Option<Mutation>) -> Self {
        Self { mutation, rule: Rule::of(mutation) }
    }

    fn has(&self, mutation: Mutation) -> bool {
        self.mutation == Some(mutation)
    }

    fn steps_of(&self, state: &State, id: NodeId, steps: &mut Vec<Step>) {
        let phase = &state.nodes[id.index()];
        match phase {
            Phase::Away => steps.push(Step::Join(id)),
            Phase::Resting => {
                if state.claims < CLAIMS {
                    steps.push(Step::Read(id));
                }
                if state.is_left_to_others(id) {
                    steps.push(Step::Leave(id));
                }
            }
            Phase::Read(_) if state.claims < CLAIMS => steps.push(Step::Claim(id)),
            Phase::Read(_) => {}
            Phase::Owning(view) => {
                steps.extend((view.position + 1..=INPUTS).map(|to| Step::Append(id, to)));
            }
            Phase::Claiming(_) | Phase::Committing(..) => {
                steps.extend(state.log.places(id).map(|at| Step::Acknowledge(id, at)));
                steps.push(Step::TimeOut(id));
            }
        }
        if let Phase::Owning(view) | Phase::Committing(view, _) = phase
            && view.judge.next.index() < state.log.records.len()
        {
            steps.push(Step::Look(id));
        }
        if !matches!(phase, Phase::Away | Phase::Resting) {
            steps.push(Step::Crash(id));
        }
    }

    /// A node's claim stands at an offset: whether it is owner now.
    fn claimed(&self, state: &State, view: View, at: Offset) -> Phase {
        if self.has(Mutation::ClaimNotReadUpTo) {
            return Phase::Owning(view.without_reading(&state.log, at));
        }
        let (view, last) = view.read_up_to(&state.log, self.rule, at);
        if last == Some(Verdict::Claimed) { Phase::Owning(view) } else { Phase::Resting }
    }

    /// An owner's batch stands at an offset: whether it is committed.
    fn appended(&self, state: &State, id: NodeId, at: Offset) -> Result<Phase, Broken> {
        let Phase::Committing(view, batch) = &state.nodes[id.index()] else {
            unreachable!("it waits for a batch")
        };
        let certain = at == view.judge.next || self.has(Mutation::NoGapCheck);
        let outcome = if certain {
            Outcome::Committed(view.with(batch, at))
        } else if at < view.judge.next {
            Outcome::Unknown
        } else {
            view.read_for(&state.log, self.rule, batch, at)
        };
        let view = match outcome {
            Outcome::Committed(view) => view,
            Outcome::Fenced => return Ok(self.fenced()),
            Outcome::Unknown => return Ok(Phase::Resting),
        };
        let mut judged = state.log.judged(self.rule);
        let own = |record: &Record<Inputs>| record.by() == Some(id);
        let counts = judged.any(|(verdict, record)| verdict == Verdict::Counts && own(record));
        Property::S4.unless(counts, "an owner takes a batch for committed that does not count")?;
        Ok(Phase::Owning(view))
    }

    /// What becomes of an owner that learns of another one's claim.
    fn fenced(&self) -> Phase {
        if self.has(Mutation::FencedForGood) { Phase::Away } else { Phase::Resting }
    }

    fn timed_out(&self, state: &State, id: NodeId) -> Phase {
        match &state.nodes[id.index()] {
            Phase::Committing(view, _) if self.has(Mutation::TimeoutIsFailure) => {
                Phase::Owning(*view)
            }
            Phase::Committing(view, _) if self.has(Mutation::SameEpochAgain) => {
                self.looked(state, *view).map_or(Phase::Resting, Phase::Owning)
            }
            Phase::Committing(..)
            | Phase::Claiming(_)
            | Phase::Owning(_)
            | Phase::Read(_)
            | Phase::Resting
            | Phase::Away => Phase::Resting,
        }
    }

    /// What an owner knows when it has read to the end, if it is still owner then.
    fn looked(&self, state: &State, view: View) -> Option<View> {
        let (after, _) = view.read_to_end(&state.log, self.rule);
        (after.judge.epoch == view.judge.epoch).then_some(after)
    }

    fn look(&self, state: &State, id: NodeId) -> Phase {
        match &state.nodes[id.index()] {
            Phase::Owning(view) => {
                self.looked(state, *view).map_or_else(|| self.fenced(), Phase::Owning)
            }
            Phase::Committing(view, batch) => self
                .looked(state, *view)
                .map_or_else(|| self.fenced(), |view| Phase::Committing(view, batch.clone())),
            Phase::Away | Phase::Resting | Phase::Read(_) | Phase::Claiming(_) => {
                unreachable!("only an owner looks")
            }
        }
    }
}

impl State {
    fn forget_what_nobody_waits_for(&mut self, rule: Rule) {
        let Self { log, nodes, .. } = self;
        log.forget(rule, |id| nodes[id.index()].waits());
    }

    /// Whether the shard is also another node's.
    fn is_left_to_others(&self, id: NodeId) -> bool {
        let others = NodeId::first(NODES).filter(|other| *other != id);
        others.map(|other| &self.nodes[other.index()]).any(|phase| *phase != Phase::Away)
    }

    /// The inputs that are decided by the batches that count.
    fn position(&self, rule: Rule) -> u8 {
        View::default().read_to_end(&self.log, rule).0.position
    }
}

impl Model for Ownership {
    type State = State;
    type Step = Step;

    fn start(&self) -> State {
        State {
            log: Log::default(),
            nodes: Phase::with_the_shard_at_the_first(),
            claims: 0,
            repeats: 0,
        }
    }

    fn steps(&self, state: &State, steps: &mut Vec<Step>) {
        for id in NodeId::first(NODES) {
            self.steps_of(state, id, steps);
        }
        steps.extend(state.log.landing().map(Step::Land));
        if state.repeats < REPEATS {
            steps.extend(state.log.landing().map(Step::LandAndStay));
        }
    }

    fn take(&self, state: &State, step: &Step) -> Result<State, Broken> {
        let mut next = state.clone();
        match *step {
            Step::Read(id) => {
                let (view, _) = View::default().read_to_end(&state.log, self.rule);
                next.nodes[id.index()] = Phase::Read(view);
            }
            Step::Claim(id) => {
                let claim = next.nodes[id.index()].claim(id);
                next.log.send(claim);
                next.claims += 1;
            }
            Step::Append(id, to) => {
                let batch = next.nodes[id.index()].append(id, to);
                next.log.send(batch);
            }
            Step::Land(index) => next.log.land(index),
            Step::LandAndStay(index) => {
                next.log.land_and_stay(index);
                next.repeats += 1;
            }
            Step::Acknowledge(id, at) => {
                next.nodes[id.index()] = match &state.nodes[id.index()] {
                    Phase::Claiming(view) => self.claimed(state, *view, at),
                    Phase::Committing(..) => self.appended(state, id, at)?,
                    Phase::Away | Phase::Resting | Phase::Read(_) | Phase::Owning(_) => {
                        unreachable!("it waits for nothing")
                    }
                };
            }
            Step::TimeOut(id) => next.nodes[id.index()] = self.timed_out(state, id),
            Step::Look(id) => next.nodes[id.index()] = self.look(state, id),
            Step::Crash(id) | Step::Join(id) => next.nodes[id.index()] = Phase::Resting,
            Step::Leave(id) => next.nodes[id.index()] = Phase::Away,
        }
        next.forget_what_nobody_waits_for(self.rule);
        Ok(next)
    }

    fn is_owed(&self, _: &State, step: &Step) -> bool {
        match step {
            Step::Read(_)
            | Step::Claim(_)
            | Step::Append(..)
            | Step::Acknowledge(..)
            | Step::TimeOut(_) => true,
            Step::Land(_)
            | Step::LandAndStay(_)
            | Step::Look(_)
            | Step::Crash(_)
            | Step::Join(_)
            | Step::Leave(_) => false,
        }
    }

    fn check(&self, state: &State) -> Result<(), Broken> {
        let mut position = 0;
        for (verdict, record) in state.log.judged(self.rule) {
            Property::S2.unless(verdict != Verdict::Lost, "a reader finds that a batch is lost")?;
            if let (Verdict::Counts, Record::Batch(batch)) = (verdict, record) {
                let follows = batch.content.from == position;
                Property::S1.unless(follows, "an input is decided twice, or skipped")?;
                position = batch.content.to;
            }
        }
        let agree = |view: &View| view.is_what_history_says(&state.log, self.rule);
        let agree = state.nodes.iter().filter_map(Phase::view).all(agree);
        Property::S2.unless(agree, "what an owner knows is not what history says")
    }

    fn check_at_rest(&self, state: &State) -> Result<(), Broken> {
        let done = state.position(self.rule) == INPUTS || state.claims == CLAIMS;
        Property::S1.unless(done, "inputs wait, and nobody will ever decide them")
    }

    fn goals(&self) -> &'static [Goal<State>] {
        GOALS
    }

    fn tell(&self, state: &State, step: &Step) -> String {
        node::tell(&state.nodes, &state.log, step)
    }
}

const GOALS: &[Goal<State>] = &[
    Goal {
        name: "the inputs are decided by batches of two epochs",
        is_reached: |state| {
            let mut epochs: Vec<_> = state.log.valid().map(|(_, batch)| batch.epoch).collect();
            epochs.dedup();
            epochs.len() == 2 && state.position(Rule::default()) == INPUTS
        },
    },
    Goal {
        name: "a batch behind a record that does not count is committed",
        is_reached: |state| {
            let judged: Vec<_> = state.log.judged(Rule::default()).map(|(v, _)| v).collect();
            judged.ends_with(&[Verdict::Skipped, Verdict::Counts])
                && state.nodes.iter().any(|phase| match phase {
                    Phase::Owning(view) => view.judge.next.index() == judged.len(),
                    Phase::Away
                    | Phase::Resting
                    | Phase::Read(_)
                    | Phase::Claiming(_)
                    | Phase::Committing(..) => false,
                })
        },
    },
    Goal {
        name: "a batch of an epoch that is over does not count",
        is_reached: |state| {
            let epoch = state.log.end().epoch;
            state.log.judged(Rule::default()).any(|(verdict, record)| match record {
                Record::Batch(batch) => verdict == Verdict::Skipped && batch.epoch < epoch,
                Record::Claim(_) | Record::Void => false,
            })
        },
    },
];
