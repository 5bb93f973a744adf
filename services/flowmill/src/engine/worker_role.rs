//! The worker role: runs the tasks of `http.request` and `kafka.produce` nodes, on every queue that a deployed flow
//! names for them.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use flowmill_catalog::{Catalogue, Deployed};
use flowmill_flow::NodeKind;
use flowmill_log::Log;
use flowmill_model::Queue;
use flowmill_runtime::{Clock, spawn};
use flowmill_telemetry::Metrics;
use flowmill_worker::{Secrets, Settings, StartError, http_worker};
use flowmill_worker_sdk::{Drained, Queues, WorkerError};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::options::WorkerOptions;
use super::queues::QueueWatch;

/// How long running calls may go on when the process is to end. They take their time beside the
/// gateway's connections, so it is a little less than those have.
const DRAIN: Duration = Duration::from_secs(8);

/// A running worker.
pub(crate) struct WorkerRole {
    stop: CancellationToken,
    running: JoinHandle<Result<Drained, WorkerError>>,
    following: JoinHandle<()>,
    looking: JoinHandle<()>,
    watch: QueueWatch,
}

impl WorkerRole {
    /// Starts the worker.
    ///
    /// # Errors
    /// When there is no HTTP client to be had.
    pub(crate) fn start(
        log: &Arc<dyn Log>,
        catalogue: &Catalogue,
        options: WorkerOptions,
        clock: Clock,
        metrics: Metrics,
    ) -> Result<Self, StartError> {
        let WorkerOptions { outgoing, slots, secrets_folder, kafka } = options;
        let defaults = Settings::new(clock);
        let settings = Settings {
            outgoing,
            slots: slots.unwrap_or(defaults.slots),
            secrets: secrets(secrets_folder),
            drain: DRAIN,
            kafka,
            metrics,
            ..defaults
        };
        let worker = http_worker(Arc::clone(log), settings)?;
        let watch = QueueWatch::new(Arc::clone(log), worker.figures());
        let following = follow(catalogue.clone(), worker.queues(), watch.clone());
        let following = spawn("worker-queues", following);
        let looking = spawn("queue-watch", watch.clone().look());
        let stop = CancellationToken::new();
        let running = spawn("worker", worker.run(stop.clone().cancelled_owned()));
        Ok(Self { stop, running, following, looking, watch })
    }

    /// How the queues stand.
    pub(crate) fn watch(&self) -> QueueWatch {
        self.watch.clone()
    }

    /// Takes nothing more; what runs goes on, within its bound.
    pub(crate) fn stop_taking(&self) {
        self.stop.cancel();
    }

    /// Takes nothing more and waits until what runs has ended, within its bound.
    pub(crate) async fn stop(self) {
        self.stop_taking();
        self.following.abort();
        self.looking.abort();
        match self.running.await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => tracing::warn!(%error, "the worker ended early"),
            Err(error) => tracing::error!(%error, "the worker panicked"),
        }
    }
}

/// Secrets from variables, then from the folder that is set.
fn secrets(folder: Option<PathBuf>) -> Secrets {
    let secrets = Secrets::from_environment();
    match folder {
        Some(folder) => secrets.in_folder(folder),
        None => secrets,
    }
}

/// Serves the queues of every flow that is or will be deployed. Ends when it is aborted.
async fn follow(mut catalogue: Catalogue, served: Queues, watch: QueueWatch) {
    loop {
        for default in catalogue.flows() {
            for version in catalogue.versions(&default.record.flow.flow) {
                take(&version, &served, &watch);
            }
        }
        catalogue.changed().await;
    }
}

fn take(version: &Deployed, served: &Queues, watch: &QueueWatch) {
    for node in version.flow.nodes() {
        if let NodeKind::HttpRequest { queue, .. } | NodeKind::KafkaProduce { queue, .. } =
            &node.kind
        {
            served.serve(queue.clone());
        }
        if let Some(queue) = queue_of(&node.kind) {
            watch.know(queue);
        }
    }
}

/// The queue that a node's tasks go to, if it has any.
const fn queue_of(kind: &NodeKind) -> Option<&Queue> {
    match kind {
        NodeKind::Task { queue, .. }
        | NodeKind::HttpRequest { queue, .. }
        | NodeKind::KafkaProduce { queue, .. } => Some(queue),
        NodeKind::Start
        | NodeKind::End
        | NodeKind::Filter { .. }
        | NodeKind::Map { .. }
        | NodeKind::Set { .. }
        | NodeKind::Switch { .. }
        | NodeKind::Merge { .. }
        | NodeKind::Wait(_)
        | NodeKind::Signal { .. }
        | NodeKind::ForEach { .. }
        | NodeKind::While { .. }
        | NodeKind::Try { .. }
        | NodeKind::Race { .. }
        | NodeKind::Fail { .. } => None,
    }
}
