//! What is around every request: its span, its body, the form of its errors, and its panics.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use axum::extract::{MatchedPath, Request, State};
use axum::http::header::{AUTHORIZATION, HOST, X_CONTENT_TYPE_OPTIONS};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderValue, Method};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use flowmill_api::headers;
use flowmill_model::ErrorCode;
use flowmill_routing::ClusterToken;
use flowmill_telemetry::{Metrics, fields, trace};
use futures::FutureExt;
use tokio::sync::Semaphore;
use tokio::time::Instant;
use tracing::{Instrument, Span, field};

use super::{body, problem};
use crate::Refusal;

/// What is around every request.
#[derive(Clone)]
pub(super) struct Around {
    /// Room for bodies, in bytes.
    pub(super) bodies: Arc<Semaphore>,
    pub(super) metrics: Metrics,
    /// What callers must present.
    pub(super) token: Option<ClusterToken>,
}

/// What anybody may ask who can reach the address: probes have no token.
const OPEN: [&str; 2] = ["/healthz", "/readyz"];

/// Answers a request. Whatever happens within, the answer is whole.
pub(super) async fn answer(
    State(Around { bodies, metrics, token }): State<Around>,
    mut request: Request,
    next: Next,
) -> Response {
    let began = Instant::now();
    let instance = request.uri().path().to_owned();
    let (method, route) = (known_method(request.method()), request.extensions().get().cloned());
    let span = span_of(&request);
    // What is decided further on continues this span.
    if let Some(place) = trace::place_of(&span)
        && let Ok(place) = HeaderValue::try_from(place.to_string())
    {
        request.headers_mut().insert(headers::TRACEPARENT, place);
    }
    let answering = async {
        // Before the body is read: a stranger's takes no room.
        let allowed = authenticate(token.as_ref(), route.as_ref(), request.headers());
        match allowed {
            Ok(()) => match body::read(&bodies, request).await {
                Ok(request) => next.run(request).await,
                Err(refusal) => refusal.into_response(),
            },
            Err(refusal) => refusal.into_response(),
        }
    };
    // Nothing that a request leaves half done is seen by another one: state is in the log.
    let guarded = AssertUnwindSafe(answering.instrument(span.clone())).catch_unwind();
    let response = guarded.await.unwrap_or_else(|_| panicked().into_response());
    span.record(fields::STATUS, response.status().as_u16());
    if let Some(refusal) = response.extensions().get::<Refusal>() {
        span.record(fields::ERROR, refusal.code.as_str());
    }
    if response.status().is_server_error() {
        span.record("otel.status_code", "ERROR");
    }
    let route = route.as_ref().map_or("none", MatchedPath::as_str);
    metrics.request(method, route, response.status().as_u16(), began.elapsed());
    let mut response = problem::render(response, &instance);
    let nosniff = HeaderValue::from_static("nosniff");
    response.headers_mut().insert(X_CONTENT_TYPE_OPTIONS, nosniff);
    response
}

/// Lets those in who present the token. Judges the route that was matched, never the path as it
/// was written, and an address that matches none as any other.
fn authenticate(
    token: Option<&ClusterToken>,
    route: Option<&MatchedPath>,
    headers: &HeaderMap,
) -> Result<(), Refusal> {
    let Some(token) = token else { return Ok(()) };
    let open = route.is_some_and(|route| OPEN.contains(&route.as_str()));
    let presented = headers.get(AUTHORIZATION).map(HeaderValue::as_bytes);
    if open || presented.is_some_and(|presented| token.is_presented_by(presented)) {
        return Ok(());
    }
    Err(Refusal::new(
        ErrorCode::Unauthenticated,
        "present the token as `Authorization: Bearer TOKEN`; the command line takes it from \
         FLOWMILL_API_TOKEN",
    ))
}

/// The method as a label: anybody may send any word.
fn known_method(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::DELETE => "DELETE",
        Method::PATCH => "PATCH",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}

fn span_of(request: &Request) -> Span {
    let route = request.extensions().get::<MatchedPath>().map_or("", MatchedPath::as_str);
    let method = known_method(request.method());
    let span = tracing::info_span!(
        "request",
        otel.name = format_args!("{method} {route}"),
        otel.kind = "server",
        otel.status_code = field::Empty,
        { fields::METHOD } = method,
        { fields::ROUTE } = route,
        { fields::SCHEME } = "http",
        { fields::SERVER } = field::Empty,
        { fields::PORT } = field::Empty,
        { fields::STATUS } = field::Empty,
        { fields::ERROR } = field::Empty,
        { fields::CONVERSATION } = field::Empty,
        { fields::TRACE } = field::Empty,
    );
    if let Some(asked) = asked(request) {
        span.record(fields::SERVER, asked.host());
        if let Some(port) = asked.port_u16() {
            span.record(fields::PORT, port);
        }
    }
    let parent = request.headers().get(headers::TRACEPARENT).and_then(|value| value.to_str().ok());
    if let Some(parent) = parent.and_then(|text| text.parse::<flowmill_model::TraceContext>().ok())
    {
        span.record(fields::TRACE, field::display(parent));
        trace::adopt(&span, &parent);
    }
    span
}

/// The address that the caller used, as it says.
fn asked(request: &Request) -> Option<Authority> {
    let host = request.headers().get(HOST)?.to_str().ok()?;
    host.parse().ok()
}

fn panicked() -> Refusal {
    tracing::error!("a request panicked; the answer is an internal error");
    Refusal::new(ErrorCode::Internal, "the request failed for a reason of ours; please report it")
}
