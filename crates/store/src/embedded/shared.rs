//! The open database, between the writer and the readers.
//!
//! redb refuses everything after a failed access until the file is opened anew, and the file's
//! lock wants the old handle gone first. So readers use the database under a read lock and the
//! writer replaces it under the write lock; while it cannot be opened, everybody gets the reason.

use std::panic::{AssertUnwindSafe, catch_unwind};

use parking_lot::RwLock;
use redb::{Database, ReadTransaction, ReadableDatabase};

use super::failure::{Failure, is_full};
use super::file::{OpenError, Opener};
use crate::contract::StoreError;

/// The open database, or why there is none.
#[derive(Debug)]
pub(super) struct Shared {
    database: RwLock<Result<Database, StoreError>>,
    opener: Opener,
}

impl Shared {
    /// Opens the file; makes it when there is none.
    pub(super) fn open(opener: Opener) -> Result<Self, OpenError> {
        let database = opener.open_or_make()?;
        Ok(Self { database: RwLock::new(Ok(database)), opener })
    }

    /// How the file is opened.
    pub(super) const fn opener(&self) -> &Opener {
        &self.opener
    }

    /// Runs `read` on everything committed so far. Blocks on the disk.
    pub(super) fn read<T>(
        &self,
        read: impl FnOnce(&ReadTransaction) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        self.with(|database| read(&database.begin_read()?))
    }

    /// Runs `work` on the database.
    pub(super) fn with<T>(
        &self,
        work: impl FnOnce(&Database) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let guard = self.database.read();
        let database = guard.as_ref().map_err(|error| Failure::Closed(error.clone()))?;
        guarded(|| work(database))
    }

    /// Closes the file and opens it anew. What was not durable is lost; `restore` writes it again
    /// before anybody else sees the database.
    pub(super) fn reopen(
        &self,
        restore: impl FnOnce(&Database) -> Result<(), Failure>,
    ) -> Result<(), StoreError> {
        let mut guard = self.database.write();
        *guard = Err(StoreError::Unavailable("the file is being opened".into()));
        let opened = self.opener.open().map_err(|error| unopened(&error));
        let restored = opened.and_then(|database| {
            guarded(|| restore(&database)).map_err(|failure| failure.answer())?;
            Ok(database)
        });
        let answer = restored.as_ref().map(drop).map_err(StoreError::clone);
        *guard = restored;
        answer
    }

    /// Closes the file for good, after the reads that run.
    pub(super) fn close(&self) {
        *self.database.write() = Err(StoreError::Unavailable("the store is closed".into()));
    }
}

/// A panic of redb's is a failure of the database.
fn guarded<T>(work: impl FnOnce() -> Result<T, Failure>) -> Result<T, Failure> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or(Err(Failure::Panicked))
}

fn unopened(error: &OpenError) -> StoreError {
    match error {
        OpenError::Disk { source, .. } if is_full(source) => StoreError::Full,
        OpenError::Disk { .. } | OpenError::InUse { .. } => {
            StoreError::Unavailable(error.to_string())
        }
        OpenError::NewerFormat { .. } | OpenError::Foreign { .. } | OpenError::Damaged { .. } => {
            StoreError::Damaged(error.to_string())
        }
    }
}
