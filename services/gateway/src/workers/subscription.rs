//! A worker's seats, for as long as it is there.

use std::collections::BTreeMap;
use std::sync::Arc;

use flowmill_model::{ErrorCode, Queue, limits};
use flowmill_worker_sdk::TaskError;
use tokio::sync::mpsc;

use super::balance::Weight;
use super::board::{Board, NoSeat, SeatId, Standing};
use super::feed;
use super::lent::LentTask;
use super::token::TokenKey;
use crate::{Gateway, Refusal};

/// The seats of one worker and the tasks that come to them. Dropping it leaves the seats; tasks
/// that were not taken are handed back untried.
pub(super) struct Subscription {
    board: Arc<Board>,
    key: TokenKey,
    seats: BTreeMap<Queue, SeatId>,
    sender: mpsc::UnboundedSender<LentTask>,
    tasks: mpsc::UnboundedReceiver<LentTask>,
}

impl Subscription {
    /// No seats yet.
    pub(super) fn new(gateway: &Gateway) -> Self {
        let workers = &gateway.0.workers;
        // Bounded by the credits of its seats.
        let (sender, tasks) = mpsc::unbounded_channel();
        let (board, key) = (Arc::clone(&workers.board), workers.key.clone());
        Self { board, key, seats: BTreeMap::new(), sender, tasks }
    }

    /// Wants `credits` tasks of a queue, and more later. `weight` is the worker's beside others'.
    ///
    /// # Errors
    /// `bad-request` when it has a seat there; `overloaded`.
    pub(super) fn subscribe(
        &mut self,
        gateway: &Gateway,
        worker: &str,
        weight: Weight,
        queue: &Queue,
        credits: u32,
    ) -> Result<(), Refusal> {
        if self.seats.contains_key(queue) {
            let detail = format!("the queue `{queue}` is subscribed to; send credits for it");
            return Err(Refusal::bad_request(detail));
        }
        let credits = checked(credits)?;
        let (seat, to_feed) = self.board.sit(queue, worker, weight, self.sender.clone())?;
        self.seats.insert(queue.clone(), seat);
        if let Some(to_feed) = to_feed {
            feed::begin(gateway.clone(), queue.clone(), to_feed);
        }
        Ok(self.board.grant(queue, seat, credits)?)
    }

    /// Wants so many tasks more.
    ///
    /// # Errors
    /// `bad-request` when it has no seat there; `overloaded`.
    pub(super) fn grant(&self, queue: &Queue, credits: u32) -> Result<(), Refusal> {
        let seat = self.seats.get(queue).ok_or_else(|| {
            Refusal::bad_request(format!("the queue `{queue}` is not subscribed to"))
        })?;
        Ok(self.board.grant(queue, *seat, checked(credits)?)?)
    }

    /// Waits for the next task. Cancel safe.
    pub(super) async fn next(&mut self) -> LentTask {
        self.tasks.recv().await.expect("it holds a sender itself")
    }

    /// Wants nothing more; what was lent already comes still.
    pub(super) fn leave(&mut self) {
        for (queue, seat) in std::mem::take(&mut self.seats) {
            self.board.leave(&queue, seat);
        }
    }

    /// A task that has come and was not taken yet.
    pub(super) fn take(&mut self) -> Option<LentTask> {
        self.tasks.try_recv().ok()
    }

    /// Hands a task back untried.
    pub(super) fn hand_back(&self, task: &LentTask) {
        let Some(key) = self.key.verify(&task.token) else { return };
        if let Standing::Lent(lease) = self.board.end(key) {
            // An attempt that has ended meanwhile needs no answer.
            drop(lease.answer.send(Err(TaskError::later(limits::LATER_MIN))));
        }
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.leave();
        while let Some(task) = self.take() {
            self.hand_back(&task);
        }
    }
}

fn checked(credits: u32) -> Result<usize, Refusal> {
    let credits = usize::try_from(credits).unwrap_or(usize::MAX);
    if credits <= limits::SUBSCRIPTION_CREDITS {
        return Ok(credits);
    }
    let most = limits::SUBSCRIPTION_CREDITS;
    Err(Refusal::bad_request(format!("at most {most} tasks can be asked for at once")))
}

impl From<NoSeat> for Refusal {
    fn from(none: NoSeat) -> Self {
        Self::new(ErrorCode::Overloaded, none.to_string())
    }
}

/// The weight that a worker states; 1 if it states none.
///
/// # Errors
/// `bad-request` when it is too great.
pub(super) fn weight_of(stated: u32) -> Result<Weight, Refusal> {
    Weight::stated(stated).map_err(|error| Refusal::bad_request(error.to_string()))
}

/// The name that a worker gives itself; `anonymous` if it gives none.
///
/// # Errors
/// `bad-request` when it is no name.
pub(super) fn worker_name(name: &str) -> Result<String, Refusal> {
    if name.is_empty() {
        return Ok("anonymous".to_owned());
    }
    let valid =
        name.len() <= limits::WORKER_NAME_CHARS && name.bytes().all(|b| b.is_ascii_graphic());
    if valid {
        return Ok(name.to_owned());
    }
    let most = limits::WORKER_NAME_CHARS;
    Err(Refusal::bad_request(format!(
        "a worker's name has at most {most} visible ASCII characters, without spaces"
    )))
}

/// The queue of that name.
///
/// # Errors
/// `bad-request` when no queue can have it.
pub(super) fn queue_named(name: &str) -> Result<Queue, Refusal> {
    Queue::new(name).map_err(|error| Refusal::bad_request(error.to_string()))
}
