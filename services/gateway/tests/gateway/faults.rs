//! What the gateway says while the log, the store or the owners are not there. Time is paused.

use std::num::NonZeroU16;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, StatusCode};
use bytes::Bytes;
use flowmill_gateway::{
    Action, DeployRequest, Envelope, Gateway, IdempotencyKey, Read, StartRequest, router,
};
use flowmill_log::memory::Fate;
use flowmill_log::{Log, NotWritten, Partition, Record, Topic};
use flowmill_model::command::{Command, CommandRecord};
use flowmill_model::{ErrorCode, ExecutionId, Offset, ShardId, envelope};
use flowmill_routing::{Position, ShardState};
use tokio::time::Instant;
use tower::ServiceExt;

use crate::rig::{Rig, definition, start_request};

/// What `fate` makes of the next appends, told which one it is.
fn fail_appends(rig: &Rig, mut fate: impl FnMut(u32) -> Fate + Send + 'static) -> Arc<AtomicU32> {
    let appends = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&appends);
    rig.log
        .set_faults(move |_: &Partition, _: &Record| fate(count.fetch_add(1, Ordering::Relaxed)));
    appends
}

fn unknown(landed: bool) -> Fate {
    let lands = if landed { vec![Duration::ZERO] } else { vec![] };
    Fate::Unknown { told: Duration::from_millis(1), lands }
}

/// The commands of every shard.
async fn commands(rig: &Rig) -> Vec<Command> {
    let mut found = Vec::new();
    for shard in 0..crate::rig::SHARDS {
        let partition = Partition::of_shard(Topic::Commands, ShardId::new(shard));
        let end = rig.log.bounds(&partition).await.unwrap().end;
        let mut reader = rig.log.reader(&partition, Offset::new(0));
        let limit = flowmill_log::ReadLimit {
            records: std::num::NonZeroUsize::new(100).unwrap(),
            bytes: 1 << 20,
        };
        while reader.position() < end {
            for fetched in reader.read(limit).await.unwrap() {
                let record: CommandRecord = envelope::decode(&fetched.record.value).unwrap();
                found.push(record.command);
            }
        }
    }
    found
}

