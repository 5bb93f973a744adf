//! A worker that does what workers do at their worst: answers late, twice, wrongly, or never.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use flowmill_events::{decode_task, encode_result};
use flowmill_log::{Log, Partition, ReadLimit, Topic, worker_group};
use flowmill_model::task::{Failure, Outcome, ResultRecord, TaskRecord};
use flowmill_model::{ErrorCode, Offset, Payload, Problem, Queue, TaskId, TaskToken};
use flowmill_runtime::spawn;
use parking_lot::Mutex;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::chance::Chance;
use crate::trace::Trace;

const READ: ReadLimit =
    ReadLimit { records: NonZeroUsize::new(16).expect("not zero"), bytes: 1 << 20 };

/// The queue of the simulation's flows.
pub fn queue() -> Queue {
    Queue::new("work").expect("a valid name")
}

/// The attempts that workers said to have completed, each with the token it came with. Clones are
/// the same.
#[derive(Clone, Debug, Default)]
pub struct Answers(Arc<Mutex<BTreeSet<(TaskId, TaskToken)>>>);

impl Answers {
    /// Whether a worker said so.
    pub fn holds(&self, task: TaskId, token: TaskToken) -> bool {
        self.0.lock().contains(&(task, token))
    }
}

/// Works off the partitions of the queue that it is assigned, until its log session ends.
/// `faulty` says whether it misbehaves.
pub async fn work(
    log: Arc<dyn Log>,
    chance: Chance,
    trace: Trace,
    answers: Answers,
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
                answers: answers.clone(),
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
    answers: Answers,
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
                let answering = Answering {
                    log: Arc::clone(&self.log),
                    task,
                    chance: self.chance.clone(),
                    answers: self.answers.clone(),
                };
                spawn("sim task", answering.answer(faulty()));
            }
        }
    }
}

/// The work on one task.
struct Answering {
    log: Arc<dyn Log>,
    task: TaskRecord,
    chance: Chance,
    answers: Answers,
}

impl Answering {
    async fn answer(self, faulty: bool) {
        let chance = &self.chance;
        let pause = if faulty { chance.millis(3_000) } else { chance.millis(50) };
        tokio::time::sleep(pause).await;
        let roll = if faulty { chance.below(100) } else { 99 };
        if faulty && chance.percent(10) {
            self.forge().await;
        }
        let outcome = match roll {
            0..8 => return,
            8..20 => Outcome::Failed(Failure {
                problem: Problem::of(ErrorCode::TaskFailed, "drawn"),
                retryable: true,
                retry_after_ms: None,
            }),
            20..24 => Outcome::Later(chance.below(2_000)),
            24..28 => Outcome::Running,
            28..33 => {
                // About when the attempt's time is over.
                let late = Duration::from_secs(6) + chance.millis(5_000);
                tokio::time::sleep(late).await;
                done()
            }
            _ => done(),
        };
        let goes_on = matches!(outcome, Outcome::Running);
        self.send(self.task.token, outcome).await;
        if goes_on {
            tokio::time::sleep(chance.millis(2_000)).await;
            self.send(self.task.token, done()).await;
        }
        if faulty && chance.percent(10) {
            self.forge().await;
        }
        if faulty && chance.percent(10) {
            tokio::time::sleep(chance.millis(8_000)).await;
            self.send(self.task.token, done()).await;
        }
    }

    /// Sends a result with a token that nobody gave.
    async fn forge(&self) {
        let forged = Outcome::Completed(Payload::from("{\"forged\":true}"));
        self.send(TaskToken::new(self.chance.bits()), forged).await;
    }

    async fn send(&self, token: TaskToken, outcome: Outcome) {
        let id = self.task.id;
        if token == self.task.token && matches!(outcome, Outcome::Completed(_)) {
            self.answers.0.lock().insert((id, token));
        }
        let record = ResultRecord { id, token, outcome, trace: None };
        let to = Partition::of_shard(Topic::Results, id.execution.shard());
        // A result that is lost is the business of the engine's time-outs.
        drop(self.log.append(&to, encode_result(&record)).await);
    }
}

fn done() -> Outcome {
    Outcome::Completed(Payload::from("{\"done\":true}"))
}
