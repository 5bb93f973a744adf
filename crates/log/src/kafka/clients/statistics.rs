//! What clients measure of themselves, reduced to what somebody acts on.

use std::time::Duration;

/// Is told the figures of every client every few seconds, on the thread that polls the client:
/// it must not wait.
pub trait Statistics: Send + Sync + 'static {
    /// Takes note of a client's figures.
    fn observe(&self, figures: &ClientFigures);
}

/// The figures of one client, over its last interval.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClientFigures {
    /// The client's name: cluster, node and purpose.
    pub client: String,
    /// The 99th percentile of the time between a request and its answer, of the slowest broker.
    pub request_p99: Duration,
    /// Requests that are sent and not answered.
    pub requests_in_flight: u64,
    /// Records that are sent or wait to be.
    pub records_in_flight: u64,
    /// Their bytes.
    pub bytes_in_flight: u64,
    /// Requests that were not answered in time, since the client began.
    pub timeouts: u64,
    /// How far a consumer is behind, of each partition it reads.
    pub lag: Vec<PartitionLag>,
}

/// How far a consumer is behind the end of a partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionLag {
    /// The topic, as Kafka knows it.
    pub topic: String,
    /// The partition.
    pub partition: i32,
    /// Records between what was given to the reader and the end.
    pub records: u64,
}

impl ClientFigures {
    pub(super) fn of(client: &str, seen: &rdkafka::Statistics) -> Self {
        let brokers = || seen.brokers.values();
        let p99 = brokers().filter_map(|broker| broker.rtt.as_ref()).map(|window| window.p99).max();
        Self {
            client: client.to_owned(),
            request_p99: Duration::from_micros(natural(p99.unwrap_or(0))),
            requests_in_flight: brokers().map(|broker| natural(broker.waitresp_cnt)).sum(),
            records_in_flight: seen.msg_cnt,
            bytes_in_flight: seen.msg_size,
            timeouts: brokers().map(|broker| broker.req_timeouts).sum(),
            lag: lag(seen),
        }
    }
}

fn lag(seen: &rdkafka::Statistics) -> Vec<PartitionLag> {
    let partitions = seen.topics.values().flat_map(|topic| {
        topic.partitions.values().map(move |partition| (&topic.topic, partition))
    });
    // Partitions that are not read have no lag: -1.
    let read = partitions.filter_map(|(topic, found)| {
        let records = u64::try_from(found.hi_offset.checked_sub(found.app_offset)?).ok()?;
        (found.app_offset >= 0 && found.hi_offset >= 0 && found.fetch_state == "active")
            .then(|| PartitionLag { topic: topic.clone(), partition: found.partition, records })
    });
    let mut lag: Vec<_> = read.collect();
    lag.sort_by(|a, b| (&a.topic, a.partition).cmp(&(&b.topic, b.partition)));
    lag
}

fn natural(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}
