//! What happens when a side is away: nothing is lost, nothing comes twice.

use flowmill_rig::{Kafka, KafkaPlan};

use crate::broker::User;
use crate::node::{Node, until};

const FLOW: &str = "triggers: [{ kafka: { topic: TOPIC, from: earliest } }]
nodes: [{ id: s, type: start }]";

#[tokio::test(flavor = "multi_thread")]
async fn a_partition_is_paused_while_its_shards_take_no_starts() {
    let user = User::new("paused").await;
    user.make_topic("paused.t", 1).await;
    let mut node = Node::start(user.clone()).await;
    node.deploy("orders", "1.0.0", &FLOW.replace("TOPIC", "paused.t")).await;
    let full = node.fill_shards().await;
    for number in 0..600 {
        user.produce("paused.t", &number.to_string()).await;
    }
    let triggers = node.triggers();
    let paused = r#"flowmill_trigger_partitions_paused{flow="shop/orders",topic="paused.t"} 1"#;
    until("the partition is paused", async || node.metrics.render().contains(paused)).await;
    assert_eq!(node.starts("orders").len(), 0);
    assert_eq!(user.positions("orders", "paused.t", 1).await, [0]);
    drop(full);
    node.start_orchestrator().await;
    node.await_executions("orders", 600).await;
    node.await_positions("orders", "paused.t", &[600]).await;
    assert_eq!(node.starts("orders").len(), 600, "none was started twice");
    triggers.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_dies_and_comes_back_loses_and_doubles_nothing() {
    let start = || Kafka::start(&KafkaPlan::default()).expect("a broker");
    let mut kafka = tokio::task::spawn_blocking(start).await.unwrap();
    let user = User::of("killed", kafka.bootstrap());
    user.make_topic("killed.t", 2).await;
    let node = Node::start(user.clone()).await;
    node.deploy("orders", "1.0.0", &FLOW.replace("TOPIC", "killed.t")).await;
    let triggers = node.triggers();
    for number in 0..100 {
        user.produce_to("killed.t", number % 2, &number.to_string()).await;
    }
    node.await_executions("orders", 100).await;
    let kafka = tokio::task::spawn_blocking(move || {
        kafka.kill(0).expect("it runs");
        kafka.restart(0).expect("it comes back");
        kafka
    });
    let kafka = kafka.await.unwrap();
    for number in 100..200 {
        user.produce_to("killed.t", number % 2, &number.to_string()).await;
    }
    node.await_executions("orders", 200).await;
    node.await_positions("orders", "killed.t", &[100, 100]).await;
    node.await_executions("orders", 200).await;
    triggers.stop().await;
    tokio::task::spawn_blocking(move || drop(kafka)).await.unwrap();
}