#[tokio::test(start_paused = true)]
async fn a_start_of_unknown_outcome_is_repeated_with_the_same_id() {
    let rig = Rig::new().await;
    rig.deploy("hold").await;
    fail_appends(&rig, |n| if n < 3 { unknown(n == 1) } else { Fate::AT_ONCE });
    let started = rig.gateway.start(start_request("hold", r#"{"total":1}"#)).await.unwrap();
    let starts: Vec<_> = commands(&rig)
        .await
        .into_iter()
        .filter_map(|command| {
            let Command::Start(start) = command else { return None };
            Some(start.execution)
        })
        .collect();
    assert_eq!(starts, [started.id, started.id]);
}

#[tokio::test(start_paused = true)]
async fn a_start_that_stays_unknown_is_refused_after_20_seconds() {
    let rig = Rig::new().await;
    rig.deploy("hold").await;
    fail_appends(&rig, |_| unknown(false));
    let begin = Instant::now();
    let refusal = rig.gateway.start(start_request("hold", r#"{"total":1}"#)).await.unwrap_err();
    assert_eq!(refusal.code, ErrorCode::Unavailable);
    assert_eq!(begin.elapsed().as_secs(), 20);
}

#[tokio::test(start_paused = true)]
async fn a_log_that_never_answers_is_not_waited_for_for_ever() {
    let rig = Rig::new().await;
    rig.deploy("hold").await;
    fail_appends(&rig, |_| Fate::Silent { lands: vec![] });
    let refusal = rig.gateway.start(start_request("hold", r#"{"total":1}"#)).await.unwrap_err();
    assert_eq!(refusal.code, ErrorCode::Unavailable);
}

#[tokio::test(start_paused = true)]
async fn a_full_disk_refuses_and_clears_by_itself() {
    let rig = Rig::new().await;
    rig.deploy("hold").await;
    fail_appends(&rig, |n| if n == 0 { Fate::FULL } else { Fate::AT_ONCE });
    let start = || rig.gateway.start(start_request("hold", r#"{"total":1}"#));
    let refusal = start().await.unwrap_err();
    assert_eq!(refusal.code, ErrorCode::StorageFull);
    assert_eq!(refusal.code.status(), 503);
    assert!(refusal.retry_after().is_some());
    start().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_record_that_the_log_finds_too_large_is_the_callers_error() {
    let rig = Rig::new().await;
    rig.deploy("hold").await;
    let why = NotWritten::TooLarge { bytes: 9, limit: 8 };
    fail_appends(&rig, move |_| Fate::Refused { told: Duration::ZERO, why: why.clone() });
    let refusal = rig.gateway.start(start_request("hold", r#"{"total":1}"#)).await.unwrap_err();
    assert_eq!(refusal.code, ErrorCode::TooLarge);
}

#[tokio::test(start_paused = true)]
async fn a_keyed_start_without_a_decision_is_accepted_after_5_seconds() {
    let rig = Rig::new().await;
    rig.deploy("hold").await;
    rig.silence_outcomes();
    let begin = Instant::now();
    let key = Some(IdempotencyKey::new("k").unwrap());
    let request = StartRequest { key, ..start_request("hold", r#"{"total":1}"#) };
    let started = rig.gateway.start(request).await.unwrap();
    assert_eq!(started.status, flowmill_store::Status::Pending);
    assert_eq!(begin.elapsed().as_secs(), 5);
}

#[tokio::test(start_paused = true)]
async fn a_command_without_a_decision_answers_with_its_place() {
    let rig = Rig::new().await;
    rig.deploy("hold").await;
    let started = rig.gateway.start(start_request("hold", r#"{"total":1}"#)).await.unwrap();
    rig.silence_outcomes();
    let request = Request::post(format!("/v1/executions/{}/cancel", started.id));
    let request = request.body(Body::empty()).unwrap();
    let response = router(rig.gateway.clone()).oneshot(request).await.unwrap();
    assert_eq!(response.status(), StatusCode::ACCEPTED);
    let position = response.headers()["flowmill-position"].to_str().unwrap().to_owned();
    let body = axum::body::to_bytes(response.into_body(), 1_000).await.unwrap();
    let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(body, serde_json::json!({"id": started.id.to_string(), "position": position}));
}

#[tokio::test(start_paused = true)]
async fn a_repeated_command_with_a_key_has_the_same_id_and_one_without_has_not() {
    let rig = Rig::new().await;
    rig.deploy("hold").await;
    let id = rig.gateway.start(start_request("hold", r#"{"total":1}"#)).await.unwrap().id;
    let key = Some(IdempotencyKey::new("k").unwrap());
    for key in [key.clone(), key, None, None] {
        let envelope = Envelope { key, trace: None };
        rig.gateway.control(id, Action::Suspend, None, envelope).await.unwrap();
    }
    let ids: Vec<_> = commands(&rig)
        .await
        .into_iter()
        .filter_map(|command| {
            let Command::Suspend(control) = command else { return None };
            Some(control.id)
        })
        .collect();
    assert_eq!(ids.len(), 4);
    assert_eq!(ids[0], ids[1]);
    assert!(ids[2] != ids[3] && ids[2] != ids[0]);
}

#[tokio::test(start_paused = true)]
async fn an_acknowledged_start_is_pending_while_its_owner_is_away() {
    let mut rig = Rig::new().await;
    rig.deploy("hold").await;
    rig.stop_owners().await;
    let started = rig.gateway.start(start_request("hold", r#"{"total":1}"#)).await.unwrap();
    for after in [None, Some(started.position)] {
        let read = rig.gateway.read(started.id, after).await.unwrap();
        assert_eq!(read, Read::Accepted { id: started.id, flow: started.flow.clone() });
    }
    let later = Position { offset: started.position.offset.next(), ..started.position };
    let refusal = rig.gateway.read(started.id, Some(later)).await.unwrap_err();
    assert_eq!(refusal.code, ErrorCode::BadRequest, "no write has that place");
}

#[tokio::test(start_paused = true)]
async fn nobody_says_unknown_while_the_owner_is_away() {
    let mut rig = Rig::new().await;
    rig.deploy("hold").await;
    rig.stop_owners().await;
    let id = ExecutionId::new(ShardId::new(1), 17);
    let read = rig.gateway.read(id, None).await.unwrap_err();
    assert_eq!(read.code, ErrorCode::Unavailable);
    let history = rig.gateway.history(id, Default::default(), 10).await.unwrap_err();
    assert_eq!(history.code, ErrorCode::Unavailable);
}

#[tokio::test(start_paused = true)]
async fn a_read_is_not_held_up_by_an_owner_that_does_not_answer() {
    let rig = Rig::new().await;
    rig.deploy("hold").await;
    let started = rig.gateway.start(start_request("hold", r#"{"total":1}"#)).await.unwrap();
    let _mute = rig.set_state(started.id.shard().get(), ShardState::Open);
    let begin = Instant::now();
    let read = rig.gateway.read(started.id, None).await.unwrap();
    assert!(matches!(read, Read::Accepted { .. }));
    assert!(begin.elapsed() <= Duration::from_secs(3), "{:?}", begin.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_place_beyond_the_log_is_the_callers_error() {
    let rig = Rig::new().await;
    rig.deploy("hold").await;
    let started = rig.gateway.start(start_request("hold", r#"{"total":1}"#)).await.unwrap();
    let _mute = rig.set_state(started.id.shard().get(), ShardState::Open);
    let beyond = Position { offset: Offset::new(u64::MAX), ..started.position };
    let refusal = rig.gateway.read(started.id, Some(beyond)).await.unwrap_err();
    assert_eq!(refusal.code, ErrorCode::BadRequest);
}

#[tokio::test(start_paused = true)]
async fn a_deploy_without_a_decision_is_not_said_to_be_done() {
    let rig = Rig::new().await;
    rig.silence_outcomes();
    let deploy = |gateway: &Gateway, spread| {
        let gateway = gateway.clone();
        async move {
            let source = Bytes::from(definition("hold", "1.0.0"));
            let (format, expected, trace) = (flowmill_flow::Format::Yaml, None, None);
            gateway.deploy(DeployRequest { source, format, expected, spread, trace }).await
        }
    };
    let refusal = deploy(&rig.gateway, None).await.unwrap_err();
    assert_eq!(refusal.code, ErrorCode::Unavailable);
    let repeated = deploy(&rig.gateway, None).await.unwrap();
    assert!(!repeated.created, "it was decided meanwhile");
    assert_eq!(repeated.position, None, "nothing is written for what is known");
    let with_spread = deploy(&rig.gateway, NonZeroU16::new(2)).await.unwrap_err();
    assert_eq!(with_spread.code, ErrorCode::Unavailable, "only the owner knows about a spread");
}

#[tokio::test(start_paused = true)]
async fn a_wait_ends_when_the_gateway_does() {
    let rig = Rig::new().await;
    rig.deploy("hold").await;
    let started = rig.gateway.start(start_request("hold", r#"{"total":1}"#)).await.unwrap();
    let begin = Instant::now();
    let waiting = rig.gateway.wait(started.id, None, Duration::from_secs(60));
    let draining = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        rig.gateway.drain();
    };
    let (ended, ()) = tokio::join!(waiting, draining);
    assert_eq!(ended.unwrap(), None);
    assert_eq!(begin.elapsed(), Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn a_wait_is_bounded_whatever_is_asked() {
    let rig = Rig::new().await;
    rig.deploy("hold").await;
    let started = rig.gateway.start(start_request("hold", r#"{"total":1}"#)).await.unwrap();
    let begin = Instant::now();
    let ended = rig.gateway.wait(started.id, None, Duration::from_secs(3_600)).await;
    assert_eq!(ended.unwrap(), None);
    assert_eq!(begin.elapsed(), Duration::from_secs(60));
}

#[tokio::test(start_paused = true)]
async fn a_start_continues_the_callers_trace() {
    let rig = Rig::new().await;
    rig.deploy("hold").await;
    let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let request = Request::post("/v1/flows/shop/hold/executions")
        .header("content-type", "application/json")
        .header("traceparent", trace)
        .body(Body::from(r#"{"total":1}"#))
        .unwrap();
    let response = router(rig.gateway.clone()).oneshot(request).await.unwrap();
    assert_eq!(response.status(), StatusCode::ACCEPTED);
    let position = response.headers()["flowmill-position"].to_str().unwrap();
    let position: Position = position.parse().unwrap();
    let partition = Partition::of_shard(Topic::Commands, position.shard);
    let mut reader = rig.log.reader(&partition, position.offset);
    let limit = flowmill_log::ReadLimit { records: std::num::NonZeroUsize::MIN, bytes: 1 << 20 };
    let record = reader.read(limit).await.unwrap().remove(0).record;
    let record: CommandRecord = envelope::decode(&record.value).unwrap();
    assert_eq!(record.trace.unwrap().to_string(), trace);
}
