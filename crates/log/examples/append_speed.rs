//! Measures appends of the embedded log on this disk: `append_speed [FOLDER]`.
//!
//! Prints, for several numbers of appends in flight, appends per second, the median and 99th
//! percentile of their latency, and beside it what one sync of the disk takes.

#![expect(clippy::print_stdout, reason = "its output is what it is for")]

use std::fs::OpenOptions;
use std::io::{Seek, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use flowmill_log::embedded::{Durability, Settings};
use flowmill_log::{EmbeddedLog, Log, Partition, Record, Retention, Survival, Topic, TopicSpec};

/// How long each measurement takes.
const MEASURED: Duration = Duration::from_secs(3);

/// Bytes of a record's value.
const BYTES: usize = 300;

/// Partitions the appends go to in turn.
const PARTITIONS: u16 = 16;

fn main() {
    let base = std::env::args_os().nth(1).map_or_else(std::env::temp_dir, PathBuf::from);
    let folder = base.join(format!("append-speed-{}", std::process::id()));
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    std::fs::create_dir_all(&folder).expect("a folder can be made");
    println!("one sync of 4 KiB: {:?}", sync_time(&folder.join("sync")));
    for durability in [Durability::Fsync, Durability::Os] {
        for in_flight in [1, 16, 256, 1024] {
            let path = folder.join(format!("{durability:?}-{in_flight}"));
            runtime.block_on(measure(&path, durability, in_flight));
        }
    }
    std::fs::remove_dir_all(&folder).expect("the folder can be removed");
}

/// The median time of writing 4 KiB within a file whose room is there and syncing it.
fn sync_time(file: &Path) -> Duration {
    let mut file =
        OpenOptions::new().create(true).truncate(true).write(true).open(file).expect("a file");
    file.write_all(&vec![0; 200 * 4096]).expect("the disk takes it");
    file.sync_all().expect("the disk syncs");
    file.rewind().expect("a file has a beginning");
    let mut times: Vec<_> = (0..200)
        .map(|_| {
            let start = Instant::now();
            file.write_all(&[1; 4096]).expect("the disk takes it");
            file.sync_data().expect("the disk syncs");
            start.elapsed()
        })
        .collect();
    times.sort();
    times[times.len() / 2]
}

async fn measure(path: &Path, durability: Durability, in_flight: usize) {
    let settings = Settings { durability, ..Settings::default() };
    let opening = Instant::now();
    let log = EmbeddedLog::open(path, settings.clone()).expect("the log opens");
    let opened = opening.elapsed();
    let topic = Topic::History;
    let spec = TopicSpec {
        topic,
        partitions: PARTITIONS,
        retention: Retention::UntilTrimmed,
        survival: Survival::Durable,
    };
    log.ensure(spec).await.expect("the topic is made");
    let log = Arc::new(log);
    let (start, before) = (Instant::now(), cpu_time());
    let appenders: Vec<_> = (0..in_flight)
        .map(|n| flowmill_runtime::spawn("appender", append(Arc::clone(&log), n, start)))
        .collect();
    let mut latencies = Vec::new();
    for appender in appenders {
        latencies.extend(appender.await.expect("an appender does not panic"));
    }
    let (elapsed, cpu) = (start.elapsed(), cpu_time().saturating_sub(before));
    latencies.sort_unstable();
    let at = |part: usize| latencies[(latencies.len() - 1) * part / 100];
    println!(
        "{durability:?}, {in_flight} in flight: {:.0} appends/s, p50 {:?}, p99 {:?}, \
         {:.1} us of CPU each; opened in {opened:?}",
        latencies.len() as f64 / elapsed.as_secs_f64(),
        at(50),
        at(99),
        cpu.as_secs_f64() * 1e6 / latencies.len() as f64,
    );
    drop(log);
    let opening = Instant::now();
    EmbeddedLog::open(path, settings).expect("the log opens again");
    println!("    opened again with {} records in {:?}", latencies.len(), opening.elapsed());
}

async fn append(log: Arc<EmbeddedLog>, n: usize, start: Instant) -> Vec<Duration> {
    let number = u16::try_from(n % usize::from(PARTITIONS)).expect("below the partitions");
    let partition = Partition::new(Topic::History, number);
    let value = Bytes::from(vec![7; BYTES]);
    let mut latencies = Vec::new();
    while start.elapsed() < MEASURED {
        let record = Record::of(value.clone());
        let begun = Instant::now();
        log.append(&partition, record).await.expect("an append succeeds");
        latencies.push(begun.elapsed());
    }
    latencies
}

/// CPU time of this process so far, in ticks of 10 ms.
fn cpu_time() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit(") ").next().unwrap_or_default().split(' ');
    let ticks: u64 = fields.skip(11).take(2).filter_map(|ticks| ticks.parse::<u64>().ok()).sum();
    Duration::from_millis(ticks * 10)
}
