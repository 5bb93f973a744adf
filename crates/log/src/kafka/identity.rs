//! The record that says which cluster this is: its text, its topic, and how it is read.
//!
//! The topic has one partition whose records are never deleted. The **first** record with a
//! cluster id counts, so that two `init` at the same time agree; the generation is that of the
//! last record with this id.
//!
//! The text is made for people, too: lines of a name and a value, beginning with the version.

use std::ops::Range;
use std::time::Instant;

use flowmill_model::Offset;
use flowmill_model::history::LogIdentity;
use rdkafka::TopicPartitionList;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::Message;

use super::clients::{Clients, ConsumerPlan, Context, REQUEST};
use super::error::{ClusterError, is_unknown_topic, knows_no_leader};
use super::table::Replicas;
use super::topics::LOOK_AGAIN;

const VERSION: &str = "flowmill-cluster 1";

/// Generations there may be; the history's time stamps leave them six bits.
const GENERATIONS: u8 = 64;

/// What the record says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClusterRecord {
    /// Which log this is.
    pub log: LogIdentity,
    /// How topics are replicated, also those made later.
    pub replicas: Replicas,
}

impl ClusterRecord {
    /// The text that is stored.
    pub(crate) fn encode(&self) -> String {
        format!(
            "{VERSION}\nid {:032x}\ngeneration {}\nreplicas {}\nin-sync {}\n",
            self.log.cluster, self.log.generation, self.replicas.count, self.replicas.in_sync,
        )
    }

    /// Reads the text.
    pub(crate) fn decode(text: &[u8]) -> Result<Self, String> {
        let text = std::str::from_utf8(text).map_err(|_| "it is no text".to_owned())?;
        let mut lines = text.lines();
        match lines.next() {
            Some(VERSION) => {}
            version => return Err(format!("its version is `{}`", version.unwrap_or_default())),
        }
        let mut field = |name: &str| {
            let line = lines.next().unwrap_or_default();
            let value = line.strip_prefix(name).and_then(|rest| rest.strip_prefix(' '));
            value.map(str::to_owned).ok_or_else(|| format!("it has no `{name}`"))
        };
        let number = |text: String| text.parse().map_err(|_| format!("`{text}` is no number"));
        let id = field("id")?;
        let cluster = u128::from_str_radix(&id, 16).map_err(|_| format!("`{id}` is no id"))?;
        let generation = u8::try_from(number(field("generation")?)?).unwrap_or(u8::MAX);
        if generation >= GENERATIONS {
            return Err(format!("its generation is not below {GENERATIONS}"));
        }
        let replicas =
            Replicas { count: number(field("replicas")?)?, in_sync: number(field("in-sync")?)? };
        Ok(Self { log: LogIdentity { cluster, generation }, replicas })
    }
}

/// Reads what the topic says; `None` when there is no such topic, or nothing in it. Blocks.
pub(crate) fn read(clients: &Clients) -> Result<Option<ClusterRecord>, ClusterError> {
    let topic = clients.settings().cluster.identity_topic();
    let asker = clients.asker("identity")?;
    let Some(offsets) = bounds(&asker, &topic).map_err(|e| ClusterError::brokers(clients, &e))?
    else {
        return Ok(None);
    };
    let texts = texts(clients, &topic, offsets)?;
    let mut records = Vec::new();
    for (offset, text) in texts {
        let damaged = |why| ClusterError::Damaged { topic: topic.clone(), offset, why };
        records.push(ClusterRecord::decode(&text).map_err(damaged)?);
    }
    Ok(that_counts(&records))
}

/// Where the topic begins and ends; `None` when there is no such topic. A broker that has just been
/// made its leader, or is none any more, may not know yet: it is asked again.
fn bounds(asker: &BaseConsumer<Context>, topic: &str) -> Result<Option<Range<i64>>, KafkaError> {
    let until = Instant::now() + REQUEST;
    loop {
        match asker.fetch_watermarks(topic, 0, REQUEST) {
            Ok((low, high)) => return Ok(Some(low..high)),
            Err(error) if is_unknown_topic(&error) => return Ok(None),
            Err(error) if !knows_no_leader(&error) || Instant::now() >= until => return Err(error),
            Err(_) => std::thread::sleep(LOOK_AGAIN),
        }
    }
}

fn that_counts(records: &[ClusterRecord]) -> Option<ClusterRecord> {
    let first = records.first()?;
    let mut of_it = records.iter().filter(|record| record.log.cluster == first.log.cluster);
    of_it.next_back().copied()
}

type Texts = Vec<(Offset, Vec<u8>)>;

fn texts(clients: &Clients, topic: &str, offsets: Range<i64>) -> Result<Texts, ClusterError> {
    if offsets.is_empty() {
        return Ok(Vec::new());
    }
    let group = clients.settings().cluster.group("reader");
    let plan = ConsumerPlan { group: &group, purpose: "identity", extra: &[] };
    let consumer = clients.consumer(plan, ())?;
    let mut from = TopicPartitionList::new();
    let at = rdkafka::Offset::Offset(offsets.start);
    let assigned = from.add_partition_offset(topic, 0, at).and_then(|()| consumer.assign(&from));
    let found = assigned.and_then(|()| collect(&consumer, offsets.end));
    found.map_err(|error| ClusterError::brokers(clients, &error))
}

fn collect(consumer: &BaseConsumer<Context>, end: i64) -> Result<Texts, KafkaError> {
    let (mut texts, until) = (Texts::new(), Instant::now() + REQUEST);
    while Instant::now() < until {
        let Some(Ok(message)) = consumer.poll(std::time::Duration::from_millis(100)) else {
            continue;
        };
        let offset = u64::try_from(message.offset()).map_or_else(|_| Offset::new(0), Offset::new);
        texts.push((offset, message.payload().unwrap_or_default().to_vec()));
        if message.offset() + 1 >= end {
            return Ok(texts);
        }
    }
    Err(KafkaError::NoMessageReceived)
}

#[cfg(test)]
mod tests {
    use super::*;

    const STORED: &str = "flowmill-cluster 1\nid 000000000000000000000000000000ff\n\
                          generation 3\nreplicas 3\nin-sync 2\n";

    fn record(cluster: u128, generation: u8) -> ClusterRecord {
        ClusterRecord { log: LogIdentity { cluster, generation }, replicas: Replicas::SAFE }
    }

    #[test]
    fn the_text_is_what_version_1_stored() {
        assert_eq!(record(255, 3).encode(), STORED);
        assert_eq!(ClusterRecord::decode(STORED.as_bytes()), Ok(record(255, 3)));
    }

    #[test]
    fn what_is_no_record_of_this_version_is_refused() {
        for text in [
            "",
            "flowmill-cluster 2\n",
            "flowmill-cluster 1\nid xyz\n",
            &STORED.replace("generation 3", "generation 64"),
            &STORED.replace("replicas 3", "replicas many"),
            &STORED.replace("in-sync 2\n", ""),
        ] {
            assert!(ClusterRecord::decode(text.as_bytes()).is_err(), "{text}");
        }
    }

    #[test]
    fn the_first_cluster_counts_with_its_last_generation() {
        let records = [record(1, 0), record(2, 5), record(1, 1)];
        assert_eq!(that_counts(&records), Some(record(1, 1)));
        assert_eq!(that_counts(&[]), None);
    }
}
