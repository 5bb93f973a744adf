//! Topics that are in memory only.

use flowmill_log::embedded::Settings;
use flowmill_log::{
    AppendError, EmbeddedLog, Log, NotWritten, Partition, Retention, Survival, Topic, TopicSpec,
};
use flowmill_model::Queue;

use crate::scratch::{Scratch, kept, record, small, spec, values};

fn tasks() -> Partition {
    Partition::new(Topic::Tasks(Queue::new("http").unwrap()), 0)
}

async fn with_tasks(scratch: &Scratch, settings: Settings) -> EmbeddedLog {
    let log = scratch.open(settings);
    let spec =
        TopicSpec { survival: Survival::Derivable, ..spec(tasks().topic, Retention::UntilTrimmed) };
    log.ensure(spec).await.unwrap();
    log
}

#[tokio::test]
async fn what_every_group_has_picked_up_goes() {
    let scratch = Scratch::new();
    let log = with_tasks(&scratch, small()).await;
    assert_eq!(log.survival(&tasks().topic), Survival::Derivable);
    let mut offsets = Vec::new();
    for n in 0..4 {
        offsets.push(log.append(&tasks(), record(n.to_string())).await.unwrap());
    }
    let workers = log.join("workers.http", &tasks().topic);
    let audit = log.join("audit", &tasks().topic);
    workers.commit(0, offsets[3]);
    assert_eq!(kept(&log, &tasks()).await.len(), 4);
    audit.commit(0, offsets[1]);
    assert_eq!(values(&log, &tasks()).await, [b"1", b"2", b"3"]);
    assert_eq!(log.committed("workers.http", &tasks()).await, Ok(Some(offsets[3])));
}

#[tokio::test]
async fn what_nobody_picks_up_is_bounded() {
    let scratch = Scratch::new();
    let log = with_tasks(&scratch, Settings { derivable_bytes: 10_000, ..small() }).await;
    let workers = log.join("workers.http", &tasks().topic);
    let mut last = None;
    let full = loop {
        match log.append(&tasks(), record([1; 900])).await {
            Ok(offset) => last = Some(offset),
            Err(full) => break full,
        }
    };
    assert_eq!(full, AppendError::NotWritten(NotWritten::Full));
    assert!(kept(&log, &tasks()).await.len() >= 9);
    workers.commit(0, last.unwrap());
    log.append(&tasks(), record([1; 900])).await.unwrap();
}

#[tokio::test]
async fn a_restart_begins_above_every_offset_with_nothing() {
    let scratch = Scratch::new();
    let mut highest = None;
    for _ in 0..3 {
        let log = with_tasks(&scratch, small()).await;
        let bounds = log.bounds(&tasks()).await.unwrap();
        assert!(bounds.start == bounds.end && Some(bounds.start) > highest, "{bounds:?}");
        assert_eq!(log.committed("workers.http", &tasks()).await, Ok(None));
        highest = Some(log.append(&tasks(), record("task")).await.unwrap());
    }
    let crashed = scratch.crashed();
    let log = with_tasks(&crashed, small()).await;
    assert!(Some(log.bounds(&tasks()).await.unwrap().start) > highest);
}

#[tokio::test]
async fn a_topic_in_memory_does_not_become_durable_and_a_durable_one_stays() {
    let scratch = Scratch::new();
    let log = with_tasks(&scratch, small()).await;
    let durable = spec(tasks().topic, Retention::UntilTrimmed);
    let refused = log.ensure(durable).await;
    assert!(matches!(refused, Err(flowmill_log::ReadError::Refused { .. })), "{refused:?}");
    let durable = spec(Topic::History, Retention::UntilTrimmed);
    log.ensure(durable.clone()).await.unwrap();
    let derivable = TopicSpec { survival: Survival::Derivable, ..durable };
    log.ensure(derivable).await.unwrap();
    assert_eq!(log.survival(&Topic::History), Survival::Durable);
}
