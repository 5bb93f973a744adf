//! Steps in executions' lives are told, once each while nobody dies.

use std::collections::BTreeMap;

use flowmill_log::{Record, Topic};

use crate::broker::User;
use crate::node::{Node, header, until};

const FLOW: &str = "nodes:
  - { id: s, type: start }
  - { id: m, type: map, parameters: { expression: 'if . == 1 then error(\"no\") else . end' } }
connections: [s.out -> m.in]
triggers: [{ kafka: { topic: told.t, from: earliest } }]";

#[tokio::test(flavor = "multi_thread")]
async fn starts_ends_and_faults_are_told_as_cloud_events() {
    let user = User::new("told").await;
    user.make_topic("told.t", 1).await;
    let node = Node::start(user.clone()).await;
    node.deploy("orders", "1.0.0", FLOW).await;
    let triggers = node.triggers();
    user.produce("told.t", "0").await;
    user.produce("told.t", "1").await;
    let all = async || node.records(&Topic::Lifecycle).len() >= 5;
    until("five events", all).await;
    let mut by_execution: BTreeMap<String, Vec<Record>> = BTreeMap::new();
    for record in node.records(&Topic::Lifecycle) {
        let key = String::from_utf8(record.key.to_vec()).unwrap();
        assert_eq!(header(&record, "ce_subject").as_ref(), Some(&key));
        assert_eq!(header(&record, "ce_source").as_deref(), Some("/shop/orders"));
        by_execution.entry(key).or_default().push(record);
    }
    let types = |records: &Vec<Record>| -> Vec<_> {
        records.iter().map(|record| header(record, "ce_type").unwrap()).collect()
    };
    let mut told: Vec<_> = by_execution.values().map(types).collect();
    told.sort_by_key(Vec::len);
    let expect: [&[&str]; 2] = [
        &["io.flowmill.execution.started.v1", "io.flowmill.execution.completed.v1"],
        &[
            "io.flowmill.execution.started.v1",
            "io.flowmill.task.faulted.v1",
            "io.flowmill.execution.faulted.v1",
        ],
    ];
    assert_eq!(told, expect);
    let ids: std::collections::BTreeSet<_> =
        by_execution.values().flatten().map(|record| header(record, "ce_id").unwrap()).collect();
    assert_eq!(ids.len(), 5, "every event has an id of its own");
    let faulted = by_execution.values().find(|records| records.len() == 3).unwrap();
    let value: serde_json::Value = serde_json::from_slice(&faulted[1].value).unwrap();
    assert_eq!(value["node"], "/nodes/1");
    assert_eq!(value["error"]["status"], 400);
    assert_eq!(value["version"], "1.0.0");
    triggers.stop().await;
}
