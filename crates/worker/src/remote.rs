//! A worker in a process of its own: takes tasks from a gateway, over gRPC.
//!
//! The handlers are those of a [`Worker`](crate::Worker). A stream brings tasks, as many as there
//! are slots; what came of each goes back by a call of its own, which is repeated until the gateway
//! says that the result is durable, or that nobody waits for it any more. When the stream breaks,
//! it is opened again; what runs goes on.

mod answer;
mod builder;
mod serve;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use flowmill_model::Queue;
use flowmill_proto::v1::worker_service_client::WorkerServiceClient;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tonic::metadata::AsciiMetadataValue;
use tonic::service::Interceptor;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::Channel;
use tonic::{Request, Status};

pub(crate) use self::answer::Sign;
pub use self::builder::{RemoteBuildError, RemoteBuilder};
use crate::Drained;
use crate::handler::Handlers;

/// A client of the worker gateway.
type Client = WorkerServiceClient<InterceptedService<Channel, Bearer>>;

/// Says who calls, if the gateway wants to know.
#[derive(Clone)]
struct Bearer(Option<AsciiMetadataValue>);

impl Interceptor for Bearer {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        if let Some(bearer) = &self.0 {
            request.metadata_mut().insert("authorization", bearer.clone());
        }
        Ok(request)
    }
}

/// Runs the tasks of some types that a gateway lends.
pub struct RemoteWorker {
    client: Client,
    name: String,
    weight: u32,
    /// Credits for each queue.
    queues: BTreeMap<Queue, u32>,
    handlers: Arc<Handlers>,
    drain: Duration,
    running: TaskTracker,
    /// Cancelled when what still runs is to be given up.
    abandon: CancellationToken,
}

impl RemoteWorker {
    /// Begins to put a worker together that takes tasks from the gateway at `address`, such as
    /// `http://127.0.0.1:7400`.
    pub fn builder(address: &str) -> RemoteBuilder {
        RemoteBuilder::new(address)
    }

    /// Runs until `shutdown` is done: then takes no more tasks, lets what runs finish within the
    /// bound of [`RemoteBuilder::drain_within`], and answers. A gateway that cannot be reached is
    /// tried again for as long as that takes.
    ///
    /// Must be called within a tokio runtime.
    pub async fn run(self, shutdown: impl Future<Output = ()> + Send) -> Drained {
        let stop = CancellationToken::new();
        {
            let mut serving = std::pin::pin!(self.serve(&stop));
            tokio::select! {
                biased;
                () = shutdown => {
                    stop.cancel();
                    serving.await;
                }
                () = &mut serving => {}
            }
        }
        self.running.close();
        if tokio::time::timeout(self.drain, self.running.wait()).await.is_ok() {
            return Drained { given_up: 0 };
        }
        let given_up = self.running.len();
        self.abandon.cancel();
        drop(tokio::time::timeout(LAST_WORDS, self.running.wait()).await);
        tracing::warn!(given_up, "tasks did not end in time and were given up");
        Drained { given_up }
    }
}

/// How long tasks that were given up have to say so.
const LAST_WORDS: Duration = Duration::from_secs(1);

impl fmt::Debug for RemoteWorker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteWorker")
            .field("name", &self.name)
            .field("queues", &self.queues)
            .finish_non_exhaustive()
    }
}
