//! Membership of a consumer group: who gets which partitions, and nothing else.
//!
//! The member pauses what it is assigned, so that it fetches nothing; records are read by lanes.
//! One thread polls, commits and leaves. It takes part only while the work shows progress, once it
//! was told of any (see [`Member::progressed`]).
//!
//! When the group's coordinator has not answered for the session time-out, the library revokes
//! everything by itself: whoever else is there has it by then.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use flowmill_model::{Offset, limits};
use futures::FutureExt;
use futures::future::BoxFuture;
use parking_lot::Mutex;
use rdkafka::TopicPartitionList;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use tokio::sync::{oneshot, watch};

use super::clients::{ClientError, Clients, ConsumerPlan, Context, Rebalances};
use super::settings::StaticMember;
use crate::contract::{Member, ReadError};

/// How long one poll waits. An event ends it; commits, leaving and missing progress wait for it.
const POLL: Duration = Duration::from_millis(50);

/// How long positions are gathered before they are committed.
const COMMIT_AFTER: Duration = Duration::from_millis(200);

/// How often they are committed again although nothing has changed: nobody says whether a commit
/// got through.
const COMMIT_AGAIN: Duration = Duration::from_secs(10);

/// How long the brokers may take to say what the group has committed. Meanwhile the member is not
/// polled.
const COMMITTED_WITHIN: Duration = Duration::from_secs(2);

/// How long the brokers may take to say who else is in a group.
const OTHERS_WITHIN: Duration = Duration::from_secs(1);

/// The factory's time within which every consumer is polled.
const POLLED_WITHIN: Duration = Duration::from_secs(15);

/// What to do when the brokers refuse the session time-out.
const SESSION_REFUSED: &str = "the brokers allow no session that is silent for so short a time: \
     raise kafka.session-timeout, or lower their group.min.session.timeout.ms";

/// A member of a group.
pub(super) struct KafkaMember {
    shared: Arc<Shared>,
    news: watch::Receiver<Status>,
    given: Option<BTreeSet<u16>>,
}

/// What the thread tells.
#[derive(Clone, Debug, Default)]
struct Status {
    /// None before the first assignment.
    held: Option<BTreeSet<u16>>,
    /// What was held last was taken away since the group had not heard of the member.
    lost: bool,
    failed: Option<String>,
}

struct Shared {
    status: watch::Sender<Status>,
    /// Positions of partitions that are held.
    positions: Mutex<BTreeMap<u16, Offset>>,
    /// What the group had committed of them when this member came to commit first: others may have
    /// been further.
    found: Mutex<BTreeMap<u16, Offset>>,
    moved: AtomicBool,
    leaving: AtomicBool,
    /// Who waits to hear, at the end, whether others are in the group.
    parting: Mutex<Option<oneshot::Sender<bool>>>,
    /// When progress was shown last; none before the first time.
    progressed: Mutex<Option<Instant>>,
}

/// Is told what the consumer is assigned.
struct Assignments(Arc<Shared>);

type Joined = BaseConsumer<Context<Assignments>>;

impl KafkaMember {
    /// Joins. `topic` and `group` are Kafka's names; `there` says whether the topic is; a `lasting`
    /// member is a static one.
    pub(super) fn join(
        clients: &Clients,
        (group, topic): (&str, &str),
        there: bool,
        lasting: Option<&StaticMember>,
    ) -> Result<Self, ClientError> {
        let held = (!there).then(BTreeSet::new);
        let (status, news) = watch::channel(Status { held, ..Status::default() });
        let shared = Arc::new(Shared {
            status,
            positions: Mutex::default(),
            found: Mutex::default(),
            moved: AtomicBool::new(false),
            leaving: AtomicBool::new(false),
            parting: Mutex::default(),
            progressed: Mutex::new(None),
        });
        let lasting = lasting.map(settings_of);
        // Nothing is fetched, so it does not matter where; but a missing offset is no error.
        let mut extra = vec![("auto.offset.reset", "latest")];
        extra.extend(lasting.iter().flatten().map(|(key, value)| (*key, value.as_str())));
        let purpose = format!("member-{group}");
        let plan = ConsumerPlan { group, purpose: &purpose, extra: &extra };
        let consumer = clients.consumer(plan, Assignments(Arc::clone(&shared)))?;
        let (group, topic) = (group.to_owned(), topic.to_owned());
        let (told, stays) = (Arc::clone(&shared), lasting.is_some());
        let thread = std::thread::Builder::new().name("kafka-member".to_owned());
        let run =
            move || Thread { consumer, group, topic, shared: told, stays, subscribed: false }.run();
        thread.spawn(run).map_err(|error| ClientError::Made(error.to_string()))?;
        Ok(Self { shared, news, given: None })
    }

