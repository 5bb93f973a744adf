//! The broker, and what a user does with it.

use std::collections::BTreeMap;
use std::sync::OnceLock;
use std::time::Duration;

use bytes::Bytes;
use flowmill_log::Header;
use flowmill_log::kafka::rdkafka;
use flowmill_log::kafka::rdkafka::admin::{NewTopic, TopicReplication};
use flowmill_log::kafka::rdkafka::consumer::{CommitMode, Consumer as _};
use flowmill_log::kafka::rdkafka::message::{Headers as _, Message as _};
use flowmill_log::kafka::rdkafka::{Offset, TopicPartitionList};
use flowmill_log::kafka::{Clients, ClusterName, ConsumerPlan, KafkaSettings, Outgoing, Producer};
use flowmill_rig::{Kafka, KafkaPlan};
use tokio::time::Instant;

/// How long anything may take that is awaited.
pub(crate) const DEADLINE: Duration = Duration::from_secs(60);

/// The broker of all tests.
pub(crate) fn broker() -> &'static Kafka {
    static BROKER: OnceLock<Kafka> = OnceLock::new();
    BROKER.get_or_init(|| Kafka::start(&KafkaPlan::default()).expect("a broker"))
}

/// One test's clients.
#[derive(Clone)]
pub(crate) struct User {
    pub(crate) clients: Clients,
    producer: Producer,
}

/// A record as a test sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) key: Option<String>,
    pub(crate) value: Option<String>,
    pub(crate) headers: BTreeMap<String, String>,
}

impl User {
    /// A user of the broker whose engine's cluster is called `cluster`.
    pub(crate) async fn new(cluster: &str) -> Self {
        let bootstrap = tokio::task::spawn_blocking(|| broker().bootstrap()).await.unwrap();
        Self::of(cluster, bootstrap)
    }

    /// As [`User::new`], of another broker.
    pub(crate) fn of(cluster: &str, bootstrap: String) -> Self {
        let cluster = ClusterName::new(cluster).expect("a name");
        let clients = Clients::new(KafkaSettings { cluster, ..KafkaSettings::plain(bootstrap) });
        let producer = clients.producer("user", &[]).expect("a producer");
        Self { clients, producer }
    }

    pub(crate) async fn make_topic(&self, name: &str, partitions: i32) {
        let topic = NewTopic::new(name, partitions, TopicReplication::Fixed(1));
        let (admin, options) = (self.clients.admin().unwrap(), self.clients.admin_options());
        let made = admin.create_topics([&topic], &options).await.unwrap();
        assert!(made.iter().all(Result::is_ok), "{made:?}");
    }

    pub(crate) async fn grow_topic(&self, name: &str, partitions: usize) {
        let more = rdkafka::admin::NewPartitions::new(name, partitions);
        let (admin, options) = (self.clients.admin().unwrap(), self.clients.admin_options());
        let made = admin.create_partitions([&more], &options).await.unwrap();
        assert!(made.iter().all(Result::is_ok), "{made:?}");
    }

    /// Produces a record with a value only.
    pub(crate) async fn produce(&self, topic: &str, value: &str) {
        self.produce_with(topic, None, None, value, &[]).await;
    }

    pub(crate) async fn produce_to(&self, topic: &str, partition: i32, value: &str) {
        self.produce_with(topic, Some(partition), None, value, &[]).await;
    }

    pub(crate) async fn produce_with(
        &self,
        topic: &str,
        partition: Option<i32>,
        key: Option<&str>,
        value: &str,
        headers: &[(&'static str, &str)],
    ) {
        let header = |(name, value): &(&'static str, &str)| {
            Header::new(*name, Bytes::copy_from_slice(value.as_bytes()))
        };
        let headers: Vec<_> = headers.iter().map(header).collect();
        let deadline = Instant::now() + DEADLINE;
        loop {
            let sent = self.producer.send(&Outgoing {
                topic,
                partition,
                key: key.map(str::as_bytes),
                value: Some(value.as_bytes()),
                headers: &headers,
            });
            let sent = match sent {
                Ok(sent) => sent.await,
                Err(error) => Err(error),
            };
            match sent {
                Ok(_) => return,
                // A topic that was just made is not known everywhere at once.
                Err(error) => assert!(Instant::now() < deadline, "{error}"),
            }
        }
    }

    /// Reads a topic's partition from its beginning until there are `count` records.
    pub(crate) async fn read(&self, topic: &str, count: usize) -> Vec<Seen> {
        let (clients, topic) = (self.clients.clone(), topic.to_owned());
        tokio::task::spawn_blocking(move || read(&clients, &topic, count)).await.unwrap()
    }

    /// The committed position of a flow's trigger on each partition.
    pub(crate) async fn positions(&self, flow: &str, topic: &str, partitions: i32) -> Vec<i64> {
        let group = self.group(flow);
        let (clients, topic) = (self.clients.clone(), topic.to_owned());
        let asked = move || {
            let plan = ConsumerPlan { group: &group, purpose: "looking", extra: &[] };
            let consumer = clients.consumer(plan, ()).unwrap();
            let mut list = TopicPartitionList::new();
            for number in 0..partitions {
                list.add_partition(&topic, number);
            }
            let found = consumer.committed_offsets(list, DEADLINE).unwrap();
            let position = |offset| if let Offset::Offset(at) = offset { at } else { -1 };
            found.elements().iter().map(|found| position(found.offset())).collect()
        };
        tokio::task::spawn_blocking(asked).await.unwrap()
    }

    /// Moves the position of a flow's trigger, which must not run.
    pub(crate) async fn move_position(&self, flow: &str, topic: &str, partition: i32, to: i64) {
        let group = self.group(flow);
        let (clients, topic) = (self.clients.clone(), topic.to_owned());
        let moved = move || {
            let plan = ConsumerPlan { group: &group, purpose: "moving", extra: &[] };
            let consumer = clients.consumer(plan, ()).unwrap();
            let mut list = TopicPartitionList::new();
            list.add_partition_offset(&topic, partition, Offset::Offset(to)).unwrap();
            consumer.commit(&list, CommitMode::Sync).unwrap();
        };
        tokio::task::spawn_blocking(moved).await.unwrap();
    }

    fn group(&self, flow: &str) -> String {
        format!("{}.trigger.shop.{flow}", self.clients.settings().cluster)
    }
}

fn read(clients: &Clients, topic: &str, count: usize) -> Vec<Seen> {
    let plan = ConsumerPlan { group: "reading", purpose: "reading", extra: &[] };
    let consumer = clients.consumer(plan, ()).unwrap();
    let mut list = TopicPartitionList::new();
    list.add_partition_offset(topic, 0, Offset::Beginning).unwrap();
    consumer.assign(&list).unwrap();
    let deadline = std::time::Instant::now() + DEADLINE;
    let mut seen = Vec::new();
    while seen.len() < count {
        assert!(std::time::Instant::now() < deadline, "{} of {count} records", seen.len());
        let Some(Ok(message)) = consumer.poll(Duration::from_millis(100)) else { continue };
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let headers = message.headers().into_iter().flat_map(|headers| headers.iter());
        let pair = |header: rdkafka::message::Header<'_, &[u8]>| {
            (header.key.to_owned(), text(header.value.unwrap_or_default()))
        };
        seen.push(Seen {
            key: message.key().map(text),
            value: message.payload().map(text),
            headers: headers.map(pair).collect(),
        });
    }
    seen
}
