//! Who is let in where a token is asked for.

use flowmill_gateway::Settings;
use flowmill_proto::v1::PollRequest;
use flowmill_proto::v1::worker_service_client::WorkerServiceClient;
use flowmill_routing::ClusterToken;
use reqwest::Method;
use tonic::transport::Endpoint;
use tonic::{Code, Request};

use crate::rig::{Answer, Rig, Served};

const TOKEN: &str = "a-token-of-some-length";

async fn guarded() -> Served {
    let token = Some(ClusterToken::new(TOKEN).unwrap());
    Rig::with(Settings { token, ..Settings::default() }).await.serve().await
}

#[tokio::test]
async fn nothing_but_health_is_told_to_those_without_the_token() {
    let served = guarded().await;
    for path in [
        "/v1/flows",
        "/v1/executions",
        "/v1/executions/00010000000000000000000000000001",
        "/metrics",
        "/openapi.json",
        "/nowhere",
        "/healthz/",
        "//healthz",
        "/healthz;x",
        "/%68ealthz/x",
        "/v1/flows/shop/echo/../../healthz",
        "/readyz/..%2fmetrics",
    ] {
        let answer = served.get(path).await;
        answer.assert_problem(401, "unauthenticated");
        assert_eq!(answer.header("www-authenticate"), Some("Bearer"), "{path}");
    }
    assert_eq!(served.get("/healthz").await.status, 200);
    assert_eq!(served.get("/readyz").await.status, 503, "its shards have no owners");
}

#[tokio::test]
async fn writes_without_the_token_leave_no_trace() {
    let served = guarded().await;
    let start = served.post("/v1/flows/shop/echo/executions", "{}").await;
    start.assert_problem(401, "unauthenticated");
    served
        .put_yaml("/v1/flows/shop/echo", "flowmill: 1")
        .await
        .assert_problem(401, "unauthenticated");
    assert_eq!(served.rig.commands_written().await, 0);
}

#[tokio::test]
async fn only_the_whole_token_opens() {
    let served = guarded().await;
    let check = async |header: &str, expect: u16| {
        let request = served.request(Method::GET, "/v1/flows").header("authorization", header);
        let answer = Answer::of(request).await;
        assert_eq!(answer.status, expect, "{header}");
        assert!(!format!("{answer:?}").contains(TOKEN), "{answer:?}");
    };
    check(&format!("Bearer {TOKEN}"), 200).await;
    check(&format!("Bearer {TOKEN}x"), 401).await;
    check(&format!("Bearer {}", &TOKEN[1..]), 401).await;
    check(&format!("Basic {TOKEN}"), 401).await;
    check("Bearer ", 401).await;
}

#[tokio::test]
async fn a_gateway_that_asks_for_nothing_answers_everybody() {
    let served = Rig::without_owners().await.serve().await;
    assert_eq!(served.get("/v1/flows").await.status, 200);
}

#[tokio::test]
async fn workers_are_asked_for_the_token_too() {
    let served = guarded().await;
    served
        .post("/v1/tasks/poll", r#"{"queue": "charge"}"#)
        .await
        .assert_problem(401, "unauthenticated");
    let endpoint = Endpoint::from_shared(format!("http://{}", served.address)).unwrap();
    let mut client = WorkerServiceClient::new(endpoint.connect().await.unwrap());
    let poll = PollRequest { queue: "charge".into(), ..PollRequest::default() };
    let refused = client.poll(poll.clone()).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unauthenticated);
    let mut request = Request::new(poll);
    let bearer = format!("Bearer {TOKEN}").parse().unwrap();
    request.metadata_mut().insert("authorization", bearer);
    assert!(client.poll(request).await.unwrap().into_inner().tasks.is_empty());
}
