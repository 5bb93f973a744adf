//! How tasks are shared among workers that would all take them.

use flowmill_gateway::Balance;
use flowmill_proto::v1::work_request::Request;
use flowmill_proto::v1::work_response::Response;
use flowmill_proto::v1::{PollRequest, Subscribe};
use tonic::Code;

use super::grpc::Stream;
use super::{QUEUE, Shop, task};

/// Credits of each stream, more than there are tasks.
const CREDITS: u32 = 100;

fn subscribe(worker: &str, weight: u32) -> Request {
    let (queue, worker) = (QUEUE.to_owned(), worker.to_owned());
    Request::Subscribe(Subscribe { queue, credits: CREDITS, worker, weight })
}

/// Forty tasks for two workers of these weights; `expect` is how many each gets.
async fn check(balance: Balance, weights: [u32; 2], expect: [usize; 2]) {
    let shop = Shop::balanced(balance).await;
    let mut streams = [Stream::open(&shop).await, Stream::open(&shop).await];
    for ((stream, weight), worker) in streams.iter().zip(weights).zip(["a", "b"]) {
        stream.say(subscribe(worker, weight));
    }
    let workers = || shop.served.rig.gateway.workers();
    while workers().iter().map(|worker| worker.capacity).sum::<usize>() < 2 * CREDITS as usize {
        tokio::task::yield_now().await;
    }
    for number in 0..40 {
        shop.put(&task(number)).await;
    }
    for (stream, tasks) in streams.iter_mut().zip(expect) {
        for _ in 0..tasks {
            stream.task().await;
        }
    }
    let running: Vec<_> = workers().iter().map(|worker| worker.running).collect();
    assert_eq!(running, expect, "{balance:?} {weights:?}");
}

#[tokio::test]
async fn workers_get_tasks_in_proportion_to_their_weights() {
    check(Balance::Weighted, [3, 1], [30, 10]).await;
    check(Balance::Weighted, [0, 4], [8, 32]).await;
}

#[tokio::test]
async fn weights_count_for_nothing_unless_tasks_are_shared_by_them() {
    check(Balance::RoundRobin, [3, 1], [20, 20]).await;
    check(Balance::LeastBusy, [3, 1], [20, 20]).await;
}

#[tokio::test]
async fn a_weight_over_the_limit_is_refused_and_the_stream_goes_on() {
    let shop = Shop::open().await;
    let mut stream = Stream::open(&shop).await;
    stream.say(subscribe("w", 101));
    let Response::Refused(refused) = stream.next().await else { panic!("it is not refused") };
    assert_eq!((refused.code.as_str(), refused.retryable), ("bad-request", false));
    assert!(refused.detail.contains("at most 100"), "{}", refused.detail);
    shop.put(&task(1)).await;
    stream.say(subscribe("w", 100));
    stream.task().await;
    let poll = PollRequest { queue: QUEUE.into(), weight: 101, ..PollRequest::default() };
    let status = shop.grpc().await.poll(poll).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
}
