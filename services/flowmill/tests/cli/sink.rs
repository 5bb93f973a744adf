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

type Calls = Arc<Mutex<Vec<(String, Value)>>>;

/// A running service.
pub(crate) struct Sink {
    pub(crate) url: String,
    calls: Calls,
}

impl Sink {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let calls = Calls::default();
        let router = Router::new().route("/orders", post(take)).with_state(Arc::clone(&calls));
        flowmill_runtime::spawn("sink", async move { axum::serve(listener, router).await });
        Self { url, calls }
    }

    /// What was forwarded, by idempotency key. Fails when one key came with two bodies.
    pub(crate) fn by_key(&self) -> BTreeMap<String, Value> {
        let mut by_key: BTreeMap<String, Value> = BTreeMap::new();
        for (key, body) in self.calls.lock().iter() {
            let earlier = by_key.insert(key.clone(), body.clone());
            assert!(earlier.is_none_or(|earlier| earlier == *body), "{key} came with two bodies");
        }
        by_key
    }
}

async fn take(State(calls): State<Calls>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let key = headers["idempotency-key"].to_str().unwrap().to_owned();
    calls.lock().push((key, serde_json::from_slice(&body).unwrap()));
    StatusCode::CREATED
}
