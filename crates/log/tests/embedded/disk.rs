//! A disk that is full, or fails.

use std::io::ErrorKind;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use flowmill_log::embedded::{DiskFault, DiskOperation, Settings};
use flowmill_log::{AppendError, EmbeddedLog, Log, NotWritten, ReadError};
use parking_lot::Mutex;

use crate::scratch::{
    DEADLINE, Scratch, append_each, history, numbered, offset, record, small, values,
};

/// A disk whose next operations fail as told.
#[derive(Clone, Default)]
struct Breakable {
    failing: Arc<Mutex<Option<(Failing, DiskFault)>>>,
    failures: Arc<AtomicUsize>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Failing {
    Writes,
    Syncs,
    Allocations,
}

impl Breakable {
    fn settings(&self) -> Settings {
        let disk = self.clone();
        let fault = move |operation| {
            let kind = match operation {
                DiskOperation::Write { .. } => Failing::Writes,
                DiskOperation::Sync => Failing::Syncs,
                DiskOperation::Allocate { .. } => Failing::Allocations,
            };
            let fault = (*disk.failing.lock()).filter(|(failing, _)| *failing == kind)?.1;
            disk.failures.fetch_add(1, Ordering::Relaxed);
            Some(fault)
        };
        Settings { disk_faults: Some(Arc::new(fault)), ..small() }
    }

    fn fail(&self, failing: Failing, written: usize, error: ErrorKind) {
        *self.failing.lock() = Some((failing, DiskFault { written, error }));
    }

    fn heal(&self) {
        *self.failing.lock() = None;
    }
}

const FULL: Result<flowmill_model::Offset, AppendError> =
    Err(AppendError::NotWritten(NotWritten::Full));

#[tokio::test]
async fn a_full_disk_refuses_keeps_what_there_is_and_goes_on_when_there_is_room() {
    for written in [0, 10, 100, 150, usize::MAX] {
        for error in [ErrorKind::StorageFull, ErrorKind::QuotaExceeded] {
            let (disk, scratch) = (Breakable::default(), Scratch::new());
            let log = scratch.with_history(disk.settings()).await;
            append_each(&log, &history(), &numbered(3)).await;
            disk.fail(Failing::Writes, written, error);
            let both =
                [record("refused"), record("refused, too")].map(|r| log.append(&history(), r));
            for append in both {
                assert_eq!(append.await, FULL);
            }
            // What the write left in the file is no record, even if the process ends here.
            assert_eq!(values(&scratch.crashed().open(small()), &history()).await, numbered(3));
            disk.heal();
            assert_eq!(log.append(&history(), record("next")).await, Ok(offset(3)));
            let mut expected = numbered(3);
            expected.push(b"next".to_vec());
            assert_eq!(values(&log, &history()).await, expected);
            assert_eq!(values(&scratch.crashed().open(small()), &history()).await, expected);
        }
    }
}

/// Appends until the log must begin a new file and cannot; gives what was acknowledged.
async fn fill(log: &EmbeddedLog) -> Vec<Vec<u8>> {
    let mut acknowledged = Vec::new();
    for n in 0..1_000_u16 {
        let value = [&n.to_le_bytes()[..], &[7; 5_000]].concat();
        match log.append(&history(), record(&value)).await {
            Ok(_) => acknowledged.push(value),
            full => {
                assert_eq!(full, FULL);
                return acknowledged;
            }
        }
    }
    panic!("the disk was never full");
}

#[tokio::test]
async fn a_disk_without_room_for_another_file_refuses_and_goes_on_by_itself() {
    let (disk, scratch) = (Breakable::default(), Scratch::new());
    let log = scratch.with_history(disk.settings()).await;
    disk.fail(Failing::Allocations, 0, ErrorKind::StorageFull);
    let mut expected = fill(&log).await;
    assert!(expected.len() >= 10, "{}", expected.len());
    assert_eq!(values(&scratch.crashed().open(small()), &history()).await, expected);
    disk.heal();
    let went_on = async {
        while log.append(&history(), record("next")).await == FULL {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(DEADLINE, went_on).await.unwrap();
    expected.push(b"next".to_vec());
    assert_eq!(values(&log, &history()).await, expected);
}

#[tokio::test]
async fn trimming_makes_room_on_a_full_disk() {
    let (disk, scratch) = (Breakable::default(), Scratch::new());
    let log = scratch.with_history(disk.settings()).await;
    // Two files, so that one can go.
    append_each(&log, &history(), &vec![vec![1; 20_000]; 4]).await;
    assert_eq!(scratch.segments().len(), 2);
    disk.fail(Failing::Allocations, 0, ErrorKind::StorageFull);
    fill(&log).await;
    let before = log.bounds(&history()).await.unwrap().end;
    log.trim(&history(), before).await.unwrap();
    let went_on = async {
        while log.append(&history(), record("next")).await == FULL {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(DEADLINE, went_on).await.unwrap();
    assert_eq!(values(&log, &history()).await, [b"next"]);
    assert_eq!(values(&scratch.crashed().open(small()), &history()).await, [b"next"]);
}

#[tokio::test]
async fn a_failed_sync_leaves_its_appends_unknown_and_closes_the_log() {
    let (disk, scratch) = (Breakable::default(), Scratch::new());
    let log = scratch.with_history(disk.settings()).await;
    append_each(&log, &history(), &numbered(2)).await;
    let mut reader = log.reader(&history(), offset(2));
    disk.fail(Failing::Syncs, 0, ErrorKind::Other);
    let unknown = log.append(&history(), record("unknown")).await;
    assert!(matches!(unknown, Err(AppendError::Unknown(_))), "{unknown:?}");
    disk.heal();
    let closed = log.append(&history(), record("closed")).await;
    let Err(AppendError::NotWritten(NotWritten::Closed(reason))) = closed else {
        panic!("the log is closed: {closed:?}");
    };
    assert!(reason.contains("sync"), "{reason}");
    assert_eq!(reader.read(crate::scratch::ALL).await, Err(ReadError::Closed(reason)));
    drop(log);
    let found = values(&scratch.open(small()), &history()).await;
    assert!(found.starts_with(&numbered(2)) && found.len() <= 3, "{found:?}");
}

#[tokio::test]
async fn a_failed_write_that_is_not_for_want_of_room_closes_the_log() {
    let (disk, scratch) = (Breakable::default(), Scratch::new());
    let log = scratch.with_history(disk.settings()).await;
    append_each(&log, &history(), &numbered(2)).await;
    disk.fail(Failing::Writes, 30, ErrorKind::Other);
    let unknown = log.append(&history(), record("unknown")).await;
    assert!(matches!(unknown, Err(AppendError::Unknown(_))), "{unknown:?}");
    let closed = log.append(&history(), record("closed")).await;
    assert!(matches!(closed, Err(AppendError::NotWritten(NotWritten::Closed(_)))), "{closed:?}");
    drop(log);
    assert_eq!(values(&scratch.open(small()), &history()).await, numbered(2));
}
