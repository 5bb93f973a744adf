//! Makes one call: the request, its redirects, the answer.

use std::net::IpAddr;
use std::sync::Arc;

use flowmill_flow::{Json, JsonError};
use flowmill_model::{Payload, limits};
use flowmill_runtime::Clock;
use flowmill_telemetry::{Metrics, fields, trace};
use flowmill_worker_sdk::{TaskContext, TaskError};
use reqwest::{Client, Request, Response, Url};
use tokio::time::Instant;
use tracing::{Instrument, Span, field};

use crate::failure::{CallError, Unusable};
use crate::hosts::Hosts;
use crate::policy::OutgoingPolicy;
use crate::request::{Outgoing, Plan, Target};
use crate::secrets::Secrets;
use crate::{answer, body, connect, redirect};

/// Makes calls.
pub(crate) struct Caller {
    pub(crate) client: Client,
    pub(crate) policy: Arc<OutgoingPolicy>,
    pub(crate) secrets: Secrets,
    pub(crate) hosts: Hosts,
    pub(crate) clock: Clock,
    pub(crate) metrics: Metrics,
}

/// Counts a call when it is over, also when it is given up.
struct Timed<'a> {
    metrics: &'a Metrics,
    began: Instant,
    status: Option<u16>,
}

impl Drop for Timed<'_> {
    fn drop(&mut self) {
        self.metrics.outgoing(self.status, self.began.elapsed());
    }
}

impl Caller {
    /// Runs a task: makes the call that its input describes.
    pub(crate) async fn run(
        &self,
        context: TaskContext,
        input: &Payload,
    ) -> Result<Payload, TaskError> {
        let unreadable = |error: JsonError| Unusable(error.to_string()).into_task_error();
        let payload = Json::parse(input.as_bytes()).map_err(unreadable)?;
        let target = Target::read(&payload).map_err(Unusable::into_task_error)?;
        let span = span(&context, &target);
        let _place = self.hosts.enter(target.host()).map_err(TaskError::later)?;
        let plan = Plan::read(target, &payload, &self.client, &self.secrets, &context).await;
        let plan = plan.map_err(Unusable::into_task_error)?;
        let Plan { mut request, named, connect_within, answer_bytes } = plan;
        if let Some(place) = trace::place_of(&span) {
            request.continue_trace(&place);
        }
        let mut timed = Timed { metrics: &self.metrics, began: Instant::now(), status: None };
        let call = self.call(request, answer_bytes, &mut timed.status).instrument(span.clone());
        let called = connect::within(connect_within, call).await;
        called.map_err(|error| {
            failed(&span, &error);
            error.into_task_error(&named)
        })
    }

    /// Makes the call; notes the answer's status in `answered`.
    async fn call(
        &self,
        request: Outgoing,
        answer_bytes: usize,
        answered: &mut Option<u16>,
    ) -> Result<Payload, CallError> {
        let response = self.send(request).await?;
        let (status, headers) = (response.status(), response.headers().clone());
        *answered = Some(status.as_u16());
        Span::current().record(fields::STATUS, status.as_u16());
        if !status.is_success() {
            let retry_after = answer::retry_after(&headers, self.clock.now());
            return Err(CallError::Status {
                status,
                quote: body::quote(response).await,
                retry_after,
            });
        }
        answer::check_headers(&headers)?;
        let body = body::whole(response, answer_bytes).await?;
        Ok(answer::output(status, &headers, &body))
    }

    /// Sends the request and follows where it is sent, a bounded number of times.
    async fn send(&self, mut request: Outgoing) -> Result<Response, CallError> {
        for redirects in 0..=limits::REDIRECTS {
            self.vet(&request.url)?;
            let response = self.client.execute(hop(&request)).await;
            let response = response.map_err(|error| CallError::of_client(error, redirects > 0))?;
            let (status, headers) = (response.status(), response.headers());
            if !redirect::is_redirect(status, headers) {
                return Ok(response);
            }
            request = redirect::follow(request, status, headers)?;
            Span::current().record(fields::RESENT, redirects + 1);
        }
        Err(CallError::TooManyRedirects)
    }

    /// Vets an address that is written as one. Names are vetted when they are resolved.
    fn vet(&self, url: &Url) -> Result<(), CallError> {
        let host = url.host_str().unwrap_or_default();
        let literal = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
        match literal {
            Ok(address) => Ok(self.policy.vet(host, address)?),
            Err(_) => Ok(()),
        }
    }
}

fn hop(request: &Outgoing) -> Request {
    let mut hop = Request::new(request.method.clone(), request.url.clone());
    *hop.headers_mut() = request.headers.clone();
    *hop.body_mut() = request.body.clone().map(Into::into);
    hop
}

/// The span of a call; none unless its trace is sampled. It tells of the address what may be told.
fn span(context: &TaskContext, target: &Target) -> Span {
    if !context.is_sampled() {
        return Span::none();
    }
    tracing::info_span!(
        "http call",
        otel.name = %target.method(),
        otel.kind = "client",
        otel.status_code = field::Empty,
        { fields::METHOD } = %target.method(),
        { fields::URL } = target.shown(),
        { fields::SCHEME } = target.scheme(),
        { fields::SERVER } = target.host(),
        { fields::PORT } = target.port(),
        { fields::CONVERSATION } = %context.task_id().execution,
        { fields::STATUS } = field::Empty,
        { fields::RESENT } = field::Empty,
        { fields::ERROR } = field::Empty,
    )
}

/// Says in a call's span that it failed, and how.
fn failed(span: &Span, error: &CallError) {
    span.record(fields::ERROR, &*error.kind());
    span.record("otel.status_code", "ERROR");
}
