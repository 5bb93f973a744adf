//! Work for workers, and what came of it: what the `tasks.<queue>` and `results` topics carry.
//!
//! A task is derived from history, so the same attempt gives the same task wherever and however
//! often it is sent. A result counts only for the pending attempt with the same token.
//!
//! How both look in their topics is a contract of its own (the crate `flowmill-events`). Here only
//! a result has a stored form, for a history that must keep one it cannot decide yet.

use bincode::{Decode, Encode};
use sha2::{Digest, Sha256};

use crate::ids::{Activation, BatchNumber, Epoch, ExecutionId, TaskId, TaskToken};
use crate::name::{FlowName, Queue};
use crate::payload::Payload;
use crate::problem::Problem;
use crate::trace::TraceContext;

/// One record of a task queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskRecord {
    /// Which attempt of what.
    pub id: TaskId,
    /// The attempt's fencing token; the result must carry it.
    pub token: TaskToken,
    /// The epoch under which the record was sent.
    pub epoch: Epoch,
    /// The batch that scheduled the task.
    pub batch: BatchNumber,
    /// The task type: which handler runs it.
    pub task_type: Queue,
    /// The flow, for metrics and traces.
    pub flow: FlowName,
    /// The handler's input.
    pub input: Payload,
    /// Start-to-close time of the attempt, in milliseconds.
    pub timeout_ms: u64,
    /// The trace the task continues.
    pub trace: Option<TraceContext>,
}

/// One record of `results`.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct ResultRecord {
    /// Which attempt of what.
    pub id: TaskId,
    /// The token of the task's record.
    pub token: TaskToken,
    /// What came of it.
    pub outcome: Outcome,
    /// The trace the result continues.
    pub trace: Option<TraceContext>,
}

/// What a worker says of an attempt.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Outcome {
    /// The attempt runs: it was picked up, or it is still alive.
    Running,
    /// It succeeded with this output.
    Completed(Payload),
    /// It failed.
    Failed(Failure),
    /// The worker hands it back untried, to be sent again after this many milliseconds; no
    /// attempt is counted.
    Later(u64),
}

/// How an attempt failed.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Failure {
    /// What happened.
    pub problem: Problem,
    /// Whether another attempt may succeed.
    pub retryable: bool,
    /// The earliest time of another attempt that the other side asks for, in milliseconds from
    /// now.
    pub retry_after_ms: Option<u64>,
}

// 2 was a task's number.
crate::framed! {
    ResultRecord = 3, 1;
}

/// The key that makes a task's calls repeatable for the outside world: one over all attempts and
/// re-dispatches of an activation. 32 hexadecimal digits.
pub fn idempotency_key(execution: ExecutionId, activation: Activation) -> String {
    let mut hash = Sha256::new();
    hash.update(execution.to_bits().to_be_bytes());
    hash.update(activation.node.get().to_be_bytes());
    hash.update(activation.iteration.to_be_bytes());
    let digest = hash.finalize();
    let first = digest[..16].try_into().expect("a digest has 32 bytes");
    format!("{:032x}", u128::from_be_bytes(first))
}

impl TaskRecord {
    /// The key to send with every call that this task makes.
    pub fn idempotency_key(&self) -> String {
        idempotency_key(self.id.execution, self.id.activation)
    }
}
