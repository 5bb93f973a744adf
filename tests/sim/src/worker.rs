//! A worker that does what workers do at their worst: answers late, twice, wrongly, or never.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use flowmill_log::{Log, Partition, ReadLimit, Record, Topic, worker_group};
use flowmill_model::task::{Failure, Outcome, ResultRecord, TaskRecord};
use flowmill_model::{ErrorCode, Payload, Problem, Queue, TaskToken, envelope};
use flowmill_runtime::spawn;
use parking_lot::Mutex;

use crate::chance::Chance;
use crate::world::Trace;

const READ: ReadLimit =
    ReadLimit { records: NonZeroUsize::new(16).expect("not zero"), bytes: 1 << 20 };

type Shared = Arc<Mutex<Box<dyn flowmill_log::Member>>>;

/// The queue of the simulation's flows.
pub fn queue() -> Queue {
    Queue::new("work").expect("a valid name")
}

/// Works off the queue until its log session ends. `faulty` says whether it misbehaves.
pub async fn work(
    log: Arc<dyn Log>,
    chance: Chance,
    trace: Trace,
    faulty: impl Fn() -> bool + Send + Clone + 'static,
) {
    let topic = Topic::Tasks(queue());
    while log.partitions(&topic).is_none() {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let group = worker_group(&queue());
    let mut member = log.join(&group, &topic);
    let Ok(assigned) = member.assigned().await else { return };
    let member: Shared = Arc::new(Mutex::new(member));
    for number in assigned {
        let (log, chance, trace) = (Arc::clone(&log), chance.clone(), trace.clone());
        let (member, faulty) = (Arc::clone(&member), faulty.clone());
        spawn("sim worker", work_partition(log, member, number, chance, trace, faulty));
    }
}

async fn work_partition(
    log: Arc<dyn Log>,
    member: Shared,
    number: u16,
    chance: Chance,
    trace: Trace,
    faulty: impl Fn() -> bool + Send + Clone + 'static,
) {
    let partition = Partition::new(Topic::Tasks(queue()), number);
    let committed = log.committed(&worker_group(&queue()), &partition).await;
    let start = match committed {
        Ok(Some(offset)) => offset,
        Ok(None) | Err(_) => match log.bounds(&partition).await {
            Ok(bounds) => bounds.start,
            Err(_) => return,
        },
    };
    let mut reader = log.reader(&partition, start);
    while let Ok(records) = reader.read(READ).await {
        member.lock().commit(number, reader.position());
        for fetched in records {
            let Ok(task) = envelope::decode::<TaskRecord>(&fetched.record.value) else { continue };
            trace.note(format!("task {} {}", task.id, task.token));
            let (log, chance) = (Arc::clone(&log), chance.clone());
            spawn("sim task", answer(log, task, chance, faulty()));
        }
    }
}

async fn answer(log: Arc<dyn Log>, task: TaskRecord, chance: Chance, faulty: bool) {
    let pause = if faulty { chance.millis(3_000) } else { chance.millis(50) };
    tokio::time::sleep(pause).await;
    let roll = if faulty { chance.below(100) } else { 99 };
    let outcome = match roll {
        0..8 => return,
        8..20 => Outcome::Failed(Failure {
            problem: Problem::of(ErrorCode::TaskFailed, "drawn"),
            retryable: true,
            retry_after_ms: None,
        }),
        20..24 => Outcome::Later(chance.below(2_000)),
        24..28 => Outcome::Running,
        _ => Outcome::Completed(Payload::from("{\"done\":true}")),
    };
    let goes_on = matches!(outcome, Outcome::Running);
    send(&log, &task, task.token, outcome).await;
    if goes_on {
        tokio::time::sleep(chance.millis(2_000)).await;
        send(&log, &task, task.token, done()).await;
    }
    if faulty && chance.percent(10) {
        send(&log, &task, TaskToken::new(chance.bits()), done()).await;
    }
    if faulty && chance.percent(10) {
        tokio::time::sleep(chance.millis(8_000)).await;
        send(&log, &task, task.token, done()).await;
    }
}

fn done() -> Outcome {
    Outcome::Completed(Payload::from("{\"done\":true}"))
}

async fn send(log: &Arc<dyn Log>, task: &TaskRecord, token: TaskToken, outcome: Outcome) {
    let record = ResultRecord { id: task.id, token, outcome, trace: None };
    let to = Partition::of_shard(Topic::Results, task.id.execution.shard());
    let value = envelope::encode(&record).into();
    // A result that is lost is the business of the engine's time-outs.
    drop(log.append(&to, Record { key: bytes::Bytes::new(), value }).await);
}
