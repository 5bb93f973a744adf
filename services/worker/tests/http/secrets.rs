//! Secrets get to where they are meant to go, and nowhere else.

use std::io;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::Path;
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::routing::any;
use flowmill_model::task::Outcome;
use flowmill_worker::{Secrets, Settings};
use serde_json::{Value, json};

use crate::requests::mirror;
use crate::rig::{Rig, detail, nobody, serve, serve_raw};

const CANARY: &str = "canary-7f3a9c";

/// The canary as the header of basic authentication carries it.
const CANARY_ENCODED: &str = "bWU6Y2FuYXJ5LTdmM2E5Yw==";

/// Everything logged so far.
#[derive(Clone, Default)]
struct Logged(Arc<Mutex<Vec<u8>>>);

impl io::Write for Logged {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("nobody panics").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn secret() -> Value {
    json!({"parts": [{"secret": "KEY"}]})
}

/// A request with a secret wherever there may be one.
fn loaded(url: &str) -> Value {
    json!({
        "method": "POST", "url": url, "body": {"n": 1},
        "headers": {"x-key": {"parts": ["k-", {"secret": "KEY"}]}},
        "query": {"token": secret(), "tokens": [secret()]},
        "authentication": {"basic": {"username": "me", "password": secret()}},
    })
}

async fn loaded_rig() -> Rig {
    let secrets = Secrets::default().with("KEY", CANARY).with("BROKEN", format!("{CANARY}\n"));
    Rig::with(|settings| Settings { secrets, ..settings }).await
}

/// Repeats everything it was told, in the body and in the place it redirects to.
async fn parrot(
    Path(status): Path<u16>,
    uri: Uri,
    headers: HeaderMap,
) -> impl axum::response::IntoResponse {
    let said = format!("{uri} {headers:?}");
    let place = format!("http://elsewhere.invalid/{CANARY}?{}", uri.query().unwrap_or_default());
    (StatusCode::from_u16(status).expect("a status"), [(header::LOCATION, place)], said)
}

#[tokio::test]
async fn a_missing_secret_is_named_and_fails_the_task_for_good() {
    let mut rig = loaded_rig().await;
    let url = "http://127.0.0.1:1/";
    let request =
        json!({"method": "GET", "url": url, "headers": {"a": {"parts": [{"secret": "OTHER"}]}}});
    let failure = rig.failure(request).await;
    assert!(!failure.retryable);
    assert!(detail(&failure).contains("FLOWMILL_SECRET_OTHER"), "{}", detail(&failure));
}

#[tokio::test]
async fn data_that_looks_like_a_secret_is_data() {
    let mut rig = loaded_rig().await;
    let address = serve(Router::new().fallback(mirror)).await;
    let url = format!("http://{address}/");
    let text = "${ $secrets.KEY }";
    let request = json!({
        "method": "POST", "url": url, "headers": {"a": text}, "body": {"parts": [{"secret": "KEY"}]},
    });
    let seen = rig.output(request).await;
    assert_eq!(seen["body"]["headers"]["a"], json!(text));
    assert!(!seen.to_string().contains(CANARY));
}

#[tokio::test]
async fn the_value_of_a_secret_is_in_no_failure_and_no_log_line() {
    let logged = Logged::default();
    let writer = logged.clone();
    tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(move || writer.clone())
        .init();
    let router = Router::new().route("/say/{status}", any(parrot)).fallback(mirror);
    let server = serve(router).await;
    let (_kept, nobody) = nobody();
    let cut = serve_raw(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc", false).await;
    let garbage = serve_raw(b"nonsense\r\n\r\n", false).await;
    let mut rig = loaded_rig().await;
    let seen = rig.output(loaded(&format!("http://{server}/"))).await;
    assert!(seen.to_string().contains(CANARY), "it gets to where it is meant to go");
    assert!(seen.to_string().contains(CANARY_ENCODED), "and so does its encoded form");
    let mut failed = Vec::new();
    for url in [
        format!("http://{server}/say/400"),
        format!("http://{server}/say/503"),
        format!("http://{server}/say/307"),
        format!("http://{server}/say/302"),
        format!("http://{nobody}/"),
        format!("http://{cut}/"),
        format!("http://{garbage}/"),
        format!("https://{server}/"),
        "http://169.254.169.254/".to_owned(),
    ] {
        failed.push(rig.call(loaded(&url)).await);
    }
    let mut unusable = loaded(&format!("http://{server}/"));
    unusable["headers"]["x-key"] = json!({"parts": [{"secret": "BROKEN"}]});
    failed.push(rig.call(unusable).await);
    for outcome in failed {
        let Outcome::Failed(failure) = outcome else { panic!("expected a failure: {outcome:?}") };
        let told = format!("{failure:?}");
        assert!(!told.contains(CANARY) && !told.contains(CANARY_ENCODED), "{told}");
    }
    let logged = logged.0.lock().expect("nobody panics").clone();
    let logged = String::from_utf8(logged).expect("logs are text");
    assert!(logged.contains("spawned"), "the most talkative level is heard");
    assert!(logged.contains("starting new connection"), "and so are the client's own words");
    let ours = |line: &&str| !line.contains("axum::") && !line.contains("tower_http::");
    for line in logged.lines().filter(ours) {
        assert!(!line.contains(CANARY) && !line.contains(CANARY_ENCODED), "{line}");
    }
}
