//! A worker's stream: tasks go out as they come and as it has credits, its requests come in.
//!
//! Requests are answered beside each other: one whose result is not durable yet holds up no
//! other. When as many are under way as may be, no more are read, and the client's flow control
//! does the rest.

use flowmill_model::limits;
use flowmill_proto::v1;
use flowmill_proto::v1::work_request::Request;
use flowmill_proto::v1::work_response::Response;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use futures::{FutureExt, Stream, StreamExt, stream};
use tonic::{Status, Streaming};

use super::grpc::{completion, failure, postponement, task, thrown};
use super::subscription::{Subscription, queue_named, weight_of, worker_name};
use crate::{Gateway, Refusal};

struct Work {
    gateway: Gateway,
    requests: Streaming<v1::WorkRequest>,
    /// Whether the worker may still say something.
    open: bool,
    subscription: Subscription,
    answering: FuturesUnordered<BoxFuture<'static, Response>>,
}

/// What a worker's stream gets, until it or the gateway ends.
pub(super) fn work(
    gateway: Gateway,
    requests: Streaming<v1::WorkRequest>,
) -> impl Stream<Item = Result<v1::WorkResponse, Status>> {
    let subscription = Subscription::new(&gateway);
    let answering = FuturesUnordered::new();
    let work = Work { gateway, requests, open: true, subscription, answering };
    stream::unfold(work, |mut work| async move {
        let response = work.next().await?;
        Some((Ok(v1::WorkResponse { response: Some(response) }), work))
    })
}

impl Work {
    /// The next response; `None` at the end.
    async fn next(&mut self) -> Option<Response> {
        let draining = self.gateway.0.draining.clone();
        loop {
            if !self.open && self.answering.is_empty() {
                return None;
            }
            let listens = self.open && self.answering.len() < limits::STREAM_ANSWERS;
            tokio::select! {
                biased;
                () = draining.cancelled(), if self.open => self.close(),
                Some(response) = self.answering.next() => return Some(response),
                request = self.requests.message(), if listens => match request {
                    Ok(Some(v1::WorkRequest { request: Some(request) })) => {
                        if let Some(response) = self.take(request) {
                            return Some(response);
                        }
                    }
                    Ok(Some(v1::WorkRequest { request: None })) => {}
                    Ok(None) | Err(_) => self.close(),
                },
                lent = self.subscription.next(), if self.open => {
                    return Some(Response::Task(task(lent)));
                }
            }
        }
    }

    /// The worker says nothing more and gets nothing more; what it has said is still answered.
    fn close(&mut self) {
        self.open = false;
        self.subscription = Subscription::new(&self.gateway);
    }

    /// Does what a request says; answers at once only what cannot be done.
    fn take(&mut self, request: Request) -> Option<Response> {
        let answer = match request {
            Request::Subscribe(request) => {
                return self.subscribe(&request).err().map(|error| refused("", error));
            }
            Request::Credits(v1::Credits { queue, credits }) => {
                let granted =
                    queue_named(&queue).and_then(|queue| self.subscription.grant(&queue, credits));
                return granted.err().map(|error| refused("", error));
            }
            Request::Heartbeat(v1::HeartbeatRequest { token }) => {
                let gateway = self.gateway.clone();
                let beating = async move { said(gateway.heartbeat(&token).await, token) };
                self.answering.push(beating.boxed());
                return None;
            }
            Request::Complete(request) => completion(request),
            Request::Fail(request) => failure(request),
            Request::Throw(request) => thrown(request),
            Request::Postpone(request) => postponement(request),
        };
        let (gateway, (token, answer)) = (self.gateway.clone(), answer);
        let answering = async move { said(gateway.answer(&token, answer).await, token) };
        self.answering.push(answering.boxed());
        None
    }

    fn subscribe(&mut self, request: &v1::Subscribe) -> Result<(), Refusal> {
        let v1::Subscribe { queue, credits, worker, weight } = request;
        let (queue, worker) = (queue_named(queue)?, worker_name(worker)?);
        let weight = weight_of(*weight)?;
        self.subscription.subscribe(&self.gateway, &worker, weight, &queue, *credits)
    }
}

fn said(answered: Result<(), Refusal>, token: String) -> Response {
    match answered {
        Ok(()) => Response::Accepted(v1::Accepted { token }),
        Err(refusal) => refused(&token, refusal),
    }
}

fn refused(token: &str, refusal: Refusal) -> Response {
    Response::Refused(v1::Refused {
        token: token.to_owned(),
        code: refusal.code.as_str().to_owned(),
        retryable: refusal.code.is_retryable(),
        detail: refusal.detail,
    })
}
