//! What a crash leaves behind is cut; what was once safe and is not any more is an error.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use flowmill_log::embedded::{DiskOperation, OpenError, Settings};
use flowmill_log::{EmbeddedLog, Log, Retention, Topic};
use futures::FutureExt;
use futures::future::join_all;
use parking_lot::{Condvar, Mutex};

use crate::scratch::{
    ALL, DEADLINE, Scratch, append_each, edit, entries, history, numbered, offset, record, small,
    spec, values,
};

/// A folder as a crash leaves it after `count` appends, each synced on its own.
async fn crashed_after(count: usize) -> Scratch {
    let scratch = Scratch::new();
    let log = scratch.with_history(small()).await;
    append_each(&log, &history(), &numbered(count)).await;
    scratch.crashed()
}

async fn check_goes_on(log: &EmbeddedLog, found: &[Vec<u8>]) {
    assert_eq!(values(log, &history()).await, found);
    let next = log.append(&history(), record("next")).await.unwrap();
    assert_eq!(next.get(), found.len() as u64);
}

#[tokio::test]
async fn a_torn_last_record_is_cut_wherever_it_was_torn() {
    let scratch = crashed_after(4).await;
    let segment = scratch.segments()[0].clone();
    let whole = fs::read(&segment).unwrap();
    let [.., last, end] = entries(&segment)[..] else { panic!("there are entries") };
    for torn in last..end {
        for leftover in [0, 0xff] {
            let mut bytes = whole.clone();
            bytes[torn..end].fill(leftover);
            // The end of a record is padded with zeros: some cuts leave it whole.
            let kept = if bytes == whole { 4 } else { 3 };
            fs::write(&segment, &bytes).unwrap();
            let log = scratch.open(small());
            check_goes_on(&log, &numbered(kept)).await;
            drop(log);
            let mut expected = numbered(kept);
            expected.push(b"next".to_vec());
            assert_eq!(values(&scratch.open(small()), &history()).await, expected);
        }
    }
}

#[tokio::test]
async fn a_flipped_bit_before_the_last_record_is_an_error() {
    let scratch = crashed_after(5).await;
    let segment = scratch.segments()[0].clone();
    let whole = fs::read(&segment).unwrap();
    let [.., last, end] = entries(&segment)[..] else { panic!("there are entries") };
    for at in 0..last {
        let mut bytes = whole.clone();
        bytes[at] ^= 1 << (at % 8);
        fs::write(&segment, &bytes).unwrap();
        match scratch.try_open(small()) {
            Err(OpenError::Damaged { file, position, .. }) => {
                assert!(file == segment && position <= at as u64, "byte {at}: {position}");
            }
            Err(OpenError::Newer { .. }) => assert!((8..12).contains(&at), "byte {at}"),
            Err(other) => panic!("byte {at}: {other}"),
            Ok(_) => panic!("the flipped bit in byte {at} was not found"),
        }
    }
    for at in last..end {
        let mut bytes = whole.clone();
        bytes[at] ^= 1 << (at % 8);
        fs::write(&segment, &bytes).unwrap();
        assert_eq!(values(&scratch.open(small()), &history()).await, numbered(4), "byte {at}");
    }
}

#[tokio::test]
async fn after_a_clean_end_even_the_last_record_is_checked() {
    let scratch = Scratch::new();
    append_each(&scratch.with_history(small()).await, &history(), &numbered(3)).await;
    let segment = scratch.segments()[0].clone();
    let [.., record, closed, _] = entries(&segment)[..] else { panic!("there are entries") };
    edit(&segment, |bytes| bytes[record + 20] ^= 1);
    let found = scratch.try_open(small());
    assert!(
        matches!(found, Err(OpenError::Damaged { position, .. }) if position == record as u64),
        "{:?}",
        found.err()
    );
    edit(&segment, |bytes| bytes[record + 20] ^= 1);
    edit(&segment, |bytes| bytes[closed] ^= 1);
    check_goes_on(&scratch.open(small()), &numbered(3)).await;
}

#[tokio::test]
async fn a_flipped_bit_in_an_older_file_is_an_error_up_to_its_last_byte() {
    let scratch = Scratch::new();
    let log = scratch.with_history(small()).await;
    let large: Vec<_> = (0..5).map(|n| vec![n; 20_000]).collect();
    append_each(&log, &history(), &large).await;
    drop(log);
    let segment = scratch.segments()[0].clone();
    let end = *entries(&segment).last().unwrap();
    for at in [0, 63, 64, 100, 5_000, end - 20_000, end - 9] {
        edit(&segment, |bytes| bytes[at] ^= 1);
        let found = scratch.try_open(small());
        assert!(matches!(found, Err(OpenError::Damaged { .. })), "byte {at}: {:?}", found.err());
        edit(&segment, |bytes| bytes[at] ^= 1);
    }
    assert_eq!(values(&scratch.open(small()), &history()).await, large);
}

/// Holds the writer up at its first sync of records, so that what comes next gathers.
#[derive(Default)]
struct Gate {
    open: Mutex<bool>,
    /// How many syncs were held up.
    held: AtomicUsize,
    opened: Condvar,
}

impl Gate {
    fn settings(self: &Arc<Self>) -> Settings {
        let gate = Arc::clone(self);
        let hold = move |operation| {
            if operation == DiskOperation::Sync {
                let mut open = gate.open.lock();
                gate.held.fetch_add(usize::from(!*open), Ordering::SeqCst);
                gate.opened.wait_while(&mut open, |open| !*open);
            }
            None
        };
        Settings { disk_faults: Some(Arc::new(hold)), ..small() }
    }

