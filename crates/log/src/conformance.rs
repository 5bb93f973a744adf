//! The suite every log passes.
//!
//! Each case is a public function that takes a [`Subject`]; [`log_conformance!`](crate::log_conformance)
//! makes one test of each. The cases ask for nothing the contract does not promise: offsets may
//! have gaps, a partition may start above 0, compaction may be late.

pub mod appending;
pub mod groups;
pub mod reading;
pub mod reopening;
pub mod retention;
pub mod topics;

use std::future::Future;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use flowmill_model::Offset;

use crate::contract::{Fetched, Log, LogFuture, ReadLimit, Reader, Record};
use crate::topic::{Partition, Retention, Survival, Topic, TopicSpec};

/// How long a case waits for what must happen. Only a log that is broken needs it.
const DEADLINE: Duration = Duration::from_secs(60);

/// A log under test.
pub struct Subject {
    open: Box<dyn FnMut() -> LogFuture<Arc<dyn Log>> + Send>,
}

impl Subject {
    /// `open` opens the log; the first call finds it empty, each later one comes after everything
    /// from the call before was dropped, and stands for a restart of the process.
    pub fn new(open: impl FnMut() -> LogFuture<Arc<dyn Log>> + Send + 'static) -> Self {
        Self { open: Box::new(open) }
    }

    async fn open(&mut self) -> Arc<dyn Log> {
        (self.open)().await
    }

    /// Opens the log and makes [`Topic::History`] with two partitions.
    async fn with_history(&mut self) -> Arc<dyn Log> {
        let log = self.open().await;
        make(&log, history_spec()).await;
        log
    }
}

fn history_spec() -> TopicSpec {
    TopicSpec {
        topic: Topic::History,
        partitions: 2,
        retention: Retention::UntilTrimmed,
        survival: Survival::Durable,
    }
}

async fn make(log: &Arc<dyn Log>, spec: TopicSpec) {
    soon("making a topic", log.ensure(spec)).await.expect("a topic can be made");
}

/// The partition most cases use.
fn history() -> Partition {
    Partition::new(Topic::History, 1)
}

fn record(key: &str, value: impl AsRef<[u8]>) -> Record {
    Record::keyed(key.to_owned(), value.as_ref().to_vec())
}

const fn limit(records: usize, bytes: usize) -> ReadLimit {
    ReadLimit { records: NonZeroUsize::new(records).expect("cases ask for records"), bytes }
}

/// As much as there is.
const ALL: ReadLimit = limit(usize::MAX, usize::MAX);

/// Awaits what must happen soon.
async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    let Ok(done) = tokio::time::timeout(DEADLINE, future).await else {
        panic!("{what} did not end within {DEADLINE:?}");
    };
    done
}

async fn append(log: &Arc<dyn Log>, to: &Partition, record: Record) -> Offset {
    soon("an append", log.append(to, record)).await.expect("an append succeeds")
}

/// Appends values `0..count`, all at once, and gives what a reader must find.
async fn append_numbers(log: &Arc<dyn Log>, to: &Partition, count: usize) -> Vec<Fetched> {
    let records: Vec<_> = (0..count).map(|n| record("", n.to_string())).collect();
    let appends: Vec<_> = records.iter().map(|record| log.append(to, record.clone())).collect();
    let mut expected = Vec::new();
    for (record, append) in records.into_iter().zip(appends) {
        let offset = soon("an append", append).await.expect("an append succeeds");
        expected.push(Fetched { offset, record });
    }
    expected
}

async fn read(reader: &mut Box<dyn Reader>, limit: ReadLimit) -> Vec<Fetched> {
    let found = soon("a read", reader.read(limit)).await.expect("a read succeeds");
    assert!(!found.is_empty(), "a read gave nothing");
    found
}

/// Reads `count` records, in as many reads as it takes.
async fn read_many(reader: &mut Box<dyn Reader>, count: usize) -> Vec<Fetched> {
    let mut found = Vec::new();
    while found.len() < count {
        found.extend(read(reader, limit(count - found.len(), usize::MAX)).await);
    }
    found
}

async fn start(log: &Arc<dyn Log>, of: &Partition) -> Offset {
    soon("bounds", log.bounds(of)).await.expect("the partition is there").start
}

async fn end(log: &Arc<dyn Log>, of: &Partition) -> Offset {
    soon("bounds", log.bounds(of)).await.expect("the partition is there").end
}

/// A reader of all that is kept.
async fn reader(log: &Arc<dyn Log>, of: &Partition) -> Box<dyn Reader> {
    log.reader(of, start(log, of).await)
}

/// Makes one test of each case. The argument is an expression that gives a fresh
/// [`Subject`]; it is evaluated in the runtime of each test.
#[macro_export]
macro_rules! log_conformance {
    ($subject:expr) => {
        $crate::log_conformance! { @cases $subject;
            appending::appends_keep_the_order_of_the_calls,
            appending::concurrent_appenders_lose_and_double_nothing,
            appending::partitions_do_not_mix,
            appending::a_dropped_append_is_written_all_the_same,
            appending::records_come_back_as_they_were,
            appending::a_record_may_be_as_large_as_the_limit_and_no_larger,
            appending::an_append_to_no_partition_is_refused,
            reading::a_reader_starts_anywhere,
            reading::a_read_keeps_its_limits,
            reading::a_waiting_reader_wakes_for_each_append,
            reading::a_dropped_read_loses_nothing,
            reading::a_reader_beyond_the_end_waits_for_its_offset,
            reading::readers_do_not_disturb_each_other,
            reading::a_read_of_no_partition_is_an_error,
            retention::a_trimmed_record_is_out_of_range,
            retention::a_partition_trimmed_to_its_end_keeps_its_place,
            retention::a_trim_never_moves_back_or_beyond_the_end,
            retention::compaction_keeps_the_last_record_of_each_key,
            topics::a_topic_is_made_once_and_may_grow,
            topics::a_topic_is_compacted_for_ever_or_never,
            topics::a_topic_survives_at_least_as_asked,
            groups::one_member_has_every_partition,
            groups::members_share_every_partition,
            groups::who_leaves_knows_whether_others_stay,
            groups::a_group_remembers_its_highest_position,
            reopening::durable_records_survive,
            reopening::appends_go_on_after_the_last_record,
            reopening::offsets_never_repeat,
            reopening::a_trimmed_partition_keeps_its_place,
            reopening::compacted_topics_keep_the_last_of_each_key,
            reopening::the_identity_stays,
        }
    };
    (@cases $subject:expr; $($group:ident::$case:ident,)*) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                $crate::conformance::$group::$case($subject).await;
            }
        )*
    };
}
