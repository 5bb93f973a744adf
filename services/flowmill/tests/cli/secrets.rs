//! A secret reaches the service that it is for, and nothing else.

use std::path::Path;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use parking_lot::Mutex;
use tokio::net::TcpListener;

use crate::collector::Collector;
use crate::program::Files;
use crate::server::Dev;

/// What no file, answer, log or span may hold.
const CANARIES: [&str; 2] = ["canary-of-a-variable-7d1f", "canary-of-a-file-93ab"];

type Seen = Arc<Mutex<Vec<String>>>;

async fn service(seen: Seen) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let router = Router::new().route("/", post(refuse)).with_state(seen);
    flowmill_runtime::spawn("service", async move { axum::serve(listener, router).await });
    url
}

/// Refuses the call, so that an error is recorded, too.
async fn refuse(State(seen): State<Seen>, headers: HeaderMap) -> StatusCode {
    let text = |name| headers.get(name).map_or("", |value| value.to_str().unwrap());
    seen.lock().push(format!("{} {}", text("authorization"), text("x-key")));
    StatusCode::FORBIDDEN
}

fn flow(url: &str) -> String {
    format!(
        r#"
flowmill: 1
document: {{ namespace: test, name: secret, version: 1.0.0 }}
nodes:
  - {{ id: begin, type: start }}
  - id: call
    type: http.request
    parameters:
      method: POST
      url: "{url}"
      headers: {{ authorization: "Bearer ${{ $secrets.VARIABLE }}", x-key: "${{ $secrets.FILE }}" }}
      body: "${{ . }}"
connections:
  - begin.out -> call.in
"#
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_secret_is_in_no_file_answer_log_or_span() {
    let (files, seen, collector) = (Files::new(), Seen::default(), Collector::start().await);
    let url = service(Arc::clone(&seen)).await;
    files.write("FILE", &format!("{}\n", CANARIES[1]));
    let data = files.path().join("data");
    let variables = [
        ("FLOWMILL_SECRET_VARIABLE", CANARIES[0]),
        ("FLOWMILL_SECRETS_FOLDER", files.path().to_str().unwrap()),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.url),
        ("FLOWMILL_LOG", "info,flowmill_worker=trace,flowmill_worker_sdk=trace"),
    ];
    let server = Dev::start_with(&data, &variables);
    server.flowmill(&["deploy", &files.write("flow.yaml", &flow(&url))]).with_code(0);
    let start = ["start", "test/secret", "--input", "{}", "--wait", "30s", "--output", "json"];
    let ended = server.flowmill(&start).with_code(1);
    let id = ended.json()["id"].as_str().unwrap().to_owned();
    let history = server.flowmill(&["executions", "history", &id]).with_code(0);
    let said = server.terminate_and_hear();

    assert_eq!(*seen.lock(), [format!("Bearer {} {}", CANARIES[0], CANARIES[1])]);
    let spans = format!("{:?}", collector.spans());
    for text in [&ended.stdout, &ended.stderr, &history.stdout, &said, &spans] {
        assert!(!holds(text.as_bytes()), "{text}");
    }
    check_files(&data);
}

fn holds(bytes: &[u8]) -> bool {
    let found =
        |canary: &str| bytes.windows(canary.len()).any(|window| window == canary.as_bytes());
    CANARIES.into_iter().any(found)
}

fn check_files(folder: &Path) {
    let mut files = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            check_files(&path);
        } else {
            assert!(!holds(&std::fs::read(&path).unwrap()), "{}", path.display());
            files += 1;
        }
    }
    assert!(files > 0, "{} is empty", folder.display());
}
