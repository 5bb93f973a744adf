//! The consumer of one flow's topics, on a thread of its own.
//!
//! The thread polls, hands records to their partitions, pauses what is full, and commits what is
//! done. It evaluates nothing and waits for nothing but the brokers, for times well below the one
//! after which they would take its partitions away.
//!
//! **Where reading begins.** A partition with a committed position begins there. When the group has
//! none on the whole topic, the trigger's `from` says where all its partitions begin, and that is
//! committed before the first record is taken: so a `latest` that is taken over by another member,
//! or restarted before its first record, still begins where it began. A partition that has no
//! position while others have one was added to the topic later, and begins at its start.

mod assignment;
mod positions;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use flowmill_flow::Position;
use flowmill_log::kafka::rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _};
use flowmill_log::kafka::rdkafka::error::{KafkaError, KafkaResult};
use flowmill_log::kafka::rdkafka::message::{BorrowedMessage, Message as _};
use flowmill_log::kafka::rdkafka::{Offset, TopicPartitionList};
use flowmill_log::kafka::{Clients, ConsumerPlan};
use flowmill_model::{FlowName, TopicName};
use flowmill_telemetry::{Metrics, TriggerFigures};
use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

use self::assignment::{Assignment, Change};
use super::partition::Work;
use super::record::TriggerRecord;
use super::starting::Starter;

/// How long one poll waits. Bounds how late pausing, committing and ending are.
const POLL: Duration = Duration::from_millis(50);

/// How often positions are committed.
const COMMIT_EVERY: Duration = Duration::from_secs(1);

/// How often figures are reported, and complaints repeated.
const REPORT_EVERY: Duration = Duration::from_secs(5);

/// How long one question to the brokers may take.
const ASK: Duration = Duration::from_secs(3);

/// How long a partition that could not be begun is let be.
const BEGIN_AGAIN: Duration = Duration::from_millis(500);

type Client = BaseConsumer<flowmill_log::kafka::Context<Assignment>>;

/// The topics to read, each with where to begin.
pub(super) type Topics = BTreeMap<TopicName, Position>;

/// What a consumer is made of.
pub(super) struct Plan {
    pub(super) flow: FlowName,
    pub(super) group: String,
    /// What its client is called: one of many of the process.
    pub(super) purpose: String,
    pub(super) clients: Clients,
    pub(super) starter: Starter,
    pub(super) metrics: Metrics,
    pub(super) runtime: Handle,
}

/// A consumer that runs. Dropping it ends it.
pub(super) struct Running {
    wanted: Arc<Mutex<Topics>>,
    stop: CancellationToken,
    ended: CancellationToken,
}

impl Running {
    /// Starts a consumer.
    ///
    /// # Errors
    /// The thread cannot be started.
    pub(super) fn start(plan: Plan, topics: Topics) -> std::io::Result<Self> {
        let wanted = Arc::new(Mutex::new(topics));
        let (stop, ended) = (CancellationToken::new(), CancellationToken::new());
        let (topics, stopping, done) =
            (Arc::clone(&wanted), stop.clone(), ended.clone().drop_guard());
        std::thread::Builder::new().name("trigger".to_owned()).spawn(move || {
            run(&plan, &topics, &stopping);
            drop(done);
        })?;
        Ok(Self { wanted, stop, ended })
    }

    /// Reads these topics from now on.
    pub(super) fn read(&self, topics: Topics) {
        *self.wanted.lock() = topics;
    }

