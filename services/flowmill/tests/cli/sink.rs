//! A service that orders are forwarded to, in this process, so that it outlives the server.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use parking_lot::Mutex;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::watch;

/// A running service.
pub(crate) struct Sink {
    pub(crate) url: String,
    taken: Taken,
}

/// What the service has taken.
#[derive(Clone)]
struct Taken {
    calls: Arc<Mutex<Vec<(String, Value)>>>,
    /// Whether calls are left without an answer.
    holds: watch::Sender<bool>,
}

impl Sink {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let taken = Taken { calls: Arc::default(), holds: watch::Sender::new(false) };
        let router = Router::new().route("/orders", post(take)).with_state(taken.clone());
        flowmill_runtime::spawn("sink", async move { axum::serve(listener, router).await });
        Self { url, taken }
    }

    /// What was forwarded, by idempotency key. Fails when one key came with two bodies.
    pub(crate) fn by_key(&self) -> BTreeMap<String, Value> {
        let mut by_key: BTreeMap<String, Value> = BTreeMap::new();
        for (key, body) in self.taken.calls.lock().iter() {
            let earlier = by_key.insert(key.clone(), body.clone());
            assert!(earlier.is_none_or(|earlier| earlier == *body), "{key} came with two bodies");
        }
        by_key
    }

    /// How many calls came.
    pub(crate) fn calls(&self) -> usize {
        self.taken.calls.lock().len()
    }

    /// Leaves calls without an answer from now on.
    pub(crate) fn hold(&self) {
        self.taken.holds.send_replace(true);
    }

    /// Answers, also those who wait.
    pub(crate) fn let_go(&self) {
        self.taken.holds.send_replace(false);
    }
}

async fn take(State(taken): State<Taken>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let key = headers["idempotency-key"].to_str().unwrap().to_owned();
    taken.calls.lock().push((key, serde_json::from_slice(&body).unwrap()));
    taken.holds.subscribe().wait_for(|holds| !holds).await.unwrap();
    StatusCode::CREATED
}
