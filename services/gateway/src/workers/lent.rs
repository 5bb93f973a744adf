//! A task on its way to the worker that it is lent to.

use std::fmt;

use flowmill_model::{Payload, Queue};
use flowmill_worker_sdk::TaskContext;

/// A task that is lent. Whoever holds it must deliver it or hand it back.
pub(crate) struct LentTask {
    /// Names it in every answer.
    pub(crate) token: String,
    /// The queue it came from.
    pub(crate) queue: Queue,
    /// Everything about the attempt.
    pub(crate) context: TaskContext,
    /// Its input.
    pub(crate) input: Payload,
}

impl fmt::Debug for LentTask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("LentTask").field(&self.context).finish()
    }
}
