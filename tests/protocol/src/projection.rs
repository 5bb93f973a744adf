//! Rows, watermark and margin mark in a store that can lose what it acknowledged.
//!
//! Every batch changes one execution, whose row holds how many changes it has. Owners follow one
//! another, and the projector of the one before can live on. A projector writes the row, then the
//! watermark, and moves the margin mark to it when the rows below are old and no crash of the store
//! came between. Writes can be late copies. What was written before the last tick is safe from a
//! crash of the store; of the rest a crash loses any part, cell by cell. The log is trimmed.
//!
//! After every step a recovery is tried: whatever happened, it must give what the log says.
//!
//! Checked: S2 for readers that start at a watermark or a margin mark, and S6.
//!
//! Not here: appends that are late (what counts is decided at once; leftovers that do not count
//! land now and then), outputs, deferrals, timers, several executions.

mod projector;
mod recovery;
mod store;
mod told;

use crate::history::{Batch, Claim, Judge, Record, Rule};
use crate::ids::{Epoch, Number, Offset};
use crate::mutation::Mutation;
use crate::property::{Broken, Property};
use crate::search::{Goal, Model};

use projector::Projector;
use store::{Lost, Mark, Store, Write};

/// Claims.
const CLAIMS: u8 = 3;

/// Batches that count.
const BATCHES: u8 = 2;

/// Records that do not count.
const LEFTOVERS: u8 = 1;

/// Writes to the store of which a copy comes late.
const LATE_WRITES: u8 = 1;

/// Crashes of the store.
const CRASHES: u8 = 1;

/// Ticks.
const TICKS: u8 = 2;

/// What is searched, in words.
pub(crate) fn bounds() -> String {
    format!(
        "{CLAIMS} owners, {BATCHES} batches, {LEFTOVERS} record that does not count, \
         {LATE_WRITES} late write, {CRASHES} crash of the store, {TICKS} ticks"
    )
}

pub(crate) struct Projection {
    mutation: Option<Mutation>,
}

/// The tick in which a batch was decided: the time that the log knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Decided(u8);

/// The history of the shard.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct History {
    records: Vec<Record<Decided>>,
    /// The first record that is kept.
    start: Offset,
}

/// Everything there is.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct State {
    history: History,
    /// The projectors: of the owner, and of the owner before.
    projectors: [Option<Projector>; 2],
    store: Store,
    /// Copies of writes that come late.
    late: Vec<Write>,
    late_writes: u8,
    leftovers: u8,
    crashes: u8,
    now: u8,
}

/// Which projector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Which {
    Owner,
    Former,
}

pub(crate) enum Step {
    /// A node takes the shard over; whether the owner before lives on.
    TakeOver { lives: bool },
    /// The owner commits a batch.
    Commit,
    /// A copy of a valid batch, or a batch of the epoch before, lands and does not count.
    Leftover(Batch<Decided>),
    /// A projector writes something and learns that it is written.
    Write(Which, Write),
    /// A projector writes something and does not learn whether it is written.
    WriteLate(Which, Write),
    /// A late copy is written.
    Arrive(usize),
    /// A projector has the log forget what no recovery needs.
    Trim(Which),
    /// Time passes: enough for whatever was written to be safe.
    Tick,
    /// The store crashes and loses what was written into these cells since the last tick.
    Crash(Lost),
}

impl Which {
    const BOTH: [Self; 2] = [Self::Owner, Self::Former];
}

impl Projection {
    pub(crate) const fn new(mutation: Option<Mutation>) -> Self {
        Self { mutation }
    }

    fn has(&self, mutation: Mutation) -> bool {
        self.mutation == Some(mutation)
    }

    fn projector_steps(&self, state: &State, which: Which, steps: &mut Vec<Step>) {
        let Some(projector) = &state.projectors[which as usize] else { return };
        for write in projector.writes(&state.history, state.now, self.mutation) {
            if state.late_writes < LATE_WRITES {
                steps.push(Step::WriteLate(which, write));
            }
            steps.push(Step::Write(which, write));
        }
        if self.trims_to(state, projector) > state.history.start {
            steps.push(Step::Trim(which));
        }
    }

