//! Sending what batches decided, and the dispatched mark.
//!
//! A batch decides one task, or sends one again because its timer fired, or only carries the mark.
//! Owners send after the commit, and are replaced at any point of it: they crash, or live on for a
//! while. A worker takes tasks from a queue and drops those that it knows to be superseded; what it
//! knows of owners is as old as can be. A new owner reads history from a watermark on, which stands
//! at or below the recorded mark.
//!
//! Checked: S3 and S5.
//!
//! Not here: a lost row, a repeated append, results. A task that a worker has done counts as
//! needed no longer.

mod told;

use crate::history::{Log, Record, Rule, Verdict};
use crate::ids::{Epoch, Number, Set};
use crate::mutation::Mutation;
use crate::property::{Broken, Property};
use crate::search::{Goal, Model};
use crate::term::Term;

/// Claims.
const CLAIMS: u8 = 3;

/// Tasks that inputs decide on. The last has a timer, the others have none.
const TASKS: u8 = 2;

/// What is searched, in words.
pub(crate) fn bounds() -> String {
    format!("{CLAIMS} claims, {TASKS} tasks, of which one has a timer")
}

pub(crate) struct Outputs {
    mutation: Option<Mutation>,
}

/// What a batch says here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Content {
    output: Output,
    mark: Number,
}

/// What a batch has to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Output {
    /// The task that an input decided.
    Task(u8),
    /// The task of an earlier batch, whose timer fired.
    Again(Number),
    /// Nothing: the batch carries the mark.
    Nothing,
}

/// The log, the nodes, and the queue of the worker.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct State {
    log: Log<Content>,
    /// By epoch; the last one is the owner, if nobody has claimed the shard since. Those before
    /// were replaced and have not noticed.
    owners: Vec<Owner>,
    /// In order, each once: a repeat of the same record shows nothing new.
    queue: Vec<Task>,
    /// Batches whose task a worker has done.
    done: Set,
}

/// A node that believes that it owns the shard.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Owner {
    term: Term<Content>,
    /// The last batch of the owners before.
    inherited: Number,
    /// Batches whose task it has to send.
    unsent: Set,
}

/// A task in the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Task {
    /// Of the owner that sent it.
    epoch: Epoch,
    /// The batch number that it carries.
    number: Number,
    /// The batch that decided it.
    batch: Number,
    /// The epoch of that batch.
    decided: Epoch,
}

pub(crate) enum Step {
    /// A node claims the shard, reads history from a watermark on and finds out what was not sent.
    Claim(Number),
    Append(usize, Output),
    Land(usize),
    /// An owner learns that its batch is committed.
    Commit(usize),
    /// An owner sends the task of a batch.
    Send(usize, Number),
    /// An owner leaves a task that it cannot send to the task's timer.
    GiveUp(usize, Number),
    /// A worker does a task.
    Work(usize),
    /// A worker drops a task, since it knows of the owner of this epoch.
    Drop(usize, Epoch),
}

impl Outputs {
    pub(crate) const fn new(mutation: Option<Mutation>) -> Self {
        Self { mutation }
    }

    fn has(&self, mutation: Mutation) -> bool {
        self.mutation == Some(mutation)
    }

    fn take_over(&self, state: &mut State, watermark: Number) {
        let term = Term::begin(&mut state.log);
        let above = state.recorded_mark(term.number).max(watermark);
        let owed = state.log.valid().map(|(_, batch)| batch).filter(|batch| batch.number > above);
        let owed = owed.filter(|batch| batch.content.output != Output::Nothing);
        let unsent = match self.has(Mutation::MarkForgotten) {
            true => Set::default(),
            false => owed.map(|batch| batch.number.index()).collect(),
        };
        let inherited = term.number;
        state.owners.push(Owner { term, inherited, unsent });
    }

    /// The dispatched mark as an owner knows it.
    fn mark(&self, state: &State, owner: &Owner) -> Number {
        let inherited = owner.unsent.iter().any(|batch| batch <= owner.inherited.index());
        if inherited && self.has(Mutation::SentAgainAsNewest) {
            // What it found, until everything is sent again.
            return state.mark_found(owner.term.epoch);
        }
        let own_only = self.has(Mutation::MarkOfOwnBatches);
        let counts = |batch: &usize| !own_only || *batch > owner.inherited.index();
        let first = owner.unsent.iter().find(counts).map(Number::of_index);
        first.map_or(owner.term.number, Number::before)
    }

