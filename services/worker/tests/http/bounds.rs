//! Answers that want too much room.

use std::io::Write;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::routing::get;
use flate2::Compression;
use flate2::write::GzEncoder;
use flowmill_model::{ErrorCode, limits};
use futures::stream;
use serde_json::{Value, json};

use crate::rig::{Rig, detail, serve};

fn packed(bytes: &[u8]) -> Vec<u8> {
    let mut packer = GzEncoder::new(Vec::new(), Compression::best());
    packer.write_all(bytes).expect("memory takes it");
    packer.finish().expect("memory takes it")
}

fn gzip(body: Vec<u8>) -> (HeaderMap, Vec<u8>) {
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain"));
    (headers, body)
}

async fn endless() -> Body {
    let chunk = bytes::Bytes::from_static(&[b'x'; 16 * 1024]);
    Body::from_stream(stream::repeat_with(move || Ok::<_, std::io::Error>(chunk.clone())))
}

async fn headed() -> (HeaderMap, &'static str) {
    let mut headers = HeaderMap::new();
    for number in 0..9 {
        let name = format!("x-{number}").parse::<header::HeaderName>().expect("a name");
        let value = HeaderValue::from_str(&"y".repeat(limits::HTTP_HEAD_BYTES / 8));
        headers.insert(name, value.expect("a value"));
    }
    (headers, "small")
}

fn router() -> Router {
    let bomb = packed(&vec![0; 64 * 1024 * 1024]);
    assert!(bomb.len() < limits::PAYLOAD_BYTES / 8, "it is small on the wire");
    let note = packed(b"a packed note");
    Router::new()
        .route("/large", get(|| async { vec![b'x'; limits::PAYLOAD_BYTES + 1] }))
        .route("/endless", get(endless))
        .route("/bomb", get(|| async move { gzip(bomb) }))
        .route("/note", get(|| async move { gzip(note) }))
        .route("/headed", get(headed))
        .route("/escaped", get(|| async { vec![1_u8; limits::PAYLOAD_BYTES / 2] }))
        .route("/ten", get(|| async { "0123456789" }))
}

#[tokio::test]
async fn an_answer_that_is_too_large_fails_for_good_however_it_comes() {
    let mut rig = Rig::new().await;
    let address = serve(router()).await;
    for path in ["/large", "/endless", "/bomb", "/headed", "/escaped"] {
        let url = format!("http://{address}{path}");
        let failure = rig.failure(json!({"method": "GET", "url": url})).await;
        assert!(!failure.retryable, "{path}");
        assert_eq!(failure.problem.kind, ErrorCode::TooLarge.type_uri(), "{path}");
    }
}

#[tokio::test]
async fn a_node_may_want_less() {
    let mut rig = Rig::new().await;
    let address = serve(router()).await;
    let request = |bytes: usize| -> Value {
        json!({"method": "GET", "url": format!("http://{address}/ten"), "maxResponseBytes": bytes})
    };
    assert_eq!(rig.output(request(10)).await["body"], json!("0123456789"));
    let failure = rig.failure(request(9)).await;
    assert!(detail(&failure).contains("larger than 9 bytes"), "{}", detail(&failure));
}

#[tokio::test]
async fn a_packed_answer_is_unpacked() {
    let mut rig = Rig::new().await;
    let address = serve(router()).await;
    let url = format!("http://{address}/note");
    let answer = rig.output(json!({"method": "GET", "url": url})).await;
    assert_eq!(answer["body"], json!("a packed note"));
    assert_eq!(answer["headers"]["content-encoding"], Value::Null);
}
