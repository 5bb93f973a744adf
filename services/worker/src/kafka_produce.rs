//! Runs the tasks of `kafka.produce` nodes.
//!
//! A task's input is what the node's parameters gave: an object of `topic`, `value`, and `key`,
//! `headers` and `event` where they are given. Where this process knows no Kafka, every such task
//! fails at once, and no other attempt follows.
//!
//! **Invariant:** each record carries the task's idempotency key, the same in every attempt.

#[cfg(feature = "kafka")]
mod record;
#[cfg(feature = "kafka")]
mod sending;

use std::fmt;

use flowmill_model::Payload;
use flowmill_worker_sdk::{TaskContext, TaskError};

/// The task type of `kafka.produce` nodes.
pub const KAFKA_TASK: &str = "kafka.produce";

/// The queue of `kafka.produce` nodes that name no other.
pub const KAFKA_QUEUE: &str = "kafka";

/// Where records go. Cheap to clone.
#[derive(Clone, Default)]
pub struct KafkaAccess(Access);

#[derive(Clone, Default)]
enum Access {
    /// Nowhere.
    #[default]
    None,
    #[cfg(feature = "kafka")]
    Cluster(std::sync::Arc<sending::Sending>),
}

impl KafkaAccess {
    /// To the brokers that `clients` reach, by a producer that is made when it is first needed.
    #[cfg(feature = "kafka")]
    pub fn to(clients: flowmill_log::kafka::Clients) -> Self {
        Self(Access::Cluster(std::sync::Arc::new(sending::Sending::new(clients))))
    }

    /// Runs a task.
    #[cfg_attr(
        not(feature = "kafka"),
        expect(clippy::unused_async, reason = "there is nothing to wait for without Kafka")
    )]
    pub(crate) async fn run(
        &self,
        context: TaskContext,
        input: &Payload,
    ) -> Result<Payload, TaskError> {
        match &self.0 {
            Access::None => {
                drop((context, input));
                Err(not_configured())
            }
            #[cfg(feature = "kafka")]
            Access::Cluster(sending) => sending.run(context, input).await,
        }
    }
}

fn not_configured() -> TaskError {
    use flowmill_model::{ErrorCode, Problem};
    let detail = "the record cannot be written: no Kafka is configured where this worker runs; \
                  start it with --kafka HOST:PORT";
    TaskError::fatal(Problem::of(ErrorCode::TaskFailed, detail))
}

impl fmt::Debug for KafkaAccess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match &self.0 {
            Access::None => "KafkaAccess(none)",
            #[cfg(feature = "kafka")]
            Access::Cluster(_) => "KafkaAccess(cluster)",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_kafka_a_record_fails_for_good_and_says_what_to_do() {
        let error = not_configured();
        assert!(!error.is_retryable());
        assert!(error.to_string().contains("--kafka"), "{error}");
    }
}
