//! Takes typed values out of a request's path, query, headers and content type.

use std::time::Duration;

use axum::extract::{FromRequestParts, Path, Query};
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method};
use flowmill_api::headers;
use flowmill_flow::Format;
use flowmill_model::{
    ErrorCode, ExecutionId, FlowName, Name, Queue, Timestamp, TraceContext, Version, limits,
};
use flowmill_routing::Position;
use jiff::SignedDuration;
use serde::de::DeserializeOwned;

use crate::{IdempotencyKey, Refusal};

/// The flow that a path names. One that no flow can have is not found, except where it would be
/// made.
pub(super) struct FlowPath(pub(super) FlowName);

impl<S: Send + Sync> FromRequestParts<S> for FlowPath {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let Path((namespace, name)) = path::<(String, String), S>(parts, state).await?;
        let flow = Name::new(&namespace)
            .and_then(|namespace| Ok(FlowName { namespace, name: Name::new(&name)? }));
        flow.map(Self).map_err(|error| match parts.method {
            Method::PUT => Refusal::bad_request(error.to_string()),
            _ => Refusal::not_found(format!("there is no such flow: {error}")),
        })
    }
}

/// The execution that a path names.
pub(super) struct ExecutionPath(pub(super) ExecutionId);

impl<S: Send + Sync> FromRequestParts<S> for ExecutionPath {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let Path(id) = path::<String, S>(parts, state).await?;
        execution_id(&id).map(Self)
    }
}

/// The shard that a path names.
pub(super) struct ShardPath(pub(super) u16);

impl<S: Send + Sync> FromRequestParts<S> for ShardPath {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let Path(text) = path::<String, S>(parts, state).await?;
        let number = text.parse();
        number.map(Self).map_err(|_| Refusal::not_found("there is no such shard"))
    }
}

/// The execution and the signal that a path names.
pub(super) struct SignalPath(pub(super) ExecutionId, pub(super) Queue);

impl<S: Send + Sync> FromRequestParts<S> for SignalPath {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let Path((id, name)) = path::<(String, String), S>(parts, state).await?;
        let id = execution_id(&id)?;
        let name = Queue::new(&name).map_err(|_| {
            let rule = "use 1 to 63 letters, digits, dots, underscores and hyphens";
            Refusal::bad_request(format!("the path names no signal: {rule}"))
        })?;
        Ok(Self(id, name))
    }
}

fn execution_id(text: &str) -> Result<ExecutionId, Refusal> {
    text.parse().map_err(|error| Refusal::not_found(format!("there is no such execution: {error}")))
}

async fn path<T, S>(parts: &mut Parts, state: &S) -> Result<Path<T>, Refusal>
where
    T: DeserializeOwned + Send,
    S: Send + Sync,
{
    let extracted = Path::<T>::from_request_parts(parts, state).await;
    extracted.map_err(|_| Refusal::bad_request("the path is no text"))
}

/// The query's parameters. One that is not known is refused: a misspelt one would be ignored.
pub(super) struct Params<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Params<T> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let extracted = Query::<T>::from_request_parts(parts, state).await;
        extracted
            .map(|Query(params)| Self(params))
            .map_err(|error| Refusal::bad_request(format!("the query: {}", error.body_text())))
    }
}

/// What a caller sends in headers.
pub(super) struct CallHeaders {
    /// Makes a start or command repeatable.
    pub(super) key: Option<IdempotencyKey>,
    /// The write that an answer must have seen.
    pub(super) position: Option<Position>,
    /// The trace to continue; one that cannot be read is none, as the standard says.
    pub(super) trace: Option<TraceContext>,
}

impl<S: Send + Sync> FromRequestParts<S> for CallHeaders {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refusal> {
        let key = single(&parts.headers, headers::IDEMPOTENCY_KEY)?;
        let key = key.map(IdempotencyKey::new).transpose();
        let position = single(&parts.headers, headers::POSITION)?;
        let position = position.map(|text| {
            text.parse::<Position>().map_err(|error| Refusal::bad_request(error.to_string()))
        });
        let trace = parts.headers.get(headers::TRACEPARENT).and_then(|value| value.to_str().ok());
        Ok(Self {
            key: key.map_err(|error| Refusal::bad_request(error.to_string()))?,
            position: position.transpose()?,
            trace: trace.and_then(|text| text.parse().ok()),
        })
    }
}

/// The header's value, if it is there. More than one, or one that is no ASCII, is refused.
fn single<'a>(headers: &'a HeaderMap, name: &str) -> Result<Option<&'a str>, Refusal> {
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(Refusal::bad_request(format!("the header `{name}` is there more than once")));
    }
    let text = value.to_str();
    text.map(Some)
        .map_err(|_| Refusal::bad_request(format!("the header `{name}` is no ASCII text")))
}

/// What a body is written in.
pub(super) enum ContentKind {
    Json,
    Yaml,
}

/// What the request says its body is written in.
pub(super) struct Kind(Option<ContentKind>);

impl<S: Send + Sync> FromRequestParts<S> for Kind {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refusal> {
        let value = single(&parts.headers, CONTENT_TYPE.as_str())?;
        Ok(Self(value.and_then(content_kind)))
    }
}

fn content_kind(value: &str) -> Option<ContentKind> {
    let essence = value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match essence.as_str() {
        "application/json" | "text/json" => Some(ContentKind::Json),
        "application/yaml" | "application/x-yaml" | "text/yaml" | "text/x-yaml" => {
            Some(ContentKind::Yaml)
        }
        other if other.ends_with("+json") => Some(ContentKind::Json),
        other if other.ends_with("+yaml") => Some(ContentKind::Yaml),
        _ => None,
    }
}

