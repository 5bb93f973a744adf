//! Results that follow no contract.

use std::time::Duration;

use flowmill_events::asyncapi::sample;
use flowmill_events::{attribute, encode_result};
use flowmill_log::{Header, Log, Partition, Record, Topic};
use flowmill_model::history::InputTopic;
use flowmill_model::{ExecutionId, ShardId, limits};
use flowmill_routing::ShardState;
use flowmill_sim::node::Node;

use crate::lonely::{Lonely, SHARD};

/// A result for an execution of `shard` that does not exist.
fn forged(shard: u16) -> Record {
    let mut result = sample::result("completed");
    result.id.execution = ExecutionId::new(ShardId::new(shard), 1);
    encode_result(&result)
}

fn with(mut record: Record, name: &'static str, value: &'static str) -> Record {
    record.headers.retain(|header| header.name != name);
    record.headers.push(Header::new(name, value));
    record
}

impl Lonely {
    async fn put_result(&self, record: Record) {
        let to = Partition::of_shard(Topic::Results, SHARD);
        self.log.append(&to, record).await.expect("it is written");
    }

    fn rejections(&self) -> usize {
        self.batches().iter().map(|batch| batch.rejected.len()).sum()
    }

    fn dead_letters(&self) -> Vec<Record> {
        let letters = self.log.records(&Partition::new(Topic::DeadLetters, 0));
        letters.into_iter().map(|fetched| fetched.record).collect()
    }

    async fn until_rejected(&self, count: usize) {
        let mut patience = 2_000;
        while self.rejections() < count || self.dead_letters().len() < count {
            patience -= 1;
            assert!(patience > 0, "rejected: {}", self.rejections());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

fn is_open(node: &Node) -> bool {
    node.owners.status(SHARD).is_some_and(|status| status.state == ShardState::Open)
}

#[tokio::test(start_paused = true)]
async fn what_is_no_result_is_recorded_and_copied_to_the_dead_letters_with_its_reason() {
    let lonely = Lonely::new();
    let node = lonely.owner().await;
    let wrong_token = with(forged(0), attribute::TOKEN, "-1");
    lonely.put_result(forged(0)).await;
    lonely.put_result(Record::keyed("key", "no result")).await;
    lonely.put_result(wrong_token.clone()).await;
    lonely.put_result(forged(9)).await;
    lonely.until_rejected(3).await;
    let batches = lonely.batches();
    let rejected: Vec<_> = batches.iter().flat_map(|batch| &batch.rejected).collect();
    assert!(rejected.iter().all(|rejected| rejected.input.topic == InputTopic::Results));
    let offsets: Vec<_> = rejected.iter().map(|rejected| rejected.input.offset.get()).collect();
    assert_eq!(offsets, [1, 2, 3], "the first one is a result, of no execution");
    let reasons: Vec<_> = rejected.iter().map(|rejected| rejected.reason.as_str()).collect();
    assert!(reasons[0].contains("ce_specversion"), "{reasons:?}");
    assert!(reasons[1].contains("ce_token"), "{reasons:?}");
    assert!(reasons[2].contains("not for shard 0"), "{reasons:?}");
    let letters = lonely.dead_letters();
    assert_eq!((&letters[0].key[..], &letters[0].value[..]), (&b"key"[..], &b"no result"[..]));
    assert!(letters[1].headers.starts_with(&wrong_token.headers));
    let said = &letters[1].headers[wrong_token.headers.len()..];
    let told = |name: &str| said.iter().find(|header| header.name == name).map(|h| &h.value[..]);
    assert_eq!(told("flowmill-rejected-input"), Some(&b"results@2"[..]));
    assert_eq!(told("flowmill-rejected-reason"), Some(reasons[1].as_bytes()));
    assert!(is_open(&node));
    node.stop().await;
}

#[tokio::test(start_paused = true)]
async fn rejected_results_use_up_no_credits() {
    const MORE_THAN_ALL: usize = limits::DEFERRED_INPUTS_HARD + 3 * limits::BATCH_INPUTS;
    let lonely = Lonely::new();
    let node = lonely.owner().await;
    for _ in 0..MORE_THAN_ALL {
        lonely.put_result(Record::keyed("some key", "no result")).await;
    }
    lonely.until_rejected(MORE_THAN_ALL).await;
    assert!(is_open(&node));
    node.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_result_of_a_newer_version_halts_the_shard() {
    let lonely = Lonely::new();
    let node = lonely.owner().await;
    lonely.put_result(with(forged(0), attribute::TYPE, "io.flowmill.result.completed.v2")).await;
    let halted = || {
        let status = node.owners.status(SHARD);
        status.is_some_and(|status| matches!(status.state, ShardState::Halted(_)))
    };
    let mut patience = 1_000;
    while !halted() {
        patience -= 1;
        assert!(patience > 0, "{:?}", node.owners.status(SHARD));
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(lonely.rejections(), 0);
    node.stop().await;
}