    /// The record that a projector has the log keep, with all after it.
    fn trims_to(&self, state: &State, projector: &Projector) -> Offset {
        let below = match self.mutation {
            Some(Mutation::TrimPastMargin) => projector.watermark,
            Some(Mutation::TrimToFreshMargin) => projector.margin,
            Some(_) | None => projector.safe_margin,
        };
        state.history.offset(below).unwrap_or_default()
    }

    fn take_over(&self, state: &mut State, lives: bool) {
        let epoch = state.history.end().epoch.next();
        state.history.records.push(Record::Claim(Claim { epoch, by: None }));
        let former = state.projectors[Which::Owner as usize].take();
        state.projectors[Which::Former as usize] = former.filter(|_| lives);
        let found = match self.has(Mutation::MarginIgnored) {
            true => state.store.watermark.shown,
            false => state.store.margin.shown,
        };
        let owner = Projector::begin(epoch, found, state.history.end().number);
        state.projectors[Which::Owner as usize] = Some(owner);
    }
}

impl History {
    /// What all records amount to.
    fn end(&self) -> Judge {
        let mut judge = Judge::default();
        for record in &self.records {
            judge.judge(Rule::default(), record);
        }
        judge
    }

    /// The batches that count, in order, with their offsets.
    fn valid(&self) -> impl Iterator<Item = (Offset, &Batch<Decided>)> {
        self.read(Judge::default())
    }

    /// The batches that count for a reader that goes on from `judge`.
    fn read(&self, mut judge: Judge) -> impl Iterator<Item = (Offset, &Batch<Decided>)> {
        let first = judge.next.index();
        let offsets = (0..).map(Offset::new).skip(first);
        offsets.zip(self.records.iter().skip(first)).filter_map(move |(at, record)| {
            let counts = judge.judge(Rule::default(), record) == crate::history::Verdict::Counts;
            match record {
                Record::Batch(batch) => counts.then_some((at, batch)),
                Record::Claim(_) | Record::Void => None,
            }
        })
    }

    /// The valid batch with this number, and its offset.
    fn batch(&self, number: Number) -> Option<(Offset, &Batch<Decided>)> {
        self.valid().find(|(_, batch)| batch.number == number)
    }

    fn offset(&self, number: Number) -> Option<Offset> {
        self.batch(number).map(|(at, _)| at)
    }

    /// The mark that stands on the batch with this number.
    fn mark(&self, number: Number) -> Mark {
        let Some((offset, batch)) = self.batch(number) else { return Mark::default() };
        Mark { offset, epoch: batch.epoch, number: Some(number) }
    }

    /// Records that could land now and would not count: a copy of the last batch, and what the
    /// owner before had on its way.
    fn leftovers(&self) -> Vec<Batch<Decided>> {
        let end = self.end();
        let Some((_, last)) = self.valid().last() else { return Vec::new() };
        let mut leftovers = vec![last.clone()];
        if last.epoch < end.epoch {
            leftovers.push(Batch { number: last.number.next(), ..last.clone() });
        }
        leftovers
    }
}

impl Model for Projection {
    type State = State;
    type Step = Step;

    fn start(&self) -> State {
        State {
            history: History::default(),
            projectors: [None, None],
            store: Store::default(),
            late: Vec::new(),
            late_writes: 0,
            leftovers: 0,
            crashes: 0,
            now: 0,
        }
    }

    fn steps(&self, state: &State, steps: &mut Vec<Step>) {
        let end = state.history.end();
        if end.epoch < Epoch::new(CLAIMS) {
            steps.push(Step::TakeOver { lives: false });
            if end.epoch > Epoch::default() {
                steps.push(Step::TakeOver { lives: true });
            }
        }
        if end.epoch > Epoch::default() && end.number < Number::new(BATCHES) {
            steps.push(Step::Commit);
        }
        if state.leftovers < LEFTOVERS {
            steps.extend(state.history.leftovers().into_iter().map(Step::Leftover));
        }
        for which in Which::BOTH {
            self.projector_steps(state, which, steps);
        }
        steps.extend((0..state.late.len()).map(Step::Arrive));
        if state.now < TICKS {
            steps.push(Step::Tick);
        }
        if state.crashes < CRASHES {
            steps.extend(state.store.losses().map(Step::Crash));
        }
    }

