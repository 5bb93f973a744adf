//! Cases about appends.

use std::collections::BTreeSet;
use std::sync::Arc;

use flowmill_model::limits;
use futures::future::join_all;

use super::{Subject, append, append_numbers, history, read, read_many, reader, record, soon};
use crate::contract::{AppendError, Header, NotWritten, Record};
use crate::topic::{Partition, Topic};

/// The order of the calls counts, whenever and in whatever order the futures are polled.
pub async fn appends_keep_the_order_of_the_calls(mut subject: Subject) {
    let log = subject.with_history().await;
    let call = |n: usize| log.append(&history(), record("", n.to_string()));
    let mut appends: Vec<_> = (0..500).map(call).collect();
    appends.reverse();
    let mut offsets = soon("appends", join_all(appends)).await;
    offsets.reverse();
    let offsets: Vec<_> = offsets.into_iter().map(|o| o.expect("an append succeeds")).collect();
    assert!(offsets.is_sorted_by(|a, b| a < b), "offsets do not rise: {offsets:?}");
    let found = read_many(&mut reader(&log, &history()).await, 500).await;
    for (n, (fetched, offset)) in found.iter().zip(offsets).enumerate() {
        assert_eq!((fetched.offset, &fetched.record), (offset, &record("", n.to_string())));
    }
}

/// Everything acknowledged is there once, at the offset acknowledged, in order per appender.
pub async fn concurrent_appenders_lose_and_double_nothing(mut subject: Subject) {
    const APPENDERS: usize = 8;
    const EACH: usize = 100;
    let log = subject.with_history().await;
    let appender = |appender: usize| {
        let log = Arc::clone(&log);
        let run = async move {
            let mut acknowledged = Vec::new();
            for n in 0..EACH {
                let record = record(&appender.to_string(), n.to_string());
                acknowledged.push((append(&log, &history(), record.clone()).await, record));
            }
            acknowledged
        };
        flowmill_runtime::spawn("conformance-appender", run)
    };
    let mut expected = Vec::new();
    for acknowledged in soon("appenders", join_all((0..APPENDERS).map(appender))).await {
        expected.extend(acknowledged.expect("an appender does not panic"));
    }
    expected.sort_by_key(|(offset, _)| *offset);
    let found = read_many(&mut reader(&log, &history()).await, APPENDERS * EACH).await;
    let found: Vec<_> = found.into_iter().map(|f| (f.offset, f.record)).collect();
    assert_eq!(found, expected);
    assert_eq!(found.iter().map(|(offset, _)| offset).collect::<BTreeSet<_>>().len(), found.len());
}

/// Partitions of one topic, and of two, hold their own records only.
pub async fn partitions_do_not_mix(mut subject: Subject) {
    let log = subject.with_history().await;
    super::make(&log, super::TopicSpec { topic: Topic::Commands, ..super::history_spec() }).await;
    let partitions = [
        Partition::new(Topic::History, 0),
        Partition::new(Topic::History, 1),
        Partition::new(Topic::Commands, 1),
    ];
    for round in 0..3 {
        for partition in &partitions {
            append(&log, partition, record("", format!("{partition} {round}"))).await;
        }
    }
    for partition in &partitions {
        let found = read_many(&mut reader(&log, partition).await, 3).await;
        let values: Vec<_> = found.into_iter().map(|f| f.record).collect();
        assert_eq!(values, [0, 1, 2].map(|round| record("", format!("{partition} {round}"))));
    }
}

/// Dropping the future does not withdraw the record.
pub async fn a_dropped_append_is_written_all_the_same(mut subject: Subject) {
    let log = subject.with_history().await;
    drop(log.append(&history(), record("", "dropped")));
    append(&log, &history(), record("", "kept")).await;
    let found = read_many(&mut reader(&log, &history()).await, 2).await;
    let values: Vec<_> = found.into_iter().map(|f| f.record).collect();
    assert_eq!(values, [record("", "dropped"), record("", "kept")]);
}

/// Keys and values are bytes, of any length, also none; headers keep their order and repeats.
pub async fn records_come_back_as_they_were(mut subject: Subject) {
    let log = subject.with_history().await;
    let binary: Vec<u8> = (0..=255).cycle().take(10_001).collect();
    let records = [
        Record::default(),
        record("key", ""),
        record("", "value"),
        record("\0\n", &binary),
        record("\u{1F600}", [0; 7]),
        Record {
            headers: vec![
                Header::new("name", "value"),
                Header::new("name", ""),
                Header::new("\u{1F600}", vec![0, 255]),
            ],
            ..record("key", "value")
        },
        Record { headers: vec![Header::new("alone", "1")], ..Record::default() },
    ];
    for record in &records {
        append(&log, &history(), record.clone()).await;
    }
    let found = read_many(&mut reader(&log, &history()).await, records.len()).await;
    assert_eq!(found.into_iter().map(|f| f.record).collect::<Vec<_>>(), records);
}

/// [`limits::RECORD_BYTES`] of key and value are taken; one more is refused for good.
pub async fn a_record_may_be_as_large_as_the_limit_and_no_larger(mut subject: Subject) {
    let log = subject.with_history().await;
    let largest = record("key", vec![7; limits::RECORD_BYTES - 3]);
    append(&log, &history(), largest.clone()).await;
    let larger = record("key", vec![7; limits::RECORD_BYTES - 2]);
    let refused = soon("an append", log.append(&history(), larger)).await;
    let (bytes, limit) = (limits::RECORD_BYTES + 1, limits::RECORD_BYTES);
    assert_eq!(refused, Err(AppendError::NotWritten(NotWritten::TooLarge { bytes, limit })));
    append(&log, &history(), record("", "after")).await;
    let mut reader = reader(&log, &history()).await;
    let found = read(&mut reader, super::limit(1, 1)).await;
    assert!(found.len() == 1 && found[0].record == largest, "the largest record came back changed");
    assert_eq!(read(&mut reader, super::ALL).await[0].record, record("", "after"));
}

/// Neither an unknown topic nor a partition beyond its last takes a record.
pub async fn an_append_to_no_partition_is_refused(mut subject: Subject) {
    let log = subject.with_history().await;
    append_numbers(&log, &history(), 1).await;
    for partition in [Partition::new(Topic::History, 2), Partition::new(Topic::Lifecycle, 0)] {
        let refused = soon("an append", log.append(&partition, Record::default())).await;
        let expected = NotWritten::NoSuchPartition(partition);
        assert_eq!(refused, Err(AppendError::NotWritten(expected)));
    }
}
