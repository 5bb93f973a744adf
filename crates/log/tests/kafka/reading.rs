//! Readers that are behind, and what clients measure of themselves.

use std::sync::Arc;

use flowmill_log::kafka::init::identify;
use flowmill_log::kafka::{ClientFigures, Clients, KafkaLog, Replicas, Statistics};
use flowmill_log::{
    Header, Log, ReadError, ReadLimit, Reader, Record, Retention, Survival, Topic, TopicSpec,
};
use flowmill_model::{Offset, limits};
use tokio::sync::watch;

use crate::brokers::{self, history, soon, until};

const MIB: usize = 1024 * 1024;

/// More records of one MiB than are fetched ahead of a reader.
const RECORDS: u64 = 24;

const ONE: ReadLimit = ReadLimit { records: std::num::NonZeroUsize::MIN, bytes: 1 };

/// A log whose history has more than is fetched ahead.
async fn filled() -> Arc<dyn Log> {
    assert!(limits::KAFKA_READ_AHEAD_BYTES < MIB * usize::try_from(RECORDS / 2).unwrap());
    let settings = brokers::settings(&brokers::one());
    let log = brokers::log_with_history(&settings, Replicas::SINGLE, 1).await;
    for _ in 0..RECORDS {
        let append = log.append(&history(0), Record::of(vec![7; MIB]));
        soon("an append", append).await.unwrap();
    }
    log
}

async fn next(reader: &mut Box<dyn Reader>) -> Result<u64, ReadError> {
    soon("a read", reader.read(ONE)).await.map(|found| found[0].offset.get())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_is_far_behind_gets_everything_in_order() {
    let log = filled().await;
    let mut reader = log.reader(&history(0), Offset::new(0));
    for expected in 0..RECORDS {
        assert_eq!(next(&mut reader).await, Ok(expected));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_a_trim_overtakes_is_told_and_never_jumps() {
    let log = filled().await;
    let mut reader = log.reader(&history(0), Offset::new(0));
    assert_eq!(next(&mut reader).await, Ok(0));
    let start = Offset::new(RECORDS);
    soon("a trim", log.trim(&history(0), start)).await.unwrap();
    let mut expected = 1;
    let told = loop {
        match next(&mut reader).await {
            Ok(offset) => assert_eq!(offset, expected),
            Err(error) => break error,
        }
        expected += 1;
    };
    assert_eq!(told, ReadError::OutOfRange { start });
    assert!(expected < RECORDS, "everything was fetched ahead");
}

#[tokio::test(flavor = "multi_thread")]
async fn readers_that_come_and_go_at_one_partition_start_where_they_want() {
    let settings = brokers::settings(&brokers::one());
    let log = brokers::log_with_history(&settings, Replicas::SINGLE, 1).await;
    for number in 0..100_u64 {
        let append = log.append(&history(0), Record::of(number.to_string()));
        assert_eq!(soon("an append", append).await, Ok(Offset::new(number)));
    }
    for round in 0..40 {
        let from = round * 37 % 100;
        let mut reader = log.reader(&history(0), Offset::new(from));
        assert_eq!(next(&mut reader).await, Ok(from), "in round {round}");
    }
}

/// Keeps the figures of clients whose name ends like this.
struct Sink {
    client: &'static str,
    seen: watch::Sender<ClientFigures>,
}

impl Statistics for Sink {
    fn observe(&self, figures: &ClientFigures) {
        if figures.client.ends_with(self.client) {
            self.seen.send_replace(figures.clone());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_tell_how_long_requests_take_and_how_far_they_are_behind() {
    let (seen, mut figures) = watch::channel(ClientFigures::default());
    let sink = Arc::new(Sink { client: "read-history-1", seen });
    let clients = Clients::with_statistics(brokers::settings(&brokers::one()), sink);
    identify(&clients, Replicas::SINGLE).await.unwrap();
    let log = KafkaLog::open_unchecked(clients.clone()).await.unwrap();
    let retention = Retention::UntilTrimmed;
    let survival = Survival::Durable;
    log.ensure(TopicSpec { topic: Topic::History, partitions: 1, retention, survival })
        .await
        .unwrap();
    for _ in 0..RECORDS {
        let append = log.append(&history(0), Record::of(vec![7; MIB]));
        soon("an append", append).await.unwrap();
    }
    let mut reader = log.reader(&history(0), Offset::new(0));
    let mut first = soon("a read", reader.read(ONE)).await.unwrap();
    assert_eq!(first.remove(0).offset, Offset::new(0));
    let topic = clients.settings().cluster.topic(&Topic::History);
    until("figures", &mut figures, |figures| {
        let behind = figures.lag.iter().any(|lag| lag.topic == topic && lag.records > 0);
        behind && figures.request.is_some_and(|times| !times.p99.is_zero())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_of_a_header_that_kafka_would_cut_is_refused() {
    let settings = brokers::settings(&brokers::one());
    let log = brokers::log_with_history(&settings, Replicas::SINGLE, 1).await;
    let record = Record { headers: vec![Header::new("a\0b", "x")], ..Record::default() };
    let refused = soon("an append", log.append(&history(0), record)).await.unwrap_err();
    assert!(refused.to_string().contains("NUL"), "{refused}");
}
