//! The example worker with a Kafka client of its own runs tasks of real flows.
//!
//! One broker, one orchestrator and one gateway; the worker is another process, which shares with
//! them the broker and the worker protocol and nothing else.

#![cfg(test)]

mod node;
mod python;

use flowmill_log::{Record, Topic, worker_group};
use flowmill_model::{Queue, limits};
use flowmill_store::Status;

use self::node::{Node, until};
use self::python::Python;

#[tokio::test(flavor = "multi_thread")]
async fn a_python_worker_with_a_kafka_client_runs_tasks() {
    let python = Python::with_kafka();
    let node = Node::start().await;
    node.deploy(include_str!("../../../../examples/workers/bill.yaml")).await;
    let worker = python.worker(&node.bootstrap(), &node.prefix());

    let charged = node.run("{\"cents\": 180}").await;
    let said = worker.said();
    assert_eq!(charged.status, Status::Completed, "{:?}: {said}", charged.error);
    let output = String::from_utf8(charged.output.unwrap().as_bytes().to_vec()).unwrap();
    assert!(output.contains("\"charged\": 180"), "{output}");

    let declined = node.run("{\"cents\": 5000}").await;
    assert_eq!(declined.status, Status::Faulted);
    assert_eq!(declined.error.unwrap().kind, "https://example.com/declined");

    // What has ended is committed, so that another worker does not run it again.
    let queue = Queue::new("charge").unwrap();
    let all_done = async || {
        let mut committed = 0;
        let mut written = 0;
        for partition in node.partitions(&Topic::Tasks(queue.clone())) {
            let of_group = node.log.committed(&worker_group(&queue), &partition).await.unwrap();
            committed += of_group.map_or(0, |offset| offset.get());
            written += node.log.bounds(&partition).await.unwrap().end.get();
        }
        written >= 2 && committed == written
    };
    until("the worker's group has committed its tasks", all_done).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_tasks_of_a_python_worker_end_once_each() {
    const EXECUTIONS: usize = 60;
    let python = Python::with_kafka();
    let node = Node::start().await;
    node.deploy(include_str!("../../../../examples/workers/bill.yaml")).await;
    let _worker = python.worker(&node.bootstrap(), &node.prefix());
    let mut started = Vec::new();
    for cents in 0..EXECUTIONS {
        started.push(node.begin(&format!("{{\"cents\": {cents}}}")).await);
    }
    for id in started {
        assert_eq!(node.end_of(id).await.status, Status::Completed);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_of_5_mb_is_refused_and_the_shard_goes_on() {
    let node = Node::start().await;
    node.deploy(include_str!("../../../../examples/workers/bill.yaml")).await;
    let id = node.begin("{\"cents\": 1}").await;
    let task = node.task().await;
    let mut result = node.result_of(&task, "completed");
    result.value = format!("\"{}\"", "x".repeat(5 * limits::PAYLOAD_BYTES)).into();
    node.put_result(&task, result).await;
    let ended = node.end_of(id).await;
    assert_eq!(ended.status, Status::Faulted);
    assert_eq!(ended.error.unwrap().status, 413);

    node.put_result(&task, Record::of("no result")).await;
    let id = node.begin("{\"cents\": 2}").await;
    let task = node.task().await;
    node.put_result(&task, node.result_of(&task, "completed")).await;
    assert_eq!(node.end_of(id).await.status, Status::Completed);
}
