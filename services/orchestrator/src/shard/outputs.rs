//! Sends what batches decided, and keeps the dispatched mark.
//!
//! Nothing is sent before its batch is committed. The mark is the highest batch number up to
//! which every output of every valid batch is sent or no longer needed; it travels in the next
//! batch, and the watermark never passes it.
//!
//! A task that cannot be sent for [`GIVE_UP`] is left to its timer, whose firing sends it again. A
//! lifecycle event that cannot be sent for as long is counted and tried on without the mark waiting
//! for it: it is lost only if this owner ends before it is sent.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use flowmill_engine::{Execution, TaskSpec};
use flowmill_events::encode_task;
use flowmill_log::{
    AppendError, Header, Log, NotWritten, Partition, Record, Retention, Survival, Topic, TopicSpec,
    task_partition,
};
use flowmill_model::history::{DefinitionRecord, Rejected};
use flowmill_model::task::TaskRecord;
use flowmill_model::{
    Activation, BatchNumber, Epoch, ExecutionId, Offset, Queue, TaskId, TaskToken, Timestamp,
    envelope,
};
use flowmill_runtime::{Clock, crash};
use flowmill_telemetry::trace::{self, attribute};
use flowmill_telemetry::{Message, fields};
use futures::future::join_all;

use super::lifecycle::LifecycleEvent;

/// How long a task is tried to be sent before it is left to its timer.
pub(crate) const GIVE_UP: Duration = Duration::from_secs(30);

/// Pause before what could not be sent is sent again.
const RETRY: Duration = Duration::from_millis(100);

/// How long a task queue keeps its records.
const TASK_RETENTION: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// The header of a dead letter that says why it is one.
const REJECTED_REASON: &str = "flowmill-rejected-reason";

/// The header of a dead letter that says where it stood: topic and offset.
const REJECTED_INPUT: &str = "flowmill-rejected-input";

/// The header of a dead letter that says which build rejected it.
const REJECTED_BUILD: &str = "flowmill-rejected-build";

/// One output of a batch.
#[derive(Clone, Debug)]
pub(crate) enum Output {
    /// A task for a queue.
    Task { queue: Queue, record: TaskRecord },
    /// A version of a flow for everybody.
    Definition(DefinitionRecord),
    /// A copy of an input that cannot be used.
    DeadLetter(Rejected),
    /// A step in an execution's life, for whoever listens.
    Lifecycle(Box<LifecycleEvent>),
}

/// What was sent of a batch.
#[derive(Debug)]
pub struct Dispatched {
    /// `None` for outputs that the mark does not wait for.
    pub(crate) batch: Option<BatchNumber>,
    pub(crate) sent: Vec<(TaskId, Sent)>,
    /// Lifecycle events that could not be sent in time: the mark does not wait for them.
    pub(crate) late: Vec<Output>,
}

/// Where a task was sent to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sent {
    /// Tells this sending of an attempt from another one.
    pub(crate) token: TaskToken,
    pub(crate) queue: Queue,
    pub(crate) partition: u16,
    pub(crate) offset: Offset,
}

/// What became of an output.
enum End {
    /// A task was sent.
    Task(TaskId, Sent),
    /// Nothing more is to be done.
    Done,
    /// It could not be sent in time and is still to be sent.
    Late(Output),
}

/// Which batches still have outputs to send.
#[derive(Debug, Default)]
pub(crate) struct Mark {
    committed: BatchNumber,
    open: BTreeMap<BatchNumber, usize>,
    /// The last batch with anything in it: what an idle owner still has to cover.
    content: BatchNumber,
}

impl Mark {
    /// A mark for an owner that found `committed` batches, of which those above `mark` count as
    /// one delivery that is still open.
    pub(crate) fn found(committed: BatchNumber, content: BatchNumber) -> Self {
        Self { committed, open: BTreeMap::new(), content }
    }

    /// A batch is committed; `content` says whether there was anything in it.
    pub(crate) fn commit(&mut self, batch: BatchNumber, content: bool) {
        self.committed = batch;
        if content {
            self.content = batch;
        }
    }

    /// Deliveries of outputs up to and with `batch` begin.
    pub(crate) fn begin(&mut self, batch: BatchNumber) {
        *self.open.entry(batch).or_default() += 1;
    }

    /// One of them is done.
    pub(crate) fn end(&mut self, batch: BatchNumber) {
        if let Some(open) = self.open.get_mut(&batch) {
            *open -= 1;
            if *open == 0 {
                self.open.remove(&batch);
            }
        }
    }

    /// The mark now.
    pub(crate) fn now(&self) -> BatchNumber {
        match self.open.keys().next() {
            Some(first) => BatchNumber::new(first.get().saturating_sub(1)),
            None => self.committed,
        }
    }

    /// Whether a batch without input is worth committing, when `recorded` is the mark in the
    /// latest one: it would let the watermark reach a batch that decided something.
    pub(crate) fn is_news(&self, recorded: BatchNumber) -> bool {
        recorded < self.content && self.now() > recorded
    }
}

