//! What users do with topics of their own on the cluster's Kafka.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use flowmill_log::Header;
use flowmill_log::kafka::rdkafka::admin::{NewTopic, TopicReplication};
use flowmill_log::kafka::rdkafka::consumer::Consumer as _;
use flowmill_log::kafka::rdkafka::message::{BorrowedMessage, Headers as _, Message as _};
use flowmill_log::kafka::rdkafka::{Offset, TopicPartitionList};
use flowmill_log::kafka::{Clients, ConsumerPlan, KafkaSettings, Outgoing, Producer};

use super::servers::{Cluster, SOON};

/// A user with a producer and consumers.
pub(crate) struct User {
    clients: Clients,
    producer: Producer,
}

/// A record as a user sees it.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) key: String,
    pub(crate) headers: BTreeMap<String, String>,
}

impl Seen {
    fn of(message: &BorrowedMessage<'_>) -> Self {
        let text = |bytes: Option<&[u8]>| String::from_utf8(bytes.unwrap_or_default().to_vec());
        let headers = message.headers().into_iter().flat_map(|headers| headers.iter());
        let headers = headers.map(|header| (header.key.to_owned(), text(header.value).unwrap()));
        Self { key: text(message.key()).unwrap(), headers: headers.collect() }
    }
}

impl User {
    pub(crate) fn of(cluster: &Cluster) -> Self {
        let clients = Clients::new(KafkaSettings::plain(cluster.kafka.clone()));
        let producer = clients.producer("user", &[]).unwrap();
        Self { clients, producer }
    }

    /// Makes a topic of one partition.
    pub(crate) async fn make_topic(&self, name: &str) {
        let topic = NewTopic::new(name, 1, TopicReplication::Fixed(1));
        let (admin, options) = (self.clients.admin().unwrap(), self.clients.admin_options());
        let made = admin.create_topics([&topic], &options).await.unwrap();
        assert!(made.iter().all(Result::is_ok), "{made:?}");
    }

    /// Writes a record with a key, once the topic is known everywhere.
    pub(crate) async fn produce(&self, topic: &str, key: &str, value: &str, headers: &[Header]) {
        let (key, value) = (Some(key.as_bytes()), Some(value.as_bytes()));
        let record = Outgoing { topic, partition: None, key, value, headers };
        let deadline = Instant::now() + SOON;
        loop {
            let sent = match self.producer.send(&record) {
                Ok(sent) => sent.await,
                Err(error) => Err(error),
            };
            match sent {
                Ok(_) => return,
                Err(error) => assert!(Instant::now() < deadline, "{error}"),
            }
        }
    }

    /// Reads a topic from its beginning until there are `count` records.
    pub(crate) async fn read(&self, topic: &str, count: usize) -> Vec<Seen> {
        let (clients, topic) = (self.clients.clone(), topic.to_owned());
        tokio::task::spawn_blocking(move || read(&clients, &topic, count)).await.unwrap()
    }
}

fn read(clients: &Clients, topic: &str, count: usize) -> Vec<Seen> {
    let plan = ConsumerPlan { group: "reading", purpose: "reading", extra: &[] };
    let consumer = clients.consumer(plan, ()).unwrap();
    let mut list = TopicPartitionList::new();
    list.add_partition_offset(topic, 0, Offset::Beginning).unwrap();
    consumer.assign(&list).unwrap();
    let deadline = Instant::now() + SOON;
    let mut seen = Vec::new();
    while seen.len() < count {
        assert!(Instant::now() < deadline, "{} of {count} records: {seen:#?}", seen.len());
        if let Some(Ok(message)) = consumer.poll(Duration::from_millis(100)) {
            seen.push(Seen::of(&message));
        }
    }
    seen
}
