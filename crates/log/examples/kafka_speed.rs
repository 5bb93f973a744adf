//! Measures the log on one broker of the rig, or on brokers that are there:
//! `kafka_speed [HOST:PORT]`.
//!
//! Prints the median and 99th percentile of an append, of the time between an append's call and
//! its record at a waiting reader, and of a hop from one partition to another by a relay that reads, appends
//! and is read; then appends per second with more of them in flight.

#![expect(clippy::print_stdout, reason = "its output is what it is for")]

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use flowmill_log::kafka::init::identify;
use flowmill_log::kafka::{Clients, ClusterName, KafkaLog, KafkaSettings, Replicas};
use flowmill_log::{
    Log, Partition, ReadLimit, Reader, Record, Retention, Survival, Topic, TopicSpec,
};
use flowmill_rig::{Kafka, KafkaPlan};

/// How long the broker is kept busy before anything is measured: it costs several times as much at
/// first.
const WARM: Duration = Duration::from_secs(20);

/// How long each measurement takes.
const MEASURED: Duration = Duration::from_secs(5);

/// Bytes of a record's value.
const BYTES: usize = 300;

const PARTITIONS: u16 = 16;

const LIMIT: ReadLimit = ReadLimit { records: NonZeroUsize::MAX, bytes: usize::MAX };

fn main() {
    let given = std::env::args().nth(1);
    let own = given.is_none().then(|| Kafka::start(&KafkaPlan::default()).expect("a broker"));
    let brokers = given.unwrap_or_else(|| own.as_ref().map(Kafka::bootstrap).unwrap_or_default());
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(measure(&brokers));
}

async fn measure(brokers: &str) {
    let cluster = format!("speed-{}", std::process::id());
    let cluster = ClusterName::new(cluster).expect("a name");
    let clients = Clients::new(KafkaSettings { cluster, ..KafkaSettings::plain(brokers) });
    identify(&clients, Replicas::SINGLE).await.expect("a cluster can be made");
    let opening = Instant::now();
    let log: Arc<dyn Log> = Arc::new(KafkaLog::open_unchecked(clients).await.expect("it opens"));
    println!("opened in {:?}", opening.elapsed());
    for topic in [Topic::History, Topic::Commands] {
        let making = Instant::now();
        let retention = Retention::UntilTrimmed;
        let survival = Survival::Durable;
        let spec = TopicSpec { topic, partitions: PARTITIONS, retention, survival };
        log.ensure(spec).await.expect("a topic can be made");
        println!("made a topic in {:?}", making.elapsed());
    }
    appends(&log, WARM, 64).await;
    for _ in 0..2 {
        report("append, one in flight", &mut appends(&log, MEASURED, 1).await);
        let (mut read, mut acknowledged) = deliveries(&log).await;
        report("append to reader", &mut read);
        report("    its acknowledgement", &mut acknowledged);
        report("hop: reader, append, reader", &mut hops(&log).await);
        report("a reader's first record", &mut first_records(&log).await);
    }
    for in_flight in [16, 256, 1024] {
        let begun = Instant::now();
        let mut times = appends(&log, MEASURED, in_flight).await;
        let each = times.len() as f64 / begun.elapsed().as_secs_f64();
        report(&format!("append, {in_flight} in flight, {each:.0}/s"), &mut times);
    }
}

fn report(what: &str, times: &mut [Duration]) {
    times.sort_unstable();
    let at = |part: usize| times.get(times.len().saturating_sub(1) * part / 100).copied();
    let at = |part: usize| at(part).unwrap_or_default();
    println!("{what}: p50 {:?}, p99 {:?}, of {}", at(50), at(99), times.len());
}

fn record() -> Record {
    Record::of(Bytes::from(vec![7; BYTES]))
}

async fn appends(log: &Arc<dyn Log>, time: Duration, in_flight: usize) -> Vec<Duration> {
    let until = Instant::now() + time;
    let append = |n: usize| {
        let log = Arc::clone(log);
        let number = u16::try_from(n % usize::from(PARTITIONS)).expect("below the partitions");
        flowmill_runtime::spawn("appender", async move {
            let (to, mut times) = (Partition::new(Topic::History, number), Vec::new());
            while Instant::now() < until {
                let begun = Instant::now();
                log.append(&to, record()).await.expect("an append succeeds");
                times.push(begun.elapsed());
            }
            times
        })
    };
    let appenders: Vec<_> = (0..in_flight).map(append).collect();
    let mut times = Vec::new();
    for appender in appenders {
        times.extend(appender.await.expect("an appender does not panic"));
    }
    times
}

async fn tail(log: &Arc<dyn Log>, of: &Partition) -> Box<dyn Reader> {
    let end = log.bounds(of).await.expect("it has bounds").end;
    log.reader(of, end)
}

/// From the call of an append to its record at a reader that waits, and to its acknowledgement.
async fn deliveries(log: &Arc<dyn Log>) -> (Vec<Duration>, Vec<Duration>) {
    let of = Partition::new(Topic::Commands, 0);
    let mut reader = tail(log, &of).await;
    let (mut reads, mut acknowledgements) = (Vec::new(), Vec::new());
    let until = Instant::now() + MEASURED;
    while Instant::now() < until {
        let begun = Instant::now();
        let append = log.append(&of, record());
        let acknowledged = async {
            append.await.expect("an append succeeds");
            begun.elapsed()
        };
        let read = async {
            reader.read(LIMIT).await.expect("a read succeeds");
            begun.elapsed()
        };
        let (acknowledged, read) = tokio::join!(acknowledged, read);
        acknowledgements.push(acknowledged);
        reads.push(read);
    }
    (reads.split_off(1), acknowledgements.split_off(1))
}

/// There and back: a task reads commands and answers each in history once it is there.
async fn hops(log: &Arc<dyn Log>) -> Vec<Duration> {
    let (asked, answered) = (Partition::new(Topic::Commands, 1), Partition::new(Topic::History, 1));
    let mut reader = tail(log, &answered).await;
    let mut relay_reader = tail(log, &asked).await;
    let (relay_log, to) = (Arc::clone(log), answered.clone());
    let relay = flowmill_runtime::spawn("relay", async move {
        while let Ok(found) = relay_reader.read(LIMIT).await {
            for fetched in found {
                relay_log.append(&to, fetched.record).await.expect("an append succeeds");
            }
        }
    });
    let (mut times, until) = (Vec::new(), Instant::now() + MEASURED);
    while Instant::now() < until {
        let begun = Instant::now();
        drop(log.append(&asked, record()));
        reader.read(LIMIT).await.expect("a read succeeds");
        times.push(begun.elapsed());
    }
    relay.abort();
    times.split_off(1)
}

/// How long a new reader takes until it has a record that is there already.
async fn first_records(log: &Arc<dyn Log>) -> Vec<Duration> {
    let of = Partition::new(Topic::Commands, 2);
    let offset = log.append(&of, record()).await.expect("an append succeeds");
    let mut times = Vec::new();
    for _ in 0..20 {
        let begun = Instant::now();
        let mut reader = log.reader(&of, offset);
        reader.read(LIMIT).await.expect("a read succeeds");
        times.push(begun.elapsed());
    }
    times
}
