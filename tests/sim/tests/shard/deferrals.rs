//! Inputs that cannot be decided for a long time.

use std::time::Duration;

use bytes::Bytes;
use flowmill_log::{Log, Partition, Record, Topic};
use flowmill_model::command::{Command, CommandRecord, Start};
use flowmill_model::history::Batch;
use flowmill_model::{ContentHash, ExecutionId, Payload, envelope, limits};
use flowmill_sim::caller::version;
use flowmill_store::Store;

use crate::lonely::{Lonely, SHARD};

impl Lonely {
    /// Starts an execution of a version that nobody has deployed.
    async fn start_unknown_flow(&self) -> ExecutionId {
        let execution = ExecutionId::new(SHARD, 42);
        let (hash, input) = (ContentHash::new([7; 32]), Payload::from("{}"));
        let start = Start { execution, flow: version("inline"), hash, input, keyed: false };
        let sent_at = self.clock.now();
        let record = CommandRecord { sent_at, trace: None, command: Command::Start(start) };
        let value = Bytes::from(envelope::encode(&record));
        let to = Partition::of_shard(Topic::Commands, SHARD);
        self.log.append(&to, Record::of(value)).await.expect("it is written");
        execution
    }
}

#[tokio::test(start_paused = true)]
async fn an_old_deferral_is_renewed_and_does_not_pin_the_watermark() {
    let lonely = Lonely::new();
    let node = lonely.node().await;
    lonely.start_unknown_flow().await;
    tokio::time::sleep(limits::DEFERRAL_RENEWAL * 3).await;
    let batches = lonely.batches();
    let mut deferring = batches.iter().filter(|batch| !batch.deferred.is_empty());
    let renewing = deferring.clone().skip(1);
    assert!(renewing.clone().count() >= 2, "{batches:#?}");
    for batch in renewing {
        let again: Vec<_> = batch.deferred.iter().map(|deferred| deferred.input).collect();
        assert_eq!(batch.resolved, again);
    }
    let last = deferring.next_back().expect("it was deferred").number;
    let found = lonely.store.watermarks(SHARD).await.expect("the store answers");
    let watermark = found.expect("a watermark was written").watermark.batch;
    assert!(watermark.next() >= last, "the watermark stands at {watermark}, renewed in {last}");
    node.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_renewed_deferral_survives_a_crash_and_ends_as_a_fault_after_a_day() {
    let lonely = Lonely::new();
    let node = lonely.node().await;
    let execution = lonely.start_unknown_flow().await;
    tokio::time::sleep(limits::DEFERRAL_RENEWAL * 2).await;
    node.kill(flowmill_log::memory::InFlight::Lost).await;

    let lonely = Lonely { log: lonely.log.session(), ..lonely };
    let node = lonely.node().await;
    tokio::time::sleep(limits::DEFERRAL_EXPIRY / 2).await;
    let decided = |batch: &Batch| !batch.transitions.is_empty();
    assert!(!lonely.batches().iter().any(decided), "it is still waited for");
    tokio::time::sleep(limits::DEFERRAL_EXPIRY / 2 + Duration::from_secs(60)).await;
    assert!(lonely.batches().iter().any(decided), "it is given up");
    let read =
        node.owners.read(execution, None, Duration::from_secs(5)).await.expect("the shard answers");
    let view = read.expect("it is there");
    let error = view.error.expect("it faulted");
    assert!(error.detail.is_some_and(|detail| detail.contains("24 hours")));
    node.stop().await;
}
