//! `kafka.produce` nodes write to real topics.

use crate::broker::User;
use crate::node::Node;

const TRACE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

fn producing(parameters: &str) -> String {
    format!(
        "triggers: [{{ kafka: {{ topic: TOPIC, from: earliest }} }}]
nodes:
  - {{ id: s, type: start }}
  - {{ id: p, type: kafka.produce, parameters: {{ {parameters} }} }}
connections: [s.out -> p.in]"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flow_that_a_record_started_writes_an_event_that_continues_its_trace() {
    let user = User::new("written").await;
    user.make_topic("written.in", 1).await;
    user.make_topic("written.out", 1).await;
    let node = Node::start(user.clone()).await;
    let parameters = "topic: 'written.${ .to }', key: '${ .id }', value: { order: '${ .id }' }, \
                      headers: { h: 'no ${ .id }' }, event: { type: paid, subject: '${ .id }' }";
    let flow = producing(parameters).replace("TOPIC", "written.in");
    node.deploy("orders", "1.0.0", &flow).await;
    let triggers = node.triggers();
    let order = r#"{"id": "o-1", "to": "out"}"#;
    user.produce_with("written.in", None, None, order, &[("traceparent", TRACE)]).await;
    let seen = user.read("written.out", 1).await.remove(0);
    assert_eq!(seen.key.as_deref(), Some("o-1"));
    assert_eq!(seen.value.as_deref(), Some("{\"order\":\"o-1\"}"));
    let headers = &seen.headers;
    let key = &headers["flowmill-idempotency-key"];
    assert_eq!((key.len(), &headers["ce_id"]), (32, key));
    assert_eq!(headers["ce_source"], "/shop/orders");
    assert_eq!((headers["ce_type"].as_str(), headers["ce_subject"].as_str()), ("paid", "o-1"));
    assert_eq!((headers["h"].as_str(), headers["traceparent"].as_str()), ("no o-1", TRACE));
    assert_eq!(headers["content-type"], "application/json");
    node.await_executions("orders", 1).await;
    let expect = r#"{"topic":"written.out","partition":0,"offset":0}"#;
    assert_eq!(node.outputs("orders").await, [expect]);
    triggers.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_that_is_not_there_is_tried_again_and_then_fails_the_node() {
    let user = User::new("nowhere").await;
    user.make_topic("nowhere.in", 1).await;
    let node = Node::start(user.clone()).await;
    let retry = "retry: { delay: PT0.1S, limit: { attempts: 2 } }";
    let flow = producing("topic: nowhere.none").replace("TOPIC", "nowhere.in");
    let flow = flow.replace("type: kafka.produce,", &format!("type: kafka.produce, {retry},"));
    node.deploy("orders", "1.0.0", &flow).await;
    let triggers = node.triggers();
    user.produce("nowhere.in", "1").await;
    for id in node.await_executions("orders", 1).await {
        let problem = node.end_of(id).await.error.expect("it faulted");
        let detail = problem.detail.unwrap_or_default();
        assert!(detail.contains("nowhere.none") && detail.contains("no such topic"), "{detail}");
    }
    let retried = "flowmill_task_retries_total 1";
    assert!(node.metrics.render().contains(retried), "two attempts");
    triggers.stop().await;
}
