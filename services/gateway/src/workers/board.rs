//! Who wants tasks, and who has which: seats with credits, and leases.
//!
//! A **seat** is one worker's wish for tasks of one queue: a subscription of a stream, or a poll
//! that waits. Its **credits** say how many more tasks it takes. The queue's semaphore holds as
//! many permits as its seats have credits, and the SDK takes a permit before it takes a task; so
//! a task that arrives here finds a seat, except when one left in between. Then it is handed back
//! untried. What such a seat could not take along is remembered as overdrawn, so that permits and
//! credits agree again with the next credits.
//!
//! Which of the seats with credits gets a task, [`balance`](super::balance) says.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

use flowmill_model::{Payload, Queue, limits};
use flowmill_worker_sdk::{TaskContext, TaskError};
use parking_lot::Mutex;
use tokio::sync::{Semaphore, mpsc, oneshot, watch};

use super::balance::{Balance, Turns, Weight};
use super::lent::LentTask;
use super::registry::Registry;
use super::token::{AttemptKey, TokenKey};

/// What a worker answers, as the SDK wants it.
pub(super) type Outcome = Result<Payload, TaskError>;

/// All of it.
pub(super) struct Board(Mutex<State>);

#[derive(Default)]
struct State {
    queues: BTreeMap<Queue, QueueBoard>,
    leases: HashMap<AttemptKey, Lease>,
    ended: Ended,
    registry: Registry,
    /// By which rule tasks are shared.
    balance: Balance,
    /// Credits of all seats.
    credits: usize,
    seats: u64,
}

/// One queue.
struct QueueBoard {
    permits: Arc<Semaphore>,
    /// Permits, and tasks on their way, beyond the credits of the seats.
    overdrawn: usize,
    seats: BTreeMap<SeatId, Seat>,
    turns: Turns,
    /// How many seats there are; whoever feeds the queue looks at it.
    count: watch::Sender<usize>,
    /// Whether somebody feeds the queue.
    fed: bool,
}

/// Tells a seat from every other one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct SeatId(u64);

struct Seat {
    worker: String,
    weight: Weight,
    credits: usize,
    tasks: mpsc::UnboundedSender<LentTask>,
}

/// A task that a worker has.
pub(super) struct Lease {
    pub(super) context: TaskContext,
    pub(super) answer: oneshot::Sender<Outcome>,
    worker: String,
}

/// Attempts that ended here lately; the oldest make room.
#[derive(Default)]
struct Ended {
    known: HashMap<AttemptKey, ()>,
    order: VecDeque<AttemptKey>,
}

impl Ended {
    fn add(&mut self, key: AttemptKey) {
        if self.known.insert(key, ()).is_none() {
            self.order.push_back(key);
        }
        while self.order.len() > limits::WORKER_REMEMBERED_TASKS {
            let oldest = self.order.pop_front();
            oldest.map(|key| self.known.remove(&key));
        }
    }
}

/// Where an attempt stands, as far as this gateway knows.
pub(super) enum Standing {
    /// A worker has it; it is ended now.
    Lent(Lease),
    /// It ended here.
    Ended,
    /// It was not lent here, or long ago.
    Unknown,
}

/// Why there is no seat to be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum NoSeat {
    #[error(
        "the gateway serves as many queues as it may, {}; ask another one",
        limits::GATEWAY_QUEUES
    )]
    Queues,
    #[error(
        "the gateway's workers have as many credits as they may, {}; ask for fewer",
        limits::GATEWAY_CREDITS
    )]
    Credits,
    #[error("the gateway knows as many workers as it may, {}", limits::GATEWAY_WORKERS)]
    Workers,
}

/// A queue to be fed by whoever got this.
pub(super) struct ToFeed {
    pub(super) permits: Arc<Semaphore>,
    pub(super) count: watch::Receiver<usize>,
}

impl Board {
    /// Nobody wants anything yet.
    pub(super) fn new(balance: Balance) -> Self {
        Self(Mutex::new(State { balance, ..State::default() }))
    }

    /// Takes a seat without credits; also says when somebody must begin to feed the queue.
    pub(super) fn sit(
        &self,
        queue: &Queue,
        worker: &str,
        weight: Weight,
        tasks: mpsc::UnboundedSender<LentTask>,
    ) -> Result<(SeatId, Option<ToFeed>), NoSeat> {
        let mut state = self.0.lock();
        let state = &mut *state;
        if !state.queues.contains_key(queue) && state.queues.len() >= limits::GATEWAY_QUEUES {
            return Err(NoSeat::Queues);
        }
        if !state.registry.sit(worker, queue) {
            return Err(NoSeat::Workers);
        }
        let balance = state.balance;
        let new = || QueueBoard::new(balance);
        let board = state.queues.entry(queue.clone()).or_insert_with(new);
        state.seats += 1;
        let id = SeatId(state.seats);
        board.seats.insert(id, Seat { worker: worker.to_owned(), weight, credits: 0, tasks });
        board.turns.sit(worker);
        board.count.send_replace(board.seats.len());
        let begin = !std::mem::replace(&mut board.fed, true);
        let to_feed =
            || ToFeed { permits: Arc::clone(&board.permits), count: board.count.subscribe() };
        Ok((id, begin.then(to_feed)))
    }

