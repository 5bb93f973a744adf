//! Takes tasks from the gateway's stream and runs them.

use std::sync::Arc;
use std::time::Duration;

use flowmill_model::task::{Outcome, TaskRecord};
use flowmill_model::{BatchNumber, Epoch, Payload, Queue, TaskToken};
use flowmill_proto::v1;
use flowmill_proto::v1::work_request::Request;
use flowmill_proto::v1::work_response::Response;
use futures::stream::poll_fn;
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tonic::{Status, Streaming};

use super::answer::{self, Sign};
use super::{Client, RemoteWorker};
use crate::context::{Signs, TaskContext};
use crate::{attempt, outcome};

/// Pause before a stream that broke is opened again.
const AGAIN: Duration = Duration::from_secs(1);

/// How long a stream may take to end that this worker has finished.
const LAST_TASKS: Duration = Duration::from_secs(1);

/// What goes to the gateway over the stream.
type Requests = mpsc::UnboundedSender<v1::WorkRequest>;

impl RemoteWorker {
    /// Takes tasks until `stop`.
    pub(super) async fn serve(&self, stop: &CancellationToken) {
        while !stop.is_cancelled() {
            if let Err(status) = self.stream(stop).await {
                tracing::warn!(code = %status.code(), detail = status.message(),
                    "the gateway gives no tasks; it is asked again");
            }
            tokio::select! {
                biased;
                () = stop.cancelled() => {}
                () = sleep(AGAIN) => {}
            }
        }
    }

    /// Takes tasks from one stream until it ends, or `stop`.
    async fn stream(&self, stop: &CancellationToken) -> Result<(), Status> {
        let (requests, mut sent) = mpsc::unbounded_channel();
        for (queue, &credits) in &self.queues {
            let (queue, worker, weight) = (queue.to_string(), self.name.clone(), self.weight);
            say(&requests, Request::Subscribe(v1::Subscribe { queue, credits, worker, weight }));
        }
        let sent = poll_fn(move |context| sent.poll_recv(context));
        let mut client = self.client.clone();
        let opening = client.work(sent);
        let mut responses = tokio::select! {
            biased;
            () = stop.cancelled() => return Ok(()),
            opened = opening => opened?.into_inner(),
        };
        loop {
            let response = tokio::select! {
                biased;
                () = stop.cancelled() => break,
                response = responses.message() => response?,
            };
            let Some(v1::WorkResponse { response }) = response else { return Ok(()) };
            match response {
                Some(Response::Task(task)) => self.begin(task, requests.clone()),
                Some(Response::Refused(refused)) => {
                    return Err(Status::failed_precondition(refused.detail));
                }
                Some(Response::Accepted(_)) | None => {}
            }
        }
        drop(requests);
        // What was on its way goes back untried. A stream that does not end takes it along.
        drop(timeout(LAST_TASKS, self.hand_back(&mut responses)).await);
        Ok(())
    }

    async fn hand_back(&self, responses: &mut Streaming<v1::WorkResponse>) {
        while let Ok(Some(v1::WorkResponse { response })) = responses.message().await {
            if let Some(Response::Task(task)) = response {
                let client = self.client.clone();
                let giving = answer::give(client, task.token, Outcome::Later(0));
                drop(flowmill_runtime::spawn("task", self.running.track_future(giving)));
            }
        }
    }

    fn begin(&self, task: v1::Task, requests: Requests) {
        let (client, token) = (self.client.clone(), task.token.clone());
        let queue = task.queue.clone();
        let running = self.outcome(task);
        let answering = async move {
            let outcome = running.await;
            answer::give(client, token, outcome).await;
            say(&requests, Request::Credits(v1::Credits { queue, credits: 1 }));
        };
        drop(flowmill_runtime::spawn("task", self.running.track_future(answering)));
    }

    /// Runs a task to its end, whatever that is.
    fn outcome(&self, task: v1::Task) -> impl Future<Output = Outcome> + Send + 'static {
        let (handlers, abandon) = (Arc::clone(&self.handlers), self.abandon.clone());
        let client = self.client.clone();
        async move {
            let (token, input) = (task.token.clone(), Payload::from(task.input.clone()));
            let Some(record) = record(&task) else {
                return outcome::unreadable();
            };
            let Some(handler) = handlers.of(&record.task_type).cloned() else {
                let queue = Queue::new(&task.queue).unwrap_or_else(|_| record.task_type.clone());
                return outcome::unknown_type(&record.task_type, &queue, handlers.by_type.keys());
            };
            let signs = Signs::Gateway(signs(client, token));
            let context = TaskContext::begin(record, signs);
            attempt::run(handler, context, input, &abandon).await
        }
    }
}

fn say(requests: &Requests, request: Request) {
    // A stream that has ended is opened anew, with credits for all slots.
    requests.send(v1::WorkRequest { request: Some(request) }).unwrap_or_default();
}

/// Tells the gateway that an attempt is alive, in the background.
fn signs(client: Client, token: String) -> Sign {
    Arc::new(move || {
        let beating = answer::beat(client.clone(), token.clone());
        drop(flowmill_runtime::spawn("heartbeat", beating));
    })
}

/// A task as handlers know it; `None` when its parts cannot be read. Its token is the gateway's.
fn record(task: &v1::Task) -> Option<TaskRecord> {
    Some(TaskRecord {
        id: task.task_id.parse().ok()?,
        token: TaskToken::default(),
        epoch: Epoch::default(),
        batch: BatchNumber::default(),
        task_type: Queue::new(&task.task_type).ok()?,
        flow: task.flow.parse().ok()?,
        input: Payload::null(),
        timeout_ms: task.timeout_ms,
        trace: task.traceparent.parse().ok(),
    })
}
