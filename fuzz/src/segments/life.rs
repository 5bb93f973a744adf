//! Short lives of logs, step by step, and what they held after each step.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use flowmill_log::embedded::Settings;
use flowmill_log::{
    EmbeddedLog, Fetched, Header, Log, Partition, ReadLimit, Reader, Record, Retention, Survival,
    Topic, TopicSpec,
};
use flowmill_model::Offset;
use futures::executor::block_on;
use tokio::runtime::{Builder, Runtime};

use super::image::{Image, files};
use super::scratch;

/// What a partition holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Kept {
    pub(super) start: u64,
    pub(super) next: u64,
    /// Key, value, and headers by their names, of each record.
    records: BTreeMap<u64, Row>,
}

type Row = (Vec<u8>, Vec<u8>, Vec<(String, Vec<u8>)>);

/// What a log holds.
pub(super) type Contents = BTreeMap<Partition, Kept>;

impl Kept {
    /// Adds a record at the end.
    pub(super) fn take(&mut self, record: Record) {
        self.records.insert(self.next, row(record));
        self.next += 1;
    }
}

fn row(record: Record) -> Row {
    let header = |Header { name, value }: Header| (name.into_owned(), value.to_vec());
    let headers = record.headers.into_iter().map(header).collect();
    (record.key.to_vec(), record.value.to_vec(), headers)
}

pub(super) fn history(number: u16) -> Partition {
    Partition::new(Topic::History, number)
}

fn definitions() -> Partition {
    Partition::new(Topic::Definitions, 0)
}

/// Files as small as they may be, and nothing read from memory.
pub(super) fn settings() -> Settings {
    Settings { segment_bytes: 64 * 1024, cache_bytes: 0, ..Settings::default() }
}

/// Everything that a log holds.
pub(super) fn contents(log: &EmbeddedLog) -> Contents {
    static RUNTIME: LazyLock<Runtime> =
        LazyLock::new(|| Builder::new_current_thread().build().expect("a runtime"));
    let all = [history(0), history(1), definitions()].into_iter();
    let known = all.filter(|partition| log.partitions(&partition.topic) > Some(partition.number));
    RUNTIME.block_on(async {
        let mut found = Contents::new();
        for partition in known {
            let bounds = log.bounds(&partition).await.expect("the partition is there");
            let mut kept =
                Kept { start: bounds.start.get(), next: bounds.end.get(), ..Kept::default() };
            let mut reader = log.reader(&partition, bounds.start);
            while reader.position() < bounds.end {
                for Fetched { offset, record } in read(reader.as_mut()).await {
                    kept.records.insert(offset.get(), row(record));
                }
            }
            found.insert(partition, kept);
        }
        found
    })
}

async fn read(reader: &mut dyn Reader) -> Vec<Fetched> {
    let all = ReadLimit { records: std::num::NonZeroUsize::MAX, bytes: usize::MAX };
    reader.read(all).await.expect("what was opened can be read")
}

/// A log that lives, and what it held.
struct Life {
    folder: tempfile::TempDir,
    log: Option<EmbeddedLog>,
    states: Vec<Contents>,
}

impl Life {
    fn new() -> Self {
        let folder = scratch();
        let log = EmbeddedLog::open(folder.path(), settings()).expect("a new log");
        let mut life = Self { folder, log: None, states: vec![contents(&log)] };
        life.log = Some(log);
        life
    }

    fn log(&self) -> &EmbeddedLog {
        self.log.as_ref().expect("it is open between steps")
    }

    fn note(&mut self) {
        let state = contents(self.log());
        self.states.push(state);
    }

    fn ensure(&mut self, topic: Topic, partitions: u16, retention: Retention) {
        let spec = TopicSpec { topic, partitions, retention, survival: Survival::Durable };
        block_on(self.log().ensure(spec)).expect("it can be made");
        self.note();
    }

    fn append(&mut self, to: &Partition, key: &str, bytes: usize) {
        let number = self.states.len() as u8;
        let mut record = Record::keyed(key.to_owned(), vec![number; bytes]);
        if number.is_multiple_of(3) {
            record.headers.push(Header::new("number", vec![number]));
        }
        block_on(self.log().append(to, record)).expect("there is room");
        self.note();
    }

    fn trim(&mut self, of: &Partition, before: u64) {
        block_on(self.log().trim(of, Offset::new(before))).expect("it can be trimmed");
        self.note();
    }

    fn restart(&mut self) {
        self.log = None;
        let log = EmbeddedLog::open(self.folder.path(), settings()).expect("it was closed well");
        self.log = Some(log);
    }

    fn image(&self) -> Image {
        Image { files: files(self.folder.path()), states: self.states.iter().cloned().collect() }
    }
}

/// One log as a crash leaves it and as it is once closed, and one with most of its records gone.
pub(super) fn images() -> Vec<Image> {
    let mut life = Life::new();
    life.ensure(Topic::History, 1, Retention::UntilTrimmed);
    life.ensure(Topic::Definitions, 1, Retention::Compacted);
    for (step, bytes) in [10, 300, 0, 7].into_iter().cycle().take(20).enumerate() {
        life.append(&history(0), "", bytes);
        life.append(&definitions(), ["a", "b", "c"][step % 3], bytes + 1);
    }
    let small = life.image();
    life.ensure(Topic::History, 2, Retention::UntilTrimmed);
    for _ in 0..6 {
        life.append(&history(1), "key", 20_000);
        life.append(&history(0), "", 40);
    }
    life.trim(&history(0), 4);
    life.restart();
    life.append(&history(0), "", 5);
    let crashed = life.image();
    life.log = None;
    let closed = life.image();
    vec![small, crashed, closed, trimmed()]
}

/// Its oldest files are gone, and what was kept of them is in later ones.
fn trimmed() -> Image {
    let mut life = Life::new();
    life.ensure(Topic::History, 2, Retention::UntilTrimmed);
    life.append(&history(1), "kept", 100);
    for step in 0..16 {
        life.append(&history(0), "", 15_000);
        life.trim(&history(0), step);
    }
    life.append(&history(1), "end", 100);
    life.log = None;
    life.image()
}
