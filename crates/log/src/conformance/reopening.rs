//! Cases about restarts of the process.

use super::retention::{append_rounds, compacted, last_of_each_key};
use super::{
    Subject, append, append_numbers, end, history, history_spec, make, read_many, reader, record,
    soon, start,
};
use crate::topic::{Partition, Survival, Topic, TopicSpec};

/// What was acknowledged is there, at its offset, and nothing else is.
pub async fn durable_records_survive(mut subject: Subject) {
    let log = subject.with_history().await;
    let all = append_numbers(&log, &history(), 100).await;
    let place = end(&log, &history()).await;
    drop(log);
    let log = subject.with_history().await;
    assert_eq!(end(&log, &history()).await, place);
    assert_eq!(read_many(&mut reader(&log, &history()).await, 100).await, all);
}

/// A restart leaves no mark in a partition's records.
pub async fn appends_go_on_after_the_last_record(mut subject: Subject) {
    let mut all = Vec::new();
    for _ in 0..4 {
        let log = subject.with_history().await;
        all.extend(append_numbers(&log, &history(), 10).await);
        assert_eq!(read_many(&mut reader(&log, &history()).await, all.len()).await, all);
    }
    assert!(all.is_sorted_by_key(|fetched| fetched.offset));
}

/// Whatever becomes of a derivable topic's records, their offsets are never given out again.
pub async fn offsets_never_repeat(mut subject: Subject) {
    let spec = TopicSpec { topic: Topic::Results, survival: Survival::Derivable, ..history_spec() };
    let partition = Partition::new(Topic::Results, 0);
    let mut highest = None;
    for round in 0..3 {
        let log = subject.open().await;
        make(&log, spec.clone()).await;
        for n in 0..10 {
            let offset = append(&log, &partition, record("", format!("{round} {n}"))).await;
            assert!(highest < Some(offset), "offset {offset} after {highest:?}");
            highest = Some(offset);
        }
        let mut reader = reader(&log, &partition).await;
        let kept = read_many(&mut reader, 10).await;
        assert!(kept.is_sorted_by(|a, b| a.offset < b.offset));
    }
}

/// The end of a partition does not depend on what is left in it.
pub async fn a_trimmed_partition_keeps_its_place(mut subject: Subject) {
    let log = subject.with_history().await;
    append_numbers(&log, &history(), 10).await;
    let place = end(&log, &history()).await;
    soon("a trim", log.trim(&history(), place)).await.expect("a trim succeeds");
    drop(log);
    let log = subject.with_history().await;
    assert_eq!(end(&log, &history()).await, place);
    assert!(start(&log, &history()).await <= place);
}

/// A compacted topic is read from its start after a restart, as any node does.
pub async fn compacted_topics_keep_the_last_of_each_key(mut subject: Subject) {
    let log = subject.open().await;
    make(&log, compacted()).await;
    let last = append_rounds(&log).await;
    drop(log);
    let log = subject.open().await;
    make(&log, compacted()).await;
    assert_eq!(last_of_each_key(&log).await, last);
    append(&log, &Partition::new(Topic::Definitions, 0), record("a", "again")).await;
    assert_ne!(last_of_each_key(&log).await, last);
}

/// A log is the same log after a restart.
pub async fn the_identity_stays(mut subject: Subject) {
    let first = subject.open().await.identity();
    let second = subject.open().await.identity();
    assert_eq!(first, second);
}
