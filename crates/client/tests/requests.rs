//! The client against a server that answers as it is told.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::VecDeque;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use flowmill_client::{
    Client, ClientError, CommandAnswer, Control, DefinitionFormat, DeployRequest, ListQuery,
    Repeats, StartAnswer, StartKey, StartRequest,
};
use flowmill_model::ExecutionId;
use futures::TryStreamExt;
use parking_lot::Mutex;
use tokio::net::TcpListener;

const ID: &str = "00020000000000000000000000000001";

/// What the server saw of one request.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Seen {
    line: String,
    key: Option<String>,
    position: Option<String>,
    content_type: Option<String>,
    body: String,
}

/// An answer: status, headers, body.
type Told = (u16, Vec<(&'static str, &'static str)>, String);

#[derive(Clone, Default)]
struct Script {
    seen: Arc<Mutex<Vec<Seen>>>,
    told: Arc<Mutex<VecDeque<Told>>>,
}

impl Script {
    /// Starts a server that gives these answers in order, and a client of it.
    async fn play(told: impl IntoIterator<Item = Told>) -> (Self, Client) {
        let script = Self::default();
        script.told.lock().extend(told);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new().fallback(answer).with_state(script.clone());
        flowmill_runtime::spawn("server", async move { axum::serve(listener, router).await });
        let server = format!("http://{address}").parse().unwrap();
        (script, Client::new(server, repeats()).unwrap())
    }

    fn seen(&self) -> Vec<Seen> {
        self.seen.lock().clone()
    }
}

fn repeats() -> Repeats {
    Repeats {
        attempts: NonZeroU32::new(3).unwrap(),
        delay: Duration::from_millis(1),
        max_delay: Duration::from_secs(2),
    }
}

async fn answer(
    State(script): State<Script>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let header = |name| headers.get(name).map(|value| value.to_str().unwrap().to_owned());
    script.seen.lock().push(Seen {
        line: format!("{method} {uri}"),
        key: header("idempotency-key"),
        position: header("flowmill-position"),
        content_type: header("content-type"),
        body: String::from_utf8(body.to_vec()).unwrap(),
    });
    let (status, headers, body) = script.told.lock().pop_front().expect("one answer a request");
    let mut response = (StatusCode::from_u16(status).unwrap(), body).into_response();
    for (name, value) in headers {
        response.headers_mut().insert(name, value.parse().unwrap());
    }
    response
}

fn problem(status: u16) -> Told {
    let body = format!(
        r#"{{"type":"t","title":"Not now","status":{status},"detail":"try again","code":"c"}}"#
    );
    (status, vec![], body)
}

fn accepted() -> Told {
    let body =
        format!(r#"{{"id":"{ID}","flow":"shop/orders","version":"1.0.0","status":"pending"}}"#);
    (202, vec![("flowmill-position", "0002-7")], body)
}

fn execution(status: &str) -> Told {
    let body = format!(
        r#"{{"id":"{ID}","flow":"shop/orders","version":"1.0.0","status":"{status}","input":{{}},
        "output":null,"error":null,"startedAt":null,"endedAt":null,"stale":false,"pending":[],
        "newer":"ignored"}}"#
    );
    (200, vec![("flowmill-position", "0002-9")], body)
}

fn start(key: StartKey) -> StartRequest {
    let flow = "shop/orders".parse().unwrap();
    StartRequest { flow, version: None, input: Bytes::from_static(b"{\"total\":1}"), key }
}

fn id() -> ExecutionId {
    ID.parse().unwrap()
}

