//! A worker that does what workers do at their worst: answers late, twice, wrongly, or never.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use flowmill_events::{decode_task, encode_result};
use flowmill_log::{Log, Partition, ReadLimit, Topic, worker_group};
use flowmill_model::task::{Failure, Outcome, ResultRecord, TaskRecord};
use flowmill_model::{ErrorCode, Offset, Payload, Problem, Queue, TaskToken};
use flowmill_runtime::spawn;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::chance::Chance;
use crate::world::Trace;

const READ: ReadLimit =
    ReadLimit { records: NonZeroUsize::new(16).expect("not zero"), bytes: 1 << 20 };

/// The queue of the simulation's flows.
pub fn queue() -> Queue {
    Queue::new("work").expect("a valid name")
}

/// Works off the partitions of the queue that it is assigned, until its log session ends.
/// `faulty` says whether it misbehaves.
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
    let mut member = log.join(&worker_group(&queue()), &topic);
    let (commits, mut committed) = mpsc::unbounded_channel();
    let mut working: BTreeMap<u16, JoinHandle<()>> = BTreeMap::new();
    loop {
        let assigned = tokio::select! {
            biased;
            Some((number, position)) = committed.recv() => {
                member.commit(number, position);
                continue;
            }
            assigned = member.assigned() => assigned,
        };
        let Ok(assigned) = assigned else { return };
        working.retain(|number, task| {
            let stays = assigned.contains(number);
            if !stays {
                task.abort();
            }
            stays
        });
        for number in assigned {
            let partition = Working {
                log: Arc::clone(&log),
                commits: commits.clone(),
                number,
                chance: chance.clone(),
                trace: trace.clone(),
            };
            let begin = || spawn("sim worker", partition.work(faulty.clone()));
            working.entry(number).or_insert_with(begin);
        }
    }
}

/// The work on one partition.
struct Working {
    log: Arc<dyn Log>,
    commits: mpsc::UnboundedSender<(u16, Offset)>,
    number: u16,
    chance: Chance,
    trace: Trace,
}

impl Working {
    async fn work(self, faulty: impl Fn() -> bool + Send + Clone + 'static) {
        let partition = Partition::new(Topic::Tasks(queue()), self.number);
        let committed = self.log.committed(&worker_group(&queue()), &partition).await;
        let start = match committed {
            Ok(Some(offset)) => offset,
            Ok(None) | Err(_) => match self.log.bounds(&partition).await {
                Ok(bounds) => bounds.start,
                Err(_) => return,
            },
        };
        let mut reader = self.log.reader(&partition, start);
        while let Ok(records) = reader.read(READ).await {
            if self.commits.send((self.number, reader.position())).is_err() {
                return;
            }
            for fetched in records {
                let Ok(task) = decode_task(&fetched.record) else {
                    continue;
                };
                self.trace.note(format!("task {} {}", task.id, task.token));
                let (log, chance) = (Arc::clone(&self.log), self.chance.clone());
                spawn("sim task", answer(log, task, chance, faulty()));
            }
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
    // A result that is lost is the business of the engine's time-outs.
    drop(log.append(&to, encode_result(&record)).await);
}
