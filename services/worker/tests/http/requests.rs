//! What goes out.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::RawQuery;
use axum::http::{HeaderMap, Method, Uri};
use flowmill_flow::{Format, Json, NodeKind, Scope, compile};
use flowmill_model::TraceContext;
use flowmill_model::task::Outcome;
use flowmill_worker::Secrets;
use serde_json::{Value, json};

use crate::rig::{Rig, detail, serve};

/// Answers with what was asked.
pub(crate) async fn mirror(
    method: Method,
    uri: Uri,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Bytes,
) -> axum::Json<Value> {
    let mut listed = serde_json::Map::new();
    for (name, value) in &headers {
        let value = String::from_utf8_lossy(value.as_bytes());
        listed.insert(name.to_string(), json!(value));
    }
    axum::Json(json!({
        "method": method.as_str(), "path": uri.path(), "query": query, "headers": listed,
        "body": String::from_utf8_lossy(&body),
    }))
}

async fn serve_mirror() -> SocketAddr {
    serve(Router::new().fallback(mirror)).await
}

#[tokio::test]
async fn a_request_goes_out_as_it_is_described() {
    let mut rig = Rig::new().await;
    let address = serve_mirror().await;
    let seen = rig
        .output(json!({
            "method": "PUT", "url": format!("http://{address}/a%20b?x=1"),
            "headers": {"X-One": "ünö"}, "query": {"q": "a&b=c", "many": ["1", "2"]},
            "body": {"n": 1}, "connectTimeoutMs": 5_000,
        }))
        .await;
    let seen = &seen["body"];
    assert_eq!((&seen["method"], &seen["path"]), (&json!("PUT"), &json!("/a%20b")));
    assert_eq!(seen["query"], json!("x=1&many=1&many=2&q=a%26b%3Dc"));
    assert_eq!(seen["body"], json!("{\"n\":1}"));
    assert_eq!(seen["headers"]["x-one"], json!("ünö"));
    assert_eq!(seen["headers"]["content-type"], json!("application/json"));
    let agent = seen["headers"]["user-agent"].as_str().expect("there is one");
    assert!(agent.starts_with("flowmill/"), "{agent}");
}

#[tokio::test]
async fn a_body_is_json_unless_it_is_text_and_says_what_it_is() {
    let mut rig = Rig::new().await;
    let address = serve_mirror().await;
    for (body, headers, text, kind) in [
        (json!("a b"), json!({}), "a b", "text/plain; charset=utf-8"),
        (json!("<a/>"), json!({"Content-Type": "text/xml"}), "<a/>", "text/xml"),
        (json!([1]), json!({"content-type": "application/x+json"}), "[1]", "application/x+json"),
        (json!(null), json!({}), "null", "application/json"),
    ] {
        let url = format!("http://{address}/");
        let request = json!({"method": "POST", "url": url, "headers": headers, "body": body});
        let seen = rig.output(request).await;
        assert_eq!(seen["body"]["body"], json!(text));
        assert_eq!(seen["body"]["headers"]["content-type"], json!(kind));
    }
}

#[tokio::test]
async fn every_attempt_carries_the_same_key_and_the_trace_goes_on() {
    let mut rig = Rig::new().await;
    let address = serve_mirror().await;
    let mut task = rig.task(&json!({"method": "GET", "url": format!("http://{address}/")}));
    let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    task.trace = Some(trace.parse::<TraceContext>().expect("a trace"));
    let mut seen = Vec::new();
    for attempt in 1..=3 {
        task.id.attempt = attempt;
        let Outcome::Completed(output) = rig.run(&task).await else { panic!("an output") };
        let output: Value = serde_json::from_slice(output.as_bytes()).expect("it is JSON");
        assert_eq!(output["body"]["headers"]["traceparent"], json!(trace));
        seen.push(output["body"]["headers"]["idempotency-key"].clone());
    }
    assert_eq!(seen, vec![json!(task.idempotency_key()); 3]);
    let other = rig.output(json!({"method": "GET", "url": format!("http://{address}/")})).await;
    assert_ne!(other["body"]["headers"]["idempotency-key"], seen[0]);
}

