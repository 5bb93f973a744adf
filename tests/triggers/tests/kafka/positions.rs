//! Where a trigger begins, and what it keeps.

use crate::broker::User;
use crate::node::Node;

fn listening(trigger: &str) -> String {
    format!("triggers: [{{ kafka: {{ {trigger} }} }}]\nnodes: [{{ id: s, type: start }}]")
}

async fn node_on(cluster: &str, topic: &str, partitions: i32) -> Node {
    let user = User::new(cluster).await;
    user.make_topic(topic, partitions).await;
    Node::start(user).await
}

#[tokio::test(flavor = "multi_thread")]
async fn latest_begins_where_it_began_also_when_it_is_taken_over_before_its_first_record() {
    let node = node_on("latest", "latest.t", 2).await;
    node.user.produce_to("latest.t", 0, "0").await;
    node.deploy("orders", "1.0.0", &listening("topic: latest.t")).await;
    let triggers = node.triggers();
    // Both partitions have their beginning before anything is read of either.
    node.await_positions("orders", "latest.t", &[1, 0]).await;
    triggers.stop().await;
    node.user.produce_to("latest.t", 0, "1").await;
    node.user.produce_to("latest.t", 1, "2").await;
    let triggers = node.triggers();
    node.await_executions("orders", 2).await;
    assert_eq!(node.outputs("orders").await, ["1", "2"]);
    triggers.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partition_that_is_added_later_is_read_from_its_beginning() {
    let node = node_on("grown", "grown.t", 1).await;
    node.deploy("orders", "1.0.0", &listening("topic: grown.t")).await;
    let triggers = node.triggers();
    node.await_positions("orders", "grown.t", &[0]).await;
    node.user.produce("grown.t", "0").await;
    node.await_executions("orders", 1).await;
    node.user.grow_topic("grown.t", 2).await;
    node.user.produce_to("grown.t", 1, "1").await;
    node.await_executions("orders", 2).await;
    triggers.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_version_keeps_the_position_and_starts_what_is_new_with_what_it_says() {
    let node = node_on("versions", "versions.t", 1).await;
    node.user.make_topic("versions.u", 1).await;
    node.deploy("orders", "1.0.0", &listening("topic: versions.t, from: earliest")).await;
    let triggers = node.triggers();
    node.user.produce("versions.t", "1").await;
    node.await_executions("orders", 1).await;
    node.await_positions("orders", "versions.t", &[1]).await;
    let two = "triggers:
  - kafka: { topic: versions.t, from: earliest, input: '[.]' }
  - kafka: { topic: versions.u, from: earliest, input: '[[.]]' }
nodes: [{ id: s, type: start }]";
    node.deploy("orders", "2.0.0", two).await;
    // The trigger sees the deploy a little later than the gateway that took it.
    node.user.produce("versions.u", "2").await;
    node.await_executions("orders", 2).await;
    node.user.produce("versions.t", "3").await;
    node.await_executions("orders", 3).await;
    assert_eq!(node.outputs("orders").await, ["1", "[3]", "[[2]]"]);
    // A version without triggers ends them.
    node.deploy("orders", "3.0.0", "nodes: [{ id: s, type: start }]").await;
    node.await_positions("orders", "versions.t", &[2]).await;
    triggers.stop().await;
}
