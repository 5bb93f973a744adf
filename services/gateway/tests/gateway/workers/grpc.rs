//! The stream with credits, and the calls beside it.

use std::collections::BTreeMap;

use flowmill_model::limits;
use flowmill_model::task::Outcome;
use flowmill_proto::v1::work_request::Request;
use flowmill_proto::v1::work_response::Response;
use flowmill_proto::v1::worker_service_client::WorkerServiceClient;
use flowmill_proto::v1::{
    CompleteRequest, Credits, FailRequest, HeartbeatRequest, PollRequest, PostponeRequest,
    Subscribe, Task, TaskProblem, ThrowRequest, WorkRequest, WorkResponse,
};
use tokio::sync::mpsc;
use tokio::time::timeout;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Streaming};

use super::{PATIENCE, QUEUE, Shop, completed, task};

type Client = WorkerServiceClient<Channel>;

impl Shop {
    pub(super) async fn grpc(&self) -> Client {
        let endpoint = Endpoint::from_shared(format!("http://{}", self.served.address)).unwrap();
        WorkerServiceClient::new(endpoint.connect().await.unwrap())
    }
}

/// A worker's side of a stream.
pub(super) struct Stream {
    requests: mpsc::UnboundedSender<WorkRequest>,
    responses: Streaming<WorkResponse>,
}

impl Stream {
    pub(super) async fn open(shop: &Shop) -> Self {
        let (requests, mut sent) = mpsc::unbounded_channel();
        let sent = futures::stream::poll_fn(move |context| sent.poll_recv(context));
        let responses = shop.grpc().await.work(sent).await.unwrap().into_inner();
        Self { requests, responses }
    }

    async fn subscribed(shop: &Shop, worker: &str, credits: u32) -> Self {
        let stream = Self::open(shop).await;
        let (queue, worker) = (QUEUE.to_owned(), worker.to_owned());
        stream.say(Request::Subscribe(Subscribe { queue, credits, worker, weight: 0 }));
        stream
    }

    pub(super) fn say(&self, request: Request) {
        self.requests.send(WorkRequest { request: Some(request) }).unwrap();
    }

    fn credits(&self, credits: u32) {
        self.say(Request::Credits(Credits { queue: QUEUE.to_owned(), credits }));
    }

    pub(super) async fn next(&mut self) -> Response {
        let next = timeout(PATIENCE, self.responses.message()).await.expect("in time");
        next.unwrap().expect("the stream goes on").response.unwrap()
    }

    pub(super) async fn task(&mut self) -> Task {
        match self.next().await {
            Response::Task(task) => task,
            other @ (Response::Accepted(_) | Response::Refused(_)) => panic!("no task: {other:?}"),
        }
    }
}

fn complete(task: &Task, output: &str) -> Request {
    let output = output.as_bytes().to_vec().into();
    Request::Complete(CompleteRequest { token: task.token.clone(), output })
}

#[tokio::test]
async fn a_stream_gets_as_many_tasks_as_it_has_credits() {
    let mut shop = Shop::open().await;
    for number in 0..3 {
        shop.put(&task(number)).await;
    }
    let mut stream = Stream::subscribed(&shop, "w", 2).await;
    let (first, second) = (stream.task().await, stream.task().await);
    assert_eq!(&first.input[..], b"{\"number\":0}");
    assert_eq!((first.flow.as_str(), first.attempt, first.timeout_ms), ("shop/work", 1, 60_000));
    stream.say(complete(&first, "\"a\""));
    // An answer gives no credit by itself: what comes next is the word on it.
    assert!(matches!(stream.next().await, Response::Accepted(a) if a.token == first.token));
    assert_eq!(shop.result(0).await.outcome, completed("\"a\""));
    let worker = shop.served.rig.gateway.workers().remove(0);
    assert_eq!((worker.capacity, worker.running, worker.completed), (1, 1, 1));
    stream.credits(1);
    let third = stream.task().await;
    assert_eq!(&third.input[..], b"{\"number\":2}");
    assert_ne!(third.token, second.token);
}

#[tokio::test]
async fn answers_go_over_the_stream_or_by_calls() {
    let mut shop = Shop::open().await;
    let mut client = shop.grpc().await;
    for number in 0..4 {
        shop.put(&task(number)).await;
    }
    let mut stream = Stream::subscribed(&shop, "", 4).await;
    let mut tokens = Vec::new();
    for _ in 0..4 {
        tokens.push(stream.task().await.token);
    }
    let mut next = tokens.into_iter();
    let mut next = || next.next().unwrap();
    let token = next();
    let problem = Some(TaskProblem { detail: "no answer".into(), ..TaskProblem::default() });
    client.fail(FailRequest { token, problem, retry_after_ms: 70 }).await.unwrap();
    let Outcome::Failed(failure) = shop.result(0).await.outcome else { panic!("a failure") };
    assert_eq!((failure.retryable, failure.retry_after_ms), (true, Some(70)));
    assert_eq!(failure.problem.detail.as_deref(), Some("no answer"));
    let token = next();
    stream.say(Request::Throw(ThrowRequest { token: token.clone(), problem: None }));
    assert!(matches!(stream.next().await, Response::Accepted(a) if a.token == token));
    let Outcome::Failed(failure) = shop.result(0).await.outcome else { panic!("a failure") };
    assert!(!failure.retryable);
    let token = next();
    client.postpone(PostponeRequest { token, delay_ms: 900 }).await.unwrap();
    assert_eq!(shop.result(0).await.outcome, Outcome::Later(900));
    let token = next();
    client.heartbeat(HeartbeatRequest { token: token.clone() }).await.unwrap();
    client.complete(CompleteRequest { token, output: "[]".into() }).await.unwrap();
    assert_eq!(shop.result(0).await.outcome, completed("[]"));
    assert_eq!(shop.served.rig.gateway.workers()[0].name, "anonymous");
}

