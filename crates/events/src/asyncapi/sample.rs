//! The records that serve as examples, in the document and in the golden files.

use flowmill_model::task::{Failure, Outcome, ResultRecord, TaskRecord};
use flowmill_model::{
    Activation, BatchNumber, Epoch, ErrorCode, ExecutionId, FlowName, NodeIndex, Payload, Problem,
    Queue, ShardId, TaskId, TaskToken, TraceContext,
};

/// The kinds of results by name, each with what it says.
pub const RESULTS: [(&str, &str); 4] = [
    ("completed", "The attempt succeeded. The value is its output, any JSON value."),
    ("failed", "The attempt failed. The value is a problem (RFC 9457); members may be missing."),
    ("running", "The attempt runs: it was picked up, or is still alive. It has no value."),
    ("later", "The task was not tried and is to come again; no attempt counts. It has no value."),
];

/// A task.
pub fn task() -> TaskRecord {
    let execution = ExecutionId::new(ShardId::new(3), 0x0191_f2b4_7a10_5f0e_8c3d_1b2a_9c4e);
    let activation = Activation::new(NodeIndex::new(4), 0);
    TaskRecord {
        id: TaskId { execution, activation, attempt: 1 },
        token: TaskToken::new(9_177_382_645_519_204_001),
        epoch: Epoch::new(12),
        batch: BatchNumber::new(48_211),
        task_type: Queue::new("charge").expect("it follows the rules of names"),
        flow: "shop/orders".parse::<FlowName>().expect("it follows the rules of names"),
        input: Payload::from(r#"{"order":"order-0001","amount":180}"#),
        timeout_ms: 45_000,
        trace: trace(0x00f0_67aa_0ba9_02b7),
    }
}

/// A result of [`task`]: one of [`RESULTS`], by name.
pub fn result(name: &str) -> ResultRecord {
    let outcome = match name {
        "completed" => Outcome::Completed(Payload::from(r#"{"receipt":"r-77"}"#)),
        "failed" => Outcome::Failed(Failure {
            problem: Problem::of(ErrorCode::TaskFailed, "the card was declined"),
            retryable: true,
            retry_after_ms: Some(1_500),
        }),
        "later" => Outcome::Later(2_000),
        _ => Outcome::Running,
    };
    let TaskRecord { id, token, .. } = task();
    ResultRecord { id, token, outcome, trace: trace(0xb7ad_6b71_6920_3331) }
}

fn trace(span: u64) -> Option<TraceContext> {
    TraceContext::new(0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736, span, 1)
}
