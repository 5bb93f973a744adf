//! Traces: an execution is one trace, from the request that starts it to the call that it makes.

use std::net::TcpListener as BlockingListener;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use parking_lot::Mutex;
use tokio::net::TcpListener;

use crate::collector::{Collected, Collector};
use crate::program::{Files, command};
use crate::server::Dev;

pub(crate) const COLLECTOR: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
pub(crate) const STARTS: &str = "/v1/flows/{namespace}/{name}/executions";
pub(crate) const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
pub(crate) const CALLER: &str = "00f067aa0ba902b7";
const TASK: &str = "process tasks.http";

/// A service that keeps the `traceparent` of every call.
pub(crate) struct Service {
    pub(crate) url: String,
    parents: Parents,
}

type Parents = Arc<Mutex<Vec<String>>>;

impl Service {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let parents = Parents::default();
        let router = Router::new().route("/", post(take)).with_state(Arc::clone(&parents));
        flowmill_runtime::spawn("service", async move { axum::serve(listener, router).await });
        Self { url, parents }
    }

    /// Every call's `traceparent`; empty when it had none.
    pub(crate) fn parents(&self) -> Vec<String> {
        self.parents.lock().clone()
    }

    /// The one call's `traceparent`; empty when it had none.
    #[track_caller]
    pub(crate) fn only_parent(&self) -> String {
        let parents = self.parents();
        assert_eq!(parents.len(), 1, "{parents:?}");
        parents[0].clone()
    }
}

async fn take(State(parents): State<Parents>, headers: HeaderMap) -> StatusCode {
    let parent = headers.get("traceparent").map_or("", |value| value.to_str().unwrap());
    parents.lock().push(parent.to_owned());
    StatusCode::NO_CONTENT
}

/// A server with a flow that calls the service once.
pub(crate) fn serving(files: &Files, service: &Service, environment: &[(&str, &str)]) -> Dev {
    let flow = format!(
        "
flowmill: 1
document: {{ namespace: test, name: call, version: 1.0.0 }}
nodes:
  - {{ id: begin, type: start }}
  - {{ id: call, type: http.request, parameters: {{ method: POST, url: '{}?key=hidden', body: '${{ . }}' }} }}
  - {{ id: done, type: end }}
connections:
  - begin.out -> call.in
  - call.out -> done.in
",
        service.url
    );
    let server = Dev::start_with(&files.path().join("data"), environment);
    server.flowmill(&["deploy", &files.write("call.yaml", &flow)]).with_code(0);
    server
}

/// Starts the flow with this `traceparent`, and waits for its end.
pub(crate) async fn start_within(server: &Dev, traceparent: &str) {
    let url = format!("{}/v1/flows/test/call/executions?wait=30s", server.url);
    let request = reqwest::Client::new().post(url).header("traceparent", traceparent);
    let request = request.header("content-type", "application/json").body("{}");
    let answer = request.send().await.unwrap();
    assert_eq!(answer.status(), 200);
    let ended: serde_json::Value = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
    assert_eq!(ended["status"], "completed", "{ended}");
}

/// Those of the spans that have the name. Fails when there are none.
#[track_caller]
fn named<'a>(spans: &'a [Collected], name: &str) -> Vec<&'a Collected> {
    let found: Vec<_> = spans.iter().filter(|span| span.name == name).collect();
    assert!(!found.is_empty(), "no span is named {name}: {spans:#?}");
    found
}

