//! What goes wrong below a call, and what becomes of it.

use std::fmt::Display;
use std::io::ErrorKind;

use crate::contract::StoreError;

/// Why something could not be done with the database.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    /// The disk or redb gave up.
    #[error("{0}")]
    Database(redb::Error),
    /// redb panicked, which it does over some kinds of damage.
    #[error("the database panicked")]
    Panicked,
    /// A row cannot be read.
    #[error("{0}")]
    Row(String),
    /// The file is not open.
    #[error("{0}")]
    Closed(StoreError),
}

impl Failure {
    /// A row of `table` that cannot be read.
    pub(super) fn row(table: &str, key: impl Display, why: impl Display) -> Self {
        Self::Row(format!("table {table}, row {key}: {why}"))
    }

    /// Whether redb refuses to go on with the file until it is opened anew: it does so after
    /// every failed access, also when the reason has passed.
    pub(super) const fn needs_reopening(&self) -> bool {
        match self {
            Self::Database(_) | Self::Panicked | Self::Closed(_) => true,
            Self::Row(_) => false,
        }
    }

    /// What the caller is told.
    pub(super) fn answer(&self) -> StoreError {
        match self {
            Self::Database(redb::Error::Io(error)) if is_full(error) => StoreError::Full,
            Self::Database(redb::Error::Corrupted(why)) => StoreError::Damaged(why.clone()),
            Self::Database(error) => StoreError::Unavailable(error.to_string()),
            Self::Panicked => StoreError::Damaged(self.to_string()),
            Self::Row(why) => StoreError::Damaged(why.clone()),
            Self::Closed(error) => error.clone(),
        }
    }
}

/// Whether an access failed for want of room: on the disk, in a quota, in the largest file
/// allowed.
pub(super) fn is_full(error: &std::io::Error) -> bool {
    let kinds = [ErrorKind::StorageFull, ErrorKind::QuotaExceeded, ErrorKind::FileTooLarge];
    kinds.contains(&error.kind())
}

macro_rules! from_redb {
    ($($error:ty),*) => {
        $(impl From<$error> for Failure {
            fn from(error: $error) -> Self {
                Self::Database(error.into())
            }
        })*
    };
}

from_redb!(
    redb::StorageError,
    redb::TableError,
    redb::TransactionError,
    redb::CommitError,
    redb::SetDurabilityError
);
