//! Why an embedded log cannot be opened.

use std::io;
use std::path::PathBuf;

/// Why an embedded log cannot be opened. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has the folder open.
    #[error("another process uses the log in {}; stop it first, or choose another folder", .folder.display())]
    InUse {
        /// The folder.
        folder: PathBuf,
    },
    /// A file was written by a newer build.
    #[error("{} has format version {found}, this build reads {known}; use the newer build", .file.display())]
    Newer {
        /// The file.
        file: PathBuf,
        /// The version found.
        found: u32,
        /// The highest version this build reads.
        known: u32,
    },
    /// Something that was safely on disk is not what it was.
    #[error("{} is damaged at byte {position}: {what}; restore the folder from a backup", .file.display())]
    Damaged {
        /// The file.
        file: PathBuf,
        /// The first byte of what cannot be read.
        position: u64,
        /// What is wrong there.
        what: String,
    },
    /// A file is not there.
    #[error("the log in {} is not whole: {what}; put the file back, or restore the folder from a backup", .folder.display())]
    Missing {
        /// The folder.
        folder: PathBuf,
        /// What is not there.
        what: String,
    },
    /// A file belongs to another log.
    #[error("{} belongs to another log; move it away and put the right one back", .file.display())]
    OtherLog {
        /// The file.
        file: PathBuf,
    },
    /// A setting cannot be used.
    #[error("the setting {name} is {found}; use {allowed}")]
    Setting {
        /// Its name.
        name: &'static str,
        /// Its value.
        found: u64,
        /// What it may be.
        allowed: String,
    },
    /// The operating system refused something.
    #[error("cannot {doing}")]
    Io {
        /// What was tried.
        doing: String,
        /// What the operating system said.
        source: io::Error,
    },
}

impl OpenError {
    /// Says what was tried when the operating system refused.
    pub(super) fn io(doing: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { doing: doing.into(), source }
    }
}
