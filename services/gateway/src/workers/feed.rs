//! Feeds a queue: while workers wait for its tasks, the gateway is a member of its group.
//!
//! It stays one for a while after the last worker left, so that a worker that polls does not have
//! the group share its partitions anew between any two polls; not for longer, because tasks of
//! its partitions wait meanwhile. What is lent when it leaves goes on.

use std::sync::Arc;
use std::time::Duration;

use flowmill_model::{Payload, Queue, limits};
use flowmill_runtime::spawn;
use flowmill_worker_sdk::{BuildError, TaskContext, TaskError, Worker};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use super::board::{Board, ToFeed};
use super::token::{AttemptKey, TokenKey};
use crate::Gateway;

/// Pause before a queue that could not be read is tried again.
const AGAIN: Duration = Duration::from_secs(1);

/// Begins to feed a queue.
pub(super) fn begin(gateway: Gateway, queue: Queue, to_feed: ToFeed) {
    drop(spawn("worker feed", feed(gateway, queue, to_feed)));
}

async fn feed(gateway: Gateway, queue: Queue, to_feed: ToFeed) {
    loop {
        let worker = match worker(&gateway, &queue, &to_feed) {
            Ok(worker) => worker,
            Err(error) => {
                tracing::error!(%error, %queue, "a queue cannot be served");
                return;
            }
        };
        let idle = until_idle(gateway.clone(), queue.clone(), to_feed.count.clone());
        match worker.run(idle).await {
            Ok(_) => return,
            Err(error) => tracing::warn!(%error, %queue, "a queue is served again in a moment"),
        }
        sleep(AGAIN).await;
        if gateway.0.draining.is_cancelled() || gateway.0.workers.board.stop_feeding(&queue) {
            return;
        }
    }
}

fn worker(gateway: &Gateway, queue: &Queue, to_feed: &ToFeed) -> Result<Worker, BuildError> {
    let (board, key) = (Arc::clone(&gateway.0.workers.board), gateway.0.workers.key.clone());
    let source = queue.clone();
    let handler = move |context, input| {
        lend(Arc::clone(&board), key.clone(), source.clone(), (context, input))
    };
    let parts = gateway.parts();
    Worker::builder(Arc::clone(&parts.log))
        .any_task(handler)
        .queue(queue.as_str())
        .credits(Arc::clone(&to_feed.permits))
        .metrics(parts.settings.metrics.clone())
        // What is lent ends when its worker answers or its time is up, not because the gateway
        // has nobody else to serve.
        .drain_within(limits::DURATION)
        .build()
}

/// Waits until nobody has wanted tasks of the queue for a while, or the gateway ends.
async fn until_idle(gateway: Gateway, queue: Queue, mut count: watch::Receiver<usize>) {
    let idle = async {
        loop {
            if count.wait_for(|seats| *seats == 0).await.is_err() {
                return;
            }
            let back = timeout(limits::GATEWAY_QUEUE_LINGER, count.wait_for(|seats| *seats > 0));
            if back.await.is_err() && gateway.0.workers.board.stop_feeding(&queue) {
                return;
            }
        }
    };
    tokio::select! {
        biased;
        () = gateway.0.draining.cancelled() => {}
        () = idle => {}
    }
}

/// A lease that is over when this is dropped, whoever ends the attempt.
struct Lent {
    board: Arc<Board>,
    key: AttemptKey,
}

impl Drop for Lent {
    fn drop(&mut self) {
        if self.board.expire(self.key) {
            tracing::debug!(task = %self.key.id, "a lease is over without an answer");
        }
    }
}

/// Runs a task by lending it; ends with what its worker answers.
async fn lend(
    board: Arc<Board>,
    key: TokenKey,
    queue: Queue,
    (context, input): (TaskContext, Payload),
) -> Result<Payload, TaskError> {
    let attempt = AttemptKey { id: context.task_id(), token: context.token() };
    let Some(answered) = board.lend(&queue, &key, context, input) else {
        return Err(TaskError::later(limits::LATER_MIN));
    };
    let _lent = Lent { board, key: attempt };
    // Whoever drops an unanswered lease hands it back first, so this is the end of the board.
    answered.await.unwrap_or_else(|_| Err(TaskError::later(limits::LATER_MIN)))
}
