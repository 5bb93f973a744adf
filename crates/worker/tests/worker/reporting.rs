//! Signs of life, and results that are hard to write.

use std::time::Duration;

use flowmill_log::memory::Fate;
use flowmill_log::{Partition, Record, Topic};
use flowmill_model::task::Outcome;
use flowmill_model::{ErrorCode, Payload, limits};
use flowmill_worker_sdk::{TaskContext, TaskError};
use serde_json::Value;
use tokio::time::{Instant, sleep};

use crate::rig::{Rig, Running, TYPE, echo, queue, task};

#[tokio::test(start_paused = true)]
async fn a_long_attempt_says_that_it_runs_and_is_ended_all_the_same() {
    let mut rig = Rig::new(1).await;
    let forever = |_: TaskContext, _: Value| std::future::pending::<Result<(), TaskError>>();
    let worker = Running::start(rig.builder().task(TYPE, forever).build().expect("a worker"));
    let mut long = task(1);
    long.timeout_ms = 60_000;
    let began = Instant::now();
    rig.send(&long).await;
    for sign in 1..=2 {
        assert_eq!(rig.outcome().await, Outcome::Running);
        assert_eq!(began.elapsed().as_secs(), sign * 20);
    }
    assert_eq!(rig.failure().await.problem.kind, ErrorCode::Timeout.type_uri());
    assert_eq!(began.elapsed().as_secs(), 60);
    worker.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_gives_signs_of_life_may_take_longer() {
    let mut rig = Rig::new(1).await;
    let slow = |context: TaskContext, number: u64| async move {
        for _ in 0..3 {
            sleep(Duration::from_secs(8)).await;
            assert_eq!(context.time_left(), Duration::from_secs(2));
            context.heartbeat();
            context.heartbeat();
            assert_eq!(context.time_left(), Duration::from_secs(10));
        }
        Ok(number)
    };
    let worker = Running::start(rig.builder().task(TYPE, slow).build().expect("a worker"));
    rig.send(&task(1)).await;
    for _ in 0..3 {
        assert_eq!(rig.outcome().await, Outcome::Running);
    }
    assert_eq!(rig.outcome().await, echo(1));
    worker.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_result_is_written_again_until_there_is_room_for_it() {
    let mut rig = Rig::new(1).await;
    let mut left = 5;
    let unlucky = move |to: &Partition, _: &Record| {
        if to.topic != Topic::Results || left == 0 {
            return Fate::AT_ONCE;
        }
        left -= 1;
        let unknown = Fate::Unknown { told: Duration::from_millis(3), lands: Vec::new() };
        if left % 2 == 0 { Fate::FULL } else { unknown }
    };
    let give_back = |_: TaskContext, number: u64| async move { Ok(number) };
    let worker = Running::start(rig.builder().task(TYPE, give_back).build().expect("a worker"));
    rig.send(&task(1)).await;
    rig.log.set_faults(unlucky);
    assert_eq!(rig.outcome().await, echo(1));
    worker.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_result_that_nobody_takes_is_given_up_and_told_to_whoever_asks_again() {
    let mut rig = Rig::new(1).await;
    let give_back = |_: TaskContext, number: u64| async move { Ok(number) };
    let worker = rig.builder().task(TYPE, give_back).build().expect("a worker");
    let figures = worker.figures();
    let worker = Running::start(worker);
    rig.log.set_faults(
        |to: &Partition, _: &Record| {
            if to.topic == Topic::Results { Fate::FULL } else { Fate::AT_ONCE }
        },
    );
    rig.send(&task(1)).await;
    sleep(limits::RESULT_REPEATS + Duration::from_secs(1)).await;
    assert_eq!(figures.of(&queue(TYPE)).unwritten, 1);
    rig.log.clear_faults();
    rig.send(&task(1)).await;
    assert_eq!(rig.outcome().await, echo(1));
    assert_eq!(figures.of(&queue(TYPE)).picked_up, 1);
    worker.end().await;
}

#[tokio::test(start_paused = true)]
async fn an_output_over_the_limit_fails_for_good() {
    let mut rig = Rig::new(1).await;
    let large = |_: TaskContext, _: Payload| async {
        Ok(Payload::from(vec![b' '; limits::PAYLOAD_BYTES + 1]))
    };
    let worker = Running::start(rig.builder().raw_task(TYPE, large).build().expect("a worker"));
    rig.send(&task(1)).await;
    let failure = rig.failure().await;
    assert!(!failure.retryable);
    assert_eq!(failure.problem.kind, ErrorCode::TooLarge.type_uri());
    worker.end().await;
}
