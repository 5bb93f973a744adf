//! The server: connections, their bounds, and their end.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderValue, Request};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use flowmill_model::limits;
use flowmill_routing::ClusterToken;
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tonic::Status;
use tonic::server::NamedService;
use tower::ServiceExt;

use super::idle::ImpatientWriter;
use super::preface::{Protocol, Rewound, recognise};
use super::router;
use crate::{Gateway, WorkerServer, worker_service};

/// How long the server waits after it could not accept, such as for want of file descriptors.
const ACCEPT_AGAIN: Duration = Duration::from_millis(100);

/// Connections that did not end in time after a shutdown, and were cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} connections did not end in time and were cut")]
pub struct Abandoned(pub usize);

/// Serves the API on a listener until `shutdown` is done, then lets what is in flight finish.
///
/// HTTP/1.1 and HTTP/2 without TLS; gRPC for workers on the same address. Must be called within a tokio runtime.
///
/// # Errors
/// [`Abandoned`] when requests were still in flight [`limits::DRAIN_WAIT`] after `shutdown`.
pub async fn serve(
    listener: TcpListener,
    gateway: Gateway,
    shutdown: impl Future<Output = ()> + Send,
) -> Result<(), Abandoned> {
    let server = Server {
        router: with_grpc(&gateway),
        places: Arc::new(Semaphore::new(limits::HTTP_CONNECTIONS)),
        draining: gateway.0.draining.clone(),
        cut: CancellationToken::new(),
    };
    tokio::select! {
        biased;
        () = shutdown => {}
        () = server.draining.cancelled() => {}
        () = server.accept_all(&listener) => {}
    }
    drop(listener);
    gateway.drain();
    server.finish().await
}

/// The API's routes and, beside what is around them, the gRPC services: their bodies are streams
/// with bounds of their own.
fn with_grpc(gateway: &Gateway) -> Router {
    let path = format!("/{}/{{method}}", WorkerServer::NAME);
    let guard = from_fn_with_state(gateway.parts().settings.token.clone(), guard_grpc);
    Router::new()
        .route_service(&path, worker_service(gateway))
        .layer(guard)
        .fallback_service(router(gateway.clone()))
}

/// Lets those in who present the token that the API asks for, too.
async fn guard_grpc(
    State(token): State<Option<ClusterToken>>,
    request: axum::extract::Request,
    next: Next,
) -> Response {
    let presented = request.headers().get(AUTHORIZATION).map(HeaderValue::as_bytes);
    let known = |token: &ClusterToken| presented.is_some_and(|text| token.is_presented_by(text));
    if token.as_ref().is_none_or(known) {
        return next.run(request).await;
    }
    Status::unauthenticated("present the API's token as `authorization: Bearer TOKEN`").into_http()
}

struct Server {
    router: Router,
    /// One place for each connection.
    places: Arc<Semaphore>,
    /// Cancelled when connections are to end after the request they are in.
    draining: CancellationToken,
    /// Cancelled when connections are to end now.
    cut: CancellationToken,
}

impl Server {
    /// Accepts connections for ever.
    async fn accept_all(&self, listener: &TcpListener) {
        while let Ok(place) = Arc::clone(&self.places).acquire_owned().await {
            match listener.accept().await {
                Ok(accepted) => self.start(accepted, place),
                Err(error) if is_of_client(&error) => {}
                Err(error) => {
                    tracing::warn!(%error, "a connection cannot be accepted");
                    tokio::time::sleep(ACCEPT_AGAIN).await;
                }
            }
        }
    }

    fn start(&self, (stream, _): (TcpStream, SocketAddr), place: OwnedSemaphorePermit) {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "a connection keeps its delay");
        }
        let (router, draining) = (self.router.clone(), self.draining.clone());
        let cut = self.cut.clone();
        flowmill_runtime::spawn("connection", async move {
            tokio::select! {
                biased;
                () = cut.cancelled() => {}
                () = converse(stream, router, draining) => {}
            }
            drop(place);
        });
    }

    /// Waits until every connection has ended; cuts those that take too long.
    async fn finish(&self) -> Result<(), Abandoned> {
        let all = u32::try_from(limits::HTTP_CONNECTIONS).unwrap_or(u32::MAX);
        let ended = tokio::time::timeout(limits::DRAIN_WAIT, self.places.acquire_many(all)).await;
        if ended.is_ok() {
            return Ok(());
        }
        self.cut.cancel();
        Err(Abandoned(limits::HTTP_CONNECTIONS - self.places.available_permits()))
    }
}

/// Serves the requests of one connection.
async fn converse(stream: TcpStream, router: Router, draining: CancellationToken) {
    let stream = ImpatientWriter::new(stream, limits::HTTP_WRITE_WAIT);
    let recognised = tokio::select! {
        biased;
        () = draining.cancelled() => return,
        recognised = timeout(limits::HTTP_HEAD_WAIT, recognise(stream)) => recognised,
    };
    let Ok(Ok((protocol, stream))) = recognised else { return };
    let ended = match protocol {
        Protocol::Http1 => converse_http1(stream, router, draining).await,
        Protocol::Http2 => converse_http2(stream, router, draining).await,
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended early");
    }
}

type Stream = Rewound<ImpatientWriter<TcpStream>>;

async fn converse_http1(
    stream: Stream,
    router: Router,
    draining: CancellationToken,
) -> hyper::Result<()> {
    let service = service_fn(move |request: Request<Incoming>| {
        router.clone().oneshot(request.map(Body::new))
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits::HTTP_HEAD_WAIT)
        .max_headers(limits::HTTP_HEADERS)
        .max_buf_size(limits::HTTP_HEAD_BYTES)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    tokio::select! {
        biased;
        () = draining.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
        ended = connection.as_mut() => ended,
    }
}

async fn converse_http2(
    stream: Stream,
    router: Router,
    draining: CancellationToken,
) -> hyper::Result<()> {
    let service = service_fn(move |request: Request<Incoming>| {
        router.clone().oneshot(request.map(Body::new))
    });
    let connection = http2::Builder::new(Spawn)
        .timer(TokioTimer::new())
        .max_concurrent_streams(limits::HTTP2_STREAMS)
        .max_header_list_size(u32::try_from(limits::HTTP_HEAD_BYTES).unwrap_or(u32::MAX))
        .keep_alive_interval(limits::HTTP2_PING)
        .keep_alive_timeout(limits::HTTP2_PING_WAIT)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    tokio::select! {
        biased;
        () = draining.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
        ended = connection.as_mut() => ended,
    }
}

/// Runs the requests of an HTTP/2 connection beside each other.
#[derive(Clone, Copy)]
struct Spawn;

impl<F> hyper::rt::Executor<F> for Spawn
where
    F: Future<Output = ()> + Send + 'static,
{
    fn execute(&self, request: F) {
        drop(flowmill_runtime::spawn("request", request));
    }
}

/// The client was gone before it was accepted: nothing is wrong here.
fn is_of_client(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionRefused
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
    )
}
