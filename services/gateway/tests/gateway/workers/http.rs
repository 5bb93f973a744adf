//! The long poll and the answers over HTTP.

use std::time::Duration;

use flowmill_model::task::Outcome;
use flowmill_model::{ErrorCode, limits};
use serde_json::{Value, json};

use super::{PATIENCE, Shop, completed, task};

/// Polls for up to `most` tasks until there are some.
pub(super) async fn poll(shop: &Shop, most: u32) -> Vec<Value> {
    let body = json!({ "queue": "charge", "maxTasks": most, "wait": "20s", "worker": "w-1" });
    let answer = shop.served.post("/v1/tasks/poll", &body.to_string()).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.body["tasks"].as_array().unwrap().clone()
}

async fn poll_one(shop: &Shop) -> Value {
    let mut tasks = poll(shop, 1).await;
    assert_eq!(tasks.len(), 1);
    tasks.remove(0)
}

/// What is said of a task.
async fn say(shop: &Shop, task: &Value, what: &str, body: &str) -> crate::rig::Answer {
    let token = task["token"].as_str().unwrap();
    shop.served.post(&format!("/v1/tasks/{token}/{what}"), body).await
}

#[tokio::test]
async fn a_task_is_taken_by_a_poll_and_its_output_is_durable_when_it_is_accepted() {
    let mut shop = Shop::open().await;
    shop.put(&task(7)).await;
    let taken = poll_one(&shop).await;
    assert_eq!(taken["input"], json!({ "number": 7 }));
    assert_eq!(taken["taskType"], json!("charge"));
    assert_eq!(taken["flow"], json!("shop/work"));
    assert_eq!(taken["attempt"], json!(1));
    assert_eq!(taken["timeoutMs"], json!(60_000));
    assert_eq!(taken["taskId"], json!(task(7).id.to_string()));
    assert_eq!(taken["idempotencyKey"], json!(task(7).idempotency_key()));
    let accepted = say(&shop, &taken, "complete", r#"{"receipt": 1.50}"#).await;
    assert_eq!((accepted.status.as_u16(), &accepted.body), (200, &json!({ "accepted": true })));
    let result = shop.result(0).await;
    assert_eq!((result.id, result.token), (task(7).id, task(7).token));
    assert_eq!(result.outcome, completed(r#"{"receipt": 1.50}"#), "as it was written");
    let workers = shop.served.get("/v1/workers").await;
    let worker = &workers.body["workers"][0];
    assert_eq!(worker["name"], json!("w-1"));
    let figures = ["running", "completed", "failed"].map(|name| worker[name].as_u64());
    assert_eq!(figures, [Some(0), Some(1), Some(0)]);
}

#[tokio::test]
async fn a_poll_without_tasks_answers_with_none_in_time() {
    let shop = Shop::open().await;
    let body = r#"{"queue": "charge", "wait": "50ms"}"#;
    let answer = shop.served.post("/v1/tasks/poll", body).await;
    assert_eq!((answer.status.as_u16(), &answer.body), (200, &json!({ "tasks": [] })));
}

#[tokio::test]
async fn a_poll_takes_several_tasks_and_no_more_than_it_asks_for() {
    let shop = Shop::open().await;
    for number in 0..5 {
        shop.put(&task(number)).await;
    }
    let mut taken = Vec::new();
    while taken.len() < 5 {
        let more = poll(&shop, 2).await;
        assert!(more.len() <= 2, "{more:?}");
        taken.extend(more);
    }
    let mut numbers: Vec<_> = taken.iter().map(|task| task["input"]["number"].as_u64()).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (0..5).map(Some).collect::<Vec<_>>());
}

#[tokio::test]
async fn what_went_wrong_is_told_as_it_was_said() {
    let mut shop = Shop::open().await;
    let said = [
        ("fail", r#"{"problem": {"detail": "no answer"}, "retryAfter": "2s"}"#),
        ("fail", ""),
        ("throw", r#"{"problem": {"type": "urn:declined", "status": 402, "title": "Declined"}}"#),
        ("postpone", r#"{"delay": "1500ms"}"#),
    ];
    let mut outcomes = Vec::new();
    for (number, (what, body)) in (0..).zip(said) {
        shop.put(&task(number)).await;
        let taken = poll_one(&shop).await;
        assert_eq!(say(&shop, &taken, what, body).await.status, 200, "{what}");
        outcomes.push(shop.result(0).await.outcome);
    }
    let failure = |outcome: &Outcome| match outcome {
        Outcome::Failed(failure) => failure.clone(),
        other @ (Outcome::Running | Outcome::Completed(_) | Outcome::Later(_)) => {
            panic!("no failure: {other:?}")
        }
    };
    let [slow, bare, declined] = [0, 1, 2].map(|at: usize| failure(&outcomes[at]));
    assert_eq!((slow.retryable, slow.retry_after_ms), (true, Some(2_000)));
    assert_eq!(slow.problem.detail.as_deref(), Some("no answer"));
    assert_eq!(slow.problem.kind, ErrorCode::TaskFailed.type_uri());
    assert_eq!((bare.retryable, bare.retry_after_ms, bare.problem.status), (true, None, 500));
    assert!(!declined.retryable);
    assert_eq!((declined.problem.kind.as_str(), declined.problem.status), ("urn:declined", 402));
    assert_eq!(outcomes[3], Outcome::Later(1_500));
}

#[tokio::test]
async fn an_output_that_is_none_is_refused_and_the_task_can_still_be_answered() {
    let mut shop = Shop::open().await;
    shop.put(&task(1)).await;
    let taken = poll_one(&shop).await;
    say(&shop, &taken, "complete", "{\"cut\":").await.assert_problem(400, "bad-request");
    let large = format!("\"{}\"", "x".repeat(limits::PAYLOAD_BYTES));
    say(&shop, &taken, "complete", &large).await.assert_problem(413, "payload-too-large");
    say(&shop, &taken, "complete", "null").await;
    assert_eq!(shop.result(0).await.outcome, completed("null"));
}

#[tokio::test]
async fn a_heartbeat_tells_the_owner_that_the_attempt_is_alive() {
    let mut shop = Shop::open().await;
    shop.put(&task(1)).await;
    let taken = poll_one(&shop).await;
    // One within the first second counts as none, so it is sent until it is told.
    let beating = async {
        loop {
            assert_eq!(say(&shop, &taken, "heartbeat", "").await.status, 200);
            let end = shop.served.rig.log_end_of_results(0).await;
            if end > 0 {
                return;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, beating).await.expect("the owner is told");
    assert_eq!(shop.result(0).await.outcome, Outcome::Running);
}

#[tokio::test]
async fn a_task_that_nobody_answers_in_its_time_is_failed_and_its_token_is_worth_nothing() {
    let mut shop = Shop::open().await;
    let mut short = task(1);
    short.timeout_ms = 150;
    shop.put(&short).await;
    let taken = poll_one(&shop).await;
    let Outcome::Failed(failure) = shop.result(0).await.outcome else { panic!("a failure") };
    assert!(failure.retryable);
    assert_eq!(failure.problem.kind, ErrorCode::Timeout.type_uri());
    say(&shop, &taken, "complete", "1").await.assert_problem(409, "conflict");
    say(&shop, &taken, "heartbeat", "").await.assert_problem(409, "conflict");
    assert_eq!(shop.counted("complete", "stale"), 1);
}

#[tokio::test]
async fn a_poll_that_is_wrong_says_what_is_wrong() {
    let shop = Shop::open().await;
    let check = async |body: Value| {
        let answer = shop.served.post("/v1/tasks/poll", &body.to_string()).await;
        answer.assert_problem(400, "bad-request");
    };
    check(json!({})).await;
    check(json!([])).await;
    check(json!({ "queue": "a b" })).await;
    check(json!({ "queue": "charge", "maxTasks": 100_000, "wait": "50ms" })).await;
    check(json!({ "queue": "charge", "worker": "a b" })).await;
    check(json!({ "queue": "charge", "wait": "soon" })).await;
    check(json!({ "queue": "charge", "weight": 101 })).await;
    check(json!({ "queue": "charge", "queues": [] })).await;
}

#[tokio::test]
async fn a_gateway_that_comes_to_its_end_answers_those_who_poll() {
    let shop = Shop::open().await;
    let body = r#"{"queue": "charge", "wait": "60s"}"#;
    let polling = shop.served.post("/v1/tasks/poll", body);
    let draining = async {
        while !shop.is_polled().await {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        shop.served.rig.gateway.drain();
    };
    let both = async { tokio::join!(polling, draining) };
    let (answer, ()) = tokio::time::timeout(PATIENCE, both).await.expect("it does not wait");
    assert_eq!(answer.body, json!({ "tasks": [] }));
}

impl Shop {
    /// Whether somebody waits for tasks.
    async fn is_polled(&self) -> bool {
        self.served.rig.gateway.workers().iter().any(|worker| worker.connected)
    }
}
