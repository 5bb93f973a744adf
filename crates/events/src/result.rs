//! What a worker says of an attempt, as a record.

use std::time::Duration;

use bytes::Bytes;
use flowmill_log::{Header, Record};
use flowmill_model::task::{Failure, Outcome, ResultRecord};
use flowmill_model::{ErrorCode, Payload, Problem, TaskToken, limits};
use serde::Deserialize;

use crate::attribute::{
    CONTENT_TYPE, DELAY_MS, ID, RESULT, RETRY_AFTER_MS, RETRYABLE, SOURCE, SPEC_VERSION, TASK_ID,
    TOKEN, TRACEPARENT, TYPE,
};
use crate::error::{ContractError, shown};
use crate::headers::Headers;
use crate::kind;
use crate::task::trace;
use crate::text::{Texts, fixed};

/// Bytes that the texts of most results take.
const USUAL_TEXT_BYTES: usize = 160;

/// The source of the results that Flowmill's own workers and gateways write.
const OWN_SOURCE: &str = "/flowmill/worker";

/// The record of a result. It has no key: its partition is the execution's shard, by number.
pub fn encode_result(result: &ResultRecord) -> Record {
    let mut texts = Texts::with_capacity(USUAL_TEXT_BYTES);
    let start = texts.here();
    let task_id = texts.put(result.id);
    texts.put('/');
    let token = texts.put(result.token);
    let id = start..token.end;
    let pause = pause(&result.outcome).map(|(name, millis)| (name, texts.put(millis)));
    let trace = result.trace.map(|trace| texts.put(trace));
    let texts = texts.written();
    let mut headers = Vec::with_capacity(RESULT.len());
    headers.extend([
        fixed(SPEC_VERSION, "1.0"),
        fixed(TYPE, kind::of(&result.outcome)),
        fixed(SOURCE, OWN_SOURCE),
        texts.header(ID, id),
    ]);
    headers.extend(content_type(&result.outcome));
    headers.extend([texts.header(TASK_ID, task_id), texts.header(TOKEN, token)]);
    headers.extend(retryable(&result.outcome));
    headers.extend(pause.map(|(name, place)| texts.header(name, place)));
    headers.extend(trace.map(|place| texts.header(TRACEPARENT, place)));
    Record { key: Bytes::new(), value: value(&result.outcome), headers }
}

fn value(outcome: &Outcome) -> Bytes {
    match outcome {
        Outcome::Running | Outcome::Later(_) => Bytes::new(),
        Outcome::Completed(output) => output.as_bytes().clone(),
        Outcome::Failed(failure) => serde_json::to_vec(&failure.problem)
            .expect("texts and numbers can be written as JSON")
            .into(),
    }
}

fn content_type(outcome: &Outcome) -> Option<Header> {
    match outcome {
        Outcome::Running | Outcome::Later(_) => None,
        Outcome::Completed(_) => Some(fixed(CONTENT_TYPE, "application/json")),
        Outcome::Failed(_) => Some(fixed(CONTENT_TYPE, "application/problem+json")),
    }
}

fn retryable(outcome: &Outcome) -> Option<Header> {
    match outcome {
        Outcome::Failed(failure) => {
            Some(fixed(RETRYABLE, if failure.retryable { "true" } else { "false" }))
        }
        Outcome::Running | Outcome::Completed(_) | Outcome::Later(_) => None,
    }
}

fn pause(outcome: &Outcome) -> Option<(&'static str, u64)> {
    match outcome {
        Outcome::Failed(failure) => failure.retry_after_ms.map(|millis| (RETRY_AFTER_MS, millis)),
        Outcome::Later(millis) => Some((DELAY_MS, *millis)),
        Outcome::Running | Outcome::Completed(_) => None,
    }
}

/// The result that a record is.
///
/// # Errors
/// When the record does not follow the contract, or follows a newer one.
pub fn decode_result(record: &Record) -> Result<ResultRecord, ContractError> {
    const KINDS: [&str; 4] = [kind::COMPLETED, kind::FAILED, kind::RUNNING, kind::LATER];
    let headers = Headers::of(record, &RESULT)?;
    let outcome = match kind::read(&headers, &KINDS, "a result")? {
        kind::COMPLETED => Outcome::Completed(Payload::new(record.value.clone())),
        kind::FAILED => Outcome::Failed(failure(&headers, &record.value)?),
        kind::LATER => Outcome::Later(within(headers.number(DELAY_MS)?, limits::LATER_MAX)),
        _ => Outcome::Running,
    };
    Ok(ResultRecord {
        id: headers.parse(TASK_ID, "EXECUTION/NODE.RUN/ATTEMPT")?,
        token: TaskToken::new(headers.number(TOKEN)?),
        outcome,
        trace: trace(headers.get(TRACEPARENT)),
    })
}

fn failure<const N: usize>(
    headers: &Headers<'_, N>,
    value: &[u8],
) -> Result<Failure, ContractError> {
    let retryable = match headers.get(RETRYABLE).map(|value| &value[..]) {
        None | Some(b"true") => true,
        Some(b"false") => false,
        Some(other) => return Err(ContractError::header(RETRYABLE, other, "`true` or `false`")),
    };
    let retry_after = headers.number_if_any(RETRY_AFTER_MS)?;
    let retry_after_ms = retry_after.map(|millis| within(millis, limits::RETRY_AFTER_MAX));
    Ok(Failure { problem: problem(value)?, retryable, retry_after_ms })
}

fn within(millis: u64, most: Duration) -> u64 {
    millis.min(u64::try_from(most.as_millis()).unwrap_or(u64::MAX))
}

/// A problem as others write it: RFC 9457 leaves every member out that it likes.
#[derive(Deserialize)]
struct Told {
    #[serde(rename = "type", default)]
    kind: Option<String>,
    #[serde(default)]
    status: Option<u16>,
    #[serde(default)]
    title: Option<String>,
    #[serde(default)]
    detail: Option<String>,
    #[serde(default)]
    instance: Option<String>,
}

fn problem(value: &[u8]) -> Result<Problem, ContractError> {
    let no_problem = ContractError::Problem;
    if value.len() > limits::PAYLOAD_BYTES {
        return Err(no_problem(format!("it has {} bytes", value.len())));
    }
    // A list would do for a struct, too.
    if value.trim_ascii_start().first() != Some(&b'{') {
        return Err(no_problem("it is no object".to_owned()));
    }
    let told: Told = serde_json::from_slice(value)
        .map_err(|error| no_problem(shown(error.to_string().as_bytes())))?;
    let status = told.status.unwrap_or(ErrorCode::TaskFailed.status());
    if !(100..=599).contains(&status) {
        return Err(no_problem(format!("its status is {status}, not one of 100 to 599")));
    }
    let or = |text: Option<String>, otherwise: fn() -> String| text.unwrap_or_else(otherwise);
    let problem = Problem {
        kind: or(told.kind, || ErrorCode::TaskFailed.type_uri()),
        status,
        title: or(told.title, || ErrorCode::TaskFailed.title().to_owned()),
        detail: told.detail,
        instance: told.instance,
    };
    Ok(problem.bounded())
}