    async fn next_assignment(&mut self) -> Result<Vec<u16>, ReadError> {
        loop {
            let status = self.news.borrow_and_update().clone();
            if let Some(why) = status.failed {
                return Err(ReadError::Closed(why));
            }
            if status.held.is_some() && status.held != self.given {
                self.given = status.held;
                return Ok(self.given.iter().flatten().copied().collect());
            }
            if self.news.changed().await.is_err() {
                return Err(ReadError::Closed("the member has left its group".to_owned()));
            }
        }
    }
}

/// What makes a consumer a static member.
fn settings_of(member: &StaticMember) -> [(&'static str, String); 3] {
    let away = member.away();
    [
        ("group.instance.id", member.name().to_owned()),
        ("session.timeout.ms", away.as_millis().to_string()),
        // May not be shorter than that. Who shows no progress leaves in a time of ours.
        ("max.poll.interval.ms", away.max(POLLED_WITHIN).as_millis().to_string()),
    ]
}

impl Member for KafkaMember {
    fn assigned(&mut self) -> BoxFuture<'_, Result<Vec<u16>, ReadError>> {
        self.next_assignment().boxed()
    }

    fn commit(&self, partition: u16, next: Offset) {
        let mut positions = self.shared.positions.lock();
        let position = positions.entry(partition).or_default();
        if next > *position {
            *position = next;
            self.shared.moved.store(true, Ordering::Release);
        }
    }

    fn progressed(&self) {
        *self.shared.progressed.lock() = Some(Instant::now());
    }

    fn is_lost(&self) -> bool {
        self.news.borrow().lost
    }

    fn leave(self: Box<Self>) -> BoxFuture<'static, bool> {
        let (told, others) = oneshot::channel();
        *self.shared.parting.lock() = Some(told);
        drop(self);
        async move { others.await.unwrap_or(false) }.boxed()
    }
}

impl Drop for KafkaMember {
    fn drop(&mut self) {
        self.shared.leaving.store(true, Ordering::Release);
    }
}

impl Shared {
    fn takes_part(&self) -> bool {
        let progressed = *self.progressed.lock();
        progressed.is_none_or(|at| at.elapsed() < limits::PROGRESS_SILENCE)
    }

    fn hold(&self, partitions: impl IntoIterator<Item = u16>) {
        self.status.send_modify(|status| {
            status.held.get_or_insert_default().extend(partitions);
            status.lost = false;
        });
    }

    fn release(&self, gone: impl Fn(u16) -> bool, lost: bool) {
        for positions in [&self.positions, &self.found] {
            positions.lock().retain(|partition, _| !gone(*partition));
        }
        self.status.send_modify(|status| {
            status.held.get_or_insert_default().retain(|partition| !gone(*partition));
            status.lost |= lost;
        });
    }
}

impl Rebalances for Assignments {
    fn assigned(&self, consumer: &Joined, partitions: &TopicPartitionList) {
        if let Err(error) = consumer.pause(partitions) {
            tracing::warn!(%error, "a member fetches what it is assigned");
        }
        self.0.hold(numbers(partitions));
    }

    fn revoked(&self, _consumer: &Joined, partitions: &TopicPartitionList, lost: bool) {
        let gone: BTreeSet<u16> = numbers(partitions).collect();
        self.0.release(|partition| gone.contains(&partition), lost);
    }
}

fn numbers(partitions: &TopicPartitionList) -> impl Iterator<Item = u16> {
    let elements = partitions.elements().into_iter();
    let numbers = elements.filter_map(|element| u16::try_from(element.partition()).ok());
    numbers.collect::<Vec<_>>().into_iter()
}

struct Thread {
    consumer: Joined,
    group: String,
    topic: String,
    shared: Arc<Shared>,
    /// Whether it keeps its partitions while it is away.
    stays: bool,
    subscribed: bool,
}