    /// What an owner may append.
    fn appends(&self, state: &State, owner: &Owner) -> Vec<Output> {
        let known = owner.term.number;
        let mut appends = Vec::new();
        let decided = state.outputs(known).filter(|(_, o)| matches!(o, Output::Task(_))).count();
        appends.extend((0..TASKS).skip(decided).take(1).map(Output::Task));
        let fires = |batch: &Number| {
            state.has_timer(*batch) && state.is_needed(*batch) && !owner.unsent.has(batch.index())
        };
        let timers = state.outputs(known).map(|(batch, _)| batch).filter(fires);
        appends.extend(timers.map(Output::Again));
        let content = state.outputs(known).map(|(batch, _)| batch).last().unwrap_or_default();
        let recorded = state.recorded_mark(known);
        if recorded < content && self.mark(state, owner) > recorded {
            appends.push(Output::Nothing);
        }
        appends
    }

    fn steps_of(&self, state: &State, id: usize, steps: &mut Vec<Step>) {
        let owner = &state.owners[id];
        match &owner.term.open {
            Some(_) if owner.term.is_committed(&state.log) => steps.push(Step::Commit(id)),
            Some(batch) if self.has(Mutation::SentBeforeCommit) => {
                steps.push(Step::Send(id, batch.number));
            }
            None if owner.term.is_current(&state.log) => {
                let appends = self.appends(state, owner).into_iter();
                steps.extend(appends.map(|output| Step::Append(id, output)));
            }
            Some(_) | None => {}
        }
        for batch in owner.unsent.iter().map(Number::of_index) {
            steps.push(Step::Send(id, batch));
            if state.has_timer(batch) || self.has(Mutation::SweptWithoutTimer) {
                steps.push(Step::GiveUp(id, batch));
            }
        }
    }

    /// The watermarks that a new owner can find: any below the recorded mark, since nothing is
    /// known of when they were written. They make no difference, which is what is to be shown.
    fn watermarks(&self, state: &State) -> impl Iterator<Item = Number> + use<> {
        let last = state.log.end().number;
        let most = match self.has(Mutation::WatermarkPastMark) {
            true => last,
            false => state.recorded_mark(last),
        };
        (0..=most.index()).map(Number::of_index)
    }

    /// The task of a batch, as an owner sends it.
    fn task(&self, state: &State, owner: &Owner, batch: Number) -> Task {
        let decided = match &owner.term.open {
            Some(open) if open.number == batch => open.epoch,
            Some(_) | None => state.log.batch(batch).expect("it is owed").epoch,
        };
        let newest = self.has(Mutation::SentAgainAsNewest) && batch <= owner.inherited;
        let number = if newest { owner.term.number } else { batch };
        Task { epoch: owner.term.epoch, number, batch, decided }
    }

    /// Whether a worker that knows of the owner of `epoch` drops a task.
    fn drops(&self, state: &State, task: &Task, epoch: Epoch) -> bool {
        let sent_again = state.mark_found(epoch) < task.number;
        epoch > task.epoch && (sent_again || self.has(Mutation::OldEpochsDropped))
    }

    fn worker_steps(&self, state: &State, steps: &mut Vec<Step>) {
        let epochs = || (0..=CLAIMS).map(Epoch::new).filter(|e| *e <= state.log.end().epoch);
        for (index, task) in state.queue.iter().enumerate() {
            steps.push(Step::Work(index));
            let drops = epochs().find(|epoch| self.drops(state, task, *epoch));
            steps.extend(drops.map(|epoch| Step::Drop(index, epoch)));
        }
    }
}

impl State {
    /// The batches up to `last` that have something to be sent, with what it is.
    fn outputs(&self, last: Number) -> impl Iterator<Item = (Number, Output)> {
        let outputs = self.log.valid().map(|(_, batch)| (batch.number, batch.content.output));
        outputs.filter(move |(number, output)| *number <= last && *output != Output::Nothing)
    }

    /// The mark that the batches up to `last` record.
    fn recorded_mark(&self, last: Number) -> Number {
        let upto = self.log.valid().map(|(_, batch)| batch).filter(|batch| batch.number <= last);
        upto.last().map_or(Number::default(), |batch| batch.content.mark)
    }

    /// The mark that the claim of an epoch found.
    fn mark_found(&self, epoch: Epoch) -> Number {
        let mut mark = Number::default();
        for (verdict, record) in self.log.judged(Rule::default()) {
            match record {
                Record::Claim(claim) if claim.epoch == epoch => break,
                Record::Batch(batch) if verdict == Verdict::Counts => mark = batch.content.mark,
                Record::Claim(_) | Record::Batch(_) | Record::Void => {}
            }
        }
        mark
    }

    /// Whether a timer guards the task of a batch.
    fn has_timer(&self, batch: Number) -> bool {
        let guarded = Output::Task(TASKS - 1);
        self.log.batch(batch).is_some_and(|batch| batch.content.output == guarded)
    }

