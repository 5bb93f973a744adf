//! A disk that fails when a test says so.

use std::io::{Error, ErrorKind};
use std::ops::Bound;
use std::sync::Arc;

use parking_lot::Mutex;
use redb::backends::FileBackend;
use redb::{BackendError, StorageBackend};

/// What fails now. Clones share it.
#[derive(Clone, Debug, Default)]
pub(super) struct Trouble {
    failing: Arc<Mutex<Option<Failing>>>,
}

#[derive(Clone, Copy, Debug)]
struct Failing {
    kind: ErrorKind,
    /// Only writes of so many bytes or more fail.
    above: usize,
}

impl Trouble {
    /// From now on everything that changes the file fails so.
    pub(super) fn start(&self, kind: ErrorKind) {
        self.start_above(kind, 0);
    }

    /// From now on only writes of at least `above` bytes fail so. A file can be opened then.
    pub(super) fn start_above(&self, kind: ErrorKind, above: usize) {
        *self.failing.lock() = Some(Failing { kind, above });
    }

    /// From now on nothing fails.
    pub(super) fn end(&self) {
        *self.failing.lock() = None;
    }

    /// The file behind the trouble.
    pub(super) fn around(&self, file: FileBackend) -> TroubledFile {
        TroubledFile { file, trouble: self.clone() }
    }

    fn check(&self, bytes: usize) -> Result<(), Error> {
        match *self.failing.lock() {
            Some(Failing { kind, above }) if bytes >= above => Err(kind.into()),
            Some(_) | None => Ok(()),
        }
    }
}

/// A file that may fail.
#[derive(Debug)]
pub(super) struct TroubledFile {
    file: FileBackend,
    trouble: Trouble,
}

type Range = Bound<u64>;

