//! The headers of the contract: one list for tasks, one for results.
//!
//! The lists are what is encoded, decoded and described; their order is that of the headers in an
//! encoded record. A name once used is never used for anything else.

/// One header of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attribute {
    /// The header's name.
    pub header: &'static str,
    /// Whether a record without it is refused.
    pub need: Need,
    /// What the value is, as a regular expression.
    pub pattern: &'static str,
    /// What it says, in a sentence.
    pub about: &'static str,
}

/// When a header must be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// Always; a record without it is refused.
    Required,
    /// Flowmill always writes it and never reads it: it can be made from others.
    Derived,
    /// It may be missing.
    Optional,
}

/// Version of CloudEvents; always `1.0`.
pub const SPEC_VERSION: &str = "ce_specversion";
/// What kind of record it is, and its version.
pub const TYPE: &str = "ce_type";
/// Who says so.
pub const SOURCE: &str = "ce_source";
/// Tells the record from others of its source.
pub const ID: &str = "ce_id";
/// The media type of the value.
pub const CONTENT_TYPE: &str = "content-type";
/// The execution.
pub const EXECUTION_ID: &str = "ce_executionid";
/// Which attempt of what.
pub const TASK_ID: &str = "ce_taskid";
/// The attempt's number.
pub const ATTEMPT: &str = "ce_attempt";
/// The attempt's fencing token.
pub const TOKEN: &str = "ce_token";
/// The epoch under which the record was sent.
pub const EPOCH: &str = "ce_epoch";
/// The batch that scheduled the task.
pub const BATCH: &str = "ce_batch";
/// The shard: the partition of `results` that waits for the result.
pub const SHARD: &str = "ce_shard";
/// The flow.
pub const FLOW: &str = "ce_flow";
/// The task's type.
pub const TASK_TYPE: &str = "ce_tasktype";
/// Start-to-close time of the attempt.
pub const TIMEOUT_MS: &str = "ce_timeoutms";
/// The key for calls to the outside world.
pub const IDEMPOTENCY_KEY: &str = "ce_idempotencykey";
/// Position in a trace.
pub const TRACEPARENT: &str = "traceparent";
/// Whether another attempt may succeed.
pub const RETRYABLE: &str = "ce_retryable";
/// The earliest time of another attempt.
pub const RETRY_AFTER_MS: &str = "ce_retryafterms";
/// How long a task is put off that was not tried.
pub const DELAY_MS: &str = "ce_delayms";

const fn attribute(
    header: &'static str,
    need: Need,
    pattern: &'static str,
    about: &'static str,
) -> Attribute {
    Attribute { header, need, pattern, about }
}

const NUMBER: &str = "^[0-9]{1,20}$";
const TASK_ID_PATTERN: &str = "^[0-9a-f]{32}/[0-9]+\\.[0-9]+/[0-9]+$";
const TRACE_PATTERN: &str = "^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$";

/// The headers of a task.
pub const TASK: [Attribute; 17] = [
    attribute(SPEC_VERSION, Need::Required, "^1\\.0$", "Version of CloudEvents."),
    attribute(TYPE, Need::Required, "^io\\.flowmill\\.task\\.v1$", "What the record is."),
    attribute(SOURCE, Need::Required, "^/flowmill/.+/.+$", "The flow that wants the task done."),
    attribute(ID, Need::Required, ".+", "The task's id and token: one for every sending."),
    attribute(CONTENT_TYPE, Need::Optional, "^application/json$", "The value is JSON text."),
    attribute(EXECUTION_ID, Need::Derived, "^[0-9a-f]{32}$", "The execution; also the key."),
    attribute(TASK_ID, Need::Required, TASK_ID_PATTERN, "Execution, node and run, and attempt."),
    attribute(ATTEMPT, Need::Derived, NUMBER, "Which attempt it is, from 1."),
    attribute(TOKEN, Need::Required, NUMBER, "The attempt's token; its result must carry it."),
    attribute(EPOCH, Need::Required, NUMBER, "Epoch of the shard's owner that sent the record."),
    attribute(BATCH, Need::Required, NUMBER, "Batch of the shard that scheduled the task."),
    attribute(SHARD, Need::Derived, NUMBER, "Partition of `results` that its result goes to."),
    attribute(FLOW, Need::Required, "^.+/.+$", "The flow, as NAMESPACE/NAME."),
    attribute(TASK_TYPE, Need::Required, "^[A-Za-z0-9._-]{1,63}$", "The type of the task."),
    attribute(TIMEOUT_MS, Need::Required, NUMBER, "Time the attempt may take, in milliseconds."),
    attribute(
        IDEMPOTENCY_KEY,
        Need::Derived,
        "^[0-9a-f]{32}$",
        "The same in all attempts of the task and in no other: for calls that change something.",
    ),
    attribute(TRACEPARENT, Need::Optional, TRACE_PATTERN, "The trace that the task continues."),
];

/// The headers of a result.
pub const RESULT: [Attribute; 11] = [
    attribute(SPEC_VERSION, Need::Required, "^1\\.0$", "Version of CloudEvents."),
    attribute(
        TYPE,
        Need::Required,
        "^io\\.flowmill\\.result\\.(completed|failed|running|later)\\.v1$",
        "What the worker says of the attempt.",
    ),
    attribute(SOURCE, Need::Required, ".+", "The worker: a URI reference of its choice."),
    attribute(ID, Need::Required, ".+", "Tells the record from others of its source."),
    attribute(
        CONTENT_TYPE,
        Need::Optional,
        "^application/([a-z.-]+\\+)?json$",
        "The value is JSON text.",
    ),
    attribute(TASK_ID, Need::Required, TASK_ID_PATTERN, "As in the task."),
    attribute(TOKEN, Need::Required, NUMBER, "As in the task."),
    attribute(
        RETRYABLE,
        Need::Optional,
        "^(true|false)$",
        "Of a failure: whether another attempt may succeed; `true` unless said.",
    ),
    attribute(
        RETRY_AFTER_MS,
        Need::Optional,
        NUMBER,
        "Of a failure: milliseconds before which no other attempt is to come.",
    ),
    attribute(
        DELAY_MS,
        Need::Optional,
        NUMBER,
        "Of a task handed back untried: milliseconds after which it is to come again.",
    ),
    attribute(TRACEPARENT, Need::Optional, TRACE_PATTERN, "As in the task, or the worker's span."),
];