    /// Whether the task of a batch is still to be done.
    fn is_needed(&self, batch: Number) -> bool {
        let replaced = self.log.valid().any(|(_, b)| b.content.output == Output::Again(batch));
        !replaced && !self.done.has(batch.index())
    }

    /// Whether there is an owner who knows what became of its last batch.
    fn is_served(&self) -> bool {
        self.owners.last().is_some_and(|owner| owner.term.open.is_none())
    }

    /// Forgets who was replaced and can do nothing more.
    fn forget_former_owners(&mut self) {
        let Self { log, owners, .. } = self;
        owners.retain(|Owner { term, unsent, .. }| {
            term.is_current(log) || !unsent.is_empty() || term.is_committed(log)
        });
    }
}

impl Model for Outputs {
    type State = State;
    type Step = Step;

    fn start(&self) -> State {
        State { log: Log::default(), owners: Vec::new(), queue: Vec::new(), done: Set::default() }
    }

    fn steps(&self, state: &State, steps: &mut Vec<Step>) {
        if state.log.end().epoch < Epoch::new(CLAIMS) {
            steps.extend(self.watermarks(state).map(Step::Claim));
        }
        (0..state.owners.len()).for_each(|id| self.steps_of(state, id, steps));
        steps.extend(state.log.landing().map(Step::Land));
        self.worker_steps(state, steps);
    }

    fn take(&self, state: &State, step: &Step) -> Result<State, Broken> {
        let mut next = state.clone();
        match *step {
            Step::Claim(watermark) => self.take_over(&mut next, watermark),
            Step::Append(id, output) => {
                let mark = self.mark(state, &state.owners[id]);
                next.owners[id].term.append(&mut next.log, Content { output, mark });
            }
            Step::Land(index) => next.log.land_or_vanish(index),
            Step::Commit(id) => {
                let owner = &mut next.owners[id];
                let batch = owner.term.commit();
                if batch.content.output != Output::Nothing {
                    owner.unsent.add(batch.number.index());
                }
            }
            Step::Send(id, batch) => {
                let task = self.task(state, &state.owners[id], batch);
                next.owners[id].unsent.remove(batch.index());
                if let Err(place) = next.queue.binary_search(&task) {
                    next.queue.insert(place, task);
                }
            }
            Step::GiveUp(id, batch) => next.owners[id].unsent.remove(batch.index()),
            Step::Work(index) => {
                let task = next.queue.remove(index);
                let decided = |found: Option<Epoch>| found == Some(task.decided);
                let valid = decided(state.log.batch(task.batch).map(|batch| batch.epoch));
                Property::S3.unless(valid, "a worker does a task that no valid batch decided")?;
                next.done.add(task.batch.index());
            }
            Step::Drop(index, _) => {
                next.queue.remove(index);
            }
        }
        next.forget_former_owners();
        Ok(next)
    }

    fn is_owed(&self, state: &State, step: &Step) -> bool {
        let is_current = |id: usize| id + 1 == state.owners.len();
        match *step {
            // An owner does not wait for ever for a batch that does not land.
            Step::Claim(_) => !state.is_served(),
            Step::Append(id, _) | Step::Commit(id) | Step::Send(id, _) => is_current(id),
            Step::Work(_) | Step::Drop(..) => true,
            Step::Land(_) | Step::GiveUp(..) => false,
        }
    }

    fn check(&self, _: &State) -> Result<(), Broken> {
        Ok(())
    }

    fn check_at_rest(&self, state: &State) -> Result<(), Broken> {
        let all = state.log.end().number;
        let needed = state.outputs(all).any(|(batch, _)| state.is_needed(batch));
        let lost = state.is_served() && needed;
        Property::S5.unless(!lost, "a task of a valid batch is never done")
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
        name: "all tasks are done and the mark covers them",
        is_reached: |state| {
            let batches: Vec<_> = state.outputs(state.log.end().number).collect();
            let mark = state.recorded_mark(state.log.end().number);
            let covered = |(batch, _): &(Number, Output)| *batch <= mark;
            batches.len() == usize::from(TASKS)
                && batches.iter().all(covered)
                && batches.iter().all(|(batch, _)| state.done.has(batch.index()))
        },
    },
    Goal {
        name: "a late task is in the queue that a later owner has sent again",
        is_reached: |state| {
            let again = |task: &Task| {
                let same = state.queue.iter().filter(|other| other.batch == task.batch);
                same.map(|other| other.epoch).any(|epoch| epoch > task.epoch)
            };
            state.queue.iter().any(again)
        },
    },
    Goal {
        name: "a task is done that was sent because its timer fired",
        is_reached: |state| {
            let mut fired = state.outputs(state.log.end().number);
            fired.any(|(batch, output)| {
                matches!(output, Output::Again(_)) && state.done.has(batch.index())
            })
        },
    },
];
