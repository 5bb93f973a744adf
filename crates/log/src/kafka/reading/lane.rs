//! A consumer and its two threads.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use bytes::Bytes;
use flowmill_model::Offset;
use parking_lot::Mutex;
use rdkafka::TopicPartitionList;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::message::{BorrowedHeaders, BorrowedMessage, Headers, Message};
use rdkafka::types::RDKafkaErrorCode;

use super::queue::Queue;
use crate::contract::{Fetched, Header, Record};
use crate::kafka::clients::{ClientError, Clients, ConsumerPlan, Context};

/// How long one poll waits for records. Bounds how long a lane outlives its last handle, and how
/// long a partition that was just given back waits to be taken again.
const POLL: Duration = Duration::from_millis(20);

/// Records after which readers are woken, although more are there already.
const ROUND: usize = 1_000;

/// How long a look at a topic's partitions may take.
const LOOK: Duration = Duration::from_secs(2);

/// Tells a lane what to fetch. Clones are the same lane; it ends with the last.
#[derive(Clone)]
pub(super) struct Lane(Arc<Handle>);

struct Handle {
    changes: Sender<Change>,
    shared: Arc<Shared>,
}

/// A partition as Kafka knows it.
pub(super) type Key = (String, i32);

enum Change {
    Attach { key: Key, from: Offset, queue: Arc<Queue> },
    Detach(Key),
}

/// What the threads of a lane know.
struct Shared {
    consumer: BaseConsumer<Context>,
    routes: Mutex<HashMap<String, HashMap<i32, Arc<Queue>>>>,
    /// Polls that have begun. When one begins, what the one before it gave is in its queue.
    polls: AtomicU64,
    closing: AtomicBool,
}

impl Lane {
    pub(super) fn start(
        clients: &Clients,
        purpose: &str,
        extra: &[(&str, &str)],
    ) -> Result<Self, ClientError> {
        let group = clients.settings().cluster.group("reader");
        let consumer = clients.consumer(ConsumerPlan { group: &group, purpose, extra }, ())?;
        let (routes, polls, closing) =
            (Mutex::default(), AtomicU64::new(0), AtomicBool::new(false));
        let shared = Arc::new(Shared { consumer, routes, polls, closing });
        let (changes, changed) = channel();
        let (known, left) = (HashMap::new(), HashMap::new());
        let assigner = Assigner { shared: Arc::clone(&shared), known, left };
        let polled = Arc::clone(&shared);
        spawn(format!("kafka-{purpose}"), move || polled.poll())?;
        spawn(format!("kafka-{purpose}-assign"), move || assigner.run(&changed))?;
        Ok(Self(Arc::new(Handle { changes, shared })))
    }

    /// Begins to fetch a partition into a queue.
    pub(super) fn attach(&self, key: &Key, from: Offset, queue: &Arc<Queue>) {
        let (key, queue) = (key.clone(), Arc::clone(queue));
        self.change(Change::Attach { key, from, queue });
    }

    /// Ends the fetching of a partition.
    pub(super) fn detach(&self, key: &Key) {
        self.change(Change::Detach(key.clone()));
    }

    /// Goes on fetching a partition that was paused.
    pub(super) fn resume(&self, key: &Key) {
        let resumed = list(key, None).and_then(|list| self.0.shared.consumer.resume(&list));
        if let Err(error) = resumed {
            tracing::warn!(topic = key.0, partition = key.1, %error, "a partition stays paused");
        }
    }

    fn change(&self, change: Change) {
        // The thread lives as long as this handle, unless it panicked, which is logged.
        drop(self.0.changes.send(change));
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.shared.closing.store(true, Ordering::Release);
    }
}

fn spawn(name: String, run: impl FnOnce() + Send + 'static) -> Result<(), ClientError> {
    let spawned = std::thread::Builder::new().name(name).spawn(run);
    spawned.map(drop).map_err(|error| ClientError::Made(error.to_string()))
}

fn list((topic, partition): &Key, from: Option<Offset>) -> KafkaResult<TopicPartitionList> {
    let mut list = TopicPartitionList::new();
    let Some(from) = from else {
        list.add_partition(topic, *partition);
        return Ok(list);
    };
    let at = i64::try_from(from.get()).unwrap_or(i64::MAX);
    list.add_partition_offset(topic, *partition, rdkafka::Offset::Offset(at))?;
    Ok(list)
}

impl Shared {
    /// Puts what is fetched into the queues, until the lane ends.
    fn poll(&self) {
        let mut touched: Vec<Arc<Queue>> = Vec::new();
        while !self.closing.load(Ordering::Acquire) {
            self.consumer.context().tend(self.consumer.client());
            let mut patience = POLL;
            for _ in 0..ROUND {
                self.polls.fetch_add(1, Ordering::AcqRel);
                match self.consumer.poll(patience) {
                    None => break,
                    Some(Ok(message)) => self.deliver(&message, &mut touched),
                    Some(Err(error)) => self.judge(&error),
                }
                patience = Duration::ZERO;
            }
            touched.drain(..).for_each(|queue| queue.wake());
        }
    }

