//! Reading executions and histories.

use reqwest::Method;

use crate::owner::EVENTS;
use crate::rig::{Answer, Served};

#[tokio::test]
async fn a_read_carries_the_place_of_a_write() {
    let served = Served::with_flows().await;
    let started = served.post("/v1/flows/shop/hold/executions", r#"{"total": 1}"#).await;
    let position = started.header("flowmill-position").unwrap();
    let path = format!("/v1/executions/{}", started.text("/id"));
    let read = served.request(Method::GET, &path).header("Flowmill-Position", position);
    let read = Answer::of(read).await;
    assert_eq!(read.status, 200, "{read:?}");
    let wrong = served.request(Method::GET, &path).header("Flowmill-Position", "next to it");
    Answer::of(wrong).await.assert_problem(400, "bad-request");
}

#[tokio::test]
async fn what_is_not_there_is_not_found_by_the_owners_word() {
    let served = Served::with_flows().await;
    for id in ["00010000000000000000000000000001", "ffff0000000000000000000000000001", "x"] {
        for rest in ["", "/history", "?wait=1s"] {
            let answer = served.get(&format!("/v1/executions/{id}{rest}")).await;
            answer.assert_problem(404, "not-found");
        }
    }
}

#[tokio::test]
async fn a_read_can_wait_for_the_end() {
    let served = Served::with_flows().await;
    let id = served.start("echo").await;
    let ended = served.get(&format!("/v1/executions/{id}?wait=30s")).await;
    assert_eq!(ended.body["status"], "completed");
    let id = served.start("hold").await;
    let waiting = served.get(&format!("/v1/executions/{id}?wait=1ms")).await;
    assert_eq!(waiting.status, 200, "{waiting:?}");
    assert_eq!(waiting.body["status"], "waiting");
}

#[tokio::test]
async fn a_history_comes_page_by_page_in_order() {
    let served = Served::with_flows().await;
    let id = served.start("hold").await;
    let mut sequences = Vec::new();
    let mut page = String::new();
    loop {
        let answer = served.get(&format!("/v1/executions/{id}/history?limit=40{page}")).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let events = answer.body["events"].as_array().unwrap();
        assert!(events.len() <= 40);
        sequences.extend(events.iter().map(|event| event["sequence"].as_u64().unwrap()));
        assert_eq!(events[0]["type"], "node-completed");
        assert_eq!(events[0]["node"], "hold");
        assert_eq!(events[0]["detail"]["iteration"], 0);
        let Some(next) = answer.body["next"].as_str() else { break };
        page = format!("&page={next}");
    }
    assert_eq!(sequences, (0..EVENTS).collect::<Vec<_>>());
    for query in ["limit=0", "limit=some", "page=x", "page=-1"] {
        let answer = served.get(&format!("/v1/executions/{id}/history?{query}")).await;
        answer.assert_problem(400, "bad-request");
    }
}
