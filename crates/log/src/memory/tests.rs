use std::num::NonZeroUsize;

use super::*;
use crate::contract::{Header, NotWritten, ReadLimit};
use crate::topic::Retention;

const LIMIT: ReadLimit = ReadLimit { records: NonZeroUsize::MAX, bytes: usize::MAX };

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn partition() -> Partition {
    Partition::new(Topic::History, 0)
}

fn record(value: &'static str) -> Record {
    Record::of(value)
}

async fn log_with(derivable: Derivable, survival: Survival) -> MemoryLog {
    let log = MemoryLog::with(MemorySettings { derivable, ..MemorySettings::default() });
    let retention = Retention::UntilTrimmed;
    log.ensure(TopicSpec { topic: Topic::History, partitions: 1, retention, survival })
        .await
        .unwrap();
    log
}

async fn log() -> MemoryLog {
    log_with(Derivable::Survives, Survival::Durable).await
}

fn values(log: &MemoryLog) -> Vec<String> {
    let records = log.records(&partition());
    records.iter().map(|f| String::from_utf8(f.record.value.to_vec()).unwrap()).collect()
}

/// Lets each append have the next of `fates`, then succeed.
fn script(log: &MemoryLog, fates: Vec<Fate>) {
    let mut fates = fates.into_iter();
    log.set_faults(move |_: &Partition, _: &Record| fates.next().unwrap_or(Fate::AT_ONCE));
}

fn late(lands: u64, acknowledged: u64) -> Fate {
    Fate::Written { lands: ms(lands), acknowledged: ms(acknowledged), repeats: vec![] }
}

#[tokio::test(start_paused = true)]
async fn a_late_append_holds_up_its_own_session_and_nobody_else() {
    let log = log().await;
    let other = log.session();
    script(&log, vec![late(10, 5)]);
    let start = Instant::now();
    let first = log.append(&partition(), record("late"));
    let second = log.append(&partition(), record("behind"));
    assert_eq!(other.append(&partition(), record("other")).await, Ok(Offset::new(0)));
    assert_eq!(second.await, Ok(Offset::new(2)));
    assert_eq!(start.elapsed(), ms(10));
    assert_eq!(first.await, Ok(Offset::new(1)));
    assert_eq!(start.elapsed(), ms(15));
    assert_eq!(values(&log), ["other", "late", "behind"]);
}

#[tokio::test(start_paused = true)]
async fn an_unknown_append_may_land_after_the_answer_or_never_or_twice() {
    let log = log().await;
    let unknown = |lands: &[u64]| Fate::Unknown {
        told: ms(1),
        lands: lands.iter().map(|l| ms(*l)).collect(),
    };
    script(&log, vec![unknown(&[20]), unknown(&[]), unknown(&[5, 30])]);
    for value in ["late", "lost", "twice"] {
        let answer = log.append(&partition(), record(value)).await;
        assert!(matches!(answer, Err(AppendError::Unknown(_))), "{value}: {answer:?}");
    }
    assert_eq!(values(&log), [""; 0]);
    tokio::time::sleep(ms(100)).await;
    assert_eq!(values(&log), ["twice", "late", "twice"]);
}

#[tokio::test(start_paused = true)]
async fn a_refused_append_is_not_there_and_a_silent_one_is_never_answered() {
    let log = log().await;
    script(&log, vec![Fate::FULL, Fate::Silent { lands: vec![ms(1)] }]);
    let full = log.append(&partition(), record("full")).await;
    assert_eq!(full, Err(AppendError::NotWritten(NotWritten::Full)));
    let silent = log.append(&partition(), record("silent"));
    assert!(tokio::time::timeout(ms(1_000), silent).await.is_err());
    assert_eq!(values(&log), ["silent"]);
}