    fn deliver(&self, message: &BorrowedMessage<'_>, touched: &mut Vec<Arc<Queue>>) {
        let (topic, partition) = (message.topic(), message.partition());
        let queue = {
            let routes = self.routes.lock();
            routes.get(topic).and_then(|partitions| partitions.get(&partition)).cloned()
        };
        let (Some(queue), Ok(offset)) = (queue, u64::try_from(message.offset())) else { return };
        if queue.push(Fetched { offset: Offset::new(offset), record: record(message) }) {
            let paused = list(&(topic.to_owned(), partition), None);
            if let Err(error) = paused.and_then(|list| self.consumer.pause(&list)) {
                tracing::warn!(topic, partition, %error, "a partition is not paused");
            }
        }
        if !touched.last().is_some_and(|last| Arc::ptr_eq(last, &queue)) {
            touched.push(queue);
        }
    }

    /// Most errors pass by themselves. Some mean that a partition is not fetched any more, but not
    /// which one: all readers find out for themselves.
    fn judge(&self, error: &KafkaError) {
        let stops = matches!(
            error.rdkafka_error_code(),
            Some(
                RDKafkaErrorCode::AutoOffsetReset
                    | RDKafkaErrorCode::OffsetOutOfRange
                    | RDKafkaErrorCode::LogTruncation
                    | RDKafkaErrorCode::UnknownTopic
                    | RDKafkaErrorCode::UnknownPartition
                    | RDKafkaErrorCode::UnknownTopicOrPartition
            )
        );
        if stops {
            let routes = self.routes.lock();
            routes.values().flat_map(HashMap::values).for_each(|queue| queue.interrupt());
        }
    }
}

/// A message as the contract has it.
fn record(message: &BorrowedMessage<'_>) -> Record {
    let bytes = |part: Option<&[u8]>| part.map_or_else(Bytes::new, Bytes::copy_from_slice);
    let headers = message.headers().map(headers).unwrap_or_default();
    Record { key: bytes(message.key()), value: bytes(message.payload()), headers }
}

fn headers(headers: &BorrowedHeaders) -> Vec<Header> {
    let header = |index| {
        // The library's wrapper panics at a name that is no UTF-8, which anybody may send.
        let found = catch_unwind(AssertUnwindSafe(|| headers.try_get(index))).ok()??;
        let value = Bytes::copy_from_slice(found.value.unwrap_or_default());
        Some(Header::new(found.key.to_owned(), value))
    };
    (0..headers.count()).filter_map(header).collect()
}

/// Changes what a lane fetches.
struct Assigner {
    shared: Arc<Shared>,
    /// How many partitions of each topic the consumer has heard of.
    known: HashMap<String, i32>,
    /// For partitions that were given back: which poll was under way then.
    left: HashMap<Key, u64>,
}

impl Assigner {
    fn run(mut self, changed: &Receiver<Change>) {
        while let Ok(change) = changed.recv() {
            match change {
                Change::Attach { key, from, queue } => self.attach(key, from, queue),
                Change::Detach(key) => self.detach(key),
            }
        }
    }

    fn attach(&mut self, key: Key, from: Offset, queue: Arc<Queue>) {
        self.learn(&key);
        self.wait_for_the_last_record(&key);
        let (topic, partition) = key.clone();
        let route = Arc::clone(&queue);
        self.shared.routes.lock().entry(topic).or_default().insert(partition, route);
        let list = list(&key, Some(from));
        if let Err(error) = list.and_then(|list| self.shared.consumer.incremental_assign(&list)) {
            let (topic, partition) = key;
            tracing::warn!(topic, partition, %error, "a partition cannot be fetched");
            std::thread::sleep(POLL);
            queue.interrupt();
        }
    }

    fn detach(&mut self, key: Key) {
        if let Some(partitions) = self.shared.routes.lock().get_mut(&key.0) {
            partitions.remove(&key.1);
        }
        let list = list(&key, None);
        if let Err(error) = list.and_then(|list| self.shared.consumer.incremental_unassign(&list)) {
            let (topic, partition) = &key;
            tracing::debug!(topic, partition, %error, "a partition was not fetched");
        }
        self.left.insert(key, self.shared.polls.load(Ordering::Acquire));
    }

    /// The polling thread may hold a record of the reader before, and must not give it to the new
    /// one, which would then miss what lies between. The library itself gives out none of them
    /// once the partition was given back.
    fn wait_for_the_last_record(&mut self, key: &Key) {
        let Some(left) = self.left.remove(key) else { return };
        while self.shared.polls.load(Ordering::Acquire) == left
            && !self.shared.closing.load(Ordering::Acquire)
        {
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// Makes the consumer look at a topic that has more partitions than it has heard of.
    fn learn(&mut self, (topic, partition): &Key) {
        if self.known.get(topic).is_some_and(|known| partition < known) {
            return;
        }
        match self.shared.consumer.fetch_metadata(Some(topic), LOOK) {
            Ok(metadata) => {
                let found = metadata.topics().first().map_or(0, |found| found.partitions().len());
                self.known.insert(topic.clone(), i32::try_from(found).unwrap_or(i32::MAX));
            }
            Err(error) => tracing::debug!(topic, %error, "a topic cannot be looked at"),
        }
    }
}
