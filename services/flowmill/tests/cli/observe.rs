//! What can be seen of the server from outside but traces: metrics and logs.

use std::io::{Read, Write};
use std::net::TcpStream;

use serde_json::Value;

use crate::program::{Files, flowmill, repository_file};
use crate::server::Dev;
use crate::sink::Sink;

/// Deploys the example whose orders go to `sink`, and has one forwarded.
fn forward_an_order(server: &Dev, files: &Files, sink: &Sink) {
    let orders = std::fs::read_to_string(repository_file("examples/orders.yaml")).unwrap();
    let orders = files.write("orders.yaml", &orders.replace("http://127.0.0.1:9000", &sink.url));
    server.flowmill(&["deploy", &orders]).with_code(0);
    let order = r#"{"order_id": "a-1", "total": 178}"#;
    server.flowmill(&["start", "shop/orders", "--input", order, "--wait", "30s"]).with_code(0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn metrics_count_what_was_done() {
    let (files, sink) = (Files::new(), Sink::start().await);
    let server = Dev::start(&files.path().join("data"));
    forward_an_order(&server, &files, &sink);
    let metrics = get(&server.url, "/metrics");
    for sample in [
        r#"flowmill_executions_started_total{flow="shop/orders"} 1"#,
        r#"flowmill_executions_ended_total{flow="shop/orders",status="completed"} 1"#,
        r#"flowmill_tasks_scheduled_total{type="http.request"} 1"#,
        r#"flowmill_task_duration_seconds_count{type="http.request"} 1"#,
        r#"flowmill_outgoing_call_duration_seconds_count{status="2xx"} 1"#,
        r#"flowmill_shard_owned{shard="0"} 1"#,
    ] {
        assert!(metrics.lines().any(|line| line == sample), "no {sample} in {metrics}");
    }
    // How many wait depends on when the worker last said how far it has come.
    assert!(metrics.contains(r#"flowmill_queue_depth{queue="http"}"#), "{metrics}");
    let started = r#"route="/v1/flows/{namespace}/{name}/executions",status="200""#;
    assert!(metrics.contains(started), "{metrics}");
}

/// The answer to a GET request.
fn get(url: &str, path: &str) -> String {
    let mut connection = TcpStream::connect(url.strip_prefix("http://").unwrap()).unwrap();
    write!(connection, "GET {path} HTTP/1.1\r\nhost: local\r\nconnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).unwrap();
    answer
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_in_json_has_an_object_on_each_line() {
    let (files, sink) = (Files::new(), Sink::start().await);
    let variables = [("FLOWMILL_LOG_FORMAT", "json"), ("FLOWMILL_LOG", "info")];
    let server = Dev::start_with(&files.path().join("data"), &variables);
    forward_an_order(&server, &files, &sink);
    let said = server.terminate_and_hear();
    let lines: Vec<Value> = said
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("not JSON: {line}")))
        .collect();
    assert!(lines.iter().any(|line| line["fields"]["message"] == "claimed"), "{said}");
    for line in &lines {
        for field in ["timestamp", "level", "target"] {
            assert!(line[field].is_string(), "no {field} in {line}");
        }
    }
}

#[test]
fn a_log_setting_that_cannot_be_read_is_said() {
    let check = |name: &str, value: &str| {
        let mut command = crate::program::command();
        let ended = command.args(["flows", "list"]).env(name, value).output().unwrap();
        assert_eq!(ended.status.code(), Some(2));
        let said = String::from_utf8(ended.stderr).unwrap();
        assert!(said.contains(name), "{said}");
    };
    check("FLOWMILL_LOG", "flowmill=loudest");
    check("FLOWMILL_LOG_FORMAT", "xml");
    check("OTEL_EXPORTER_OTLP_ENDPOINT", "not an address");
    flowmill(&["completions", "bash"]).with_code(0);
}
