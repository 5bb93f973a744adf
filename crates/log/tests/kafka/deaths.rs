//! Brokers that die and come back while records are appended.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use flowmill_log::kafka::Replicas;
use flowmill_log::{AppendError, Log, Partition, ReadLimit, Record};
use flowmill_model::{Offset, limits};
use flowmill_rig::Kafka;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::brokers::{self, history, soon, until};

/// Appends that go on until they are told to stop.
struct Appending {
    stop: Arc<AtomicBool>,
    figures: watch::Receiver<Figures>,
    appenders: Vec<JoinHandle<BTreeMap<Offset, String>>>,
}

#[derive(Default)]
struct Figures {
    acknowledged: usize,
    unknown: usize,
}

impl Appending {
    /// Begins with this many appenders, each with one append under way.
    fn begin(log: &Arc<dyn Log>, to: &Partition, appenders: usize) -> Self {
        let (stop, (told, figures)) =
            (Arc::new(AtomicBool::new(false)), watch::channel(Figures::default()));
        let told = Arc::new(told);
        let appender = |number| {
            let run =
                append(Arc::clone(log), to.clone(), number, Arc::clone(&stop), Arc::clone(&told));
            flowmill_runtime::spawn("appender", run)
        };
        let appenders = (0..appenders).map(appender).collect();
        Self { stop, figures, appenders }
    }

    async fn acknowledges(&mut self, more: usize) {
        let wanted = self.figures.borrow().acknowledged + more;
        until("an append", &mut self.figures, |figures| figures.acknowledged >= wanted).await;
    }

    async fn is_unsure(&mut self) {
        until("an unknown outcome", &mut self.figures, |figures| figures.unknown > 0).await;
    }

    /// Everything that was acknowledged, by its offset.
    async fn end(self) -> BTreeMap<Offset, String> {
        self.stop.store(true, Ordering::Relaxed);
        let mut all = BTreeMap::new();
        for appender in self.appenders {
            for (offset, value) in soon("an appender", appender).await.unwrap() {
                let other = all.insert(offset, value);
                assert_eq!(other, None, "offset {offset} was given out twice");
            }
        }
        all
    }
}

async fn append(
    log: Arc<dyn Log>,
    to: Partition,
    appender: usize,
    stop: Arc<AtomicBool>,
    told: Arc<watch::Sender<Figures>>,
) -> BTreeMap<Offset, String> {
    let mut acknowledged = BTreeMap::new();
    let mut number = 0;
    while !stop.load(Ordering::Relaxed) {
        number += 1;
        let value = format!("{appender} {number}");
        match log.append(&to, Record::of(value.clone())).await {
            Ok(offset) => {
                let other = acknowledged.insert(offset, value);
                assert_eq!(other, None, "offset {offset} was given out twice");
                told.send_modify(|figures| figures.acknowledged += 1);
            }
            Err(AppendError::Unknown(_)) => told.send_modify(|figures| figures.unknown += 1),
            Err(AppendError::NotWritten(why)) => panic!("an append was refused: {why}"),
        }
    }
    acknowledged
}

