//! Which of the workers that would take a task gets it.
//!
//! A queue has a virtual time, and each of its workers a next turn in it. A task goes to the worker
//! whose turn comes first. The time is then that turn, and the worker's next one comes a stride
//! later: the shorter, the greater its weight (stride scheduling). So workers get tasks in
//! proportion to their weights, and those of equal weight one after another. A turn that is over
//! counts as one that is now: who was away, or took nothing, has no claim to what it missed.
//!
//! Turns belong to names, because a worker that polls has a new seat each time; several seats of
//! one name share a turn. **Invariant:** of workers without a seat only turns that the time has not
//! passed are kept, and no more than [`limits::GATEWAY_WORKERS`]. Names that come once each leave
//! the time where it is, so it alone would bound nothing.
//!
//! Deliberately absent: locks, clocks, and the seats themselves. What a worker has at the moment
//! is told by whoever asks.

#[cfg(test)]
mod tests;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use flowmill_model::limits;

/// By which rule a gateway shares a queue's tasks among the workers that would take them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Balance {
    /// The worker that has the fewest tasks gets the next.
    #[default]
    LeastBusy,
    /// The worker that was lent to longest ago gets the next.
    RoundRobin,
    /// Workers get tasks in proportion to the weights that they state.
    Weighted,
}

/// A worker's share beside those of others, from 1 to [`limits::WORKER_WEIGHT`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Weight(u32);

/// A worker states a greater weight than it may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a worker's weight is at most {}", limits::WORKER_WEIGHT)]
pub(super) struct TooHeavy;

/// How far apart the turns of a worker of weight 1 are. A multiple of all weights up to 16, which
/// makes their shares exact; a time of 64 bits has room for 10^13 such turns.
const SCALE: u64 = 720_720;

impl Weight {
    /// The weight that a worker states; 1 where it states none, which is 0.
    ///
    /// # Errors
    /// When it is too great.
    pub(super) fn stated(weight: u32) -> Result<Self, TooHeavy> {
        if weight <= limits::WORKER_WEIGHT { Ok(Self(weight.max(1))) } else { Err(TooHeavy) }
    }

    fn stride(self) -> u64 {
        SCALE / u64::from(self.0)
    }
}

/// The turns of one queue's workers.
pub(super) struct Turns {
    balance: Balance,
    /// The virtual time. Begins after 0, the turn of a worker that has had none yet.
    now: u64,
    /// How many tasks were lent.
    lent: u64,
    workers: BTreeMap<Arc<str>, Turn>,
    /// Workers without a seat, by their next turns.
    away: BTreeSet<(u64, Arc<str>)>,
}

#[derive(Clone, Copy, Default)]
struct Turn {
    /// When it is, in virtual time.
    next: u64,
    /// Which task of the queue the worker got last, from 1; 0 for none.
    last: u64,
    seats: usize,
}

/// Where a seat stands among those that would take a task; the least gets it. Its fields are
/// compared in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Rank {
    turn: u64,
    last: u64,
    running: usize,
    credits: Reverse<usize>,
}

impl Turns {
    /// Nobody has had a turn.
    pub(super) const fn new(balance: Balance) -> Self {
        Self { balance, now: 1, lent: 0, workers: BTreeMap::new(), away: BTreeSet::new() }
    }

    /// A worker takes a seat, perhaps one more.
    pub(super) fn sit(&mut self, worker: &str) {
        if self.balance == Balance::LeastBusy {
            return;
        }
        let name: Arc<str> = worker.into();
        let turn = self.workers.entry(Arc::clone(&name)).or_default();
        turn.seats += 1;
        if turn.seats == 1 {
            self.away.remove(&(turn.next, name));
        }
    }

    /// A worker leaves a seat.
    pub(super) fn leave(&mut self, worker: &str) {
        let Some(turn) = self.workers.get_mut(worker) else { return };
        turn.seats = turn.seats.saturating_sub(1);
        if turn.seats == 0 {
            self.away.insert((turn.next, worker.into()));
            self.forget();
        }
    }

    /// Where a seat stands whose worker has `running` tasks and which would take `credits` more.
    pub(super) fn rank(&self, worker: &str, running: usize, credits: usize) -> Rank {
        let turn = self.workers.get(worker).copied().unwrap_or_default();
        Rank { turn: turn.next.max(self.now), last: turn.last, running, credits: Reverse(credits) }
    }

    /// A worker got a task at a seat of this weight.
    pub(super) fn lent(&mut self, worker: &str, weight: Weight) {
        let stride = match self.balance {
            Balance::LeastBusy => return,
            Balance::RoundRobin => SCALE,
            Balance::Weighted => weight.stride(),
        };
        let Some(turn) = self.workers.get_mut(worker) else { return };
        self.lent += 1;
        self.now = self.now.max(turn.next);
        turn.next = self.now + stride;
        turn.last = self.lent;
        self.forget();
    }

    /// Drops turns of workers that are away: those that are over, and the first where there are
    /// too many.
    fn forget(&mut self) {
        let is_over = |(next, _): &(u64, Arc<str>)| *next < self.now;
        while self.away.first().is_some_and(is_over) || self.away.len() > limits::GATEWAY_WORKERS {
            let first = self.away.pop_first();
            first.map(|(_, worker)| self.workers.remove(&worker));
        }
    }
}
