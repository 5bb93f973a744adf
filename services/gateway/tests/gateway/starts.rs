//! Starting executions.

use std::collections::BTreeSet;
use std::time::Duration;

use flowmill_model::{ExecutionId, limits};
use flowmill_routing::{ShardState, ShardStatus};
use reqwest::Method;

use crate::rig::{Answer, SHARDS, Served, definition};

const HOLD: &str = "/v1/flows/shop/hold/executions";
const ECHO: &str = "/v1/flows/shop/echo/executions";

async fn keyed(served: &Served, path: &str, key: &str, body: &str) -> Answer {
    Answer::of(served.json(Method::POST, path, body).header("Idempotency-Key", key)).await
}

#[tokio::test]
async fn a_start_is_accepted_with_its_id_and_place() {
    let served = Served::with_flows().await;
    let answer = served.post(HOLD, r#"{"total": 7}"#).await;
    assert_eq!(answer.status, 202, "{answer:?}");
    assert_eq!(answer.body["flow"], "shop/hold");
    assert_eq!(answer.body["version"], "1.0.0");
    assert_eq!(answer.body["status"], "pending");
    assert!(answer.header("flowmill-position").is_some());
    let id: ExecutionId = answer.text("/id").parse().unwrap();
    assert!(id.shard().get() < SHARDS);
    let read = served.get(&format!("/v1/executions/{id}")).await;
    assert_eq!(read.status, 200, "{read:?}");
    assert_eq!(read.body["input"]["total"], 7);
    assert_eq!(read.body["status"], "waiting");
    assert_eq!(read.body["stale"], false);
    assert_eq!(read.text("/pending/0/node"), "hold");
    assert!(read.body["pending"][0]["attempt"].is_null());
}

#[tokio::test]
async fn starts_without_a_key_are_new_each_and_spread_over_the_shards() {
    let served = Served::with_flows().await;
    let mut ids = BTreeSet::new();
    for _ in 0..40 {
        ids.insert(served.start("hold").await);
    }
    assert_eq!(ids.len(), 40);
    let shards: BTreeSet<_> = ids.iter().map(|id| &id[..4]).collect();
    assert_eq!(shards.len(), usize::from(SHARDS));
}

#[tokio::test]
async fn the_same_key_is_the_same_start_and_another_input_is_refused() {
    let served = Served::with_flows().await;
    let first = keyed(&served, HOLD, "order-17", r#"{"total": 1}"#).await;
    assert_eq!(first.status, 202, "{first:?}");
    let again = keyed(&served, HOLD, "order-17", r#"{ "total" : 1 }"#).await;
    assert_eq!(again.status, 202, "{again:?}");
    assert_eq!(again.body["id"], first.body["id"]);
    assert_eq!(again.body["status"], "waiting");
    let other_input = keyed(&served, HOLD, "order-17", r#"{"total": 2}"#).await;
    other_input.assert_problem(422, "idempotency-key-reused");
    let other_flow = keyed(&served, ECHO, "order-17", r#"{"total": 1}"#).await;
    assert_ne!(other_flow.body["id"], first.body["id"]);
}

#[tokio::test]
async fn a_repeat_is_one_also_when_a_later_version_takes_another_input() {
    let served = Served::with_flows().await;
    let first = keyed(&served, HOLD, "k", r#"{"total": 1}"#).await;
    let stricter = definition("hold", "2.0.0").replace("[total]", "[total, currency]");
    assert_eq!(served.put_yaml("/v1/flows/shop/hold", stricter).await.status, 201);
    let again = keyed(&served, HOLD, "k", r#"{"total": 1}"#).await;
    assert_eq!(again.status, 202, "{again:?}");
    assert_eq!(again.body["id"], first.body["id"]);
    assert_eq!(again.body["version"], "1.0.0");
    let new = keyed(&served, HOLD, "k-2", r#"{"total": 1}"#).await;
    new.assert_problem(422, "invalid-input");
}

#[tokio::test]
async fn five_starts_with_one_key_at_once_are_one_execution() {
    let served = Served::with_flows().await;
    let starts = (0..5).map(|_| keyed(&served, HOLD, "once", r#"{"total": 1}"#));
    let answers = futures::future::join_all(starts).await;
    let ids: BTreeSet<_> = answers.iter().map(|answer| answer.text("/id")).collect();
    assert_eq!(ids.len(), 1, "{answers:?}");
    assert!(answers.iter().all(|answer| answer.status == 202));
}

#[tokio::test]
async fn keys_have_bounds() {
    let served = Served::with_flows().await;
    for key in ["", &"k".repeat(257), "schl\u{fc}ssel"] {
        keyed(&served, HOLD, key, r#"{"total": 1}"#).await.assert_problem(400, "bad-request");
    }
    let twice = served.json(Method::POST, HOLD, r#"{"total": 1}"#);
    let twice = twice.header("Idempotency-Key", "a").header("Idempotency-Key", "b");
    Answer::of(twice).await.assert_problem(400, "bad-request");
}

#[tokio::test]
async fn a_waiting_start_answers_with_the_end() {
    let served = Served::with_flows().await;
    let answer = served.post(&format!("{ECHO}?wait=30s"), r#"{"total": 3}"#).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.body["status"], "completed");
    assert_eq!(answer.body["output"]["total"], 3);
    assert!(answer.body["error"].is_null());
    assert!(answer.body["endedAt"].is_string());
    assert!(answer.header("flowmill-position").is_some());
}

#[tokio::test]
async fn a_wait_that_is_over_answers_as_a_start_does() {
    let served = Served::with_flows().await;
    for wait in ["1ms", "PT0.001S"] {
        let answer = served.post(&format!("{HOLD}?wait={wait}"), r#"{"total": 3}"#).await;
        assert_eq!(answer.status, 202, "{answer:?}");
        assert_eq!(answer.body["status"], "waiting");
    }
    let wrong = served.post(&format!("{HOLD}?wait=soon"), r#"{"total": 3}"#).await;
    wrong.assert_problem(400, "bad-request");
}

#[tokio::test]
async fn a_version_can_be_named() {
    let served = Served::with_flows().await;
    served.put_yaml("/v1/flows/shop/hold", definition("hold", "2.0.0")).await;
    let newest = served.post(HOLD, r#"{"total": 1}"#).await;
    assert_eq!(newest.body["version"], "2.0.0");
    let named = served.post(&format!("{HOLD}?version=1.0.0"), r#"{"total": 1}"#).await;
    assert_eq!(named.body["version"], "1.0.0");
    let unknown = served.post(&format!("{HOLD}?version=3.0.0"), r#"{"total": 1}"#).await;
    unknown.assert_problem(404, "not-found");
}

#[tokio::test]
async fn an_input_must_fit_the_schema() {
    let served = Served::with_flows().await;
    let answer = served.post(HOLD, r#"{"amount": 1}"#).await;
    answer.assert_problem(422, "invalid-input");
    assert!(answer.text("/errors/0/message").contains("total"), "{answer:?}");
    assert_eq!(answer.text("/errors/0/pointer"), "");
}

#[tokio::test]
async fn a_flow_that_is_not_deployed_has_no_executions() {
    let served = Served::with_flows().await;
    let answer = served.post("/v1/flows/shop/nothing/executions", "{}").await;
    answer.assert_problem(404, "not-found");
}

#[tokio::test]
async fn a_full_shard_takes_new_starts_and_no_keyed_ones() {
    let served = Served::with_flows().await;
    let _inboxes: Vec<_> =
        (0..SHARDS).map(|shard| served.rig.set_state(shard, ShardState::Full)).collect();
    assert_eq!(served.post(HOLD, r#"{"total": 1}"#).await.status, 202);
    let refused = keyed(&served, HOLD, "k", r#"{"total": 1}"#).await;
    refused.assert_problem(429, "overloaded");
}

#[tokio::test]
async fn shards_far_behind_their_commands_take_no_starts_of_either_kind() {
    let served = Served::with_flows().await;
    let status = |lag| ShardStatus {
        state: ShardState::Open,
        commands_lag: lag,
        commands_waiting: 1,
        ..ShardStatus::default()
    };
    let set = |lag| (0..SHARDS).map(|shard| served.rig.set_status(shard, status(lag))).collect();
    let _inboxes: Vec<_> = set(limits::COMMANDS_LAG + Duration::from_secs(1));
    let before = served.rig.commands_written().await;
    served.post(HOLD, r#"{"total": 1}"#).await.assert_problem(429, "overloaded");
    keyed(&served, HOLD, "k", r#"{"total": 1}"#).await.assert_problem(429, "overloaded");
    assert_eq!(served.rig.commands_written().await, before);

    let _inboxes: Vec<_> = set(limits::COMMANDS_LAG);
    assert_eq!(served.post(HOLD, r#"{"total": 1}"#).await.status, 202);
}

#[tokio::test]
async fn a_start_goes_to_a_shard_that_is_not_behind() {
    let served = Served::with_flows().await;
    let lag = limits::COMMANDS_LAG * 2;
    let behind = ShardStatus { state: ShardState::Open, commands_lag: lag, ..Default::default() };
    let _inboxes: Vec<_> =
        (1..SHARDS).map(|shard| served.rig.set_status(shard, behind.clone())).collect();
    for _ in 0..20 {
        assert!(served.start("hold").await.starts_with("0000"));
    }
}

#[tokio::test]
async fn a_keyed_start_whose_outcome_is_forgotten_is_told_by_a_repeat() {
    let served = Served::with_flows().await;
    served.rig.forget_outcomes(1);
    let first = keyed(&served, HOLD, "k", r#"{"total": 1}"#).await;
    assert_eq!(first.status, 202, "{first:?}");
    served.rig.forget_outcomes(1);
    let other = keyed(&served, HOLD, "k", r#"{"total": 2}"#).await;
    other.assert_problem(422, "idempotency-key-reused");
}

#[tokio::test]
async fn shards_that_take_nothing_refuse_starts_for_now() {
    let served = Served::with_flows().await;
    for state in [ShardState::Claiming, ShardState::Halted("an alarm".into())] {
        let _inboxes: Vec<_> =
            (0..SHARDS).map(|shard| served.rig.set_state(shard, state.clone())).collect();
        let refused = served.post(HOLD, r#"{"total": 1}"#).await;
        refused.assert_problem(503, "unavailable");
        let refused = keyed(&served, HOLD, "k", r#"{"total": 1}"#).await;
        refused.assert_problem(503, "unavailable");
    }
}

#[tokio::test]
async fn a_start_goes_to_a_shard_that_is_open_while_others_are_not() {
    let served = Served::with_flows().await;
    let _inboxes: Vec<_> =
        (1..SHARDS).map(|shard| served.rig.set_state(shard, ShardState::Claiming)).collect();
    for _ in 0..8 {
        assert_eq!(&served.start("hold").await[..4], "0000");
    }
}