impl Thread {
    fn run(mut self) {
        let mut committed = Instant::now();
        while !self.shared.leaving.load(Ordering::Acquire) {
            self.take_part();
            self.consumer.context().tend(self.consumer.client());
            if let Some(Err(error)) = self.consumer.poll(POLL) {
                self.judge(&error);
            }
            let since = committed.elapsed();
            let moved = since >= COMMIT_AFTER && self.shared.moved.load(Ordering::Acquire);
            if moved || since >= COMMIT_AGAIN {
                self.commit();
                committed = Instant::now();
            }
        }
        if self.shared.moved.load(Ordering::Acquire) {
            self.commit();
        }
        let parting = self.shared.parting.lock().take();
        if let Some(parting) = parting
            && parting.send(!self.stays && self.has_others()).is_err()
        {
            tracing::debug!(group = self.group, "nobody waits for the member's end any more");
        }
        // Its end waits until it has left the group.
        drop(self.consumer);
    }

    /// Joins, or leaves while there is no progress.
    fn take_part(&mut self) {
        let takes_part = self.shared.takes_part();
        if takes_part == self.subscribed {
            return;
        }
        if takes_part {
            if let Err(error) = self.consumer.subscribe(&[&self.topic]) {
                self.fail(&error.to_string());
            }
        } else {
            self.consumer.unsubscribe();
            self.shared.release(|_| true, true);
            // At last: what is stuck may be the log that nobody reads.
            tracing::error!(topic = self.topic, "no progress is shown: the group is left");
        }
        self.subscribed = takes_part;
    }

    /// Whether others are in the group; not, if that cannot be found out.
    fn has_others(&self) -> bool {
        match self.consumer.fetch_group_list(Some(&self.group), OTHERS_WITHIN) {
            Ok(list) => list.groups().iter().any(|group| group.members().len() > 1),
            Err(error) => {
                tracing::debug!(group = self.group, %error, "the group's members are not known");
                false
            }
        }
    }

    /// Commits what is above that which the group has: a position never moves back.
    fn commit(&self) {
        self.shared.moved.store(false, Ordering::Release);
        let positions = self.shared.positions.lock().clone();
        if let Err(error) = self.find(&positions) {
            tracing::debug!(topic = self.topic, %error, "positions are not committed yet");
            self.shared.moved.store(true, Ordering::Release);
            return;
        }
        let found = self.shared.found.lock().clone();
        let is_above = |(partition, next): &(&u16, &Offset)| found.get(partition) < Some(next);
        let list = self.list(positions.iter().filter(is_above));
        if list.count() == 0 {
            return;
        }
        if let Err(error) = self.consumer.commit(&list, CommitMode::Async) {
            tracing::debug!(topic = self.topic, %error, "positions are not committed");
        }
    }

    /// Asks what the group has of partitions that this member commits for the first time.
    fn find(&self, positions: &BTreeMap<u16, Offset>) -> Result<(), KafkaError> {
        let known = self.shared.found.lock().clone();
        let new =
            self.list(positions.iter().filter(|(partition, _)| !known.contains_key(partition)));
        if new.count() == 0 {
            return Ok(());
        }
        let committed = self.consumer.committed_offsets(new, COMMITTED_WITHIN)?;
        let mut found = self.shared.found.lock();
        for element in committed.elements() {
            let Ok(partition) = u16::try_from(element.partition()) else { continue };
            // Nothing is committed where this is none.
            let at = element.offset().to_raw().and_then(|at| u64::try_from(at).ok()).unwrap_or(0);
            found.insert(partition, Offset::new(at));
        }
        Ok(())
    }

    fn list<'a>(
        &self,
        positions: impl Iterator<Item = (&'a u16, &'a Offset)>,
    ) -> TopicPartitionList {
        let mut list = TopicPartitionList::new();
        for (partition, next) in positions {
            let at = rdkafka::Offset::Offset(i64::try_from(next.get()).unwrap_or(i64::MAX));
            if let Err(error) = list.add_partition_offset(&self.topic, i32::from(*partition), at) {
                tracing::warn!(%error, "a position cannot be committed");
            }
        }
        list
    }

    /// Most errors pass by themselves.
    fn judge(&self, error: &KafkaError) {
        if let KafkaError::MessageConsumptionFatal(code) = error {
            self.fail(&format!("membership has ended: {code}"));
        }
        if let KafkaError::MessageConsumption(RDKafkaErrorCode::InvalidSessionTimeout) = error {
            self.fail(SESSION_REFUSED);
        }
    }

    fn fail(&self, why: &str) {
        self.shared.status.send_modify(|status| {
            status.held = Some(BTreeSet::new());
            status.failed = Some(why.to_owned());
        });
    }
}