    /// Gives a seat so many credits more.
    pub(super) fn grant(&self, queue: &Queue, seat: SeatId, more: usize) -> Result<(), NoSeat> {
        let mut state = self.0.lock();
        let state = &mut *state;
        if state.credits.saturating_add(more) > limits::GATEWAY_CREDITS {
            return Err(NoSeat::Credits);
        }
        let Some(board) = state.queues.get_mut(queue) else { return Ok(()) };
        let Some(seat) = board.seats.get_mut(&seat) else { return Ok(()) };
        seat.credits += more;
        state.credits += more;
        state.registry.credits(&seat.worker, more, 0);
        let settled = more.min(board.overdrawn);
        board.overdrawn -= settled;
        board.permits.add_permits(more - settled);
        Ok(())
    }

    /// Leaves a seat; what was to come to it comes to others or is handed back.
    pub(super) fn leave(&self, queue: &Queue, seat: SeatId) {
        let mut state = self.0.lock();
        let state = &mut *state;
        let Some(board) = state.queues.get_mut(queue) else { return };
        let Some(left) = board.seats.remove(&seat) else { return };
        let taken_along = board.permits.forget_permits(left.credits);
        board.overdrawn += left.credits - taken_along;
        board.count.send_replace(board.seats.len());
        board.turns.leave(&left.worker);
        state.credits -= left.credits;
        state.registry.credits(&left.worker, 0, left.credits);
        let elsewhere = board.seats.values().any(|seat| seat.worker == left.worker);
        state.registry.leave(&left.worker, (!elsewhere).then_some(queue));
    }

    /// Lends a task that has arrived to the worker whose turn it is of those that want one; `None`
    /// when none does any more.
    pub(super) fn lend(
        &self,
        queue: &Queue,
        key: &TokenKey,
        context: TaskContext,
        input: Payload,
    ) -> Option<oneshot::Receiver<Outcome>> {
        let mut state = self.0.lock();
        let state = &mut *state;
        let board = state.queues.get_mut(queue)?;
        let (registry, turns) = (&state.registry, &board.turns);
        let willing = board.seats.iter_mut().filter(|(_, seat)| seat.credits > 0);
        let rank =
            |seat: &Seat| turns.rank(&seat.worker, registry.running(&seat.worker), seat.credits);
        let Some((_, seat)) = willing.min_by_key(|(_, seat)| rank(seat)) else {
            board.overdrawn = board.overdrawn.saturating_sub(1);
            return None;
        };
        seat.credits -= 1;
        state.credits -= 1;
        state.registry.credits(&seat.worker, 0, 1);
        let attempt = AttemptKey { id: context.task_id(), token: context.token() };
        let (answer, answered) = oneshot::channel();
        let (queue, token) = (queue.clone(), key.sign(attempt));
        let task = LentTask { token, queue, context: context.clone(), input };
        // A seat whose worker is gone is about to leave; the lease is handed back by then.
        if seat.tasks.send(task).is_err() {
            return None;
        }
        state.registry.lent(&seat.worker);
        board.turns.lent(&seat.worker, seat.weight);
        let lease = Lease { context, answer, worker: seat.worker.clone() };
        state.leases.insert(attempt, lease);
        Some(answered)
    }

    /// Ends a lease, whoever has it: its worker answers.
    pub(super) fn end(&self, key: AttemptKey) -> Standing {
        let mut state = self.0.lock();
        match state.close(key) {
            Some(lease) => Standing::Lent(lease),
            None if state.ended.known.contains_key(&key) => Standing::Ended,
            None => Standing::Unknown,
        }
    }

    /// Ends a lease because its attempt is over, unless its worker has answered.
    pub(super) fn expire(&self, key: AttemptKey) -> bool {
        self.0.lock().close(key).is_some()
    }

    /// Gives a sign of life of a task that is lent here; otherwise says how it stands.
    pub(super) fn alive(&self, key: AttemptKey) -> Option<bool> {
        let mut state = self.0.lock();
        if let Some(lease) = state.leases.get(&key) {
            let (context, worker) = (lease.context.clone(), lease.worker.clone());
            state.registry.seen(&worker);
            drop(state);
            context.heartbeat();
            return Some(true);
        }
        state.ended.known.contains_key(&key).then_some(false)
    }

    /// How a lease's answer went, for the figures of its worker.
    pub(super) fn answered(&self, worker: &str, failed: bool) {
        self.0.lock().registry.answered(worker, failed);
    }

    /// Who works here.
    pub(super) fn with_registry<T>(&self, look: impl FnOnce(&mut Registry) -> T) -> T {
        look(&mut self.0.lock().registry)
    }

    /// Whether a queue has no seats; if so, it is no longer fed.
    pub(super) fn stop_feeding(&self, queue: &Queue) -> bool {
        let mut state = self.0.lock();
        let Some(board) = state.queues.get_mut(queue) else { return true };
        if !board.seats.is_empty() {
            return false;
        }
        board.fed = false;
        // What is on its way still settles with this board.
        if board.overdrawn == 0 {
            state.queues.remove(queue);
        }
        true
    }
}

impl State {
    fn close(&mut self, key: AttemptKey) -> Option<Lease> {
        let lease = self.leases.remove(&key)?;
        self.ended.add(key);
        self.registry.ended(&lease.worker);
        Some(lease)
    }
}

impl Lease {
    /// Who has it.
    pub(super) fn worker(&self) -> &str {
        &self.worker
    }
}

impl QueueBoard {
    fn new(balance: Balance) -> Self {
        Self {
            permits: Arc::new(Semaphore::new(0)),
            overdrawn: 0,
            seats: BTreeMap::new(),
            turns: Turns::new(balance),
            count: watch::Sender::new(0),
            fed: false,
        }
    }
}
