//! Where redirects lead, and what goes along.

use axum::Router;
use axum::extract::RawQuery;
use axum::http::{StatusCode, header};
use axum::routing::{any, get};
use flowmill_worker::{Secrets, Settings};
use serde_json::{Value, json};

use crate::requests::mirror;
use crate::rig::{Rig, detail, serve};

/// Redirects to what the query says.
async fn elsewhere(
    status: u16,
    RawQuery(place): RawQuery,
) -> (StatusCode, [(header::HeaderName, String); 1]) {
    let status = StatusCode::from_u16(status).expect("a status");
    (status, [(header::LOCATION, place.unwrap_or_default())])
}

fn router() -> Router {
    Router::new()
        .route("/to", any(|place| elsewhere(307, place)))
        .route("/see", any(|place| elsewhere(303, place)))
        .route("/loop", get(|| elsewhere(302, RawQuery(Some("/loop".to_owned())))))
        .fallback(mirror)
}

#[tokio::test]
async fn another_host_sees_no_credentials_and_nothing_secret() {
    let port = serve(router()).await.port();
    let secrets = Secrets::default().with("KEY", "s3cr3t");
    let mut rig = Rig::with(|settings| Settings { secrets, ..settings }).await;
    let mut ask = async |from: &str, to: &str| -> Value {
        let request = json!({
            "method": "POST", "url": format!("http://{from}:{port}/to?http://{to}:{port}/end"),
            "headers": {
                "x-key": {"parts": [{"secret": "KEY"}]}, "cookie": "c=1", "x-plain": "plain",
            },
            "authentication": {"bearer": {"token": {"parts": [{"secret": "KEY"}]}}},
            "body": {"n": 1},
        });
        rig.output(request).await["body"].clone()
    };
    let same = ask("127.0.0.1", "127.0.0.1").await;
    assert_eq!(same["headers"]["authorization"], json!("Bearer s3cr3t"));
    assert_eq!(same["headers"]["x-key"], json!("s3cr3t"));
    let other = ask("127.0.0.1", "localhost").await;
    for name in ["authorization", "x-key", "cookie"] {
        assert_eq!(other["headers"][name], Value::Null, "{name}");
    }
    assert_eq!(other["headers"]["x-plain"], json!("plain"));
    assert_eq!(other["headers"]["idempotency-key"].as_str().map(str::len), Some(32));
    assert_eq!((&other["method"], &other["body"]), (&json!("POST"), &json!("{\"n\":1}")));
    assert!(!other.to_string().contains("s3cr3t"));
}

#[tokio::test]
async fn a_see_other_is_asked_for_with_get() {
    let address = serve(router()).await;
    let mut rig = Rig::new().await;
    let url = format!("http://{address}/see?/end");
    let seen = rig.output(json!({"method": "POST", "url": url, "body": {"n": 1}})).await;
    assert_eq!((&seen["body"]["method"], &seen["body"]["path"]), (&json!("GET"), &json!("/end")));
    assert_eq!(seen["body"]["body"], json!(""));
}

#[tokio::test]
async fn a_redirect_reaches_no_address_that_a_call_may_not() {
    let address = serve(router()).await;
    let mut rig = Rig::new().await;
    for place in [
        "http://169.254.169.254/latest/meta-data/",
        "http://2852039166/",
        "http://[::ffff:169.254.169.254]/",
        "//169.254.169.254/",
    ] {
        let url = format!("http://{address}/to?{place}");
        let failure = rig.failure(json!({"method": "GET", "url": url})).await;
        assert!(!failure.retryable, "{place}");
        assert!(detail(&failure).contains("metadata"), "{place}: {}", detail(&failure));
    }
    for place in ["file:///etc/passwd", "gopher://127.0.0.1/", "http://"] {
        let url = format!("http://{address}/to?{place}");
        let failure = rig.failure(json!({"method": "GET", "url": url})).await;
        assert!(!failure.retryable, "{place}");
        assert!(detail(&failure).contains("no address of the web"), "{}", detail(&failure));
    }
}

#[tokio::test]
async fn a_call_is_not_sent_around_for_ever() {
    let address = serve(router()).await;
    let mut rig = Rig::new().await;
    let url = format!("http://{address}/loop");
    let failure = rig.failure(json!({"method": "GET", "url": url})).await;
    assert!(!failure.retryable);
    assert!(detail(&failure).contains("more than 5 times"), "{}", detail(&failure));
}
