//! Records that cannot be used are dead letters, with their reason, and hold up nobody.

use flowmill_log::{Record, Topic};

use crate::broker::User;
use crate::node::{Node, header, until};

const FLOW: &str = "input: { schema: { type: object, required: [id] } }
triggers: [{ kafka: { topic: TOPIC, from: earliest, EXTRA } }]
nodes: [{ id: s, type: start }]";

async fn node_with(cluster: &str, topic: &str, extra: &str) -> Node {
    let user = User::new(cluster).await;
    user.make_topic(topic, 1).await;
    let node = Node::start(user).await;
    let flow = FLOW.replace("TOPIC", topic).replace("EXTRA", extra);
    node.deploy("orders", "1.0.0", &flow).await;
    node
}

fn reason(letter: &Record) -> String {
    header(letter, "flowmill-reason").unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_used_goes_to_the_dead_letters_and_the_partition_goes_on() {
    let node = node_with(
        "letters",
        "letters.t",
        "filter: .id != 0, input: 'if .id == 3 then error else . end'",
    )
    .await;
    let large = format!("{{\"id\": \"{}\"}}", "x".repeat(1024 * 1024));
    for value in [
        "{\"id\": 1}",
        "not json",
        "{\"other\": 2}",
        "{\"id\": 3}",
        &large,
        "{\"id\": 0}",
        "{\"id\": 4}",
    ] {
        node.user.produce_with("letters.t", None, Some("k"), value, &[("h", "x")]).await;
    }
    let triggers = node.triggers();
    node.await_positions("orders", "letters.t", &[7]).await;
    node.await_executions("orders", 2).await;
    assert_eq!(node.outputs("orders").await, ["{\"id\":1}", "{\"id\":4}"]);
    let mut letters = node.records(&Topic::DeadLetters);
    let offset =
        |letter: &Record| header(letter, "flowmill-offset").unwrap().parse::<u64>().unwrap();
    letters.sort_by_key(offset);
    let found: Vec<_> = letters.iter().map(|letter| (offset(letter), reason(letter))).collect();
    let expect =
        [(1, "invalid-input"), (2, "invalid-input"), (3, "expression"), (4, "payload-too-large")];
    assert_eq!(found, expect.map(|(at, reason)| (at, reason.to_owned())));
    let misfit = &letters[1];
    assert_eq!((&misfit.key[..], &misfit.value[..]), (&b"k"[..], &b"{\"other\": 2}"[..]));
    for (name, value) in [
        ("flowmill-flow", "shop/orders"),
        ("flowmill-topic", "letters.t"),
        ("flowmill-partition", "0"),
        ("h", "x"),
    ] {
        assert_eq!(header(misfit, name).as_deref(), Some(value));
    }
    let error = header(misfit, "flowmill-error").unwrap();
    assert!(error.contains("schema") && error.contains("id"), "{error}");
    assert_eq!(letters[3].value.len(), large.len(), "it is kept whole");
    triggers.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_with_another_input_is_a_dead_letter() {
    let node = node_with("reused", "reused.t", "key: .id").await;
    for value in ["{\"id\": 1, \"n\": 1}", "{\"id\": 1, \"n\": 1}"] {
        node.user.produce("reused.t", value).await;
    }
    let triggers = node.triggers();
    node.await_positions("orders", "reused.t", &[2]).await;
    node.user.produce("reused.t", "{\"id\": 1, \"n\": 2}").await;
    node.await_positions("orders", "reused.t", &[3]).await;
    let reasons: Vec<_> = node.records(&Topic::DeadLetters).iter().map(reason).collect();
    assert_eq!(reasons, ["idempotency-key-reused"]);
    node.await_executions("orders", 1).await;
    triggers.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expression_without_end_is_a_dead_letter_and_holds_up_nobody() {
    let slow = "input: 'if .id == 1 then reduce range(1000000000) as $i (0; . + 1) else . end'";
    let node = node_with("endless", "endless.t", slow).await;
    for id in 0..4 {
        node.user.produce("endless.t", &format!("{{\"id\": {id}}}")).await;
    }
    let triggers = node.triggers();
    let buried = async || !node.records(&Topic::DeadLetters).is_empty();
    until("the dead letter", buried).await;
    let letters = node.records(&Topic::DeadLetters);
    let error = header(&letters[0], "flowmill-error").unwrap();
    assert!(error.contains("ran for more than"), "{error}");
    node.await_positions("orders", "endless.t", &[4]).await;
    node.await_executions("orders", 3).await;
    triggers.stop().await;
}