impl Kind {
    /// The body must be JSON.
    pub(super) fn json(&self) -> Result<(), Refusal> {
        match self.0 {
            Some(ContentKind::Json) => Ok(()),
            Some(ContentKind::Yaml) | None => {
                Err(unsupported("send JSON with `Content-Type: application/json`"))
            }
        }
    }

    /// The body must be a definition.
    pub(super) fn definition(&self) -> Result<Format, Refusal> {
        match self.0 {
            Some(ContentKind::Json) => Ok(Format::Json),
            Some(ContentKind::Yaml) => Ok(Format::Yaml),
            None => Err(unsupported(
                "send YAML with `Content-Type: application/yaml`, or JSON with `application/json`",
            )),
        }
    }
}

fn unsupported(detail: &str) -> Refusal {
    Refusal::new(ErrorCode::UnsupportedMediaType, detail)
}

/// Reads the `version` parameter.
pub(super) fn version(text: Option<&str>) -> Result<Option<Version>, Refusal> {
    text.map(Version::new).transpose().map_err(|error| Refusal::bad_request(error.to_string()))
}

/// Reads the `limit` parameter; more than a page holds is a page.
pub(super) fn page_limit(text: Option<&str>, default: usize) -> Result<usize, Refusal> {
    let Some(text) = text else { return Ok(default) };
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    match text.parse::<usize>() {
        Ok(0) => Err(Refusal::bad_request("`limit` is at least 1")),
        Ok(limit) => Ok(limit.min(limits::PAGE_ENTRIES)),
        Err(_) if digits => Ok(limits::PAGE_ENTRIES),
        Err(_) => Err(Refusal::bad_request("`limit` is a whole number")),
    }
}

/// Reads the `wait` parameter; more than the longest wait is the longest wait.
pub(super) fn wait(text: Option<&str>) -> Result<Option<Duration>, Refusal> {
    let Some(text) = text else { return Ok(None) };
    let wait = duration(text).ok_or_else(|| {
        Refusal::bad_request("`wait` is a duration such as 30s, 500ms, 1m or PT30S")
    })?;
    Ok(Some(wait.min(limits::END_WAIT)))
}

/// Reads a member of a body that says how long.
pub(super) fn delay(name: &str, text: Option<&str>) -> Result<Option<Duration>, Refusal> {
    let Some(text) = text else { return Ok(None) };
    let delay = duration(text).ok_or_else(|| {
        Refusal::bad_request(format!("`{name}` is a duration such as 30s, 500ms, 1m or PT30S"))
    })?;
    Ok(Some(delay))
}

/// Reads the `since` parameter: a time, or how long ago.
pub(super) fn since(text: Option<&str>, now: Timestamp) -> Result<Option<Timestamp>, Refusal> {
    let Some(text) = text else { return Ok(None) };
    if let Ok(time) = text.parse::<jiff::Timestamp>() {
        let millis = u64::try_from(time.as_millisecond()).unwrap_or_default();
        return Ok(Some(Timestamp::from_millis(millis)));
    }
    let ago = duration(text).ok_or_else(|| {
        let detail = "`since` is a time such as 2026-01-02T03:04:05Z, or how long ago, such as 24h";
        Refusal::bad_request(detail)
    })?;
    let ago = u64::try_from(ago.as_millis()).unwrap_or(u64::MAX);
    Ok(Some(Timestamp::from_millis(now.as_millis().saturating_sub(ago))))
}

/// A duration such as `30s` or `PT30S`; not a negative one.
fn duration(text: &str) -> Option<Duration> {
    text.parse::<SignedDuration>().ok().and_then(|duration| Duration::try_from(duration).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_are_durations_in_either_spelling_and_bounded() {
        let check = |text: &str, expect: Option<u64>| {
            let found = wait(Some(text)).ok().flatten().map(|d| d.as_millis() as u64);
            assert_eq!(found, expect, "{text}");
        };
        check("30s", Some(30_000));
        check("500ms", Some(500));
        check("PT30S", Some(30_000));
        check("PT1.5S", Some(1_500));
        check("1m", Some(60_000));
        check("2h", Some(60_000));
        check("0s", Some(0));
        for text in ["", "30", "s", "-5s", "PT", "30 bananas", "99999999999999999999999s"] {
            check(text, None);
        }
    }

    #[test]
    fn since_is_a_time_or_how_long_ago() {
        let now = Timestamp::from_millis(1_767_323_045_678);
        let check = |text: &str, expect: Option<u64>| {
            let found = since(Some(text), now).ok().flatten().map(Timestamp::as_millis);
            assert_eq!(found, expect, "{text}");
        };
        check("2026-01-02T03:04:05.678Z", Some(1_767_323_045_678));
        check("2026-01-02T04:04:05.678+01:00", Some(1_767_323_045_678));
        check("1s", Some(1_767_323_044_678));
        check("PT1S", Some(1_767_323_044_678));
        check("1900-01-01T00:00:00Z", Some(0));
        for text in ["", "yesterday", "-1s", "2026-01-02"] {
            check(text, None);
        }
    }

    #[test]
    fn content_types_count_without_their_parameters() {
        let check = |text: &str, json: bool, definition: bool| {
            let kind = Kind(content_kind(text));
            let found = (kind.json().is_ok(), kind.definition().is_ok());
            assert_eq!(found, (json, definition), "{text}");
        };
        check("application/json", true, true);
        check("Application/JSON; charset=utf-8", true, true);
        check("application/cloudevents+json", true, true);
        check("text/yaml", false, true);
        check("application/x-yaml", false, true);
        check("text/plain", false, false);
        check("application/x-www-form-urlencoded", false, false);
        check("", false, false);
    }
}
