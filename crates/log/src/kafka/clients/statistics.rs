//! What clients measure of themselves, reduced to what somebody acts on.

use std::time::Duration;

use parking_lot::Mutex;
use rdkafka::statistics::Window;
use rdkafka::types::RDKafkaErrorCode;

/// Is told what every client measures, on the thread that polls the client: it must not wait.
///
/// Clients are named by their purpose, which tells those of one process apart. Two may have the
/// same for a moment, while one takes another's place.
pub trait Statistics: Send + Sync + 'static {
    /// Takes note of a client's figures, every few seconds.
    fn observe(&self, figures: &ClientFigures);

    /// Takes note that a record was acknowledged, or given up, so long after it was given.
    fn produced(&self, _purpose: &str, _delivered: bool, _took: Duration) {}

    /// Takes note of a complaint.
    fn complained(&self, _purpose: &str, _complaint: Complaint) {}

    /// Takes note that a client is gone.
    fn ended(&self, _purpose: &str) {}
}

/// What a complaint of a client is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Complaint {
    /// A broker cannot be reached, or the connection to it broke.
    Connection,
    /// The brokers do not accept who we are.
    Login,
    /// The connection cannot be encrypted as both sides want it.
    Encryption,
    /// Anything else.
    Other,
}

impl Complaint {
    pub(super) fn of(code: RDKafkaErrorCode) -> Self {
        if matches!(
            code,
            RDKafkaErrorCode::BrokerTransportFailure
                | RDKafkaErrorCode::AllBrokersDown
                | RDKafkaErrorCode::Resolve
        ) {
            return Self::Connection;
        }
        if matches!(
            code,
            RDKafkaErrorCode::Authentication | RDKafkaErrorCode::SaslAuthenticationFailed
        ) {
            return Self::Login;
        }
        if code == RDKafkaErrorCode::SSL { Self::Encryption } else { Self::Other }
    }
}

/// The figures of one client, over its last interval.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClientFigures {
    /// The client's name: cluster, node and purpose.
    pub client: String,
    /// What it is for.
    pub purpose: String,
    /// The time between a request and its answer, of the slowest broker; `None` when no broker
    /// answered.
    pub request: Option<Quantiles>,
    /// How long records waited in a producer before a request took them; `None` when none did.
    pub wait: Option<Quantiles>,
    /// Requests that are sent and not answered.
    pub requests_in_flight: u64,
    /// Records that are sent or wait to be.
    pub records_in_flight: u64,
    /// Their bytes.
    pub bytes_in_flight: u64,
    /// Requests that were not answered in time.
    pub timeouts: u64,
    /// Connections that were lost.
    pub disconnects: u64,
    /// How far a consumer is behind, of each partition it reads.
    pub lag: Vec<PartitionLag>,
}

/// Times of a window, as the library estimates them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Quantiles {
    /// Half of them are not longer.
    pub median: Duration,
    /// 99 of 100 are not longer.
    pub p99: Duration,
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

/// What the library counts since a client began, as it was told last.
#[derive(Debug, Default)]
pub(super) struct Told(Mutex<Counts>);

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Counts {
    timeouts: u64,
    disconnects: u64,
}

impl Told {
    /// How much the counts have grown; those of a broker that was taken away count as no growth.
    fn growth(&self, now: Counts) -> Counts {
        let before = std::mem::replace(&mut *self.0.lock(), now);
        Counts {
            timeouts: now.timeouts.saturating_sub(before.timeouts),
            disconnects: now.disconnects.saturating_sub(before.disconnects),
        }
    }
}

impl ClientFigures {
    pub(super) fn of(client: &str, purpose: &str, told: &Told, seen: &rdkafka::Statistics) -> Self {
        let brokers = || seen.brokers.values();
        let new = told.growth(Counts {
            timeouts: brokers().map(|broker| broker.req_timeouts).sum(),
            disconnects: brokers().filter_map(|broker| broker.disconnects).map(natural).sum(),
        });
        Self {
            client: client.to_owned(),
            purpose: purpose.to_owned(),
            request: slowest(brokers().filter_map(|broker| broker.rtt.as_ref())),
            wait: slowest(brokers().filter_map(|broker| broker.int_latency.as_ref())),
            requests_in_flight: brokers().map(|broker| natural(broker.waitresp_cnt)).sum(),
            records_in_flight: seen.msg_cnt,
            bytes_in_flight: seen.msg_size,
            timeouts: new.timeouts,
            disconnects: new.disconnects,
            lag: lag(seen),
        }
    }
}

/// The longest times of several windows, of those that hold any.
fn slowest<'a>(windows: impl Iterator<Item = &'a Window>) -> Option<Quantiles> {
    let time = |micros: i64| Duration::from_micros(natural(micros));
    let times = windows
        .filter(|window| window.cnt > 0)
        .map(|window| Quantiles { median: time(window.p50), p99: time(window.p99) });
    times.reduce(|a, b| Quantiles { median: a.median.max(b.median), p99: a.p99.max(b.p99) })
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

#[cfg(test)]
mod tests {
    use rdkafka::statistics::Broker;

    use super::*;

    fn window(cnt: i64, p50: i64, p99: i64) -> Option<Window> {
        Some(Window { cnt, p50, p99, ..Window::default() })
    }

    fn seen(brokers: impl IntoIterator<Item = Broker>) -> rdkafka::Statistics {
        let named = |(number, broker): (usize, Broker)| (number.to_string(), broker);
        let brokers = brokers.into_iter().enumerate().map(named).collect();
        rdkafka::Statistics { brokers, ..rdkafka::Statistics::default() }
    }

    #[test]
    fn the_slowest_broker_that_answered_counts() {
        let broker = |rtt| Broker { rtt, ..Broker::default() };
        let check = |brokers: Vec<Broker>, expect: Option<(u64, u64)>| {
            let figures = ClientFigures::of("c", "p", &Told::default(), &seen(brokers));
            let found = figures.request.map(|times| (times.median, times.p99));
            let micros = |(a, b)| (Duration::from_micros(a), Duration::from_micros(b));
            assert_eq!(found, expect.map(micros));
        };
        check(vec![], None);
        check(vec![broker(None), broker(window(0, 9, 9))], None);
        check(vec![broker(window(3, 5, 70)), broker(window(1, 8, 20))], Some((8, 70)));
    }

    #[test]
    fn only_what_is_new_is_told() {
        let told = Told::default();
        let broker = |req_timeouts, disconnects| Broker {
            req_timeouts,
            disconnects: Some(disconnects),
            ..Broker::default()
        };
        let check = |brokers: Vec<Broker>, expect: (u64, u64)| {
            let figures = ClientFigures::of("c", "p", &told, &seen(brokers));
            assert_eq!((figures.timeouts, figures.disconnects), expect);
        };
        check(vec![broker(1, 0)], (1, 0));
        check(vec![broker(1, 0), broker(2, 1)], (2, 1));
        check(vec![broker(1, 0)], (0, 0));
        check(vec![broker(4, 0)], (3, 0));
    }

    #[test]
    fn complaints_are_told_apart_by_what_to_do_about_them() {
        let check = |code, expect| assert_eq!(Complaint::of(code), expect);
        check(RDKafkaErrorCode::AllBrokersDown, Complaint::Connection);
        check(RDKafkaErrorCode::Authentication, Complaint::Login);
        check(RDKafkaErrorCode::SSL, Complaint::Encryption);
        check(RDKafkaErrorCode::Fatal, Complaint::Other);
    }
}
