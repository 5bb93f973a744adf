//! Files go when nothing kept is in them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use flowmill_log::embedded::Settings;
use flowmill_log::{EmbeddedLog, Log, Partition, Record, Retention, Topic};
use flowmill_model::Timestamp;

use crate::scratch::{Scratch, append_each, history, kept, offset, record, small, spec, values};

/// Appends `count` large records to history, trimming all but the last as it goes: what an engine
/// does. About three of them fill a file.
async fn churn(log: &EmbeddedLog, count: usize) {
    for _ in 0..count {
        let last = log.append(&history(), record([7; 20_000])).await.unwrap();
        log.trim(&history(), last).await.unwrap();
    }
}

#[tokio::test]
async fn trimmed_files_go_and_are_used_again() {
    let scratch = Scratch::new();
    let log = scratch.with_history(small()).await;
    churn(&log, 60).await;
    assert!(scratch.segments().len() <= 2, "{:?}", scratch.segments());
    assert_eq!(kept(&log, &history()).await[0].offset, offset(59));
    assert_eq!(kept(&scratch.crashed().open(small()), &history()).await[0].offset, offset(59));
    drop(log);
    let log = scratch.open(small());
    churn(&log, 3).await;
    assert_eq!(kept(&log, &history()).await[0].offset, offset(62));
}

#[tokio::test]
async fn a_few_kept_records_hold_up_no_file() {
    let scratch = Scratch::new();
    let log = scratch.with_history(small()).await;
    let idle = Partition::new(Topic::History, 1);
    let expected: Vec<_> = (0..20).map(|n| vec![n; 50]).collect();
    append_each(&log, &idle, &expected).await;
    churn(&log, 60).await;
    assert!(scratch.segments().len() <= 4, "{:?}", scratch.segments());
    assert_eq!(values(&log, &idle).await, expected);
    for folder in [&scratch.crashed(), &scratch.crashed()] {
        let log = folder.open(small());
        assert_eq!(values(&log, &idle).await, expected);
        assert_eq!(log.append(&idle, record("next")).await, Ok(offset(20)));
    }
}

#[tokio::test]
async fn many_kept_records_are_moved_only_when_much_is_wasted() {
    let scratch = Scratch::new();
    let log = scratch.with_history(small()).await;
    let idle = Partition::new(Topic::History, 1);
    let expected: Vec<_> = (0..30).map(|n| vec![n; 10_000]).collect();
    append_each(&log, &idle, &expected).await;
    let full = scratch.segments().len();
    churn(&log, 100).await;
    let found = scratch.segments().len();
    assert!(found <= 2 * full + 6, "{full} files, then {found}");
    assert_eq!(values(&log, &idle).await, expected);
    assert_eq!(values(&scratch.crashed().open(small()), &idle).await, expected);
}

#[tokio::test]
async fn the_earlier_records_of_a_key_hold_up_no_file() {
    let scratch = Scratch::new();
    let log = scratch.open(small());
    log.ensure(spec(Topic::Definitions, Retention::Compacted)).await.unwrap();
    let partition = Partition::new(Topic::Definitions, 0);
    let mut expected = Vec::new();
    for round in 0..40_u8 {
        for key in ["a", "b", "c"] {
            let record = Record::keyed(key, vec![round; 10_000]);
            let offset = log.append(&partition, record.clone()).await.unwrap();
            expected.retain(|(_, kept): &(_, Record)| kept.key != record.key);
            expected.push((offset, record));
        }
    }
    assert!(scratch.segments().len() <= 8, "{:?}", scratch.segments());
    let found = |kept: Vec<flowmill_log::Fetched>| -> Vec<_> {
        kept.into_iter().map(|f| (f.offset, f.record)).collect()
    };
    assert_eq!(found(kept(&log, &partition).await), expected);
    let crashed = scratch.crashed();
    assert_eq!(found(kept(&crashed.open(small()), &partition).await), expected);
}

#[tokio::test]
async fn old_records_go_by_the_clock_and_stay_gone() {
    let clock = Arc::new(AtomicU64::new(1_000_000));
    let now = Arc::clone(&clock);
    let settings = Settings {
        now: Arc::new(move || Timestamp::from_millis(now.load(Ordering::Relaxed))),
        ..small()
    };
    let scratch = Scratch::new();
    let log = scratch.with_history(settings.clone()).await;
    log.ensure(spec(Topic::Lifecycle, Retention::For(Duration::from_secs(60)))).await.unwrap();
    let lifecycle = Partition::new(Topic::Lifecycle, 0);
    append_each(&log, &lifecycle, &vec![vec![1; 10_000]; 20]).await;
    churn(&log, 10).await;
    assert_eq!(kept(&log, &lifecycle).await.len(), 20);
    clock.fetch_add(60_001, Ordering::Relaxed);
    churn(&log, 30).await;
    assert_eq!(log.bounds(&lifecycle).await.unwrap().start, offset(20));
    assert!(scratch.segments().len() <= 3, "{:?}", scratch.segments());
    let reopened = scratch.crashed().open(settings);
    let bounds = reopened.bounds(&lifecycle).await.unwrap();
    assert_eq!((bounds.start, bounds.end), (offset(20), offset(20)));
}
