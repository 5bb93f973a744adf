//! Reads from the store, while the owner is away. Time is paused.

use bytes::Bytes;
use flowmill_engine::{Execution, evolve};
use flowmill_gateway::Read;
use flowmill_model::event::{Event, Started};
use flowmill_model::history::{InputPositions, LogIdentity};
use flowmill_model::{
    BatchNumber, ContentHash, Epoch, ErrorCode, ExecutionId, FlowVersion, Offset, Payload, ShardId,
    Timestamp, limits,
};
use flowmill_routing::{Position, ShardState};
use flowmill_store::{ExecutionWrite, Listing, RowVersion, Status, Store, Watermark, Write};

use crate::rig::{Rig, flow_name, start_request};

const AT: Timestamp = Timestamp::from_millis(1_767_323_045_678);

/// Stores an execution that has started.
async fn store(rig: &Rig, id: ExecutionId) {
    let flow = FlowVersion { flow: flow_name("hold"), version: "1.0.0".parse().unwrap() };
    let mut execution = Execution::new(id);
    let started = Started {
        flow: flow.clone(),
        hash: ContentHash::new([7; 32]),
        input: Payload::from(r#"{"total":1}"#),
        trace: None,
        sent_at: AT,
        at: AT,
        deadline: None,
    };
    evolve(&mut execution, &Event::Started(started));
    let row = ExecutionWrite {
        id,
        version: RowVersion::of(0, Offset::new(1)),
        sequence: execution.sequence(),
        checkpoint: execution.encode().into(),
        history: None,
        listing: Listing { flow, status: Status::Waiting, started_at: AT, ended_at: None },
        purge_at: None,
        timers_set: vec![],
        timers_cleared: vec![],
    };
    rig.store.write(id.shard(), Write { executions: vec![row] }).await.unwrap();
}

/// Says that the store holds everything up to a place.
async fn project(rig: &Rig, position: Position) {
    let watermark = Watermark {
        log: LogIdentity { cluster: 1, generation: 0 },
        offset: Offset::new(1),
        epoch: Epoch::new(1),
        batch: BatchNumber::new(1),
        positions: InputPositions { commands: position.offset.next(), results: Offset::default() },
        mark: BatchNumber::new(1),
        timer_cursor: AT,
    };
    rig.store.set_watermark(position.shard, watermark).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_stored_execution_is_shown_as_stale() {
    let rig = Rig::without_owners().await;
    let id = ExecutionId::new(ShardId::new(1), 17);
    store(&rig, id).await;
    let Read::Stale(view) = rig.gateway.read(id, None).await.unwrap() else {
        panic!("the owner cannot have answered");
    };
    assert_eq!(view.id, id);
    assert_eq!(view.input, Payload::from(r#"{"total":1}"#));
    assert_eq!(view.started_at, AT);
}

#[tokio::test(start_paused = true)]
async fn a_stale_answer_has_seen_the_write_it_was_asked_with() {
    let mut rig = Rig::new().await;
    rig.deploy("hold").await;
    let started = rig.gateway.start(start_request("hold", r#"{"total":1}"#)).await.unwrap();
    let id = ExecutionId::new(started.id.shard(), 17);
    store(&rig, id).await;
    rig.stop_owners().await;
    let after = Some(started.position);
    let refusal = rig.gateway.read(id, after).await.unwrap_err();
    assert_eq!(refusal.code, ErrorCode::Unavailable);
    project(&rig, started.position).await;
    let read = rig.gateway.read(id, after).await.unwrap();
    assert!(matches!(read, Read::Stale(_)), "{read:?}");
}

/// The time is the test's own: it says what was waited for.
#[tokio::test(start_paused = true)]
async fn a_write_that_the_store_has_seen_is_read_there_once_the_owner_is_late() {
    let mut rig = Rig::new().await;
    rig.deploy("hold").await;
    let started = rig.gateway.start(start_request("hold", r#"{"total":1}"#)).await.unwrap();
    let id = ExecutionId::new(started.id.shard(), 17);
    store(&rig, id).await;
    project(&rig, started.position).await;
    rig.stop_owners().await;
    let _silent = rig.set_state(started.id.shard().get(), ShardState::Open);
    let begun = tokio::time::Instant::now();
    let read = rig.gateway.read(id, Some(started.position)).await.unwrap();
    assert!(matches!(read, Read::Stale(_)), "{read:?}");
    assert_eq!(begun.elapsed(), limits::READ_WAIT);
}

#[tokio::test(start_paused = true)]
async fn a_place_of_another_shard_says_nothing_about_an_execution() {
    let mut rig = Rig::new().await;
    rig.deploy("hold").await;
    let started = rig.gateway.start(start_request("hold", r#"{"total":1}"#)).await.unwrap();
    let id = ExecutionId::new(ShardId::new((started.id.shard().get() + 1) % 4), 17);
    store(&rig, id).await;
    rig.stop_owners().await;
    let read = rig.gateway.read(id, Some(started.position)).await.unwrap();
    assert!(matches!(read, Read::Stale(_)), "{read:?}");
}

#[tokio::test(start_paused = true)]
async fn a_stored_execution_that_cannot_be_read_is_an_error_of_ours() {
    let rig = Rig::without_owners().await;
    let id = ExecutionId::new(ShardId::new(1), 17);
    let flow = FlowVersion { flow: flow_name("hold"), version: "1.0.0".parse().unwrap() };
    let row = ExecutionWrite {
        id,
        version: RowVersion::of(0, Offset::new(1)),
        sequence: flowmill_model::Sequence::new(1),
        checkpoint: Bytes::from_static(b"damaged"),
        history: None,
        listing: Listing { flow, status: Status::Waiting, started_at: AT, ended_at: None },
        purge_at: None,
        timers_set: vec![],
        timers_cleared: vec![],
    };
    rig.store.write(id.shard(), Write { executions: vec![row] }).await.unwrap();
    let refusal = rig.gateway.read(id, None).await.unwrap_err();
    assert_eq!(refusal.code, ErrorCode::Internal);
}
