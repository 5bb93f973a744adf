//! Cases about reads.

use flowmill_model::Offset;
use futures::FutureExt;

use super::{
    ALL, Subject, append, append_numbers, end, history, limit, read, read_many, reader, record,
    soon,
};
use crate::contract::{ReadError, Record};
use crate::topic::{Partition, Topic};

/// Any position at or above the first gives everything from there on.
pub async fn a_reader_starts_anywhere(mut subject: Subject) {
    let log = subject.with_history().await;
    let all = append_numbers(&log, &history(), 50).await;
    for (n, from) in all.iter().enumerate() {
        let mut reader = log.reader(&history(), from.offset);
        assert_eq!(reader.position(), from.offset);
        assert_eq!(read_many(&mut reader, 50 - n).await, all[n..]);
        assert_eq!(reader.position(), all[49].offset.next());
    }
}

/// Neither more records nor more bytes than asked for, but always one.
pub async fn a_read_keeps_its_limits(mut subject: Subject) {
    let log = subject.with_history().await;
    for _ in 0..10 {
        append(&log, &history(), record("key", [1; 97])).await;
    }
    let check = async |records, bytes, expect: usize| {
        let mut reader = reader(&log, &history()).await;
        let found = read(&mut reader, limit(records, bytes)).await;
        assert!(found.len() <= expect, "{} records for {records}, {bytes}", found.len());
        assert_eq!(reader.position(), found[found.len() - 1].offset.next());
    };
    check(3, usize::MAX, 3).await;
    check(usize::MAX, 250, 2).await;
    check(usize::MAX, 200, 2).await;
    check(usize::MAX, 0, 1).await;
}

/// A reader at the end waits, and each append wakes it.
pub async fn a_waiting_reader_wakes_for_each_append(mut subject: Subject) {
    let log = subject.with_history().await;
    let mut tail = reader(&log, &history()).await;
    let (found, mut values) = tokio::sync::mpsc::unbounded_channel();
    let reading = async move {
        while let Ok(records) = tail.read(ALL).await {
            for fetched in records {
                if found.send(fetched.record).is_err() {
                    return;
                }
            }
        }
    };
    let task = flowmill_runtime::spawn("conformance-reader", reading);
    for n in 0..50 {
        let sent = record("", format!("{n}"));
        append(&log, &history(), sent.clone()).await;
        assert_eq!(soon("a waiting read", values.recv()).await, Some(sent));
    }
    task.abort();
}

/// A read that is dropped half way gives its records to the next one.
pub async fn a_dropped_read_loses_nothing(mut subject: Subject) {
    let log = subject.with_history().await;
    let mut reader = reader(&log, &history()).await;
    let mut found: Vec<Record> = Vec::new();
    for n in 0..20 {
        // Dropped while it waits, and dropped at any point of its way once there is something.
        assert!(reader.read(ALL).now_or_never().is_none());
        append(&log, &history(), record("", n.to_string())).await;
        let polled = reader.read(ALL).now_or_never();
        let records = match polled {
            Some(records) => records.expect("a read succeeds"),
            None => read(&mut reader, ALL).await,
        };
        found.extend(records.into_iter().map(|f| f.record));
    }
    let expected: Vec<_> = (0..20).map(|n| record("", n.to_string())).collect();
    assert_eq!(found, expected);
}

/// A position beyond the end is not an error: records before it are not given.
pub async fn a_reader_beyond_the_end_waits_for_its_offset(mut subject: Subject) {
    let log = subject.with_history().await;
    append_numbers(&log, &history(), 3).await;
    let beyond = Offset::new(end(&log, &history()).await.get() + 2);
    let mut reader = log.reader(&history(), beyond);
    assert!(reader.read(ALL).now_or_never().is_none());
    let mut wanted = None;
    while wanted.is_none() {
        let offset = append(&log, &history(), record("", "more")).await;
        wanted = Some(offset).filter(|offset| *offset >= beyond);
    }
    assert_eq!(Some(read(&mut reader, ALL).await[0].offset), wanted);
}

/// Many readers of one partition each see everything, at their own pace, while it grows.
pub async fn readers_do_not_disturb_each_other(mut subject: Subject) {
    const COUNT: usize = 300;
    let log = subject.with_history().await;
    let mut tasks = Vec::new();
    for pace in [1, 7, COUNT] {
        let mut reader = reader(&log, &history()).await;
        let reading = async move {
            let mut found = Vec::new();
            while found.len() < COUNT {
                found.extend(read(&mut reader, limit(pace, usize::MAX)).await);
            }
            found
        };
        tasks.push(flowmill_runtime::spawn("conformance-reader", reading));
    }
    let all = append_numbers(&log, &history(), COUNT).await;
    for task in tasks {
        assert_eq!(soon("a reader", task).await.expect("a reader does not panic"), all);
    }
}

/// Neither an unknown topic nor a partition beyond its last can be read.
pub async fn a_read_of_no_partition_is_an_error(mut subject: Subject) {
    let log = subject.with_history().await;
    for partition in [Partition::new(Topic::History, 2), Partition::new(Topic::Lifecycle, 0)] {
        let expected = ReadError::NoSuchPartition(partition.clone());
        let mut reader = log.reader(&partition, Offset::new(0));
        assert_eq!(soon("a read", reader.read(ALL)).await, Err(expected.clone()));
        assert_eq!(soon("bounds", log.bounds(&partition)).await, Err(expected.clone()));
        let trim = log.trim(&partition, Offset::new(0));
        assert_eq!(soon("a trim", trim).await, Err(expected));
    }
}