#[tokio::test(start_paused = true)]
async fn a_crashed_sessions_append_lands_among_those_of_its_successor() {
    let log = log().await;
    script(&log, vec![late(10, 0)]);
    let zombie = log.append(&partition(), record("zombie"));
    log.crash(InFlight::Lands);
    let successor = log.session();
    successor.append(&partition(), record("claim")).await.unwrap();
    assert!(tokio::time::timeout(ms(50), zombie).await.is_err());
    assert_eq!(values(&successor), ["claim", "zombie"]);
    assert!(log.append(&partition(), record("dead")).now_or_never().is_none());
    assert!(log.reader(&partition(), Offset::new(0)).read(LIMIT).now_or_never().is_none());
    assert_eq!(values(&successor), ["claim", "zombie"]);
}

#[tokio::test(start_paused = true)]
async fn a_crash_can_lose_what_is_under_way() {
    let log = log().await;
    script(&log, vec![late(10, 0)]);
    let lost = log.append(&partition(), record("lost"));
    log.crash(InFlight::Lost);
    assert!(tokio::time::timeout(ms(50), lost).await.is_err());
    assert_eq!(values(&log), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_restart_may_lose_derivable_records_and_never_repeats_an_offset() {
    let log = log_with(Derivable::LostByNextSession, Survival::Derivable).await;
    let before = log.append(&partition(), record("lost")).await.unwrap();
    script(&log, vec![late(10, 0), Fate::Silent { lands: vec![ms(10)] }]);
    drop(log.append(&partition(), record("under way")));
    drop(log.append(&partition(), record("silent")));
    log.crash(InFlight::Lands);
    let log = log.session();
    let bounds = log.bounds(&partition()).await.unwrap();
    assert!(bounds.start > before && bounds.start == bounds.end, "{bounds:?} {before:?}");
    tokio::time::sleep(ms(20)).await;
    assert_eq!(values(&log), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn offsets_can_have_gaps() {
    struct Gaps;
    impl Faults for Gaps {
        fn fate(&mut self, _: &Partition, _: &Record) -> Fate {
            Fate::AT_ONCE
        }
        fn gap(&mut self, _: &Partition) -> u64 {
            3
        }
    }
    let log = log().await;
    log.set_faults(Gaps);
    assert_eq!(log.append(&partition(), record("a")).await, Ok(Offset::new(3)));
    assert_eq!(log.append(&partition(), record("b")).await, Ok(Offset::new(7)));
    let mut reader = log.reader(&partition(), Offset::new(0));
    assert_eq!(reader.read(LIMIT).await.unwrap().len(), 2);
    assert_eq!(reader.position(), Offset::new(8));
}

#[tokio::test]
async fn a_compacted_topic_is_not_trimmed_as_on_kafka() {
    let log = MemoryLog::new();
    let retention = Retention::Compacted;
    let spec = TopicSpec {
        topic: Topic::Definitions,
        partitions: 1,
        retention,
        survival: Survival::Durable,
    };
    log.ensure(spec).await.unwrap();
    let partition = Partition::new(Topic::Definitions, 0);
    log.append(&partition, Record::keyed("key", "value")).await.unwrap();
    let trimmed = log.trim(&partition, Offset::new(1)).await;
    assert!(matches!(trimmed, Err(ReadError::Refused { .. })), "{trimmed:?}");
    assert_eq!(log.trim(&partition, Offset::new(0)).await, Ok(()));
    assert_eq!(log.bounds(&partition).await.unwrap().start, Offset::new(0));
}

#[tokio::test]
async fn a_name_of_a_header_that_kafka_would_cut_is_refused() {
    let log = log().await;
    let record = Record { headers: vec![Header::new("a\0b", "x")], ..Record::default() };
    let refused = log.append(&partition(), record).await;
    let closed = |why: &AppendError| matches!(why, AppendError::NotWritten(NotWritten::Closed(_)));
    assert!(refused.as_ref().is_err_and(closed), "{refused:?}");
    assert_eq!(values(&log), [""; 0]);
}
