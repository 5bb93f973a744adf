//! What a record starts: its input, its trace, and one execution, however often it is read.

use std::collections::BTreeSet;

use flowmill_log::Topic;
use flowmill_model::command::{Command, CommandRecord};

use crate::broker::User;
use crate::node::{Node, header, until};

const TRACE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

fn listening(trigger: &str) -> String {
    format!("triggers: [{{ kafka: {{ {trigger} }} }}]\nnodes: [{{ id: s, type: start }}]")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_read_again_starts_nothing_new() {
    let user = User::new("again").await;
    user.make_topic("again.t", 1).await;
    let node = Node::start(user.clone()).await;
    node.deploy("orders", "1.0.0", &listening("topic: again.t, from: earliest")).await;
    for number in 0..50 {
        user.produce("again.t", &number.to_string()).await;
    }
    let triggers = node.triggers();
    let executions = node.await_executions("orders", 50).await;
    triggers.stop().await;
    assert_eq!(user.positions("orders", "again.t", 1).await, [50]);
    // As if the gateway had died between the last start and its commit.
    user.move_position("orders", "again.t", 0, 0).await;
    let triggers = node.triggers();
    node.await_positions("orders", "again.t", &[50]).await;
    triggers.stop().await;
    let starts = node.starts("orders");
    assert_eq!(starts.len(), 100, "every record was read twice");
    let id = |start: &CommandRecord| match &start.command {
        Command::Start(start) => start.execution,
        other @ (Command::Signal(_)
        | Command::Cancel(_)
        | Command::Suspend(_)
        | Command::Resume(_)
        | Command::Deploy(_)
        | Command::Activate(_)) => panic!("{other:?}"),
    };
    let ids: BTreeSet<_> = starts.iter().map(id).collect();
    assert_eq!(ids, executions);
    assert_eq!(node.executions("orders").await, executions);
}

#[tokio::test(flavor = "multi_thread")]
async fn gateways_share_the_partitions_and_every_flow_gets_every_record() {
    let user = User::new("shared").await;
    user.make_topic("shared.t", 4).await;
    let node = Node::start(user.clone()).await;
    for flow in ["one", "two"] {
        node.deploy(flow, "1.0.0", &listening("topic: shared.t, from: earliest")).await;
    }
    let (first, second) = (node.triggers(), node.triggers());
    for number in 0..100 {
        user.produce_to("shared.t", number % 4, &number.to_string()).await;
    }
    node.await_executions("one", 100).await;
    // One leaves while there is more to do; the other takes over where it was.
    let more = async {
        for number in 100..300 {
            user.produce_to("shared.t", number % 4, &number.to_string()).await;
        }
    };
    tokio::join!(first.stop(), more);
    for flow in ["one", "two"] {
        node.await_executions(flow, 300).await;
        assert_eq!(node.outputs(flow).await.len(), 300);
        node.await_positions(flow, "shared.t", &[75; 4]).await;
    }
    second.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_execution_continues_the_trace_of_its_record() {
    let user = User::new("traced").await;
    user.make_topic("traced.t", 1).await;
    let node = Node::start(user.clone()).await;
    node.deploy("orders", "1.0.0", &listening("topic: traced.t, from: earliest")).await;
    user.produce_with("traced.t", None, None, "1", &[("traceparent", TRACE)]).await;
    let triggers = node.triggers();
    node.await_executions("orders", 1).await;
    let traces: Vec<_> = node.starts("orders").iter().map(|start| start.trace).collect();
    assert_eq!(traces, [Some(TRACE.parse().unwrap())]);
    let told = async || node.records(&Topic::Lifecycle).len() == 2;
    until("start and end are told", told).await;
    for record in node.records(&Topic::Lifecycle) {
        assert_eq!(header(&record, "ce_traceparent").as_deref(), Some(TRACE));
    }
    triggers.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn expressions_choose_and_shape_what_records_start() {
    let user = User::new("shaped").await;
    user.make_topic("shaped.t", 1).await;
    let node = Node::start(user.clone()).await;
    let trigger = "topic: shaped.t, from: earliest, filter: .total > 100, \
                   input: '{id: .id, by: $record.key, at: $record.offset, h: $record.headers.h}'";
    node.deploy("orders", "1.0.0", &listening(trigger)).await;
    for (id, total) in [(1, 50), (2, 150), (3, 101)] {
        let value = format!("{{\"id\": {id}, \"total\": {total}}}");
        user.produce_with("shaped.t", None, Some("key"), &value, &[("h", "x")]).await;
    }
    let triggers = node.triggers();
    node.await_positions("orders", "shaped.t", &[3]).await;
    let expect = [r#"{"id":2,"by":"key","at":1,"h":"x"}"#, r#"{"id":3,"by":"key","at":2,"h":"x"}"#];
    node.await_executions("orders", 2).await;
    assert_eq!(node.outputs("orders").await, expect);
    let counted = r#"flowmill_trigger_records_total{flow="shop/orders",result="filtered",topic="shaped.t"} 1"#;
    assert!(node.metrics.render().contains(counted), "{}", node.metrics.render());
    triggers.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn records_with_one_key_start_one_execution() {
    let user = User::new("keyed").await;
    user.make_topic("keyed.t", 1).await;
    let node = Node::start(user.clone()).await;
    let trigger = "topic: keyed.t, from: earliest, key: .id, input: .id";
    node.deploy("orders", "1.0.0", &listening(trigger)).await;
    for id in ["a", "b", "a", "a", "\u{fc}"] {
        user.produce("keyed.t", &format!("{{\"id\": \"{id}\"}}")).await;
    }
    let triggers = node.triggers();
    node.await_positions("orders", "keyed.t", &[5]).await;
    node.await_executions("orders", 3).await;
    assert_eq!(node.outputs("orders").await, ["\"a\"", "\"b\"", "\"\u{fc}\""]);
    triggers.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cloud_events_start_flows_in_both_modes() {
    let user = User::new("events").await;
    user.make_topic("events.t", 1).await;
    let node = Node::start(user.clone()).await;
    let trigger = "topic: events.t, from: earliest, envelope: cloudevents, filter: .type == \"t\"";
    node.deploy("orders", "1.0.0", &listening(trigger)).await;
    let attributes = [
        ("ce_specversion", "1.0"),
        ("ce_id", "1"),
        ("ce_source", "/s"),
        ("ce_type", "t"),
        ("content-type", "application/json"),
    ];
    user.produce_with("events.t", None, None, r#"{"mode": "binary"}"#, &attributes).await;
    let structured = |kind: &str| {
        format!(
            r#"{{"specversion": "1.0", "id": "2", "source": "/s", "type": "{kind}",
                "data": {{"mode": "structured"}}}}"#
        )
    };
    let header = [("content-type", "application/cloudevents+json")];
    user.produce_with("events.t", None, None, &structured("t"), &header).await;
    user.produce_with("events.t", None, None, &structured("other"), &header).await;
    let triggers = node.triggers();
    node.await_positions("orders", "events.t", &[3]).await;
    node.await_executions("orders", 2).await;
    let expect = [r#"{"mode":"binary"}"#, r#"{"mode":"structured"}"#];
    assert_eq!(node.outputs("orders").await, expect);
    triggers.stop().await;
}
