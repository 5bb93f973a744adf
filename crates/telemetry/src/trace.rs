//! Traces across records: a span here continues the trace that came with a request or a record,
//! and what is sent on carries the span's place in it.
//!
//! Where no collector is configured, [`is_on`] is false, nothing is recorded, and a trace that
//! came in goes on unchanged.

use std::borrow::Cow;
use std::sync::OnceLock;
use std::time::SystemTime;

use flowmill_model::TraceContext;
pub use opentelemetry::trace::SpanKind;
use opentelemetry::trace::{
    Link, Span as _, SpanBuilder, SpanContext, SpanId, Status, TraceContextExt, TraceFlags,
    TraceId, TraceState, Tracer as _,
};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::SdkTracer;
use tracing_opentelemetry::OpenTelemetrySpanExt;

static TRACER: OnceLock<SdkTracer> = OnceLock::new();

/// Records spans through `tracer` from now on; the first call of a process counts.
pub(crate) fn record_with(tracer: SdkTracer) {
    if TRACER.set(tracer).is_err() {
        tracing::warn!("traces are set up already");
    }
}

/// Whether spans are recorded.
pub fn is_on() -> bool {
    TRACER.get().is_some()
}

/// Whether spans of the trace that `parent` stands in are recorded.
pub fn records(parent: &TraceContext) -> bool {
    is_on() && parent.is_sampled()
}

/// The time of a span's beginning or end; the epoch when nothing is recorded.
#[expect(clippy::disallowed_methods, reason = "times of spans decide nothing")]
pub fn now() -> SystemTime {
    if is_on() { SystemTime::now() } else { SystemTime::UNIX_EPOCH }
}

/// Makes `span` a part of the trace that `parent` stands in.
pub fn adopt(span: &tracing::Span, parent: &TraceContext) {
    if is_on()
        && let Err(error) = span.set_parent(remote(parent))
    {
        tracing::debug!(%error, "a span began before its parent was known");
    }
}

/// Where `span` stands in its trace; `None` when it is not recorded.
pub fn place_of(span: &tracing::Span) -> Option<TraceContext> {
    if !is_on() {
        return None;
    }
    place(span.context().span().span_context())
}

/// A stretch of time in the trace of an execution.
#[derive(Clone, Debug)]
pub struct Stretch {
    /// What went on.
    pub name: Cow<'static, str>,
    /// Which side of a call or a message it is.
    pub kind: SpanKind,
    /// Its beginning.
    pub from: SystemTime,
    /// Its end.
    pub to: SystemTime,
    /// What is known of it.
    pub attributes: Vec<KeyValue>,
    /// Other places that led to it, in this trace or another.
    pub links: Vec<TraceContext>,
    /// What failed, when it did.
    pub error: Option<String>,
}

impl Stretch {
    /// A stretch that begins at `from` and ends now.
    pub fn since(from: SystemTime, kind: SpanKind, name: impl Into<Cow<'static, str>>) -> Self {
        let (attributes, links) = (vec![], vec![]);
        Self { name: name.into(), kind, from, to: now(), attributes, links, error: None }
    }
}

/// Records a stretch of time after it is over, in the trace that `parent` stands in, if that one
/// [is recorded](records).
pub fn record(stretch: Stretch, parent: &TraceContext) {
    let Some(tracer) = TRACER.get().filter(|_| records(parent)) else { return };
    let links = stretch.links.iter().map(|place| Link::with_context(remote_span(place)));
    let builder = SpanBuilder::from_name(stretch.name)
        .with_kind(stretch.kind)
        .with_start_time(stretch.from)
        .with_attributes(stretch.attributes)
        .with_links(links.collect());
    let mut span = tracer.build_with_context(builder, &remote(parent));
    if let Some(error) = stretch.error {
        span.set_status(Status::error(error));
    }
    span.end_with_timestamp(stretch.to);
}

fn remote(parent: &TraceContext) -> Context {
    Context::new().with_remote_span_context(remote_span(parent))
}

fn remote_span(place: &TraceContext) -> SpanContext {
    SpanContext::new(
        TraceId::from(place.trace()),
        SpanId::from(place.span()),
        TraceFlags::new(place.flags()),
        true,
        TraceState::default(),
    )
}

fn place(span: &SpanContext) -> Option<TraceContext> {
    let trace = u128::from_be_bytes(span.trace_id().to_bytes());
    let id = u64::from_be_bytes(span.span_id().to_bytes());
    TraceContext::new(trace, id, span.trace_flags().to_u8())
}

/// An attribute of a recorded stretch.
pub fn attribute(name: &'static str, value: impl ToString) -> KeyValue {
    KeyValue::new(name, value.to_string())
}

/// An attribute of a recorded stretch that is a number.
pub fn number(name: &'static str, value: u64) -> KeyValue {
    KeyValue::new(name, i64::try_from(value).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_in_a_trace_survives_both_ways() {
        let text = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let parent: TraceContext = text.parse().expect("a traceparent");
        let context = remote(&parent);
        assert_eq!(place(context.span().span_context()), Some(parent));
    }

    #[test]
    fn nothing_is_recorded_without_a_collector() {
        assert!(!is_on());
        assert_eq!(place_of(&tracing::Span::none()), None);
    }
}