#[tokio::test]
async fn a_request_that_cannot_be_made_fails_for_good_and_says_why() {
    let mut rig = Rig::new().await;
    let url = "http://127.0.0.1:1/";
    for (request, why) in [
        (json!({"url": url}), "`method` is missing"),
        (json!({"method": "GET"}), "`url` is missing"),
        (json!({"method": "G T", "url": url}), "none of HTTP"),
        (json!({"method": "CONNECT", "url": url}), "CONNECT is not supported"),
        (json!({"method": "GET", "url": "http://"}), "its address"),
        (json!({"method": "GET", "url": "file:///etc/passwd"}), "http:// or https://"),
        (json!({"method": "GET", "url": "ftp://127.0.0.1/"}), "http:// or https://"),
        (json!({"method": "GET", "url": format!("{url}{}", "x".repeat(9_000))}), "longer than"),
        (json!({"method": "GET", "url": url, "headers": {"a b": "c"}}), "no name of a header"),
        (json!({"method": "GET", "url": url, "headers": {"a": "b\nc: d"}}), "control characters"),
        (json!({"method": "GET", "url": url, "headers": {"Host": "h"}}), "connection itself"),
        (json!({"method": "GET", "url": url, "headers": {"Content-Length": "9"}}), "connection"),
        (json!({"method": "GET", "url": url, "headers": {"a": 1}}), "no text"),
        (json!({"method": "GET", "url": url, "authentication": {"digest": {}}}), "neither"),
        (json!([1]), "`method` is missing"),
    ] {
        let failure = rig.failure(request.clone()).await;
        assert!(!failure.retryable, "{request}");
        assert!(detail(&failure).contains(why), "{request}: {}", detail(&failure));
    }
}

#[tokio::test]
async fn what_a_flow_renders_is_what_the_worker_reads() {
    let address = serve_mirror().await;
    let definition = format!(
        "
flowmill: 1
document: {{ namespace: shop, name: orders, version: 1.0.0 }}
nodes:
  - {{ id: source, type: start }}
  - id: send
    type: http.request
    parameters:
      method: POST
      url: \"http://{address}/orders/${{ .id }}\"
      headers: {{ x-note: \"a ${{ .note }}\", x-key: \"k-${{ $secrets.KEY }}\" }}
      query: {{ tags: \"${{ .tags }}\", token: \"${{ $secrets.KEY }}\" }}
      authentication: {{ basic: {{ username: me, password: \"${{ $secrets.KEY }}\" }} }}
      body: \"${{ . }}\"
connections:
  - source.out -> send.in
"
    );
    let flow = compile(definition.as_bytes(), Format::Yaml).expect("a valid definition");
    let input = br#"{"id":5,"note":"b","tags":["x","y"]}"#;
    let node = flow.nodes().iter().find(|node| node.id == "send").expect("it is there");
    let NodeKind::HttpRequest { request, .. } = &node.kind else { panic!("a request") };
    let input_json = Json::parse(input).expect("JSON");
    let rendered = request.render(&input_json, &Scope::default()).expect("it renders");
    let rendered: Value = serde_json::from_slice(&rendered.to_bytes()).expect("JSON");
    assert!(!rendered.to_string().contains("s3cr3t"));

    let secrets = Secrets::default().with("KEY", "s3cr3t");
    let mut rig = Rig::with(|settings| flowmill_worker::Settings { secrets, ..settings }).await;
    let seen = rig.output(rendered).await;
    let seen = &seen["body"];
    assert_eq!((&seen["method"], &seen["path"]), (&json!("POST"), &json!("/orders/5")));
    assert_eq!(seen["query"], json!("tags=x&tags=y&token=s3cr3t"));
    assert_eq!(seen["headers"]["x-note"], json!("a b"));
    assert_eq!(seen["headers"]["x-key"], json!("k-s3cr3t"));
    assert_eq!(seen["headers"]["authorization"], json!("Basic bWU6czNjcjN0"));
    assert_eq!(seen["body"], json!(std::str::from_utf8(input).expect("text")));
}

#[tokio::test]
async fn one_connection_serves_many_calls() {
    let connections = Arc::new(std::sync::Mutex::new(std::collections::BTreeSet::new()));
    let seen = Arc::clone(&connections);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    let note = move |peer: axum::extract::ConnectInfo<SocketAddr>| {
        seen.lock().expect("nobody panics").insert(peer.0);
        async { "ok" }
    };
    let router = Router::new().fallback(note);
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    drop(flowmill_runtime::spawn("server", async move { axum::serve(listener, service).await }));
    let mut rig = Rig::new().await;
    for _ in 0..3 {
        rig.output(json!({"method": "GET", "url": format!("http://{address}/")})).await;
    }
    assert_eq!(connections.lock().expect("nobody panics").len(), 1);
}
