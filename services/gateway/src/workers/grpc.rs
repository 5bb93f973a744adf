//! The worker gateway over gRPC.

use std::pin::Pin;
use std::time::Duration;

use flowmill_model::{ErrorCode, Payload, Problem, limits};
use flowmill_proto::v1;
use flowmill_proto::v1::worker_service_server::{WorkerService, WorkerServiceServer};
use futures::Stream;
use tonic::metadata::MetadataValue;
use tonic::{Code, Request, Response, Status, Streaming};

use super::stream::work;
use super::{Answer, LentTask, PollRequest};
use crate::{Gateway, Refusal};

/// The metadata that carries the error code of a refused call.
const CODE: &str = "flowmill-code";

/// Bytes of a message that are read: more than the largest output that is taken, so that one a
/// little over the limit is told so.
const MESSAGE_BYTES: usize = 2 * limits::PAYLOAD_BYTES;

/// The gRPC service of a gateway, to be mounted beside its HTTP API.
pub type WorkerServer = WorkerServiceServer<Service>;

/// Answers gRPC calls of workers.
#[derive(Clone)]
pub struct Service(Gateway);

/// The worker service of a gateway.
pub fn worker_service(gateway: &Gateway) -> WorkerServer {
    WorkerServiceServer::new(Service(gateway.clone())).max_decoding_message_size(MESSAGE_BYTES)
}

#[tonic::async_trait]
impl WorkerService for Service {
    type WorkStream = Pin<Box<dyn Stream<Item = Result<v1::WorkResponse, Status>> + Send>>;

    async fn work(
        &self,
        request: Request<Streaming<v1::WorkRequest>>,
    ) -> Result<Response<Self::WorkStream>, Status> {
        Ok(Response::new(Box::pin(work(self.0.clone(), request.into_inner()))))
    }

    async fn poll(
        &self,
        request: Request<v1::PollRequest>,
    ) -> Result<Response<v1::PollResponse>, Status> {
        let v1::PollRequest { queue, max_tasks, wait_ms, worker, weight } = request.into_inner();
        let wait = Duration::from_millis(u64::from(wait_ms));
        let polled = self.0.poll(PollRequest { worker, weight, queue, max_tasks, wait }).await;
        let tasks = polled.map_err(status)?.into_iter().map(task).collect();
        Ok(Response::new(v1::PollResponse { tasks }))
    }

    async fn complete(
        &self,
        request: Request<v1::CompleteRequest>,
    ) -> Result<Response<v1::CompleteResponse>, Status> {
        let (token, answer) = completion(request.into_inner());
        self.0.answer(&token, answer).await.map_err(status)?;
        Ok(Response::new(v1::CompleteResponse {}))
    }

    async fn fail(
        &self,
        request: Request<v1::FailRequest>,
    ) -> Result<Response<v1::FailResponse>, Status> {
        let (token, answer) = failure(request.into_inner());
        self.0.answer(&token, answer).await.map_err(status)?;
        Ok(Response::new(v1::FailResponse {}))
    }

    async fn throw(
        &self,
        request: Request<v1::ThrowRequest>,
    ) -> Result<Response<v1::ThrowResponse>, Status> {
        let (token, answer) = thrown(request.into_inner());
        self.0.answer(&token, answer).await.map_err(status)?;
        Ok(Response::new(v1::ThrowResponse {}))
    }

    async fn postpone(
        &self,
        request: Request<v1::PostponeRequest>,
    ) -> Result<Response<v1::PostponeResponse>, Status> {
        let (token, answer) = postponement(request.into_inner());
        self.0.answer(&token, answer).await.map_err(status)?;
        Ok(Response::new(v1::PostponeResponse {}))
    }

    async fn heartbeat(
        &self,
        request: Request<v1::HeartbeatRequest>,
    ) -> Result<Response<v1::HeartbeatResponse>, Status> {
        self.0.heartbeat(&request.into_inner().token).await.map_err(status)?;
        Ok(Response::new(v1::HeartbeatResponse {}))
    }
}

pub(super) fn completion(request: v1::CompleteRequest) -> (String, Answer) {
    (request.token, Answer::Complete(Payload::from(request.output)))
}

pub(super) fn failure(request: v1::FailRequest) -> (String, Answer) {
    let after = Duration::from_millis(request.retry_after_ms);
    (request.token, Answer::Fail(problem(request.problem), after))
}

pub(super) fn thrown(request: v1::ThrowRequest) -> (String, Answer) {
    (request.token, Answer::Throw(problem(request.problem)))
}

pub(super) fn postponement(request: v1::PostponeRequest) -> (String, Answer) {
    (request.token, Answer::Postpone(Duration::from_millis(request.delay_ms)))
}

/// A problem with what was left out filled in.
fn problem(told: Option<v1::TaskProblem>) -> Problem {
    let v1::TaskProblem { r#type, status, title, detail } = told.unwrap_or_default();
    let or = |text: String, otherwise: &str| if text.is_empty() { otherwise.into() } else { text };
    let failed = ErrorCode::TaskFailed;
    let status = u16::try_from(status).ok().filter(|status| (400..=599).contains(status));
    Problem {
        kind: or(r#type, &failed.type_uri()),
        status: status.unwrap_or(failed.status()),
        title: or(title, failed.title()),
        detail: Some(detail).filter(|detail| !detail.is_empty()),
        instance: None,
    }
}

/// A lent task as the protocol has it.
pub(super) fn task(task: LentTask) -> v1::Task {
    let LentTask { token, queue, context, input } = task;
    let id = context.task_id();
    v1::Task {
        token,
        queue: queue.to_string(),
        task_type: context.task_type().to_string(),
        input: input.as_bytes().clone(),
        execution_id: id.execution.to_string(),
        task_id: id.to_string(),
        attempt: id.attempt,
        flow: context.flow().to_string(),
        timeout_ms: u64::try_from(context.timeout().as_millis()).unwrap_or(u64::MAX),
        idempotency_key: context.idempotency_key(),
        traceparent: context.trace().map(|trace| trace.to_string()).unwrap_or_default(),
    }
}

/// A refusal as the status of a call.
fn status(refusal: Refusal) -> Status {
    let code = refusal.code;
    let mut status = Status::new(grpc_code(code), refusal.detail);
    status.metadata_mut().insert(CODE, MetadataValue::from_static(code.as_str()));
    status
}

fn grpc_code(code: ErrorCode) -> Code {
    match code.status() {
        400 | 413 | 415 | 422 => Code::InvalidArgument,
        404 => Code::NotFound,
        408 => Code::DeadlineExceeded,
        409 => Code::FailedPrecondition,
        429 => Code::ResourceExhausted,
        502 | 503 => Code::Unavailable,
        _ => Code::Internal,
    }
}
