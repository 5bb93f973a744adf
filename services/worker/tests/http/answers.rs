//! What comes back, and what it means for the task.

use axum::Router;
use axum::extract::Path;
use axum::http::{HeaderMap, StatusCode, header};
use axum::routing::get;
use flowmill_model::ErrorCode;
use serde_json::{Value, json};

use crate::rig::{Rig, detail, nobody, serve, serve_raw};

async fn say(Path(status): Path<u16>) -> (StatusCode, &'static str) {
    (StatusCode::from_u16(status).expect("a status"), "because\n  I say so")
}

async fn get_from(rig: &mut Rig, address: std::net::SocketAddr, path: &str) -> Value {
    rig.output(json!({"method": "GET", "url": format!("http://{address}{path}")})).await
}

#[tokio::test]
async fn an_answer_is_passed_on_with_status_headers_and_body() {
    let mut rig = Rig::new().await;
    let router = Router::new()
        .route("/json", get(|| async { axum::Json(json!({"id": 7})) }))
        .route("/text", get(|| async { (StatusCode::CREATED, [("X-Two", "b")], "hello") }))
        .route("/none", get(|| async { StatusCode::NO_CONTENT }));
    let address = serve(router).await;
    let answer = get_from(&mut rig, address, "/json").await;
    assert_eq!((&answer["status"], &answer["body"]), (&json!(200), &json!({"id": 7})));
    assert_eq!(answer["headers"]["content-type"], json!("application/json"));
    let answer = get_from(&mut rig, address, "/text").await;
    assert_eq!((&answer["status"], &answer["body"]), (&json!(201), &json!("hello")));
    assert_eq!(answer["headers"]["x-two"], json!("b"));
    let answer = get_from(&mut rig, address, "/none").await;
    assert_eq!((&answer["status"], &answer["body"]), (&json!(204), &json!("")));
}

#[tokio::test]
async fn a_status_decides_whether_another_attempt_may_help() {
    let mut rig = Rig::new().await;
    let address = serve(Router::new().route("/{status}", get(say))).await;
    for (status, retryable) in [
        (408, true),
        (425, true),
        (429, true),
        (500, true),
        (503, true),
        (400, false),
        (401, false),
        (404, false),
        (409, false),
        (304, false),
    ] {
        let url = format!("http://{address}/{status}?key=private");
        let failure = rig.failure(json!({"method": "GET", "url": url})).await;
        assert_eq!((failure.retryable, failure.problem.status), (retryable, status));
        assert_eq!(failure.problem.kind, ErrorCode::Communication.type_uri());
        let said = detail(&failure);
        assert!(said.starts_with(&format!("GET http://{address}/{status} answered {status}")));
        assert!(!said.contains("private"), "{said}");
        assert!(status == 304 || said.ends_with(": because I say so"), "{said}");
    }
}

#[tokio::test]
async fn the_other_sides_wish_to_be_left_alone_is_passed_on_within_a_bound() {
    async fn busy(Path(when): Path<String>) -> (StatusCode, HeaderMap) {
        let mut headers = HeaderMap::new();
        headers.insert(header::RETRY_AFTER, when.replace('_', " ").parse().expect("a value"));
        (StatusCode::SERVICE_UNAVAILABLE, headers)
    }
    let mut rig = Rig::new().await;
    let address = serve(Router::new().route("/{when}", get(busy))).await;
    for (when, expect) in [
        ("7", Some(7_000..=7_000)),
        ("Sun,_06_Nov_1994_08:59:37_GMT", Some(590_000..=600_000)),
        ("Fri,_31_Dec_9999_23:59:59_GMT", Some(86_400_000..=86_400_000)),
        ("99999999999", Some(86_400_000..=86_400_000)),
        ("soon", None),
    ] {
        let url = format!("http://{address}/{when}");
        let failure = rig.failure(json!({"method": "GET", "url": url})).await;
        assert!(failure.retryable);
        let fits = match (&expect, failure.retry_after_ms) {
            (Some(expect), Some(found)) => expect.contains(&found),
            (expect, found) => expect.is_none() && found.is_none(),
        };
        assert!(fits, "{when}: {:?}", failure.retry_after_ms);
    }
}

#[tokio::test]
async fn a_call_without_an_answer_may_be_tried_again() {
    let mut rig = Rig::new().await;
    let (_kept, nobody) = nobody();
    let cut = serve_raw(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc", false).await;
    let silent = serve_raw(b"", false).await;
    let garbage = serve_raw(b"SSH-2.0-OpenSSH_9.9\r\n", false).await;
    for address in [nobody, cut, silent, garbage] {
        let url = format!("http://{address}/?key=private");
        let failure = rig.failure(json!({"method": "POST", "url": url, "body": {}})).await;
        assert!(failure.retryable, "{failure:?}");
        assert_eq!(failure.problem.kind, ErrorCode::Communication.type_uri());
        let said = detail(&failure);
        assert!(said.starts_with(&format!("POST http://{address}/: ")), "{said}");
        assert!(!said.contains("private"), "{said}");
    }
}

#[tokio::test]
async fn an_attempt_ends_when_its_time_is_up_wherever_the_call_stands() {
    let mut rig = Rig::new().await;
    let silent = serve_raw(b"", true).await;
    let slow = serve_raw(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc", true).await;
    for address in [silent, slow] {
        let mut task = rig.task(&json!({"method": "GET", "url": format!("http://{address}/")}));
        task.timeout_ms = 100;
        let failure = crate::rig::failure(rig.run(&task).await);
        assert!(failure.retryable);
        assert_eq!(failure.problem.kind, ErrorCode::Timeout.type_uri());
    }
}

#[tokio::test]
async fn a_refusal_whose_reason_does_not_come_is_a_refusal_all_the_same() {
    let mut rig = Rig::new().await;
    let slow = serve_raw(b"HTTP/1.1 404 Not Found\r\ncontent-length: 99\r\n\r\nit is", true).await;
    let failure = rig.failure(json!({"method": "GET", "url": format!("http://{slow}/")})).await;
    assert!(!failure.retryable);
    assert!(detail(&failure).ends_with("404 Not Found: it is"), "{}", detail(&failure));
}
