//! A folder with a log in it, and ways to look at and break what is there.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use flowmill_log::embedded::{OpenError, Settings};
use flowmill_log::{
    EmbeddedLog, Fetched, Log, Partition, ReadLimit, Record, Retention, Survival, Topic, TopicSpec,
};
use flowmill_model::Offset;
use tempfile::TempDir;

pub(crate) const ALL: ReadLimit = ReadLimit { records: NonZeroUsize::MAX, bytes: usize::MAX };

/// How long what must happen may take.
pub(crate) const DEADLINE: Duration = Duration::from_secs(60);

/// Where a segment's entries begin, and the bytes before an entry's body.
pub(crate) const FIRST_ENTRY: usize = 64;
pub(crate) const HEAD: usize = 16;

/// Files as small as they may be.
pub(crate) fn small() -> Settings {
    Settings { segment_bytes: 64 * 1024, ..Settings::default() }
}

pub(crate) fn spec(topic: Topic, retention: Retention) -> TopicSpec {
    TopicSpec { topic, partitions: 2, retention, survival: Survival::Durable }
}

pub(crate) fn history() -> Partition {
    Partition::new(Topic::History, 0)
}

pub(crate) fn record(value: impl AsRef<[u8]>) -> Record {
    Record::of(value.as_ref().to_vec())
}

/// A folder that goes with this value.
pub(crate) struct Scratch {
    folder: TempDir,
}

impl Scratch {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn try_open(&self, settings: Settings) -> Result<EmbeddedLog, OpenError> {
        EmbeddedLog::open(self.path(), settings)
    }

    pub(crate) fn open(&self, settings: Settings) -> EmbeddedLog {
        self.try_open(settings).unwrap()
    }

    /// Opens the log and makes the topic of [`history`].
    pub(crate) async fn with_history(&self, settings: Settings) -> EmbeddedLog {
        let log = self.open(settings);
        log.ensure(spec(Topic::History, Retention::UntilTrimmed)).await.unwrap();
        log
    }

    /// A copy of the folder as a crash of the process would leave it now.
    pub(crate) fn crashed(&self) -> Self {
        // The log may be at work in the background: two equal copies show that it was not.
        let mut files = self.files();
        loop {
            let again = self.files();
            if again == files {
                break;
            }
            files = again;
        }
        let copy = Self::new();
        for (name, content) in files {
            fs::write(copy.path().join(name), content).unwrap();
        }
        copy
    }

    fn files(&self) -> BTreeMap<OsString, Vec<u8>> {
        let mut files = BTreeMap::new();
        for entry in fs::read_dir(self.path()).unwrap() {
            let entry = entry.unwrap();
            match fs::read(entry.path()) {
                Ok(content) => drop(files.insert(entry.file_name(), content)),
                // It was renamed or removed since it was listed.
                Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::NotFound),
            }
        }
        files
    }

    /// The segment files, oldest first.
    pub(crate) fn segments(&self) -> Vec<PathBuf> {
        let files = fs::read_dir(self.path()).unwrap().map(|entry| entry.unwrap().path());
        let mut files: Vec<_> =
            files.filter(|path| path.extension().is_some_and(|e| e == "segment")).collect();
        files.sort();
        files
    }
}

/// Where the entries of a segment file begin, and where the last one ends.
pub(crate) fn entries(segment: &Path) -> Vec<usize> {
    let bytes = fs::read(segment).unwrap();
    let mut at = FIRST_ENTRY;
    let mut ends = vec![at];
    while let Some(length) = bytes.get(at..at + 4) {
        let length = u32::from_le_bytes(length.try_into().unwrap()) as usize;
        if length == 0 {
            break;
        }
        at += HEAD + length.next_multiple_of(8);
        ends.push(at);
    }
    ends
}

/// Changes a file.
pub(crate) fn edit(file: &Path, change: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = fs::read(file).unwrap();
    change(&mut bytes);
    fs::write(file, bytes).unwrap();
}

/// Appends records one after the other, so that each is synced before the next is written.
pub(crate) async fn append_each(log: &EmbeddedLog, to: &Partition, values: &[Vec<u8>]) {
    for value in values {
        log.append(to, record(value)).await.unwrap();
    }
}

/// Everything a partition holds.
pub(crate) async fn kept(log: &EmbeddedLog, of: &Partition) -> Vec<Fetched> {
    let bounds = log.bounds(of).await.unwrap();
    let mut reader = log.reader(of, bounds.start);
    let mut found = Vec::new();
    while reader.position() < bounds.end {
        found.extend(reader.read(ALL).await.unwrap());
    }
    found
}

pub(crate) async fn values(log: &EmbeddedLog, of: &Partition) -> Vec<Vec<u8>> {
    kept(log, of).await.into_iter().map(|fetched| fetched.record.value.to_vec()).collect()
}

/// `count` values that tell themselves apart.
pub(crate) fn numbered(count: usize) -> Vec<Vec<u8>> {
    (0..count).map(|n| format!("value {n:>5}").into_bytes()).collect()
}

pub(crate) fn shared(log: EmbeddedLog) -> Arc<dyn Log> {
    Arc::new(log)
}

pub(crate) fn offset(raw: u64) -> Offset {
    Offset::new(raw)
}