#[tokio::test]
async fn a_poll_takes_tasks_without_a_stream() {
    let shop = Shop::open().await;
    shop.put(&task(5)).await;
    let mut client = shop.grpc().await;
    let (queue, worker) = (QUEUE.to_owned(), "p".to_owned());
    let request = PollRequest { queue, max_tasks: 0, wait_ms: 20_000, worker, weight: 0 };
    let tasks = client.poll(request).await.unwrap().into_inner().tasks;
    assert_eq!((tasks.len(), &tasks[0].input[..]), (1, &b"{\"number\":5}"[..]));
    let request = PollRequest { queue: "no queue".into(), ..PollRequest::default() };
    assert_eq!(client.poll(request).await.unwrap_err().code(), Code::InvalidArgument);
}

#[tokio::test]
async fn what_is_refused_says_so_and_the_stream_goes_on() {
    let mut shop = Shop::open().await;
    shop.put(&task(1)).await;
    let mut stream = Stream::subscribed(&shop, "w", 1).await;
    let task = stream.task().await;
    let refused = |response: Response| match response {
        Response::Refused(refused) => (refused.token, refused.code, refused.retryable),
        other @ (Response::Task(_) | Response::Accepted(_)) => panic!("not refused: {other:?}"),
    };
    let large = format!("\"{}\"", "x".repeat(limits::PAYLOAD_BYTES));
    stream.say(complete(&task, &large));
    let expect = (task.token.clone(), "payload-too-large".to_owned(), false);
    assert_eq!(refused(stream.next().await), expect);
    stream.say(Request::Heartbeat(HeartbeatRequest { token: "forged".into() }));
    assert_eq!(refused(stream.next().await), ("forged".into(), "conflict".into(), false));
    stream.say(Request::Credits(Credits { queue: "other".into(), credits: 1 }));
    assert_eq!(refused(stream.next().await).1, "bad-request");
    stream.credits(limits::SUBSCRIPTION_CREDITS as u32 + 1);
    assert_eq!(refused(stream.next().await).1, "bad-request");
    stream.say(complete(&task, "1"));
    assert!(matches!(stream.next().await, Response::Accepted(_)));
    assert_eq!(shop.result(0).await.outcome, completed("1"));
    stream.say(complete(&task, "1"));
    assert_eq!(refused(stream.next().await), (task.token, "conflict".into(), false));
}

#[tokio::test]
async fn a_call_with_a_token_that_is_not_good_fails_its_precondition() {
    let shop = Shop::open().await;
    let request = CompleteRequest { token: "forged".into(), output: "1".into() };
    let status = shop.grpc().await.complete(request).await.unwrap_err();
    assert_eq!(status.code(), Code::FailedPrecondition);
    assert_eq!(status.metadata().get("flowmill-code").unwrap(), "conflict");
    assert_eq!(shop.counted("complete", "forged"), 1);
}

#[tokio::test]
async fn tasks_go_to_the_worker_that_has_the_fewest() {
    let shop = Shop::open().await;
    let mut streams = BTreeMap::new();
    for worker in ["a", "b", "c"] {
        streams.insert(worker, Stream::subscribed(&shop, worker, 10).await);
    }
    while shop.served.rig.gateway.workers().iter().map(|w| w.capacity).sum::<usize>() < 30 {
        tokio::task::yield_now().await;
    }
    for number in 0..9 {
        shop.put(&task(number)).await;
    }
    for stream in streams.values_mut() {
        for _ in 0..3 {
            stream.task().await;
        }
    }
    let running = shop.served.rig.gateway.workers();
    let running: Vec<_> = running.iter().map(|worker| worker.running).collect();
    assert_eq!(running, [3, 3, 3]);
}

#[tokio::test]
async fn a_worker_that_goes_away_leaves_its_credits_to_nobody() {
    let shop = Shop::open().await;
    let stream = Stream::subscribed(&shop, "gone", 5).await;
    let connected = || shop.served.rig.gateway.workers().iter().any(|worker| worker.connected);
    while !connected() {
        tokio::task::yield_now().await;
    }
    drop(stream);
    while connected() {
        tokio::task::yield_now().await;
    }
    for number in 0..3 {
        shop.put(&task(number)).await;
    }
    let mut other = Stream::subscribed(&shop, "other", 3).await;
    let mut numbers = Vec::new();
    for _ in 0..3 {
        numbers.push(String::from_utf8(other.task().await.input.to_vec()).unwrap());
    }
    numbers.sort_unstable();
    assert_eq!(numbers, ["{\"number\":0}", "{\"number\":1}", "{\"number\":2}"]);
}
