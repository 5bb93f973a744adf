//! How a worker ends, and how it cannot begin.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use flowmill_model::ErrorCode;
use flowmill_worker_sdk::{BuildError, Drained, TaskContext, TaskError};
use serde_json::Value;
use tokio::sync::Notify;

use crate::rig::{Rig, Running, TYPE, echo, queue, task};

#[tokio::test(start_paused = true)]
async fn a_worker_that_ends_finishes_what_runs_and_takes_nothing_more() {
    let mut rig = Rig::new(1).await;
    let (began, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let inner = (Arc::clone(&began), Arc::clone(&go_on));
    let handler = move |_: TaskContext, number: u64| {
        let (began, go_on) = inner.clone();
        async move {
            began.notify_one();
            go_on.notified().await;
            Ok(number)
        }
    };
    let builder = rig.builder().task(TYPE, handler).concurrency(NonZeroUsize::MIN);
    let worker = Running::start(builder.build().expect("a worker"));
    rig.send(&task(1)).await;
    rig.send(&task(2)).await;
    began.notified().await;
    worker.stop();
    go_on.notify_one();
    assert_eq!(worker.end().await, Drained { given_up: 0 });
    assert_eq!(rig.outcome().await, echo(1));
    assert_eq!(rig.committed(0).await, Some(1), "the second waits for another worker");
}

#[tokio::test(start_paused = true)]
async fn a_task_that_does_not_end_in_time_is_given_up_and_may_be_retried() {
    let mut rig = Rig::new(1).await;
    let began = Arc::new(Notify::new());
    let inner = Arc::clone(&began);
    let handler = move |_: TaskContext, _: Value| {
        inner.notify_one();
        std::future::pending::<Result<(), TaskError>>()
    };
    let builder = rig.builder().task(TYPE, handler).drain_within(Duration::from_secs(3));
    let worker = Running::start(builder.build().expect("a worker"));
    rig.send(&task(1)).await;
    began.notified().await;
    assert_eq!(worker.end().await, Drained { given_up: 1 });
    let failure = rig.failure().await;
    assert!(failure.retryable);
    assert_eq!(failure.problem.kind, ErrorCode::Unavailable.type_uri());
}

#[tokio::test]
async fn a_worker_that_cannot_work_is_refused() {
    let rig = Rig::new(1).await;
    let handler = |_: TaskContext, input: Value| async move { Ok(input) };
    let refused =
        |builder: flowmill_worker_sdk::WorkerBuilder| builder.build().expect_err("it is refused");
    assert_eq!(refused(rig.builder()), BuildError::NoHandler);
    let twice = rig.builder().task(TYPE, handler).task(TYPE, handler);
    assert_eq!(refused(twice), BuildError::TwoHandlers(queue(TYPE)));
    assert!(matches!(refused(rig.builder().task("a b", handler)), BuildError::Name(_)));
    let unnamed = rig.builder().task(TYPE, handler).queue("");
    assert!(matches!(refused(unnamed), BuildError::Name(_)));
}