/// Sends outputs into the log.
#[derive(Clone)]
pub(crate) struct Courier {
    pub(crate) log: Arc<dyn Log>,
    pub(crate) clock: Clock,
    pub(crate) task_partitions: u16,
}

impl Courier {
    /// Sends outputs; answers when each is acknowledged or given up.
    pub(crate) async fn deliver(
        self,
        batch: Option<BatchNumber>,
        outputs: Vec<Output>,
    ) -> Dispatched {
        let sending = outputs.into_iter().map(|output| self.send(output));
        let (mut sent, mut late) = (Vec::new(), Vec::new());
        for end in join_all(sending).await {
            match end {
                End::Task(id, task) => sent.push((id, task)),
                End::Done => {}
                End::Late(output) => late.push(output),
            }
        }
        crash::point("outputs-sent");
        Dispatched { batch, sent, late }
    }

    async fn send(&self, output: Output) -> End {
        let (started, from) = (self.clock.now(), trace::now());
        loop {
            let (partition, record) = match self.address(&output).await {
                Ok(addressed) => addressed,
                Err(error) => {
                    tracing::warn!(%error, "a task queue cannot be made");
                    tokio::time::sleep(RETRY).await;
                    continue;
                }
            };
            let error = match self.log.append(&partition, record).await {
                Ok(offset) => {
                    self.record_span(&output, &partition, offset, from);
                    return output.sent(partition.number, offset);
                }
                Err(error) => error,
            };
            if self.is_given_up(&output, started, &error) {
                tracing::warn!(%error, %partition, "an output is given up");
                return output.given_up(&error);
            }
            tokio::time::sleep(RETRY).await;
        }
    }

    /// Records in its execution's trace that a task was sent.
    fn record_span(&self, output: &Output, to: &Partition, offset: Offset, from: SystemTime) {
        let Output::Task { record, .. } = output else { return };
        let Some(parent) = record.trace.filter(trace::records) else { return };
        let message = Message {
            system: self.log.system(),
            destination: self.log.name_of(&to.topic),
            partition: to.number,
            offset: Some(offset),
            execution: Some(record.id.execution),
        };
        let task = attribute(fields::MESSAGE, record.id);
        message.sent(
            "send",
            from,
            &parent,
            [task, attribute(fields::TASK_TYPE, &record.task_type)],
        );
    }

    /// Tasks are left to their timers after a while; definitions never; what can never be
    /// written is not tried again.
    fn is_given_up(&self, output: &Output, started: Timestamp, error: &AppendError) -> bool {
        let hopeless = matches!(error, AppendError::NotWritten(NotWritten::TooLarge { .. }));
        let waited = self.clock.now().since(started) >= GIVE_UP;
        match output {
            Output::Task { .. } => hopeless || waited,
            Output::Definition(_) => false,
            Output::DeadLetter(_) | Output::Lifecycle(_) => hopeless || waited,
        }
    }

    async fn address(
        &self,
        output: &Output,
    ) -> Result<(Partition, Record), flowmill_log::ReadError> {
        match output {
            Output::Task { queue, record } => {
                let topic = Topic::Tasks(queue.clone());
                let partitions = self.partitions_of(&topic).await?;
                let number = task_partition(record.id.execution.shard(), partitions);
                Ok((Partition::new(topic, number), encode_task(record)))
            }
            Output::Definition(record) => {
                let key = Bytes::from(record.flow.to_string());
                let record = Record::keyed(key, envelope::encode(record));
                Ok((Partition::new(Topic::Definitions, 0), record))
            }
            Output::DeadLetter(rejected) => {
                Ok((Partition::new(Topic::DeadLetters, 0), dead_letter(rejected)))
            }
            Output::Lifecycle(event) => {
                let partitions = self.log.partitions(&Topic::Lifecycle).unwrap_or(1);
                let number = task_partition(event.execution.shard(), partitions);
                Ok((Partition::new(Topic::Lifecycle, number), event.record()))
            }
        }
    }

    async fn partitions_of(&self, topic: &Topic) -> Result<u16, flowmill_log::ReadError> {
        if let Some(partitions) = self.log.partitions(topic) {
            return Ok(partitions);
        }
        let partitions = self.task_partitions;
        self.log
            .ensure(TopicSpec {
                topic: topic.clone(),
                partitions,
                retention: Retention::For(TASK_RETENTION),
                survival: Survival::Derivable,
            })
            .await?;
        Ok(self.log.partitions(topic).unwrap_or(partitions))
    }
}

/// The copy of a record that cannot be used: as it was, and why it was refused.
fn dead_letter(rejected: &Rejected) -> Record {
    let Rejected { input, reason, build, key, headers, record } = rejected;
    let headers = headers.iter().map(|(name, value)| Header::new(name.clone(), value.0.clone()));
    let place = format!("{:?}@{}", input.topic, input.offset).to_lowercase();
    let said = [
        Header::new(REJECTED_REASON, reason.clone()),
        Header::new(REJECTED_INPUT, place),
        Header::new(REJECTED_BUILD, build.clone()),
    ];
    let headers = headers.chain(said).collect();
    Record { key: key.0.clone(), value: record.0.clone(), headers }
}

