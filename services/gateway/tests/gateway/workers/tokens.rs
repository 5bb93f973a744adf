//! Who may answer for a task.

use serde_json::Value;

use super::http::poll;
use super::{Shop, completed, task, task_of};
use crate::rig::Answer;

async fn complete(shop: &Shop, token: &str) -> Answer {
    shop.served.post(&format!("/v1/tasks/{token}/complete"), "{}").await
}

fn token(task: &Value) -> String {
    task["token"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_token_that_was_answered_is_worth_nothing() {
    let mut shop = Shop::open().await;
    shop.put(&task(1)).await;
    let token = token(&poll(&shop, 1).await[0]);
    assert_eq!(complete(&shop, &token).await.status, 200);
    assert_eq!(shop.result(0).await.outcome, completed("{}"));
    complete(&shop, &token).await.assert_problem(409, "conflict");
    assert_eq!((shop.counted("complete", "accepted"), shop.counted("complete", "stale")), (1, 1));
}

#[tokio::test]
async fn a_token_that_no_gateway_has_given_out_is_refused_and_counted() {
    let shop = Shop::open().await;
    shop.put(&task(1)).await;
    let genuine = token(&poll(&shop, 1).await[0]);
    let mut other = genuine.clone().into_bytes();
    // Another attempt of the same task.
    other[53] = if other[53] == b'1' { b'2' } else { b'1' };
    let other = String::from_utf8(other).unwrap();
    for forged in ["nonsense", "00", &genuine[..genuine.len() - 2], &other] {
        complete(&shop, forged).await.assert_problem(409, "conflict");
    }
    assert_eq!(shop.counted("complete", "forged"), 4);
    assert_eq!(complete(&shop, &genuine).await.status, 200);
}

#[tokio::test]
async fn a_gateway_that_has_not_lent_a_task_asks_the_owner_whether_it_waits() {
    let mut shop = Shop::open().await;
    let execution = shop.served.start("work").await.parse().unwrap();
    shop.put(&task_of(execution, 1)).await;
    let token = token(&poll(&shop, 1).await[0]);
    let another = shop.another_gateway().await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let serving = flowmill_gateway::serve(listener, another, std::future::pending());
    flowmill_runtime::spawn("serve", serving);
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let said = |token: &str, what: &str| {
        let url = format!("http://{address}/v1/tasks/{token}/{what}");
        client.post(url).header("content-type", "application/json").body("1")
    };
    let accepted = Answer::of(said(&token, "complete")).await;
    assert_eq!(accepted.status, 200, "{accepted:?}");
    assert_eq!(shop.result(execution.shard().get()).await.outcome, completed("1"));

    shop.put(&task(99)).await;
    let lost = self::token(&poll(&shop, 1).await[0]);
    let refused = Answer::of(said(&lost, "complete")).await;
    refused.assert_problem(409, "conflict");
}