/// Every acknowledged record is where it was said to be, and nowhere else.
async fn check(log: &Arc<dyn Log>, of: &Partition, acknowledged: &BTreeMap<Offset, String>) {
    let end = soon("bounds", log.bounds(of)).await.unwrap().end;
    let mut reader = log.reader(of, Offset::new(0));
    let mut found = BTreeMap::new();
    while reader.position() < end {
        let limit = ReadLimit { records: std::num::NonZeroUsize::MAX, bytes: usize::MAX };
        for fetched in soon("a read", reader.read(limit)).await.unwrap() {
            let value = String::from_utf8(fetched.record.value.to_vec()).unwrap();
            found.insert(fetched.offset, value);
        }
    }
    for (offset, value) in acknowledged {
        assert_eq!(found.get(offset), Some(value), "at {offset}");
    }
    let mut places: BTreeMap<&str, usize> = BTreeMap::new();
    found.values().for_each(|value| *places.entry(value).or_default() += 1);
    let twice: Vec<_> = places.iter().filter(|(_, count)| **count > 1).collect();
    assert!(twice.is_empty(), "written twice: {twice:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_broker_acknowledged_is_there_when_it_is_back() {
    let mut kafka = brokers::start(1);
    let settings = brokers::settings(&kafka.bootstrap());
    let log = brokers::log_with_history(&settings, Replicas::SINGLE, 1).await;
    let mut appending = Appending::begin(&log, &history(0), 8);
    appending.acknowledges(500).await;
    kafka.kill(0).unwrap();
    appending.is_unsure().await;
    kafka.restart(0).unwrap();
    appending.acknowledges(500).await;
    // Once more, and back before anybody gives up.
    kafka.kill(0).unwrap();
    kafka.restart(0).unwrap();
    appending.acknowledges(500).await;
    let acknowledged = appending.end().await;
    check(&log, &history(0), &acknowledged).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_leader_loses_nothing_and_another_takes_over() {
    let mut kafka = brokers::start(3);
    let settings = brokers::settings(&kafka.bootstrap());
    let log = brokers::log_with_history(&settings, Replicas::SAFE, 1).await;
    let mut appending = Appending::begin(&log, &history(0), 4);
    appending.acknowledges(100).await;
    let leader = leader(&kafka, &settings).await;
    kafka.kill(leader).unwrap();
    // By others: the dead one stays dead.
    appending.acknowledges(100).await;
    kafka.restart(leader).unwrap();
    appending.acknowledges(100).await;
    let acknowledged = appending.end().await;
    check(&log, &history(0), &acknowledged).await;
}

/// The node that leads the history's only partition.
async fn leader(_kafka: &Kafka, settings: &flowmill_log::kafka::KafkaSettings) -> usize {
    let clients = flowmill_log::kafka::Clients::new(settings.clone());
    let topic = settings.cluster.topic(&flowmill_log::Topic::History);
    let asking = tokio::task::spawn_blocking(move || {
        let admin = clients.admin().unwrap();
        let metadata = admin.inner().fetch_metadata(Some(&topic), brokers::DEADLINE).unwrap();
        metadata.topics()[0].partitions()[0].leader()
    });
    // Nodes are numbered from 1 in Kafka.
    usize::try_from(asking.await.unwrap()).unwrap() - 1
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_for_a_broker_that_hangs_is_bounded_and_written_later() {
    const RECORD: usize = limits::KAFKA_IN_FLIGHT_BYTES / 8;
    let kafka = brokers::start(1);
    let settings = brokers::settings(&kafka.bootstrap());
    let log = brokers::log_with_history(&settings, Replicas::SINGLE, 1).await;
    soon("an append", log.append(&history(0), Record::of("first"))).await.unwrap();
    kafka.pause(0).unwrap();
    let record = || Record::of(vec![7; RECORD - 1_024]);
    let waiting: Vec<_> = (0..8).map(|_| log.append(&history(0), record())).collect();
    let refused = soon("a refusal", log.append(&history(0), record())).await.unwrap_err();
    assert!(matches!(refused, AppendError::NotWritten(_)), "{refused}");
    assert!(refused.to_string().contains("wait for the brokers"), "{refused}");
    kafka.resume(0).unwrap();
    for (number, append) in (1..).zip(waiting) {
        assert_eq!(soon("an append", append).await, Ok(Offset::new(number)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_goes_on_where_it_was_when_the_broker_is_back() {
    let mut kafka = brokers::start(1);
    let settings = brokers::settings(&kafka.bootstrap());
    let log = brokers::log_with_history(&settings, Replicas::SINGLE, 1).await;
    let mut reader = log.reader(&history(0), Offset::new(0));
    let limit = ReadLimit { records: std::num::NonZeroUsize::MIN, bytes: 1 };
    for round in 0..3_u64 {
        let value = format!("{round}");
        let append = log.append(&history(0), Record::of(value.clone()));
        assert_eq!(soon("an append", append).await, Ok(Offset::new(round)));
        let found = soon("a read", reader.read(limit)).await.unwrap();
        assert_eq!((found[0].offset.get(), &found[0].record), (round, &Record::of(value)));
        kafka.kill(0).unwrap();
        kafka.restart(0).unwrap();
    }
}
