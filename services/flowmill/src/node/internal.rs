//! What a node answers other nodes and those who operate it: the shard service by gRPC, and
//! health, readiness and metrics by HTTP, on one address.

use std::time::Duration;

use flowmill_gateway::{Gateway, operations};
use flowmill_routing::{Owners, ShardServer, Trust};
use flowmill_runtime::spawn;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;

/// How often a quiet connection is tried.
const KEEP_ALIVE: Duration = Duration::from_secs(10);

/// How long calls in flight may take at the end. Askers ask the next owner.
const END_WITHIN: Duration = Duration::from_secs(1);

/// The running server.
pub(crate) struct Internal {
    stop: CancellationToken,
    running: JoinHandle<Result<(), tonic::transport::Error>>,
}

impl Internal {
    /// Serves on a listener.
    pub(crate) fn serve(
        listener: TcpListener,
        gateway: &Gateway,
        owners: &Owners,
        trust: Trust,
    ) -> Self {
        let stop = CancellationToken::new();
        let routes = Routes::from(operations(gateway.clone()));
        let routes = routes.add_service(ShardServer::service(owners, trust));
        let server = Server::builder()
            .accept_http1(true)
            .http2_keepalive_interval(Some(KEEP_ALIVE))
            .add_routes(routes);
        let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
        let stopped = stop.clone().cancelled_owned();
        let serving = server.serve_with_incoming_shutdown(incoming, stopped);
        Self { stop, running: spawn("internal server", serving) }
    }

    /// Takes no more calls and ends, at the latest after [`END_WITHIN`].
    pub(crate) async fn stop(self) {
        self.stop.cancel();
        let abort = self.running.abort_handle();
        match tokio::time::timeout(END_WITHIN, self.running).await {
            Ok(Ok(Ok(()))) => {}
            Ok(Ok(Err(error))) => tracing::warn!(%error, "the internal server ended early"),
            Ok(Err(error)) => tracing::error!(%error, "the internal server panicked"),
            Err(_) => abort.abort(),
        }
    }
}
