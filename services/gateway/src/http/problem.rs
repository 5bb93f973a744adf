//! Errors on the wire: RFC 9457 problem details for every answer that is one.
//!
//! A handler answers with a [`Refusal`]; so does whoever is around it. [`render`] gives it its
//! body, and one to the errors that the framework makes by itself.

use axum::body::Body;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use flowmill_api::{DiagnosticDto, ProblemDto, headers};
use flowmill_model::{ErrorCode, Problem, limits};

use crate::{Finding, Refusal};

/// Characters of a path that a problem repeats.
const INSTANCE_CHARS: usize = 512;

impl IntoResponse for Refusal {
    /// An answer whose body `render` makes.
    fn into_response(self) -> Response {
        let mut response = status_of(self.code).into_response();
        response.extensions_mut().insert(self);
        response
    }
}

fn status_of(code: ErrorCode) -> StatusCode {
    StatusCode::from_u16(code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

/// Gives an answer that is an error its body; leaves others as they are.
pub(super) fn render(response: Response, instance: &str) -> Response {
    let status = response.status();
    let is_error = status.is_client_error() || status.is_server_error();
    let (mut parts, body) = response.into_parts();
    let refusal = match parts.extensions.remove::<Refusal>() {
        Some(refusal) => refusal,
        None if is_error && !has_own_body(&parts.headers) => unexplained(status),
        None => return Response::from_parts(parts, body),
    };
    if refusal.code == ErrorCode::Unauthenticated {
        parts.headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    if let Some(wait) = refusal.retry_after() {
        parts.headers.insert(RETRY_AFTER, HeaderValue::from(wait.as_secs()));
    }
    let problem = HeaderValue::from_static(headers::PROBLEM_JSON);
    parts.headers.insert(CONTENT_TYPE, problem);
    parts.headers.remove(CONTENT_LENGTH);
    Response::from_parts(parts, Body::from(text(refusal, status, instance)))
}

/// An answer of ours may have an error status and a body of its own: `/readyz` does.
fn has_own_body(headers: &axum::http::HeaderMap) -> bool {
    headers.get(CONTENT_TYPE).is_some_and(|value| value == "application/json")
}

/// An error that the framework made.
fn unexplained(status: StatusCode) -> Refusal {
    let code = match status {
        StatusCode::NOT_FOUND => ErrorCode::NotFound,
        StatusCode::METHOD_NOT_ALLOWED => ErrorCode::MethodNotAllowed,
        StatusCode::PAYLOAD_TOO_LARGE => ErrorCode::TooLarge,
        StatusCode::UNSUPPORTED_MEDIA_TYPE => ErrorCode::UnsupportedMediaType,
        status if status.is_client_error() => ErrorCode::BadRequest,
        _ => ErrorCode::Internal,
    };
    Refusal::new(code, "the request cannot be served as it is")
}

fn text(refusal: Refusal, status: StatusCode, instance: &str) -> Vec<u8> {
    let Refusal { code, detail, findings } = refusal;
    let problem = ProblemDto {
        kind: code.type_uri(),
        title: code.title().to_owned(),
        status: status.as_u16(),
        detail: Some(cut(&detail, limits::PROBLEM_DETAIL_CHARS)),
        instance: Some(cut(instance, INSTANCE_CHARS)),
        code: Some(code.as_str().to_owned()),
        errors: findings.into_iter().map(diagnostic).collect(),
    };
    serde_json::to_vec(&problem).expect("a problem has only strings and numbers")
}

fn cut(text: &str, chars: usize) -> String {
    text.chars().take(chars).collect()
}

fn diagnostic(finding: Finding) -> DiagnosticDto {
    let number = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    DiagnosticDto {
        code: finding.code.map(str::to_owned),
        message: finding.message,
        help: finding.help,
        line: finding.place.map(|(line, _)| number(line)),
        column: finding.place.map(|(_, column)| number(column)),
        pointer: finding.pointer,
    }
}

/// A fault of an execution. Its code is in its type, if the kind is one of ours.
pub(super) fn fault(problem: Problem) -> ProblemDto {
    let code = ErrorCode::ALL.iter().find(|code| code.type_uri() == problem.kind);
    ProblemDto {
        kind: problem.kind,
        title: problem.title,
        status: problem.status,
        detail: problem.detail,
        instance: problem.instance,
        code: code.map(|code| code.as_str().to_owned()),
        errors: Vec::new(),
    }
}