/// The one span of the request that started the execution.
#[track_caller]
fn start_of(spans: &[Collected]) -> &Collected {
    let route = |span: &Collected| span.attributes.get("http.route").cloned().unwrap_or_default();
    let starts: Vec<_> = spans.iter().filter(|span| route(span) == STARTS).collect();
    assert_eq!(starts.len(), 1, "{spans:#?}");
    assert_eq!(starts[0].name, format!("POST {STARTS}"));
    starts[0]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_execution_is_one_trace_from_the_request_to_the_call() {
    let (collector, service, files) =
        (Collector::start().await, Service::start().await, Files::new());
    let server = serving(&files, &service, &[(COLLECTOR, &collector.url)]);
    server.flowmill(&["start", "test/call", "--input", "{}", "--wait", "30s"]).with_code(0);
    assert_eq!(server.terminate().code(), Some(0));

    let spans = collector.spans();
    let start = start_of(&spans).clone();
    assert_eq!((&*start.service, &*start.parent), ("flowmill", ""));
    // The deploy has a trace of its own.
    let (spans, others): (Vec<_>, Vec<_>) =
        spans.into_iter().partition(|span| span.trace == start.trace);
    assert_eq!(named(&others, "send commands").len(), 1);
    for name in
        ["send commands", "decide", "commit history", "send tasks.http", TASK, "run test/call"]
    {
        for span in named(&spans, name) {
            assert_eq!(span.parent, start.id, "{span:?}");
        }
    }
    // One commit takes the start, a later one the call's result.
    assert!(named(&spans, "commit history").len() >= 2, "{spans:#?}");
    let (task, call) = (named(&spans, TASK)[0], named(&spans, "POST")[0]);
    assert_eq!(call.parent, task.id);
    assert_eq!(named(&spans, "send results")[0].parent, task.id);
    assert_eq!(service.only_parent(), format!("00-{}-{}-01", start.trace, call.id));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_callers_trace_goes_on() {
    let (collector, service, files) =
        (Collector::start().await, Service::start().await, Files::new());
    let server = serving(&files, &service, &[(COLLECTOR, &collector.url)]);
    start_within(&server, &format!("00-{TRACE}-{CALLER}-01")).await;
    assert_eq!(server.terminate().code(), Some(0));

    let spans = collector.spans();
    let start = start_of(&spans);
    assert_eq!((&*start.trace, &*start.parent), (TRACE, CALLER));
    let call = named(&spans, "POST")[0];
    assert_eq!(service.only_parent(), format!("00-{TRACE}-{}-01", call.id));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_trace_that_its_caller_does_not_record_is_not_recorded() {
    let (collector, service, files) =
        (Collector::start().await, Service::start().await, Files::new());
    let server = serving(&files, &service, &[(COLLECTOR, &collector.url)]);
    start_within(&server, &format!("00-{TRACE}-{CALLER}-00")).await;
    assert_eq!(server.terminate().code(), Some(0));

    let spans = collector.spans();
    // The deploy has a trace of its own, so spans do arrive.
    named(&spans, "PUT /v1/flows/{namespace}/{name}");
    assert!(spans.iter().all(|span| span.trace != TRACE), "{spans:#?}");
    let parent = service.only_parent();
    assert!(parent.starts_with(&format!("00-{TRACE}-")) && parent.ends_with("-00"), "{parent}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_share_of_the_traces_is_recorded_and_what_a_caller_records_is_whole() {
    let (collector, service, files) =
        (Collector::start().await, Service::start().await, Files::new());
    let none = [
        (COLLECTOR, collector.url.as_str()),
        ("OTEL_TRACES_SAMPLER", "parentbased_traceidratio"),
        ("OTEL_TRACES_SAMPLER_ARG", "0"),
    ];
    let server = serving(&files, &service, &none);
    server.flowmill(&["start", "test/call", "--input", "{}", "--wait", "30s"]).with_code(0);
    start_within(&server, &format!("00-{TRACE}-{CALLER}-01")).await;
    assert_eq!(server.terminate().code(), Some(0));

    let spans = collector.spans();
    assert!(spans.iter().all(|span| span.trace == TRACE), "{spans:#?}");
    named(&spans, "run test/call");
}

#[test]
fn a_sampler_that_is_none_is_refused_at_the_start() {
    let folder = Files::new();
    let mut server = command();
    server.args(["dev", "--listen", "127.0.0.1:0", "--data-dir"]).arg(folder.path());
    server.env("OTEL_TRACES_SAMPLER", "traceidratio").env("OTEL_TRACES_SAMPLER_ARG", "10%");
    let ended = server.output().unwrap();
    let said = String::from_utf8(ended.stderr).unwrap();
    assert!(!ended.status.success());
    assert!(said.contains("OTEL_TRACES_SAMPLER_ARG is `10%`"), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_collector_a_trace_goes_through_unchanged() {
    let (service, files) = (Service::start().await, Files::new());
    let server = serving(&files, &service, &[]);
    let parent = format!("00-{TRACE}-{CALLER}-01");
    start_within(&server, &parent).await;
    assert_eq!(service.only_parent(), parent);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_collector_that_is_away_or_silent_holds_nothing_up() {
    let silent = BlockingListener::bind("127.0.0.1:0").unwrap();
    let away = BlockingListener::bind("127.0.0.1:0").unwrap();
    let url = |of: &BlockingListener| format!("http://{}", of.local_addr().unwrap());
    let urls = [url(&silent), url(&away)];
    drop(away);
    for collector in urls {
        let (service, files) = (Service::start().await, Files::new());
        let server = serving(&files, &service, &[(COLLECTOR, &collector)]);
        start_within(&server, &format!("00-{TRACE}-{CALLER}-01")).await;
        assert_eq!(server.terminate().code(), Some(0), "{collector}");
    }
}
