//! Cases about what is kept.

use std::collections::BTreeMap;

use flowmill_model::Offset;

use super::{
    ALL, Subject, append, append_numbers, end, history, make, read_many, reader, record, soon,
    start,
};
use crate::contract::ReadError;
use crate::topic::{Partition, Retention, Survival, Topic, TopicSpec};

/// What was trimmed cannot be read, what was not can.
pub async fn a_trimmed_record_is_out_of_range(mut subject: Subject) {
    let log = subject.with_history().await;
    let all = append_numbers(&log, &history(), 20).await;
    let before = all[12].offset;
    soon("a trim", log.trim(&history(), before)).await.expect("a trim succeeds");
    assert_eq!(start(&log, &history()).await, before);
    for below in [all[0].offset, all[11].offset] {
        let read = soon("a read", log.reader(&history(), below).read(ALL)).await;
        assert_eq!(read, Err(ReadError::OutOfRange { start: before }));
    }
    assert_eq!(read_many(&mut log.reader(&history(), before), 8).await, all[12..]);
}

/// An empty partition is not a new one.
pub async fn a_partition_trimmed_to_its_end_keeps_its_place(mut subject: Subject) {
    let log = subject.with_history().await;
    append_numbers(&log, &history(), 5).await;
    let place = end(&log, &history()).await;
    soon("a trim", log.trim(&history(), place)).await.expect("a trim succeeds");
    assert_eq!((start(&log, &history()).await, end(&log, &history()).await), (place, place));
    let offset = append(&log, &history(), record("", "next")).await;
    assert!(offset >= place, "offset {offset} was given out before");
    assert_eq!(read_many(&mut log.reader(&history(), place), 1).await[0].offset, offset);
}

/// A lower trim does nothing; one beyond the end takes what is there and nothing that comes.
pub async fn a_trim_never_moves_back_or_beyond_the_end(mut subject: Subject) {
    let log = subject.with_history().await;
    let all = append_numbers(&log, &history(), 5).await;
    soon("a trim", log.trim(&history(), all[3].offset)).await.expect("a trim succeeds");
    soon("a trim", log.trim(&history(), all[1].offset)).await.expect("a lower trim is no error");
    assert_eq!(start(&log, &history()).await, all[3].offset);
    let place = end(&log, &history()).await;
    let beyond = Offset::new(place.get() + 1_000);
    soon("a trim", log.trim(&history(), beyond)).await.expect("a higher trim is no error");
    assert_eq!(start(&log, &history()).await, place);
    append(&log, &history(), record("", "next")).await;
    assert_eq!(
        read_many(&mut log.reader(&history(), place), 1).await[0].record,
        record("", "next")
    );
}

/// The specification of a compacted topic.
pub(super) fn compacted() -> TopicSpec {
    TopicSpec {
        topic: Topic::Definitions,
        partitions: 1,
        retention: Retention::Compacted,
        survival: Survival::Durable,
    }
}

/// Appends three rounds of five keys; gives the last value and offset of each.
pub(super) async fn append_rounds(log: &super::Arc<dyn super::Log>) -> BTreeMap<String, Offset> {
    let partition = Partition::new(Topic::Definitions, 0);
    let mut last = BTreeMap::new();
    for round in 0..3 {
        for key in ["a", "b", "c", "d", "e"].iter().take(5 - round) {
            let offset = append(log, &partition, record(key, round.to_string())).await;
            last.insert((*key).to_owned(), offset);
        }
    }
    last
}

/// Reads a compacted topic to its end: the last offset of each key, in the order read.
pub(super) async fn last_of_each_key(log: &super::Arc<dyn super::Log>) -> BTreeMap<String, Offset> {
    let partition = Partition::new(Topic::Definitions, 0);
    let place = end(log, &partition).await;
    let mut reader = reader(log, &partition).await;
    let mut last = BTreeMap::new();
    let mut previous = None;
    while reader.position() < place {
        for fetched in super::read(&mut reader, ALL).await {
            assert!(previous < Some(fetched.offset), "offsets do not rise");
            previous = Some(fetched.offset);
            let key = String::from_utf8_lossy(&fetched.record.key).into_owned();
            last.insert(key, fetched.offset);
        }
    }
    last
}

/// Whatever went, the last record of each key is there at its offset, and the start has not moved.
pub async fn compaction_keeps_the_last_record_of_each_key(mut subject: Subject) {
    let log = subject.open().await;
    make(&log, compacted()).await;
    let first = start(&log, &Partition::new(Topic::Definitions, 0)).await;
    let last = append_rounds(&log).await;
    assert_eq!(last_of_each_key(&log).await, last);
    assert_eq!(start(&log, &Partition::new(Topic::Definitions, 0)).await, first);
}