    /// Commits what is done, leaves the group and ends.
    pub(super) async fn stop(self) {
        self.stop.cancel();
        self.ended.cancelled().await;
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// Makes the client, again until it can be made, and reads.
fn run(plan: &Plan, wanted: &Mutex<Topics>, stop: &CancellationToken) {
    while !stop.is_cancelled() {
        let consumer = plan.clients.consumer(
            ConsumerPlan {
                group: &plan.group,
                purpose: &plan.purpose,
                extra: &[
                    // A producer's aborted records start nothing.
                    ("isolation.level", "read_committed"),
                    // Retention may let go of what was never read; the rest is still to be read.
                    ("auto.offset.reset", "earliest"),
                    // There are many of these.
                    ("queued.max.messages.kbytes", "4096"),
                ],
            },
            Assignment::default(),
        );
        match consumer {
            Ok(client) => return Reading::new(plan, client).run(wanted, stop),
            Err(error) => {
                tracing::error!(flow = %plan.flow, %error, "a trigger has no consumer");
                std::thread::sleep(REPORT_EVERY);
            }
        }
    }
}

/// A partition of this consumer.
enum Slot {
    /// It is paused and its beginning is not known yet.
    New,
    Begun(Begun),
}

struct Begun {
    work: Work,
    /// The next record that counts; what comes below it came before a seek.
    next: i64,
    committed: i64,
    is_paused: bool,
}

struct Reading<'a> {
    plan: &'a Plan,
    client: Client,
    topics: Topics,
    slots: BTreeMap<(TopicName, i32), Slot>,
    begin_at: Instant,
    commit_at: Instant,
    report_at: Instant,
    /// Whether the current trouble has been told.
    complained: bool,
}

impl<'a> Reading<'a> {
    fn new(plan: &'a Plan, client: Client) -> Self {
        let now = Instant::now();
        Self {
            plan,
            client,
            topics: Topics::new(),
            slots: BTreeMap::new(),
            begin_at: now,
            commit_at: now + COMMIT_EVERY,
            report_at: now + REPORT_EVERY,
            complained: false,
        }
    }

    fn run(mut self, wanted: &Mutex<Topics>, stop: &CancellationToken) {
        while !stop.is_cancelled() {
            self.subscribe(wanted);
            self.poll();
            self.change();
            self.begin();
            self.balance();
            self.commit_in_time();
            self.report_in_time();
        }
        self.commit(CommitMode::Sync);
        self.client.unsubscribe();
    }

    /// Subscribes to what is wanted, if that has changed.
    fn subscribe(&mut self, wanted: &Mutex<Topics>) {
        let wanted = wanted.lock().clone();
        if wanted == self.topics {
            return;
        }
        let names: Vec<_> = wanted.keys().map(TopicName::as_str).collect();
        match self.client.subscribe(&names) {
            Ok(()) => self.topics = wanted,
            Err(error) => self.complain(&error),
        }
    }

    fn poll(&mut self) {
        self.client.context().tend(self.client.client());
        // The client is shared for the message's life only.
        let polled = match self.client.poll(POLL) {
            None => return,
            Some(Ok(message)) => Ok(self.taken(&message)),
            Some(Err(error)) => Err(error),
        };
        match polled {
            Ok(Some((key, record))) => self.take(&key, record),
            Ok(None) => {}
            Err(error) => self.complain(&error),
        }
    }

    fn taken(&self, message: &BorrowedMessage<'_>) -> Option<((TopicName, i32), TriggerRecord)> {
        let (topic, _) = self.topics.get_key_value(&TopicName::new(message.topic()).ok()?)?;
        Some(((topic.clone(), message.partition()), TriggerRecord::of(topic, message)))
    }

    fn take(&mut self, key: &(TopicName, i32), record: TriggerRecord) {
        self.complained = false;
        let Some(Slot::Begun(begun)) = self.slots.get_mut(key) else { return };
        if record.place.offset >= begun.next {
            begun.next = record.place.offset.saturating_add(1);
            begun.work.put(record);
        }
    }

    /// Takes note of what the group's changes gave and took.
    fn change(&mut self) {
        for change in self.client.context().rebalances().take() {
            match change {
                Change::Assigned(topic, partition) => {
                    self.slots.insert((topic, partition), Slot::New);
                    self.begin_at = Instant::now();
                }
                Change::Revoked(topic, partition) => drop(self.slots.remove(&(topic, partition))),
            }
        }
    }

    /// Begins the partitions that are new.
    fn begin(&mut self) {
        if Instant::now() < self.begin_at {
            return;
        }
        let new = self.slots.iter().filter(|(_, slot)| matches!(slot, Slot::New));
        let mut by_topic: BTreeMap<TopicName, Vec<i32>> = BTreeMap::new();
        for ((topic, partition), _) in new {
            by_topic.entry(topic.clone()).or_default().push(*partition);
        }
        for (topic, partitions) in by_topic {
            if let Err(error) = self.begin_topic(&topic, &partitions) {
                self.complain(&error);
            }
        }
        self.begin_at = Instant::now() + BEGIN_AGAIN;
    }

