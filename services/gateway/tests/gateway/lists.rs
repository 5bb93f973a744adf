//! Lists of executions.

use bytes::Bytes;
use flowmill_model::{ExecutionId, FlowVersion, Offset, Sequence, ShardId, Timestamp};
use flowmill_store::{ExecutionWrite, Listing, RowVersion, Status, Store, Write};

use crate::rig::{Rig, Served, flow_name};

const NEWEST: u64 = 1_767_323_045_000;

/// Ten executions, a second apart; every other one has ended and is of another flow.
async fn with_rows() -> Served {
    let rig = Rig::new().await;
    let shard = ShardId::new(1);
    let executions = (0..10).map(|n| {
        let even = n % 2 == 0;
        let flow = flow_name(if even { "echo" } else { "hold" });
        let started_at = Timestamp::from_millis(NEWEST - 1_000 * n);
        let listing = Listing {
            flow: FlowVersion { flow, version: "1.0.0".parse().unwrap() },
            status: if even { Status::Completed } else { Status::Waiting },
            started_at,
            ended_at: even.then_some(started_at),
        };
        ExecutionWrite {
            id: ExecutionId::new(shard, u128::from(n)),
            version: RowVersion::of(0, Offset::new(n)),
            sequence: Sequence::new(1),
            checkpoint: Bytes::new(),
            history: None,
            listing,
            purge_at: None,
            timers_set: vec![],
            timers_cleared: vec![],
        }
    });
    rig.store.write(shard, Write { executions: executions.collect() }).await.unwrap();
    rig.serve().await
}

async fn listed(served: &Served, query: &str) -> Vec<u64> {
    let answer = served.get(&format!("/v1/executions?{query}")).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let number = |entry: &serde_json::Value| {
        u64::from_str_radix(&entry["id"].as_str().unwrap()[4..], 16).unwrap()
    };
    answer.body["executions"].as_array().unwrap().iter().map(number).collect()
}

#[tokio::test]
async fn lists_are_newest_first_and_narrowed_by_what_is_asked() {
    let served = with_rows().await;
    assert_eq!(listed(&served, "").await, (0..10).collect::<Vec<_>>());
    assert_eq!(listed(&served, "flow=shop/hold").await, [1, 3, 5, 7, 9]);
    assert_eq!(listed(&served, "flow=shop%2Fhold&limit=2").await, [1, 3]);
    assert_eq!(listed(&served, "status=completed").await, [0, 2, 4, 6, 8]);
    assert_eq!(listed(&served, "since=2026-01-02T03:04:03Z").await, [0, 1, 2]);
    assert_eq!(listed(&served, "since=PT24H&namespace=shop&limit=3").await, [0, 1, 2]);
    assert!(listed(&served, "namespace=other").await.is_empty());
    assert_eq!(listed(&served, "limit=100000").await.len(), 10);
}

#[tokio::test]
async fn pages_follow_each_other() {
    let served = with_rows().await;
    let first = served.get("/v1/executions?limit=5").await;
    let entry = &first.body["executions"][1];
    assert_eq!(entry["flow"], "shop/hold");
    assert_eq!(entry["version"], "1.0.0");
    assert_eq!(entry["status"], "waiting");
    assert_eq!(entry["startedAt"], "2026-01-02T03:04:04.000Z");
    assert!(entry["endedAt"].is_null());
    let page = format!("limit=5&page={}", first.text("/next"));
    assert_eq!(listed(&served, &page).await, [5, 6, 7, 8, 9]);
    let last = served.get(&format!("/v1/executions?{page}")).await;
    assert!(last.body["next"].is_null());
}

#[tokio::test]
async fn a_query_that_means_nothing_is_refused() {
    let served = with_rows().await;
    for query in [
        "flow=orders",
        "flow=Shop/Orders",
        "namespace=-",
        "status=done",
        "since=yesterday",
        "limit=0",
        "limit=-1",
        "page=2",
        "order=asc",
        "limit=1&limit=2",
    ] {
        let answer = served.get(&format!("/v1/executions?{query}")).await;
        answer.assert_problem(400, "bad-request");
    }
}