    fn take(&self, state: &State, step: &Step) -> Result<State, Broken> {
        let mut next = state.clone();
        match step {
            Step::TakeOver { lives } => self.take_over(&mut next, *lives),
            Step::Commit => {
                let end = state.history.end();
                // Nobody but a mutation looks at the time of the log.
                let now = if self.has(Mutation::MarginByLogTime) { state.now } else { 0 };
                let (number, content) = (end.number.next(), Decided(now));
                let batch = Batch { epoch: end.epoch, number, by: None, content };
                next.history.records.push(Record::Batch(batch));
                next.projector(Which::Owner).taken = number;
            }
            Step::Leftover(batch) => {
                next.history.records.push(Record::Batch(batch.clone()));
                next.leftovers += 1;
            }
            Step::Write(which, write) => {
                next.store.apply(*write, self.mutation);
                next.projector(*which).wrote(*write);
            }
            Step::WriteLate(_, write) => {
                next.late.push(*write);
                next.late_writes += 1;
            }
            Step::Arrive(index) => {
                let write = next.late.remove(*index);
                next.store.apply(write, self.mutation);
            }
            Step::Trim(which) => {
                let projector = state.projectors[*which as usize].as_ref().expect("it is alive");
                next.history.start = self.trims_to(state, projector);
            }
            Step::Tick => {
                next.now += 1;
                next.store.sync();
                next.projectors.iter_mut().flatten().for_each(Projector::tick);
            }
            Step::Crash(lost) => {
                next.crashes += 1;
                next.store.crash(*lost);
                next.projectors.iter_mut().flatten().for_each(Projector::store_crashed);
            }
        }
        Ok(next)
    }

    fn is_owed(&self, _: &State, step: &Step) -> bool {
        match step {
            Step::Write(Which::Owner, _) => true,
            Step::TakeOver { .. }
            | Step::Commit
            | Step::Leftover(_)
            | Step::Write(Which::Former, _)
            | Step::WriteLate(..)
            | Step::Arrive(_)
            | Step::Trim(_)
            | Step::Tick
            | Step::Crash(_) => false,
        }
    }

    fn check(&self, state: &State) -> Result<(), Broken> {
        recovery::check(state, self.mutation)
    }

    fn check_at_rest(&self, state: &State) -> Result<(), Broken> {
        let owned = state.projectors[Which::Owner as usize].is_some();
        let complete = state.store.row.shown == state.history.end().number;
        Property::S6.unless(!owned || complete, "the store at rest is not what the log says")
    }

    fn goals(&self) -> &'static [Goal<State>] {
        GOALS
    }

    fn tell(&self, state: &State, step: &Step) -> String {
        told::tell(state, step)
    }
}

impl State {
    fn projector(&mut self, which: Which) -> &mut Projector {
        self.projectors[which as usize].as_mut().expect("it is alive")
    }
}

const GOALS: &[Goal<State>] = &[
    Goal {
        name: "the margin mark stands on the last batch and the log is trimmed to it",
        is_reached: |state| {
            let last = state.history.end().number;
            last == Number::new(BATCHES)
                && state.store.margin.shown.number == Some(last)
                && state.history.offset(last) == Some(state.history.start)
        },
    },
    Goal {
        name: "a crash of the store has lost a row below the watermark",
        is_reached: |state| state.store.watermark.shown.number > Some(state.store.row.shown),
    },
    Goal {
        name: "a crash of the store has lost a margin mark",
        is_reached: |state| {
            let projector = state.projectors[Which::Owner as usize].as_ref();
            let shown = state.store.margin.shown.number.unwrap_or_default();
            projector.is_some_and(|projector| projector.margin > shown)
        },
    },
    Goal {
        name: "a former owner's late write is older than what is stored",
        is_reached: |state| {
            let stored = state.store.row.shown;
            let older = |write: &Write| matches!(write, Write::Row(row) if *row < stored);
            state.projectors[Which::Former as usize].is_some() && state.late.iter().any(older)
        },
    },
];