impl Output {
    fn sent(&self, partition: u16, offset: Offset) -> End {
        match self {
            Self::Task { queue, record } => End::Task(
                record.id,
                Sent { token: record.token, queue: queue.clone(), partition, offset },
            ),
            Self::Definition(_) | Self::DeadLetter(_) | Self::Lifecycle(_) => End::Done,
        }
    }

    /// What becomes of an output that was not sent: a task has its timer, a lifecycle event is
    /// tried again unless it can never be written.
    fn given_up(self, error: &AppendError) -> End {
        let hopeless = matches!(error, AppendError::NotWritten(NotWritten::TooLarge { .. }));
        match self {
            Self::Lifecycle(_) if !hopeless => End::Late(self),
            Self::Task { .. } | Self::Definition(_) | Self::DeadLetter(_) | Self::Lifecycle(_) => {
                End::Done
            }
        }
    }

    /// The output that sends a task of `execution`.
    pub(crate) fn task(
        execution: &Execution,
        spec: TaskSpec,
        epoch: Epoch,
        batch: BatchNumber,
    ) -> Option<Self> {
        let (flow, _) = execution.flow()?;
        let TaskSpec { activation, attempt, token, task_type, queue, input, timeout } = spec;
        let record = TaskRecord {
            id: TaskId { execution: execution.id(), activation, attempt },
            token,
            epoch,
            batch,
            task_type,
            flow: flow.flow.clone(),
            input,
            timeout_ms: u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX),
            trace: execution.trace().copied(),
        };
        Some(Self::Task { queue, record })
    }
}

/// Tasks that this owner has sent and whose result is pending.
#[derive(Debug, Default)]
pub(crate) struct SentTasks {
    by_execution: BTreeMap<ExecutionId, Vec<(Activation, u32, Sent)>>,
    count: usize,
}

impl SentTasks {
    pub(crate) fn insert(&mut self, id: TaskId, sent: Sent) {
        let tasks = self.by_execution.entry(id.execution).or_default();
        self.count -= tasks.len();
        tasks.retain(|(activation, attempt, _)| {
            (*activation, *attempt) != (id.activation, id.attempt)
        });
        tasks.push((id.activation, id.attempt, sent));
        self.count += tasks.len();
    }

    pub(crate) fn get(&self, id: &TaskId) -> Option<&Sent> {
        let same =
            |entry: &&(Activation, u32, Sent)| (entry.0, entry.1) == (id.activation, id.attempt);
        self.by_execution.get(&id.execution)?.iter().find(same).map(|(_, _, sent)| sent)
    }

    /// Forgets what `execution` no longer waits for.
    pub(crate) fn settle(&mut self, execution: &Execution) {
        let Some(tasks) = self.by_execution.get_mut(&execution.id()) else { return };
        let pending = |activation: Activation, attempt: u32, token: TaskToken| {
            let task = execution.task(activation);
            task.is_some_and(|task| (task.attempt, task.token) == (attempt, token))
        };
        self.count -= tasks.len();
        tasks.retain(|(activation, attempt, sent)| pending(*activation, *attempt, sent.token));
        self.count += tasks.len();
        if tasks.is_empty() {
            self.by_execution.remove(&execution.id());
        }
    }

    /// Whether any task of `execution` is known as sent.
    pub(crate) fn knows(&self, execution: ExecutionId) -> bool {
        self.by_execution.contains_key(&execution)
    }

    pub(crate) const fn len(&self) -> usize {
        self.count
    }

    /// The queue partitions that tasks wait in.
    pub(crate) fn partitions(&self) -> std::collections::BTreeSet<(Queue, u16)> {
        let tasks = self.by_execution.values().flatten();
        tasks.map(|(_, _, sent)| (sent.queue.clone(), sent.partition)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn number(raw: u64) -> BatchNumber {
        BatchNumber::new(raw)
    }

    #[test]
    fn the_mark_stays_below_what_is_not_sent() {
        let mut mark = Mark::found(number(3), number(3));
        mark.begin(number(3));
        mark.commit(number(4), true);
        mark.begin(number(4));
        assert_eq!(mark.now(), number(2));
        mark.end(number(4));
        assert_eq!(mark.now(), number(2));
        mark.end(number(3));
        assert_eq!(mark.now(), number(4));
    }

    #[test]
    fn an_idle_owner_covers_its_last_content_and_then_rests() {
        let mut mark = Mark::found(number(0), number(0));
        mark.commit(number(1), true);
        assert!(mark.is_news(number(0)));
        mark.commit(number(2), false);
        assert!(!mark.is_news(number(1)));
    }
}
