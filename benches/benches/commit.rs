//! The embedded log: what one commit costs, with and without the disk's word.

use bytes::Bytes;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use flowmill_benches::{batch, flow};
use flowmill_log::embedded::{Durability, Settings};
use flowmill_log::{EmbeddedLog, Log, Partition, Record, Retention, Survival, Topic, TopicSpec};
use futures::future::join_all;
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// Shards, and with it commits that share one sync.
const SHARDS: u16 = 4;

/// Transitions of each commit.
const TRANSITIONS: usize = 100;

fn committing(criterion: &mut Criterion) {
    let runtime = Runtime::new().expect("a runtime");
    let value = Bytes::from(batch(&flow(), TRANSITIONS).encode());
    let mut group = criterion.benchmark_group("embedded commit");
    for (name, durability) in [("fsync", Durability::Fsync), ("os", Durability::Os)] {
        let (log, _folder) = open(&runtime, durability);
        for shards in [1, SHARDS] {
            group.throughput(Throughput::Elements(u64::from(shards)));
            group.bench_function(BenchmarkId::new(name, shards), |bencher| {
                bencher.iter(|| runtime.block_on(commit(&log, &value, shards)));
            });
        }
    }
    group.finish();
}

fn open(runtime: &Runtime, durability: Durability) -> (EmbeddedLog, TempDir) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let settings = Settings { durability, ..Settings::default() };
    let log = EmbeddedLog::open(folder.path().join("log"), settings).expect("a new log opens");
    let spec = TopicSpec {
        topic: Topic::History,
        partitions: SHARDS,
        retention: Retention::UntilTrimmed,
        survival: Survival::Durable,
    };
    runtime.block_on(log.ensure(spec)).expect("the topic is made");
    (log, folder)
}

/// One commit on each of so many shards, at the same time; then the log forgets them.
async fn commit(log: &EmbeddedLog, value: &Bytes, shards: u16) {
    let append = |number| {
        let partition = Partition::new(Topic::History, number);
        async move {
            let record = Record::of(value.clone());
            let offset = log.append(&partition, record).await.expect("the disk takes it");
            // Without this, a long measurement fills the disk.
            if offset.get().is_multiple_of(4_096) {
                log.trim(&partition, offset).await.expect("the log forgets");
            }
        }
    };
    join_all((0..shards).map(append)).await;
}

criterion_group!(commit_group, committing);
criterion_main!(commit_group);
