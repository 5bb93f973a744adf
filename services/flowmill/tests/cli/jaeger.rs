//! The trace of an execution, read back from a real Jaeger.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use flowmill_rig::Jaeger;
use serde_json::Value;

use crate::program::Files;
use crate::traces::{CALLER, COLLECTOR, STARTS, Service, TRACE, serving, start_within};

/// How long a trace may take to be found.
const FOUND_WITHIN: Duration = Duration::from_secs(30);

/// A span, as Jaeger tells it.
#[derive(Clone, Debug)]
pub(crate) struct Told {
    pub(crate) name: String,
    /// The service that recorded it.
    pub(crate) service: String,
    pub(crate) id: String,
    /// The span it belongs below.
    pub(crate) parent: String,
    /// The spans it has links to.
    pub(crate) links: Vec<String>,
    pub(crate) tags: BTreeMap<String, String>,
}

impl Told {
    fn read(span: &Value, processes: &Value) -> Self {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let references = |kind: &str| {
            let all = span["references"].as_array().unwrap().iter();
            all.filter(|reference| reference["refType"] == kind)
                .map(|reference| text(&reference["spanID"]))
                .collect::<Vec<_>>()
        };
        let tag = |tag: &Value| {
            let value = &tag["value"];
            (text(&tag["key"]), value.as_str().map_or_else(|| value.to_string(), str::to_owned))
        };
        Self {
            name: text(&span["operationName"]),
            service: text(&processes[span["processID"].as_str().unwrap()]["serviceName"]),
            id: text(&span["spanID"]),
            parent: references("CHILD_OF").concat(),
            links: references("FOLLOWS_FROM"),
            tags: span["tags"].as_array().unwrap().iter().map(tag).collect(),
        }
    }

    /// Checks that these are among its tags.
    #[track_caller]
    pub(crate) fn says(&self, tags: &[(&str, &str)]) {
        for (key, value) in tags {
            assert_eq!(self.tags.get(*key).map(String::as_str), Some(*value), "{key} of {self:#?}");
        }
    }
}

/// What Jaeger has of a trace, once it has a span of this name.
pub(crate) async fn trace_with(jaeger: &Jaeger, trace: &str, name: &str) -> Value {
    let url = format!("{}/api/traces/{trace}", jaeger.query());
    let deadline = Instant::now() + FOUND_WITHIN;
    loop {
        let answer = reqwest::get(&url).await.unwrap().text().await.unwrap();
        let answer: Value = serde_json::from_str(&answer).unwrap();
        let spans = answer["data"][0]["spans"].as_array();
        if spans.is_some_and(|spans| spans.iter().any(|span| span["operationName"] == name)) {
            return answer;
        }
        assert!(Instant::now() < deadline, "{name} is not in {answer:#}");
    }
}

/// The spans of a trace by name, in the order of their beginning.
pub(crate) fn spans_of(answer: &Value) -> BTreeMap<String, Vec<Told>> {
    let trace = &answer["data"][0];
    let mut spans: Vec<_> = trace["spans"].as_array().unwrap().iter().collect();
    spans.sort_by_key(|span| span["startTime"].as_u64().unwrap());
    let mut by_name = BTreeMap::<_, Vec<_>>::new();
    for span in spans.into_iter().map(|span| Told::read(span, &trace["processes"])) {
        by_name.entry(span.name.clone()).or_default().push(span);
    }
    by_name
}

/// What every span of a message says of it.
fn message<'a>(
    operation: &'a str,
    topic: &'a str,
    execution: &'a str,
) -> [(&'static str, &'a str); 5] {
    [
        ("span.kind", if operation == "send" { "producer" } else { "consumer" }),
        ("messaging.system", "flowmill"),
        ("messaging.operation.type", operation),
        ("messaging.destination.name", topic),
        ("messaging.message.conversation_id", execution),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn jaeger_has_an_execution_as_one_trace_from_its_caller_to_its_end() {
    let (service, files) = (Service::start().await, Files::new());
    let jaeger = tokio::task::spawn_blocking(|| Jaeger::start().unwrap()).await.unwrap();
    let server = serving(&files, &service, &[(COLLECTOR, &jaeger.otlp_grpc())]);
    start_within(&server, &format!("00-{TRACE}-{CALLER}-01")).await;
    assert_eq!(server.terminate().code(), Some(0));

    let answer = trace_with(&jaeger, TRACE, "run test/call").await;
    assert!(!answer.to_string().contains("hidden"), "the query is told: {answer:#}");
    let spans = spans_of(&answer);
    let only = |name: &str| {
        let found = spans.get(name).unwrap_or_else(|| panic!("no {name} in {spans:#?}"));
        assert_eq!(found.len(), 1, "{found:#?}");
        &found[0]
    };
    let start = only(&format!("POST {STARTS}"));
    assert_eq!(start.parent, CALLER);
    start.says(&[
        ("span.kind", "server"),
        ("http.request.method", "POST"),
        ("http.route", STARTS),
        ("http.response.status_code", "200"),
        ("url.scheme", "http"),
        ("server.address", "127.0.0.1"),
    ]);
    let execution = &*start.tags["messaging.message.conversation_id"];

    only("send commands").says(&message("send", "commands", execution));
    only("send tasks.http").says(&message("send", "tasks.http", execution));
    let (task, result) = (only("process tasks.http"), only("send results"));
    task.says(&message("process", "tasks.http", execution));
    result.says(&message("send", "results", execution));
    let end = only("run test/call");
    end.says(&[
        ("messaging.message.conversation_id", execution),
        ("flowmill.flow", "test/call"),
        ("flowmill.flow.version", "1.0.0"),
        ("flowmill.execution.status", "completed"),
    ]);
    for span in [only("send commands"), only("send tasks.http"), task, end] {
        assert_eq!(span.parent, start.id, "{span:#?}");
    }
    assert_eq!(result.parent, task.id);

    let call = only("POST");
    assert_eq!(call.parent, task.id);
    call.says(&[
        ("span.kind", "client"),
        ("http.request.method", "POST"),
        ("http.response.status_code", "204"),
        ("url.full", &service.url),
        ("server.address", "127.0.0.1"),
        ("messaging.message.conversation_id", execution),
    ]);
    assert_eq!(service.only_parent(), format!("00-{TRACE}-{}-01", call.id));

    // One batch takes the start, a later one the result, which the worker's span led to.
    let decided = &spans["decide"];
    assert_eq!(decided[0].links, Vec::<String>::new());
    assert!(decided.iter().any(|span| span.links == [task.id.clone()]), "{decided:#?}");
    for commit in &spans["commit history"] {
        commit.says(&message("send", "history", execution));
        assert_eq!(commit.parent, start.id);
    }
}