    fn set(&self, open: bool) {
        *self.open.lock() = open;
        self.opened.notify_all();
    }
}

#[tokio::test]
async fn nothing_is_acknowledged_or_read_before_it_is_synced() {
    let gate = Arc::new(Gate::default());
    gate.set(true);
    let scratch = Scratch::new();
    let log = scratch.with_history(gate.settings()).await;
    gate.set(false);
    let mut append = log.append(&history(), record("synced"));
    let held = async {
        while gate.held.load(Ordering::SeqCst) == 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(DEADLINE, held).await.expect("a record is synced");
    let mut reader = log.reader(&history(), offset(0));
    assert!((&mut append).now_or_never().is_none() && reader.read(ALL).now_or_never().is_none());
    assert_eq!(log.bounds(&history()).await.unwrap().end, offset(0));
    gate.set(true);
    assert_eq!(append.await, Ok(offset(0)));
    assert_eq!(reader.read(ALL).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_group_torn_in_its_middle_is_cut_there_and_its_rest_never_returns() {
    let gate = Arc::new(Gate::default());
    gate.set(true);
    let scratch = Scratch::new();
    let log = scratch.with_history(gate.settings()).await;
    gate.set(false);
    let appends: Vec<_> = numbered(8).iter().map(|v| log.append(&history(), record(v))).collect();
    gate.set(true);
    assert!(join_all(appends).await.iter().all(Result::is_ok));
    let crashed = scratch.crashed();
    let segment = crashed.segments()[0].clone();
    let places = entries(&segment);
    // The sixth of the eight records: the first may have been written before the others came.
    let torn = places[places.len() - 4];
    edit(&segment, |bytes| bytes[torn..torn + 8].fill(0));
    let log = crashed.open(small());
    assert_eq!(values(&log, &history()).await, numbered(5));
    // As long as the record that was torn, so that what was behind that is behind it, too.
    append_each(&log, &history(), &[b"other     5".to_vec()]).await;
    let found = values(&crashed.crashed().open(small()), &history()).await;
    assert_eq!((found.len(), &found[5][..]), (6, &b"other     5"[..]));
}

#[tokio::test]
async fn a_missing_file_is_an_error_that_names_it() {
    let scratch = Scratch::new();
    let log = scratch.with_history(small()).await;
    let large: Vec<_> = (0..8).map(|n| vec![n; 20_000]).collect();
    append_each(&log, &history(), &large).await;
    drop(log);
    let segments = scratch.segments();
    assert!(segments.len() >= 3, "{segments:?}");
    let aside = scratch.path().join("aside");
    let meta = scratch.path().join("meta");
    for file in segments.iter().chain([&meta]) {
        fs::rename(file, &aside).unwrap();
        let error = scratch.try_open(small()).err().expect("the file is missing");
        assert!(matches!(error, OpenError::Missing { .. }), "{error}");
        fs::rename(&aside, file).unwrap();
    }
    assert_eq!(values(&scratch.open(small()), &history()).await, large);
}

#[tokio::test]
async fn a_log_that_is_not_whole_is_left_as_it_is_torn_end_included() {
    let scratch = Scratch::new();
    let log = scratch.with_history(small()).await;
    let large: Vec<_> = (0..8).map(|n| vec![n; 20_000]).collect();
    append_each(&log, &history(), &large).await;
    let crashed = scratch.crashed();
    let segments = crashed.segments();
    let [oldest, .., newest] = &segments[..] else { panic!("{segments:?}") };
    let [.., last, _] = entries(newest)[..] else { panic!("there are entries") };
    edit(newest, |bytes| bytes[last + 20] ^= 1);
    let torn = fs::read(newest).unwrap();
    fs::remove_file(oldest).unwrap();
    let error = crashed.try_open(small()).err().expect("the file is missing");
    assert!(matches!(error, OpenError::Missing { .. }), "{error}");
    assert!(fs::read(newest).unwrap() == torn, "the torn end was cut");
}

#[tokio::test]
async fn a_damaged_meta_file_is_an_error() {
    let scratch = crashed_after(1).await;
    let meta = scratch.path().join("meta");
    edit(&meta, |bytes| bytes[20] ^= 1);
    let found = scratch.try_open(small());
    assert!(matches!(found, Err(OpenError::Damaged { .. })), "{:?}", found.err());
}

#[tokio::test]
async fn a_file_of_another_log_is_an_error() {
    let (one, other) = (crashed_after(2).await, crashed_after(2).await);
    fs::copy(&other.segments()[0], &one.segments()[0]).unwrap();
    let found = one.try_open(small());
    assert!(matches!(found, Err(OpenError::OtherLog { .. })), "{:?}", found.err());
}

#[tokio::test]
async fn a_record_damaged_while_the_log_runs_is_an_error_of_the_read() {
    let scratch = Scratch::new();
    let log = scratch.with_history(Settings { cache_bytes: 0, ..small() }).await;
    log.ensure(spec(Topic::Commands, Retention::UntilTrimmed)).await.unwrap();
    append_each(&log, &history(), &numbered(2)).await;
    let segment = scratch.segments()[0].clone();
    let [.., last, _] = entries(&segment)[..] else { panic!("there are entries") };
    edit(&segment, |bytes| bytes[last + 20] ^= 1);
    let mut reader = log.reader(&history(), offset(1));
    let read = reader.read(ALL).await;
    assert!(matches!(read, Err(flowmill_log::ReadError::Damaged(_))), "{read:?}");
}
