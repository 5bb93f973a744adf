//! One request for tasks: waits for the first, takes what comes with it.

use std::time::Duration;

use flowmill_model::limits;
use tokio::time::{Instant, timeout_at};

use super::lent::LentTask;
use super::subscription::{Subscription, queue_named, weight_of, worker_name};
use crate::{Gateway, Refusal};

/// How long a poll that has a task waits for more that are on their way.
const GATHER: Duration = Duration::from_millis(2);

/// How long a poll waits that does not want to: until a task that is there has come.
const AT_LEAST: Duration = Duration::from_millis(20);

/// What a poll asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PollRequest {
    /// Who asks; empty for nobody in particular.
    pub(crate) worker: String,
    /// Its weight beside other workers; 0 is 1.
    pub(crate) weight: u32,
    /// Of which queue.
    pub(crate) queue: String,
    /// How many tasks at most; 0 is 1.
    pub(crate) max_tasks: u32,
    /// How long to wait for the first.
    pub(crate) wait: Duration,
}

/// Tasks that a poll has, until it is sure that they go out.
struct Batch {
    subscription: Subscription,
    tasks: Vec<LentTask>,
}

impl Drop for Batch {
    /// Whoever asked is gone: the tasks are handed back untried.
    fn drop(&mut self) {
        self.tasks.iter().for_each(|task| self.subscription.hand_back(task));
    }
}

impl Gateway {
    /// Lends tasks to a worker that polls; none when there is none in time, or when the gateway
    /// comes to its end.
    ///
    /// # Errors
    /// `bad-request` and `overloaded`.
    pub(crate) async fn poll(&self, request: PollRequest) -> Result<Vec<LentTask>, Refusal> {
        let (worker, queue) = (worker_name(&request.worker)?, queue_named(&request.queue)?);
        let weight = weight_of(request.weight)?;
        let most = request.max_tasks.max(1);
        let until = Instant::now() + request.wait.clamp(AT_LEAST, limits::END_WAIT);
        let mut subscription = Subscription::new(self);
        subscription.subscribe(self, &worker, weight, &queue, most)?;
        let mut batch = Batch { subscription, tasks: Vec::new() };
        let draining = self.0.draining.cancelled();
        tokio::select! {
            biased;
            () = draining => {}
            () = batch.fill(usize::try_from(most).unwrap_or(usize::MAX), until) => {}
        }
        Ok(batch.finish())
    }
}

impl Batch {
    async fn fill(&mut self, most: usize, until: Instant) {
        let Ok(first) = timeout_at(until, self.subscription.next()).await else { return };
        self.tasks.push(first);
        let until = Instant::now() + GATHER;
        while self.tasks.len() < most {
            let Ok(task) = timeout_at(until, self.subscription.next()).await else { return };
            self.tasks.push(task);
        }
    }

    fn finish(mut self) -> Vec<LentTask> {
        self.subscription.leave();
        while let Some(task) = self.subscription.take() {
            self.tasks.push(task);
        }
        std::mem::take(&mut self.tasks)
    }
}
