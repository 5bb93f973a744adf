//! What a worker says of a task that was lent.
//!
//! The token must be genuine. If the task is lent here, the answer goes to the SDK, which writes
//! the result. If it ended here, the token is worth nothing any more. If this gateway does not
//! know it, having been started anew, or because another gateway lent it, the owner is asked
//! whether the attempt is pending, and the result is written from here.

use std::time::Duration;

use flowmill_flow::Json;
use flowmill_model::task::{Failure, Outcome, ResultRecord};
use flowmill_model::{ErrorCode, Payload, Problem, limits};
use flowmill_routing::ExecutionView;
use flowmill_worker_sdk::TaskError;

use super::board::{Lease, Standing};
use super::token::AttemptKey;
use crate::reads::Read;
use crate::{Gateway, Refusal};

/// What a worker says of an attempt at its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// It succeeded with this output.
    Complete(Payload),
    /// It failed; another one may succeed, not before so long.
    Fail(Problem, Duration),
    /// The task failed for good.
    Throw(Problem),
    /// It was not tried and is to come again after so long.
    Postpone(Duration),
}

impl Answer {
    /// The name under which it is counted.
    const fn name(&self) -> &'static str {
        match self {
            Self::Complete(_) => "complete",
            Self::Fail(..) => "fail",
            Self::Throw(_) => "throw",
            Self::Postpone(_) => "postpone",
        }
    }

    const fn is_failure(&self) -> bool {
        match self {
            Self::Fail(..) | Self::Throw(_) => true,
            Self::Complete(_) | Self::Postpone(_) => false,
        }
    }

    /// As the SDK wants it.
    fn into_sdk(self) -> Result<Payload, TaskError> {
        match self {
            Self::Complete(output) => Ok(output),
            Self::Fail(problem, Duration::ZERO) => Err(TaskError::retryable(problem)),
            Self::Fail(problem, delay) => Err(TaskError::retryable(problem).retry_after(delay)),
            Self::Throw(problem) => Err(TaskError::fatal(problem)),
            Self::Postpone(delay) => Err(TaskError::later(delay)),
        }
    }

    /// As a result says it.
    fn into_outcome(self) -> Outcome {
        let failed = |problem: Problem, retryable, retry_after_ms| {
            Outcome::Failed(Failure { problem: problem.bounded(), retryable, retry_after_ms })
        };
        match self {
            Self::Complete(output) => Outcome::Completed(output),
            Self::Fail(problem, Duration::ZERO) => failed(problem, true, None),
            Self::Fail(problem, delay) => {
                failed(problem, true, Some(millis(delay.min(limits::RETRY_AFTER_MAX))))
            }
            Self::Throw(problem) => failed(problem, false, None),
            Self::Postpone(delay) => Outcome::Later(millis(delay.min(limits::LATER_MAX))),
        }
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

impl Gateway {
    /// Takes what a worker says of a task at its end. Success means that it is durable.
    ///
    /// # Errors
    /// `conflict` when the token is not that of an attempt that waits; `payload-too-large` and
    /// `bad-request` for an output that is none; `unavailable`.
    pub(crate) async fn answer(&self, token: &str, answer: Answer) -> Result<(), Refusal> {
        let what = answer.name();
        let answered = self.try_answer(token, answer).await;
        self.count_answer(what, &answered);
        answered
    }

    /// Takes a worker's word that an attempt is alive.
    ///
    /// # Errors
    /// `conflict` when the token is not that of an attempt that waits; `unavailable`.
    pub(crate) async fn heartbeat(&self, token: &str) -> Result<(), Refusal> {
        let answered = self.try_heartbeat(token).await;
        self.count_answer("heartbeat", &answered);
        answered
    }

    async fn try_answer(&self, token: &str, answer: Answer) -> Result<(), Refusal> {
        let key = self.genuine(token)?;
        if let Answer::Complete(output) = &answer {
            self.check_output(output).await?;
        }
        match self.0.workers.board.end(key) {
            Standing::Lent(lease) => self.end_lease(lease, answer).await,
            Standing::Ended => Err(stale()),
            Standing::Unknown => {
                self.check_pending(key).await?;
                self.write(key, answer.into_outcome()).await
            }
        }
    }

    async fn try_heartbeat(&self, token: &str) -> Result<(), Refusal> {
        let key = self.genuine(token)?;
        match self.0.workers.board.alive(key) {
            Some(true) => Ok(()),
            Some(false) => Err(stale()),
            None => {
                self.check_pending(key).await?;
                self.write(key, Outcome::Running).await
            }
        }
    }

    fn genuine(&self, token: &str) -> Result<AttemptKey, Refusal> {
        self.0.workers.key.verify(token).ok_or_else(forged)
    }

    async fn check_output(&self, output: &Payload) -> Result<(), Refusal> {
        if output.len() > limits::PAYLOAD_BYTES {
            return Err(Refusal::too_large("the output", output.len(), limits::PAYLOAD_BYTES));
        }
        let text = output.clone();
        let parsed = self.compute(output.len(), move || Json::parse(text.as_bytes()).map(drop));
        parsed.await?.map_err(|error| Refusal::malformed(&error))
    }

    async fn end_lease(&self, lease: Lease, answer: Answer) -> Result<(), Refusal> {
        let (worker, failed) = (lease.worker().to_owned(), answer.is_failure());
        let written = lease.context.written();
        // The attempt may have come to its end in this moment.
        lease.answer.send(answer.into_sdk()).map_err(|_| stale())?;
        if !written.await {
            return Err(unwritten());
        }
        self.0.workers.board.answered(&worker, failed);
        Ok(())
    }

    /// Asks the owner whether an attempt still waits for its result.
    async fn check_pending(&self, key: AttemptKey) -> Result<(), Refusal> {
        let view = match self.read(key.id.execution, None).await {
            Ok(Read::Current(view)) => view,
            Ok(Read::Stale(_) | Read::Accepted { .. }) => {
                return Err(Refusal::unavailable(
                    "the execution's owner cannot be asked; try again",
                ));
            }
            Err(refusal) if refusal.code == ErrorCode::NotFound => return Err(stale()),
            Err(refusal) => return Err(refusal),
        };
        if self.is_pending(&view, key) { Ok(()) } else { Err(stale()) }
    }

    fn is_pending(&self, view: &ExecutionView, key: AttemptKey) -> bool {
        let deployed = self.parts().catalogue.find(&view.flow);
        let nodes = deployed.as_ref().map(|deployed| deployed.flow.nodes());
        let node = nodes.and_then(|nodes| nodes.get(key.id.activation.node.index()));
        let mut tasks = view.pending.iter().filter(|pending| pending.reason == TASK);
        tasks.any(|pending| {
            pending.attempt == key.id.attempt && node.is_none_or(|node| node.id == pending.node)
        })
    }

    async fn write(&self, key: AttemptKey, outcome: Outcome) -> Result<(), Refusal> {
        let result = ResultRecord { id: key.id, token: key.token, outcome, trace: None };
        self.0.workers.reporter.report(&result).await.map_err(|error| {
            tracing::warn!(%error, task = %key.id, "a worker's answer cannot be written");
            unwritten()
        })
    }

    fn count_answer(&self, what: &'static str, answered: &Result<(), Refusal>) {
        let how = match answered {
            Ok(()) => "accepted",
            Err(refusal) if *refusal == forged() => "forged",
            Err(refusal) => match refusal.code.status() {
                409 => "stale",
                400 | 413 => "refused",
                _ => "unavailable",
            },
        };
        self.parts().settings.metrics.worker_answer(what, how);
    }
}

/// Why an execution waits for a task, in the owner's words.
const TASK: &str = "task";

fn stale() -> Refusal {
    let detail = "the task does not wait for this answer any more: it was answered, its time was \
                  up, or its execution has ended; drop it";
    Refusal::new(ErrorCode::Conflict, detail)
}

fn forged() -> Refusal {
    let detail = "the token is none that a gateway of this cluster has given out";
    Refusal::new(ErrorCode::Conflict, detail)
}

fn unwritten() -> Refusal {
    Refusal::unavailable("the result could not be made durable in time; the task comes again")
}
