//! What a worker does with one task.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use flowmill_log::Topic;
use flowmill_model::task::Outcome;
use flowmill_model::{ErrorCode, Payload, Problem};
use flowmill_worker_sdk::{TaskContext, TaskError};
use serde_json::Value;
use tokio::sync::Notify;

use crate::rig::{Rig, Running, TYPE, echo, queue, task, task_of};

async fn give_back(_: TaskContext, input: Payload) -> Result<Payload, TaskError> {
    Ok(input)
}

#[tokio::test(start_paused = true)]
async fn a_result_goes_to_the_shard_of_its_execution_with_the_tasks_token() {
    let mut rig = Rig::new(4).await;
    let worker = Running::start(rig.builder().raw_task(TYPE, give_back).build().expect("a worker"));
    rig.send(&task_of(3, 7)).await;
    let result = rig.result_of(3).await;
    assert_eq!((result.id, result.token), (task_of(3, 7).id, task_of(3, 7).token));
    assert_eq!(result.outcome, echo(7));
    worker.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_handler_of_values_reads_and_writes_json() {
    let mut rig = Rig::new(1).await;
    let double = |_: TaskContext, number: u64| async move { Ok(vec![number, number]) };
    let worker = Running::start(rig.builder().task(TYPE, double).build().expect("a worker"));
    rig.send(&task(4)).await;
    assert_eq!(rig.outcome().await, Outcome::Completed(Payload::from("[4,4]")));
    let mut misfit = task(5);
    misfit.input = Payload::from("\"five\"");
    rig.send(&misfit).await;
    let failure = rig.failure().await;
    assert!(!failure.retryable);
    assert_eq!(failure.problem.kind, ErrorCode::InvalidInput.type_uri());
    worker.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_handlers_errors_say_what_becomes_of_the_task() {
    let mut rig = Rig::new(1).await;
    let handler = |_: TaskContext, number: u64| async move {
        let problem = Problem::new("about:blank", 500, "no");
        Err::<Value, _>(match number {
            0 => TaskError::retryable(problem).retry_after(Duration::from_secs(2)),
            1 => TaskError::fatal(problem),
            2 => TaskError::later(Duration::from_millis(300)),
            _ => std::io::Error::other("disk gone").into(),
        })
    };
    let worker = Running::start(rig.builder().task(TYPE, handler).build().expect("a worker"));
    for number in 0..4 {
        rig.send(&task(number)).await;
    }
    let first = rig.failure().await;
    assert_eq!((first.retryable, first.retry_after_ms), (true, Some(2_000)));
    assert!(!rig.failure().await.retryable);
    assert_eq!(rig.outcome().await, Outcome::Later(300));
    let last = rig.failure().await;
    assert!(last.retryable);
    assert_eq!(last.problem.detail.as_deref(), Some("disk gone"));
    worker.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_panic_is_a_retryable_failure_and_the_worker_goes_on() {
    let mut rig = Rig::new(1).await;
    let handler = |_: TaskContext, number: u64| async move {
        assert_ne!(number, 1, "one is too few");
        Ok(number)
    };
    let worker = Running::start(rig.builder().task(TYPE, handler).build().expect("a worker"));
    rig.send(&task(1)).await;
    let failure = rig.failure().await;
    assert!(failure.retryable);
    assert!(failure.problem.detail.expect("a detail").contains("one is too few"));
    rig.send(&task(2)).await;
    assert_eq!(rig.outcome().await, echo(2));
    worker.end().await;
}

#[tokio::test(start_paused = true)]
async fn an_attempt_that_takes_too_long_is_ended_and_may_be_retried() {
    struct Told(Arc<Notify>);
    impl Drop for Told {
        fn drop(&mut self) {
            self.0.notify_one();
        }
    }
    let mut rig = Rig::new(1).await;
    let dropped = Arc::new(Notify::new());
    let told = Arc::clone(&dropped);
    let handler = move |_: TaskContext, _: u64| {
        let told = Told(Arc::clone(&told));
        async move {
            std::future::pending::<()>().await;
            drop(told);
            Ok(())
        }
    };
    let worker = Running::start(rig.builder().task(TYPE, handler).build().expect("a worker"));
    let before = tokio::time::Instant::now();
    rig.send(&task(1)).await;
    let failure = rig.failure().await;
    assert_eq!(before.elapsed().as_secs(), 10);
    assert!(failure.retryable);
    assert_eq!(failure.problem.kind, ErrorCode::Timeout.type_uri());
    dropped.notified().await;
    worker.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_task_type_that_the_worker_does_not_have_comes_back_with_those_it_has() {
    let mut rig = Rig::new(1).await;
    let worker = rig.builder().raw_task("refund", give_back).queue(TYPE).build();
    let worker = Running::start(worker.expect("a worker"));
    rig.send(&task(1)).await;
    let failure = rig.failure().await;
    assert!(failure.retryable);
    let detail = failure.problem.detail.expect("a detail");
    assert!(detail.contains("`charge`") && detail.contains("`refund`"), "{detail}");
    worker.end().await;
}

#[tokio::test(start_paused = true)]
async fn the_idempotency_key_is_the_same_in_every_attempt_and_in_no_other_task() {
    let mut rig = Rig::new(1).await;
    let key = |context: TaskContext, _: Value| async move { Ok(context.idempotency_key()) };
    let worker = Running::start(rig.builder().task(TYPE, key).build().expect("a worker"));
    let mut second_attempt = task(1);
    second_attempt.id.attempt = 2;
    rig.send(&task(1)).await;
    let first = rig.outcome().await;
    rig.send(&second_attempt).await;
    assert_eq!(rig.outcome().await, first);
    rig.send(&task(2)).await;
    assert_ne!(rig.outcome().await, first);
    worker.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_queue_is_served_from_when_it_is_added_and_when_its_topic_is_made() {
    let mut rig = Rig::new(1).await;
    let worker = rig.builder().raw_task(TYPE, give_back).build().expect("a worker");
    let (queues, figures) = (worker.queues(), worker.figures());
    let worker = Running::start(worker);
    queues.serve(queue("slow"));
    rig.ensure(Topic::Tasks(queue("slow"))).await;
    let other = flowmill_events::encode_task(&task(9));
    rig.put(&queue("slow"), flowmill_model::ShardId::new(0), other).await;
    assert_eq!(rig.outcome().await, echo(9));
    assert_eq!(figures.of(&queue("slow")).completed, 1);
    worker.end().await;
}

#[tokio::test(start_paused = true)]
async fn no_more_tasks_run_at_once_than_there_are_slots() {
    const SLOTS: u32 = 3;
    let mut rig = Rig::new(2).await;
    let (now, most) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
    let counted = (Arc::clone(&now), Arc::clone(&most));
    let handler = move |_: TaskContext, _: u64| {
        let (now, most) = counted.clone();
        async move {
            most.fetch_max(now.fetch_add(1, Ordering::Relaxed) + 1, Ordering::Relaxed);
            tokio::time::sleep(Duration::from_millis(100)).await;
            now.fetch_sub(1, Ordering::Relaxed);
            Ok(())
        }
    };
    let slots = std::num::NonZeroUsize::new(SLOTS as usize).expect("not zero");
    let worker = rig.builder().task(TYPE, handler).concurrency(slots).build().expect("a worker");
    let worker = Running::start(worker);
    for number in 0..10 {
        rig.send(&task_of((number % 2) as u16, number)).await;
    }
    for number in 0..10 {
        rig.result_of(number % 2).await;
    }
    assert_eq!(most.load(Ordering::Relaxed), SLOTS);
    worker.end().await;
}
