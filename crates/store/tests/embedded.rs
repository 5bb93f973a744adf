//! The embedded store: conformance.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use flowmill_store::conformance::Subject;
use flowmill_store::{EmbeddedStore, Settings, Store};
use futures::FutureExt;
use futures::future::BoxFuture;
use tempfile::TempDir;

/// A folder with a file per opening.
struct Embedded {
    folder: TempDir,
    opened: AtomicU32,
}

impl Embedded {
    fn new() -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        Self { folder, opened: AtomicU32::new(0) }
    }

    fn file(&self, number: u32) -> PathBuf {
        self.folder.path().join(format!("store-{number}.redb"))
    }

    fn open_next(&self, number: u32) -> Arc<dyn Store> {
        let settings = Settings { sync_interval: Duration::from_millis(1), ..Settings::default() };
        Arc::new(EmbeddedStore::open(self.file(number), settings).expect("the file opens"))
    }
}

impl Subject for Embedded {
    fn open(&self) -> BoxFuture<'_, Arc<dyn Store>> {
        async { self.open_next(self.opened.load(Ordering::Relaxed)) }.boxed()
    }

    /// A copy of the file while it is open is what a kill of the process would leave.
    fn crash(&self, store: Arc<dyn Store>) -> BoxFuture<'_, Arc<dyn Store>> {
        async move {
            let number = self.opened.fetch_add(1, Ordering::Relaxed);
            fs::copy(self.file(number), self.file(number + 1)).expect("the file is copied");
            drop(store);
            self.open_next(number + 1)
        }
        .boxed()
    }
}

flowmill_store::store_conformance!(Embedded::new());
