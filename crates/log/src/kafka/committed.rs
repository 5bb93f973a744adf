//! What groups have committed.
//!
//! A client asks for its own group only, so there is one for each group that is asked for, and one
//! thread for all. Asks that come together, or shortly after each other, share an answer: owners
//! ask for every partition of every queue, again and again.

use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use flowmill_model::Offset;
use futures::channel::oneshot;
use rdkafka::TopicPartitionList;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;

use super::catalogue::Catalogue;
use super::clients::{ClientError, Clients, ConsumerPlan, Context};
use crate::contract::ReadError;
use crate::topic::{Partition, Topic};

/// For how long an answer stands.
const FRESH: Duration = Duration::from_millis(200);

/// How long one request may take.
const ANSWER: Duration = Duration::from_secs(5);

/// How long a client that nobody needs is kept.
const KEPT: Duration = Duration::from_secs(5 * 60);

/// How long the thread waits for an ask before it serves its clients.
const SERVE: Duration = Duration::from_millis(500);

/// The outcome of asking for a position.
pub(super) type PositionAnswer = Result<Option<Offset>, ReadError>;

struct Ask {
    group: String,
    of: Partition,
    answer: oneshot::Sender<PositionAnswer>,
}

/// Takes asks. Clones share the thread, which ends with the last.
#[derive(Clone)]
pub(super) struct Committed(Sender<Ask>);

impl Committed {
    pub(super) fn start(clients: &Clients, catalogue: Catalogue) -> Result<Self, ClientError> {
        let (asks, asked) = channel();
        let thread = Thread { clients: clients.clone(), catalogue, groups: BTreeMap::new() };
        std::thread::Builder::new()
            .name("kafka-committed".to_owned())
            .spawn(move || thread.run(&asked))
            .map_err(|error| ClientError::Made(error.to_string()))?;
        Ok(Self(asks))
    }

    /// Asks for a group's position.
    pub(super) fn position(
        &self,
        group: &str,
        of: &Partition,
    ) -> oneshot::Receiver<PositionAnswer> {
        let (answer, answered) = oneshot::channel();
        // A thread that is gone drops the answer, which is noticed.
        drop(self.0.send(Ask { group: group.to_owned(), of: of.clone(), answer }));
        answered
    }
}

struct Thread {
    clients: Clients,
    catalogue: Catalogue,
    groups: BTreeMap<String, Group>,
}

struct Group {
    client: BaseConsumer<Context>,
    used: Instant,
    positions: BTreeMap<Topic, (Instant, Positions)>,
}

/// By partition.
type Positions = BTreeMap<u16, Offset>;

impl Thread {
    fn run(mut self, asked: &Receiver<Ask>) {
        loop {
            match asked.recv_timeout(SERVE) {
                Ok(ask) => self.answer(ask),
                Err(RecvTimeoutError::Timeout) => self.groups.retain(|_, group| group.serve()),
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    fn answer(&mut self, ask: Ask) {
        if !ask.answer.is_canceled() {
            let position = self.position(&ask.group, &ask.of);
            drop(ask.answer.send(position));
        }
    }

    fn position(&mut self, name: &str, of: &Partition) -> PositionAnswer {
        let Some(partitions) = self.catalogue.partitions(&of.topic) else { return Ok(None) };
        let closed = |error: ClientError| ReadError::Closed(error.to_string());
        if !self.groups.contains_key(name) {
            let group = Group::new(&self.clients, name).map_err(closed)?;
            self.groups.insert(name.to_owned(), group);
        }
        let group = self.groups.get_mut(name).expect("it was put there");
        group.used = Instant::now();
        let is_fresh = |(at, _): &&(Instant, Positions)| at.elapsed() < FRESH;
        if let Some((_, positions)) = group.positions.get(&of.topic).filter(is_fresh) {
            return Ok(positions.get(&of.number).copied());
        }
        let topic = self.clients.settings().cluster.topic(&of.topic);
        let unavailable = |error: KafkaError| ReadError::Unavailable(error.to_string());
        let positions = group.ask(&topic, partitions).map_err(unavailable)?;
        let position = positions.get(&of.number).copied();
        group.positions.insert(of.topic.clone(), (Instant::now(), positions));
        Ok(position)
    }
}

impl Group {
    fn new(clients: &Clients, name: &str) -> Result<Self, ClientError> {
        let group = clients.settings().cluster.group(name);
        let purpose = format!("positions-{name}");
        let plan = ConsumerPlan { group: &group, purpose: &purpose, extra: &[] };
        let client = clients.consumer(plan, ())?;
        Ok(Self { client, used: Instant::now(), positions: BTreeMap::new() })
    }

    fn ask(&self, topic: &str, partitions: u16) -> Result<Positions, KafkaError> {
        let mut list = TopicPartitionList::new();
        for partition in 0..partitions {
            list.add_partition(topic, i32::from(partition));
        }
        let found = self.client.committed_offsets(list, ANSWER)?;
        let elements = found.elements();
        let position = elements.iter().filter_map(|element| {
            // Nothing is committed where this is none.
            let rdkafka::Offset::Offset(at) = element.offset() else { return None };
            let partition = u16::try_from(element.partition()).ok()?;
            Some((partition, Offset::new(u64::try_from(at).ok()?)))
        });
        Ok(position.collect())
    }

    /// Lets the client say what it has to say; says whether somebody needs it still.
    fn serve(&self) -> bool {
        self.client.context().tend(self.client.client());
        while self.client.poll(Duration::ZERO).is_some() {}
        self.used.elapsed() < KEPT
    }
}
