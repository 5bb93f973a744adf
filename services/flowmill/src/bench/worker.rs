//! The workload's own worker, which runs in the measuring process.

use std::sync::Arc;

use flowmill_client::Server;
use flowmill_log::Log;
use flowmill_worker_sdk::{
    BuildError, Drained, RemoteBuildError, RemoteWorker, TaskContext, TaskError, Worker,
    WorkerError,
};
use serde::Deserialize;
use serde_json::Value;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// The type of the tasks of every workload that has some.
const STEP: &str = "bench-step";

/// A running worker.
pub(crate) struct BenchWorker {
    stop: CancellationToken,
    running: JoinHandle<Result<Drained, WorkerError>>,
}

impl BenchWorker {
    /// Starts one that takes tasks from the log.
    ///
    /// # Errors
    /// None in practice: the worker's parts are constant.
    pub(crate) fn on_log(log: Arc<dyn Log>) -> Result<Self, BuildError> {
        let worker = Worker::builder(log).task(STEP, step).build()?;
        Ok(Self::start(|stop| worker.run(stop.cancelled_owned())))
    }

    /// Starts one that takes tasks from a server's worker gateway.
    ///
    /// # Errors
    /// When the token cannot be sent.
    pub(crate) fn at(server: &Server, token: Option<&str>) -> Result<Self, RemoteBuildError> {
        let builder = RemoteWorker::builder(&server.to_string()).name("flowmill-bench");
        let builder = match token {
            Some(token) => builder.api_token(token),
            None => builder,
        };
        let worker = builder.task(STEP, step).build()?;
        Ok(Self::start(|stop| async move { Ok(worker.run(stop.cancelled_owned()).await) }))
    }

    fn start<F>(run: impl FnOnce(CancellationToken) -> F) -> Self
    where
        F: Future<Output = Result<Drained, WorkerError>> + Send + 'static,
    {
        let stop = CancellationToken::new();
        let running = flowmill_runtime::spawn("bench-worker", run(stop.clone()));
        Self { stop, running }
    }

    /// Ends it, once what it runs has ended.
    pub(crate) async fn stop(self) {
        self.stop.cancel();
        if let Ok(Err(error)) = self.running.await {
            tracing::warn!(%error, "the workload's worker ended early");
        }
    }
}

/// The input of a step: what it is to answer.
#[derive(Deserialize)]
struct Step {
    answer: Value,
}

async fn step(_: TaskContext, step: Step) -> Result<Value, TaskError> {
    Ok(step.answer)
}