#[tokio::test]
async fn a_start_is_repeated_with_the_same_key_until_it_is_taken() {
    let (script, client) = Script::play([problem(503), problem(429), accepted()]).await;
    let started = client.start(&start(StartKey::Made), None).await.unwrap();
    assert!(matches!(started, StartAnswer::Accepted(start) if start.id == id()));
    let seen = script.seen();
    assert_eq!(seen.len(), 3);
    assert!(seen[0].key.is_some());
    assert!(seen.iter().all(|request| *request == seen[0]));
    assert_eq!(seen[0].line, "POST /v1/flows/shop/orders/executions");
    assert_eq!(seen[0].body, r#"{"total":1}"#);
    assert_eq!(seen[0].content_type.as_deref(), Some("application/json"));
}

#[tokio::test]
async fn repeating_ends_with_the_attempts_and_gives_the_servers_words() {
    let (script, client) = Script::play([problem(503), problem(503), problem(503)]).await;
    let error = client.get(id()).await.unwrap_err();
    assert_eq!(script.seen().len(), 3);
    assert_eq!(error.status(), Some(503));
    assert_eq!(error.to_string(), "Not now: try again");
}

#[tokio::test]
async fn a_server_that_asks_for_more_than_the_longest_delay_is_not_asked_again() {
    let mut later = problem(429);
    later.1.push(("retry-after", "3"));
    let (script, client) = Script::play([later]).await;
    assert_eq!(client.get(id()).await.unwrap_err().status(), Some(429));
    assert_eq!(script.seen().len(), 1);
}

#[tokio::test]
async fn a_start_without_a_key_is_repeated_only_when_it_was_surely_not_taken() {
    let (script, client) = Script::play([problem(429), problem(503)]).await;
    let error = client.start(&start(StartKey::Absent), None).await.unwrap_err();
    assert_eq!(error.status(), Some(503));
    assert_eq!(script.seen().iter().map(|s| s.key.clone()).collect::<Vec<_>>(), [None, None]);
}

#[tokio::test]
async fn an_error_of_the_caller_is_not_repeated() {
    let (script, client) = Script::play([problem(422)]).await;
    let key = StartKey::Given("mine".into());
    let error = client.start(&start(key), None).await.unwrap_err();
    assert_eq!(error.problem().and_then(|problem| problem.code.as_deref()), Some("c"));
    assert_eq!(script.seen()[0].key.as_deref(), Some("mine"));
}

#[tokio::test]
async fn a_read_carries_where_the_last_write_stands() {
    let told = [accepted(), execution("running"), execution("suspended"), execution("suspended")];
    let (script, client) = Script::play(told).await;
    client.start(&start(StartKey::Made), None).await.unwrap();
    client.get(id()).await.unwrap();
    let reason = Some("stop".to_owned());
    let answer = client.control(id(), Control::Suspend, reason, None).await.unwrap();
    assert!(matches!(answer, CommandAnswer::Applied(_)));
    client.get(id()).await.unwrap();
    let seen = script.seen();
    assert_eq!(seen[1].position.as_deref(), Some("0002-7"));
    assert_eq!(seen[2].body, r#"{"reason":"stop"}"#);
    assert!(seen[2].key.is_some());
    assert_eq!(seen[3].position.as_deref(), Some("0002-9"));
}

#[tokio::test]
async fn a_start_that_is_waited_for_is_asked_for_until_it_ends() {
    let told = [accepted(), execution("running"), execution("completed")];
    let (script, client) = Script::play(told).await;
    let wait = Some(Duration::from_secs(600));
    let started = client.start(&start(StartKey::Made), wait).await.unwrap();
    assert!(matches!(started, StartAnswer::Ended(execution) if execution.status.is_ended()));
    let seen = script.seen();
    assert_eq!(seen[0].line, "POST /v1/flows/shop/orders/executions?wait=60000ms");
    assert!(seen[2].line.starts_with(&format!("GET /v1/executions/{ID}?wait=")));
}

#[tokio::test]
async fn a_history_is_read_page_by_page() {
    let page = |first: u64, next: &str| {
        let event =
            |n| format!(r#"{{"sequence":{n},"at":"t","type":"x","node":null,"detail":{{}}}}"#);
        let body = format!(r#"{{"events":[{},{}],"next":{next}}}"#, event(first), event(first + 1));
        (200, vec![], body)
    };
    let (script, client) = Script::play([page(0, "\"2\""), page(2, "null")]).await;
    let events: Vec<_> = client.history(id()).try_collect().await.unwrap();
    assert_eq!(events.iter().map(|event| event.sequence).collect::<Vec<_>>(), [0, 1, 2, 3]);
    assert_eq!(script.seen()[1].line, format!("GET /v1/executions/{ID}/history?page=2"));
}

#[tokio::test]
async fn a_list_keeps_its_conditions_from_page_to_page() {
    let page = |next: &str| (200, vec![], format!(r#"{{"executions":[],"next":{next}}}"#));
    let (script, client) = Script::play([page("\"p\""), page("null")]).await;
    let query = ListQuery { flow: Some("a/b".parse().unwrap()), ..ListQuery::default() };
    let found: Vec<_> = client.list(query).try_collect().await.unwrap();
    assert!(found.is_empty());
    let lines: Vec<_> = script.seen().into_iter().map(|seen| seen.line).collect();
    assert_eq!(lines, ["GET /v1/executions?flow=a%2Fb", "GET /v1/executions?flow=a%2Fb&page=p"]);
}

#[tokio::test]
async fn a_deploy_says_how_the_definition_is_written() {
    let body = r#"{"flow":"a/b","version":"1.0.0","hash":"00","created":true}"#;
    let (script, client) = Script::play([(201, vec![], body.to_owned())]).await;
    let request = DeployRequest {
        flow: "a/b".parse().unwrap(),
        source: Bytes::from_static(b"flowmill: 1"),
        format: DefinitionFormat::Yaml,
        spread: None,
    };
    assert!(client.deploy(request).await.unwrap().created);
    let seen = &script.seen()[0];
    assert_eq!(seen.line, "PUT /v1/flows/a/b");
    assert_eq!(seen.content_type.as_deref(), Some("application/yaml"));
}

#[tokio::test]
async fn an_answer_of_something_else_is_told_from_a_refusal() {
    let (_, client) = Script::play([(404, vec![], "<html>".to_owned())]).await;
    let error = client.get(id()).await.unwrap_err();
    assert!(matches!(error, ClientError::Answer { status: 404, .. }));
}

#[tokio::test]
async fn a_server_that_is_not_there_is_unreachable() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let client = Client::new(server.parse().unwrap(), repeats()).unwrap();
    let error = client.health().await.unwrap_err();
    assert!(matches!(error, ClientError::Unreachable { .. }));
    assert_eq!(error.to_string(), format!("the server at {server} cannot be reached"));
}