    fn begin_topic(&mut self, topic: &TopicName, partitions: &[i32]) -> KafkaResult<()> {
        let from = self.topics.get(topic).copied().unwrap_or(Position::Latest);
        let starts = positions::settle(&self.client, topic, partitions, from)?;
        for (partition, start) in starts {
            self.client.seek(topic.as_str(), partition, Offset::Offset(start), ASK)?;
            self.client.resume(&list(topic, partition))?;
            let work = Work::begin(&self.plan.runtime, self.plan.starter.clone(), start);
            let begun = Begun { work, next: start, committed: start, is_paused: false };
            self.slots.insert((topic.clone(), partition), Slot::Begun(begun));
            tracing::info!(flow = %self.plan.flow, %topic, partition, start, "a trigger reads");
        }
        Ok(())
    }

    /// Pauses partitions that are full and resumes those that have room again.
    fn balance(&mut self) {
        for ((topic, partition), slot) in &mut self.slots {
            let Slot::Begun(begun) = slot else { continue };
            let turned = match begun.is_paused {
                false if begun.work.is_full() => self.client.pause(&list(topic, *partition)),
                true if begun.work.has_room() => self.client.resume(&list(topic, *partition)),
                true | false => continue,
            };
            match turned {
                Ok(()) => begun.is_paused = !begun.is_paused,
                Err(error) => tracing::debug!(%error, %topic, partition, "it was taken away"),
            }
        }
    }

    fn commit_in_time(&mut self) {
        if Instant::now() >= self.commit_at {
            self.commit(CommitMode::Async);
            self.commit_at = Instant::now() + COMMIT_EVERY;
        }
    }

    fn commit(&mut self, mode: CommitMode) {
        let mut positions = TopicPartitionList::new();
        for ((topic, partition), slot) in &mut self.slots {
            let Slot::Begun(begun) = slot else { continue };
            let done = begun.work.done();
            if done > begun.committed {
                begun.committed = done;
                let offset = Offset::Offset(done);
                drop(positions.add_partition_offset(topic.as_str(), *partition, offset));
            }
        }
        if positions.count() > 0
            && let Err(error) = self.client.commit(&positions, mode)
        {
            // What is not committed is read again, and starts nothing new.
            tracing::debug!(flow = %self.plan.flow, %error, "positions are not committed");
        }
    }

    fn report_in_time(&mut self) {
        if Instant::now() < self.report_at {
            return;
        }
        self.report_at = Instant::now() + REPORT_EVERY;
        self.complained = false;
        let mut figures: BTreeMap<TopicName, TriggerFigures> =
            self.topics.keys().map(|topic| (topic.clone(), TriggerFigures::default())).collect();
        for ((topic, partition), slot) in &self.slots {
            let Slot::Begun(begun) = slot else { continue };
            let figures = figures.entry(topic.clone()).or_default();
            figures.partitions += 1;
            figures.paused += usize::from(begun.is_paused);
            let end = self.client.fetch_watermarks(topic.as_str(), *partition, ASK);
            let Ok((_, end)) = end else { return };
            figures.lag += u64::try_from(end - begun.work.done()).unwrap_or_default();
        }
        let flow = self.plan.flow.to_string();
        for (topic, figures) in figures {
            self.plan.metrics.set_trigger(&flow, topic.as_str(), figures);
        }
    }

    /// Says what is wrong, once in a while.
    fn complain(&mut self, error: &KafkaError) {
        if !self.complained {
            let flow = &self.plan.flow;
            tracing::warn!(%flow, %error, "a trigger cannot read for now; it tries on");
        }
        self.complained = true;
    }
}

fn list(topic: &TopicName, partition: i32) -> TopicPartitionList {
    let mut list = TopicPartitionList::with_capacity(1);
    list.add_partition(topic.as_str(), partition);
    list
}