impl StorageBackend for TroubledFile {
    fn len(&self) -> Result<u64, Error> {
        self.file.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> Result<(), Error> {
        self.file.read(offset, out)
    }

    fn set_len(&self, len: u64) -> Result<(), Error> {
        self.trouble.check(0)?;
        self.file.set_len(len)
    }

    fn sync_data(&self) -> Result<(), Error> {
        self.trouble.check(0)?;
        self.file.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> Result<(), Error> {
        self.trouble.check(data.len())?;
        self.file.write(offset, data)
    }

    fn close(&self) -> Result<(), Error> {
        self.file.close()
    }

    fn try_lock_range(&self, start: Range, end: Range) -> Result<bool, BackendError> {
        self.file.try_lock_range(start, end)
    }

    fn try_lock_shared_range(&self, start: Range, end: Range) -> Result<bool, BackendError> {
        self.file.try_lock_shared_range(start, end)
    }

    fn lock_range(&self, start: Range, end: Range) -> Result<(), BackendError> {
        self.file.lock_range(start, end)
    }

    fn lock_shared_range(&self, start: Range, end: Range) -> Result<(), BackendError> {
        self.file.lock_shared_range(start, end)
    }

    fn unlock_range(&self, start: Range, end: Range) -> Result<(), BackendError> {
        self.file.unlock_range(start, end)
    }

    fn query_lock_range(&self, start: Range, end: Range) -> Result<bool, BackendError> {
        self.file.query_lock_range(start, end)
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;
    use std::time::Duration;

    use flowmill_model::limits;
    use tempfile::TempDir;

    use super::*;
    use crate::conformance::sample::{SHARD, entry, id, state, watermark, write, write_to};
    use crate::contract::{Store, StoreError};
    use crate::embedded::file::Opener;
    use crate::embedded::{EmbeddedStore, Settings};

    const MEBIBYTE: usize = 1024 * 1024;

    struct Troubled {
        folder: TempDir,
        trouble: Trouble,
    }

    impl Troubled {
        fn new() -> Self {
            let folder = TempDir::new().expect("a temporary folder");
            Self { folder, trouble: Trouble::default() }
        }

        fn file(&self) -> PathBuf {
            self.folder.path().join("store.redb")
        }

        /// Without a cache: what is read is read from the file.
        fn open(&self) -> EmbeddedStore {
            self.open_with_cache(0)
        }

        fn open_with_cache(&self, cache_bytes: usize) -> EmbeddedStore {
            let settings = Settings { cache_bytes, sync_interval: Duration::ZERO };
            let opener = Opener { file: self.file(), settings, trouble: self.trouble.clone() };
            EmbeddedStore::start(opener).expect("the file opens")
        }
    }

    /// Fails the sync after some rows, while more come, then lets it go on.
    async fn check(kind: ErrorKind, told: impl Fn(&StoreError) -> bool) {
        let troubled = Troubled::new();
        let store = troubled.open();
        write(&store, [entry(id(1), 1)]).await;
        store.set_watermark(SHARD, watermark(1)).await.expect("acknowledged");
        write(&store, [entry(id(2), 2), entry(id(1), 2)]).await;

        troubled.trouble.start(kind);
        for _ in 0..3 {
            let error = store.set_watermark(SHARD, watermark(2)).await.expect_err("it fails");
            assert!(told(&error), "{kind}: {error:?}");
        }
        let refused = write_to(&store, SHARD, [entry(id(3), 3)]).await;
        troubled.trouble.end();

        if refused.is_err() {
            write(&store, [entry(id(3), 3)]).await;
        }
        let all = |n: u128, version: u64| Some(format!("state of {} at {version}", id(n)));
        for (n, version) in [(1, 2), (2, 2), (3, 3)] {
            assert_eq!(state(&store, id(n)).await, all(n, version), "{kind}");
        }
        store.set_watermark(SHARD, watermark(3)).await.expect("it goes on by itself");
        drop(store);
        let store = troubled.open();
        for (n, version) in [(1, 2), (2, 2), (3, 3)] {
            assert_eq!(state(&store, id(n)).await, all(n, version), "{kind}, opened again");
        }
    }

    #[tokio::test]
    async fn a_full_disk_is_named_loses_nothing_acknowledged_and_is_over_when_it_is() {
        let full = |error: &StoreError| *error == StoreError::Full;
        check(ErrorKind::StorageFull, full).await;
        check(ErrorKind::QuotaExceeded, full).await;
    }

    #[tokio::test]
    async fn a_failing_disk_loses_nothing_acknowledged_and_is_over_when_it_is() {
        let unavailable = |error: &StoreError| matches!(error, StoreError::Unavailable(_));
        check(ErrorKind::Other, unavailable).await;
    }

    #[tokio::test]
    async fn reads_mend_a_file_that_failed_without_waiting_for_a_write() {
        let troubled = Troubled::new();
        let store = troubled.open();
        write(&store, [entry(id(1), 1)]).await;
        troubled.trouble.start(ErrorKind::Other);
        store.set_watermark(SHARD, watermark(1)).await.expect_err("it fails");
        troubled.trouble.end();
        let mut answer = store.load(id(1)).await;
        for _ in 0..1_000 {
            if answer.is_ok() {
                break;
            }
            answer = store.load(id(1)).await;
        }
        assert!(answer.expect("the file was opened again").is_some());
    }

    #[tokio::test]
    async fn rows_that_no_disk_takes_are_refused_before_they_fill_the_memory() {
        let troubled = Troubled::new();
        let store = troubled.open_with_cache(256 * MEBIBYTE);
        troubled.trouble.start_above(ErrorKind::QuotaExceeded, MEBIBYTE / 2);
        let mut taken = 0;
        let refused = loop {
            let mut big = entry(id(taken), 1);
            big.checkpoint = vec![0; MEBIBYTE].into();
            match write_to(&store, SHARD, [big]).await {
                Ok(()) => taken += 1,
                Err(error) => break error,
            }
            let bytes = taken as usize * MEBIBYTE;
            assert!(bytes <= limits::STORE_UNSYNCED_BYTES + MEBIBYTE, "{taken} MiB in memory");
        };
        assert_eq!(refused, StoreError::Full);
        troubled.trouble.end();
        store.set_watermark(SHARD, watermark(1)).await.expect("it goes on by itself");
        for n in 0..taken {
            assert!(state(&store, id(n)).await.is_some(), "{n} was acknowledged");
        }
    }
}
