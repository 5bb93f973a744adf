//! The conformance suite on the log of one process, with large, small and tiny files.

use std::sync::Arc;

use flowmill_log::conformance::Subject;
use flowmill_log::embedded::{Durability, Settings};
use flowmill_log::{EmbeddedLog, Log};
use futures::FutureExt;
use futures::future::ready;

fn subject(settings: Settings) -> Subject {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let open = move || EmbeddedLog::open(folder.path(), settings.clone()).expect("the log opens");
    Subject::new(move || ready(Arc::new(open()) as Arc<dyn Log>).boxed())
}

/// Everything fits one file, and recent records are in memory.
mod large_files {
    flowmill_log::log_conformance!(super::subject(super::Settings {
        segment_bytes: 16 * 1024 * 1024,
        ..super::Settings::default()
    }));
}

/// Files end all the time, and nothing is read from memory.
mod small_files {
    flowmill_log::log_conformance!(super::subject(super::Settings {
        segment_bytes: 64 * 1024,
        cache_bytes: 0,
        ..super::Settings::default()
    }));
}

/// Acknowledged before it is synced.
mod without_sync {
    flowmill_log::log_conformance!(super::subject(super::Settings {
        durability: super::Durability::Os,
        segment_bytes: 256 * 1024,
        cache_bytes: 4096,
        ..super::Settings::default()
    }));
}
