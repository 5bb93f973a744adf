//! A task as a record.

use bytes::Bytes;
use flowmill_log::Record;
use flowmill_model::task::TaskRecord;
use flowmill_model::{BatchNumber, Epoch, Payload, TaskToken, TraceContext};

use crate::attribute::{
    ATTEMPT, BATCH, CONTENT_TYPE, EPOCH, EXECUTION_ID, FLOW, ID, IDEMPOTENCY_KEY, SHARD, SOURCE,
    SPEC_VERSION, TASK, TASK_ID, TASK_TYPE, TIMEOUT_MS, TOKEN, TRACEPARENT, TYPE,
};
use crate::error::ContractError;
use crate::headers::Headers;
use crate::kind;
use crate::text::{Texts, fixed};

/// Bytes that the texts of most tasks take.
const USUAL_TEXT_BYTES: usize = 320;

/// The record of a task. Its key is the execution's id.
pub fn encode_task(task: &TaskRecord) -> Record {
    let mut texts = Texts::with_capacity(USUAL_TEXT_BYTES);
    let start = texts.here();
    let execution = texts.put(task.id.execution);
    texts.put(format_args!("/{}/", task.id.activation));
    let attempt = texts.put(task.id.attempt);
    let task_id = start..texts.here();
    texts.put('/');
    let token = texts.put(task.token);
    let id = start..texts.here();
    let source = texts.here();
    texts.put("/flowmill/");
    let flow = texts.put(&task.flow);
    let source = source..flow.end;
    let epoch = texts.put(task.epoch);
    let batch = texts.put(task.batch);
    let shard = texts.put(task.id.execution.shard());
    let task_type = texts.put(&task.task_type);
    let timeout = texts.put(task.timeout_ms);
    let key = texts.put(task.idempotency_key());
    let trace = task.trace.map(|trace| texts.put(trace));
    let texts = texts.written();
    let mut headers = Vec::with_capacity(TASK.len());
    headers.extend([
        fixed(SPEC_VERSION, "1.0"),
        fixed(TYPE, kind::TASK),
        texts.header(SOURCE, source),
        texts.header(ID, id),
        fixed(CONTENT_TYPE, "application/json"),
        texts.header(EXECUTION_ID, execution.clone()),
        texts.header(TASK_ID, task_id),
        texts.header(ATTEMPT, attempt),
        texts.header(TOKEN, token),
        texts.header(EPOCH, epoch),
        texts.header(BATCH, batch),
        texts.header(SHARD, shard),
        texts.header(FLOW, flow),
        texts.header(TASK_TYPE, task_type),
        texts.header(TIMEOUT_MS, timeout),
        texts.header(IDEMPOTENCY_KEY, key),
    ]);
    headers.extend(trace.map(|place| texts.header(TRACEPARENT, place)));
    Record { key: texts.at(execution), value: task.input.as_bytes().clone(), headers }
}

/// The task that a record is.
///
/// # Errors
/// When the record does not follow the contract, or follows a newer one.
pub fn decode_task(record: &Record) -> Result<TaskRecord, ContractError> {
    let headers = Headers::of(record, &TASK)?;
    kind::read(&headers, &[kind::TASK], "a task")?;
    Ok(TaskRecord {
        id: headers.parse(TASK_ID, "EXECUTION/NODE.RUN/ATTEMPT")?,
        token: TaskToken::new(headers.number(TOKEN)?),
        epoch: Epoch::new(headers.number(EPOCH)?),
        batch: BatchNumber::new(headers.number(BATCH)?),
        task_type: headers.parse(TASK_TYPE, "a task type")?,
        flow: headers.parse(FLOW, "NAMESPACE/NAME")?,
        input: Payload::new(record.value.clone()),
        timeout_ms: headers.number(TIMEOUT_MS)?,
        trace: trace(headers.get(TRACEPARENT)),
    })
}

/// The place in a trace that a header names. One that cannot be read begins a new trace, as the
/// standard says.
pub(crate) fn trace(header: Option<&Bytes>) -> Option<TraceContext> {
    std::str::from_utf8(header?).ok()?.parse().ok()
}
