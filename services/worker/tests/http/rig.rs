//! A worker on a log in memory, and servers for it to call.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::sync::Arc;

use axum::Router;
use flowmill_events::{decode_result, encode_task};
use flowmill_log::{
    Log, MemoryLog, Partition, ReadLimit, Reader, Retention, Survival, Topic, TopicSpec,
};
use flowmill_model::task::{Failure, Outcome, TaskRecord};
use flowmill_model::{
    Activation, BatchNumber, Epoch, ExecutionId, FlowName, NodeIndex, Offset, Payload, Queue,
    ShardId, TaskId, TaskToken, Timestamp,
};
use flowmill_runtime::{Clock, spawn};
use flowmill_worker::{HTTP_QUEUE, HTTP_TASK, OutgoingPolicy, Settings, http_worker};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket};
use tokio_util::sync::{CancellationToken, DropGuard};

/// The worker's time: 1994-11-06T08:49:37Z, the date of the standard's examples.
pub(crate) const NOW: Timestamp = Timestamp::from_millis(784_111_777_000);

/// A worker, and the log it works on. Both end when this is dropped.
pub(crate) struct Rig {
    log: MemoryLog,
    results: Box<dyn Reader>,
    sent: u128,
    _stop: DropGuard,
}

impl Rig {
    /// A worker that may reach private addresses.
    pub(crate) async fn new() -> Self {
        Self::with(|settings| settings).await
    }

    /// A worker with other settings.
    pub(crate) async fn with(change: impl FnOnce(Settings) -> Settings) -> Self {
        let log = MemoryLog::new();
        let queue = Queue::new(HTTP_QUEUE).expect("a valid name");
        for topic in [Topic::Tasks(queue), Topic::Results] {
            let (partitions, retention) = (1, Retention::UntilTrimmed);
            let spec = TopicSpec { topic, partitions, retention, survival: Survival::Derivable };
            log.ensure(spec).await.expect("a new topic");
        }
        let mut settings = Settings::new(Clock::starting_at(NOW));
        settings.outgoing = OutgoingPolicy::allow_private();
        let worker = http_worker(Arc::new(log.clone()), change(settings)).expect("a worker");
        let stop = CancellationToken::new();
        drop(spawn("worker", worker.run(stop.clone().cancelled_owned())));
        let results = log.reader(&Partition::new(Topic::Results, 0), Offset::default());
        Self { log, results, sent: 0, _stop: stop.drop_guard() }
    }

    /// A task that asks for `request`, unlike any before.
    pub(crate) fn task(&mut self, request: &Value) -> TaskRecord {
        self.sent += 1;
        let execution = ExecutionId::new(ShardId::new(0), self.sent);
        let activation = Activation::new(NodeIndex::new(1), 0);
        TaskRecord {
            id: TaskId { execution, activation, attempt: 1 },
            token: TaskToken::new(1),
            epoch: Epoch::new(1),
            batch: BatchNumber::new(1),
            task_type: Queue::new(HTTP_TASK).expect("a valid name"),
            flow: "shop/orders".parse::<FlowName>().expect("a valid name"),
            input: Payload::from(request.to_string().into_bytes()),
            timeout_ms: 20_000,
            trace: None,
        }
    }

    /// Sends a task.
    pub(crate) async fn send(&self, task: &TaskRecord) {
        let to = Partition::new(Topic::Tasks(Queue::new(HTTP_QUEUE).expect("a valid name")), 0);
        self.log.append(&to, encode_task(task)).await.expect("it is written");
    }

    /// What came of the next task to end.
    pub(crate) async fn outcome(&mut self) -> Outcome {
        let limit = ReadLimit { records: NonZeroUsize::MIN, bytes: usize::MAX };
        let read = self.results.read(limit).await.expect("it is readable");
        decode_result(&read[0].record).expect("a result").outcome
    }

    /// Has a task run.
    pub(crate) async fn run(&mut self, task: &TaskRecord) -> Outcome {
        self.send(task).await;
        self.outcome().await
    }

    /// Has a request made.
    pub(crate) async fn call(&mut self, request: Value) -> Outcome {
        let task = self.task(&request);
        self.run(&task).await
    }

    /// The output of a request that succeeds.
    pub(crate) async fn output(&mut self, request: Value) -> Value {
        let outcome = self.call(request).await;
        let Outcome::Completed(output) = outcome else { panic!("expected an output: {outcome:?}") };
        serde_json::from_slice(output.as_bytes()).expect("it is JSON")
    }

    /// The failure of a request that fails.
    pub(crate) async fn failure(&mut self, request: Value) -> Failure {
        failure(self.call(request).await)
    }
}

pub(crate) fn failure(outcome: Outcome) -> Failure {
    let Outcome::Failed(failure) = outcome else { panic!("expected a failure: {outcome:?}") };
    failure
}

pub(crate) fn detail(failure: &Failure) -> &str {
    failure.problem.detail.as_deref().unwrap_or_default()
}

/// Serves `router` on a free port of the machine itself.
pub(crate) async fn serve(router: Router) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    drop(spawn("server", async move { axum::serve(listener, router).await }));
    address
}

/// Answers the first bytes of each connection with `answer`, then closes it; or, told to hold it,
/// leaves it open.
pub(crate) async fn serve_raw(answer: &'static [u8], hold: bool) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    drop(spawn("server", async move {
        let mut held = Vec::new();
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut asked = [0; 4_096];
            let read = stream.read(&mut asked).await;
            let written = stream.write_all(answer).await;
            if read.is_ok() && written.is_ok() && hold {
                held.push(stream);
            }
        }
    }));
    address
}

/// An address where nobody listens, for as long as the socket is kept.
pub(crate) fn nobody() -> (TcpSocket, SocketAddr) {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.bind(([127, 0, 0, 1], 0).into()).expect("a free port");
    let address = socket.local_addr().expect("it is bound");
    (socket, address)
}
