//! The service the demonstration forwards orders to: an HTTP server on a free port of this
//! machine, which writes down every call.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use flowmill_api::headers as names;
use parking_lot::Mutex;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// One call of the service.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Call {
    /// The `Idempotency-Key` header.
    pub(crate) key: Option<String>,
    /// The body; `None` when it is no JSON.
    pub(crate) body: Option<Value>,
}

type Calls = Arc<Mutex<Vec<Call>>>;

/// A running service. It ends when this is dropped.
pub(crate) struct Sink {
    address: SocketAddr,
    calls: Calls,
    server: JoinHandle<()>,
}

impl Sink {
    /// Starts the service on a free port.
    ///
    /// # Errors
    /// When there is none.
    pub(crate) async fn start() -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let (address, calls) = (listener.local_addr()?, Calls::default());
        let router = Router::new().route("/orders", post(take)).with_state(Arc::clone(&calls));
        let server = flowmill_runtime::spawn("sink", async move {
            if let Err(error) = axum::serve(listener, router).await {
                tracing::error!(%error, "the demonstration's service ended");
            }
        });
        Ok(Self { address, calls, server })
    }

    /// Where it listens, as the beginning of a URL.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Every call so far, in order.
    pub(crate) fn calls(&self) -> Vec<Call> {
        self.calls.lock().clone()
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn take(State(calls): State<Calls>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let key = headers.get(names::IDEMPOTENCY_KEY).and_then(|value| value.to_str().ok());
    let call = Call { key: key.map(str::to_owned), body: serde_json::from_slice(&body).ok() };
    calls.lock().push(call);
    StatusCode::CREATED
}
