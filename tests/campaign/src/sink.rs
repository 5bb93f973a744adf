//! The service that executions call: it records every call, and outlives everything else.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use axum::routing::post;
use flowmill_runtime::spawn;
use parking_lot::Mutex;
use tokio::net::TcpListener;
use tokio::sync::watch;

/// The running service.
pub(crate) struct Sink {
    /// Where it is.
    pub(crate) url: String,
    /// Where it is under another host's address, at which calls may hang.
    pub(crate) hanging: String,
    calls: Calls,
    hangs: watch::Sender<bool>,
}

/// Calls by their idempotency key.
type Calls = Arc<Mutex<BTreeMap<String, Called>>>;

/// What came under one key.
#[derive(Clone, Debug, Default)]
pub(crate) struct Called {
    /// How often.
    pub(crate) times: u32,
    /// The body; the first one, if there were several.
    pub(crate) body: Bytes,
    /// Whether another body came under the same key.
    pub(crate) differed: bool,
}

impl Sink {
    /// Starts it on a free port.
    pub(crate) async fn start() -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        let calls = Calls::default();
        let router = Router::new()
            .route("/calls", post(take))
            .route("/shy", post(take_the_second))
            .with_state(Arc::clone(&calls));
        let (hangs, hanging) = watch::channel(false);
        let slow = router.clone().layer(from_fn_with_state(hanging, hang));
        spawn("sink", async move { axum::serve(listener, router).await });
        let listener = TcpListener::bind("127.0.0.2:0").await?;
        let hanging = format!("http://{}", listener.local_addr()?);
        spawn("hanging sink", async move { axum::serve(listener, slow).await });
        Ok(Self { url, hanging, calls, hangs })
    }

    /// Has calls to the other address hang, those under way too, or answers them all.
    pub(crate) fn hang(&self, hangs: bool) {
        self.hangs.send_replace(hangs);
    }

    /// Everything that came, by key.
    pub(crate) fn calls(&self) -> BTreeMap<String, Called> {
        self.calls.lock().clone()
    }
}

/// Lets a request wait for as long as all do.
async fn hang(
    State(mut hangs): State<watch::Receiver<bool>>,
    request: Request,
    next: Next,
) -> Response {
    // Without its sender nothing hangs any more.
    drop(hangs.wait_for(|hangs| !hangs).await);
    next.run(request).await
}

async fn take(State(calls): State<Calls>, headers: HeaderMap, body: Bytes) -> StatusCode {
    match note(&calls, &headers, body) {
        0 => StatusCode::BAD_REQUEST,
        _ => StatusCode::CREATED,
    }
}

/// Fails the first call under each key.
async fn take_the_second(
    State(calls): State<Calls>,
    headers: HeaderMap,
    body: Bytes,
) -> StatusCode {
    match note(&calls, &headers, body) {
        0 => StatusCode::BAD_REQUEST,
        1 => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::CREATED,
    }
}

/// Notes a call; gives how many came under its key by now, 0 when it has none.
fn note(calls: &Calls, headers: &HeaderMap, body: Bytes) -> u32 {
    let Some(key) = headers.get("idempotency-key").and_then(|key| key.to_str().ok()) else {
        return 0;
    };
    let mut calls = calls.lock();
    let called = calls.entry(key.to_owned()).or_default();
    called.times += 1;
    if called.times == 1 {
        called.body = body;
    } else {
        called.differed |= called.body != body;
    }
    called.times
}
