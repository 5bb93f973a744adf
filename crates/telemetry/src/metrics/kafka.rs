//! Clients of Kafka: how fast brokers answer them, what they hold, what they complain of.

use std::sync::Arc;
use std::time::Duration;

use prometheus::{GaugeVec, Histogram, HistogramVec, IntCounter, IntCounterVec, IntGaugeVec};

use super::Metrics;
use super::known::{Known, OTHER};
use super::maker::Maker;
use crate::names;

/// The metrics of clients.
pub(super) struct Kafka {
    request: GaugeVec,
    wait: GaugeVec,
    produce: HistogramVec,
    records: IntGaugeVec,
    bytes: IntGaugeVec,
    requests: IntGaugeVec,
    timeouts: IntCounterVec,
    disconnects: IntCounterVec,
    errors: IntCounterVec,
    known: Known<Handles>,
}

/// What is counted of one client.
struct Handles {
    /// The value of its label: its name, unless there are too many.
    label: String,
    delivered: Histogram,
    failed: Histogram,
    timeouts: IntCounter,
    disconnects: IntCounter,
}

/// Times of a window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Quantiles {
    /// Half of them are not longer.
    pub median: Duration,
    /// 99 of 100 are not longer.
    pub p99: Duration,
}

/// How a client stands, for the gauges, and what is new since it was told last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KafkaFigures {
    /// Time from a request to its answer; `None` when nothing was answered.
    pub request: Option<Quantiles>,
    /// Time that records waited for a request; `None` when there was none.
    pub wait: Option<Quantiles>,
    /// Records that are not delivered.
    pub records: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Requests that are not answered.
    pub requests: u64,
    /// Requests that were not answered in time, since the last figures.
    pub timeouts: u64,
    /// Connections that were lost, since the last figures.
    pub disconnects: u64,
}

impl Kafka {
    pub(super) fn new(make: &Maker<'_>) -> Self {
        Self {
            request: make.fractions(names::KAFKA_REQUEST),
            wait: make.fractions(names::KAFKA_WAIT),
            produce: make.histograms(names::KAFKA_PRODUCE),
            records: make.gauges(names::KAFKA_RECORDS),
            bytes: make.gauges(names::KAFKA_BYTES),
            requests: make.gauges(names::KAFKA_REQUESTS),
            timeouts: make.counters(names::KAFKA_TIMEOUTS),
            disconnects: make.counters(names::KAFKA_DISCONNECTS),
            errors: make.counters(names::KAFKA_ERRORS),
            known: Known::default(),
        }
    }

    fn of(&self, client: &str) -> Arc<Handles> {
        self.known.get(client, |label| Handles {
            label: label.to_owned(),
            delivered: self.produce.with_label_values(&[label, "delivered"]),
            failed: self.produce.with_label_values(&[label, "failed"]),
            timeouts: self.timeouts.with_label_values(&[label]),
            disconnects: self.disconnects.with_label_values(&[label]),
        })
    }
}

/// Sets both quantiles; without any, the last ones are not shown any more.
fn set_times(gauges: &GaugeVec, client: &str, times: Option<Quantiles>) {
    let median = [client, "0.5"];
    let p99 = [client, "0.99"];
    match times {
        Some(times) => {
            gauges.with_label_values(&median).set(times.median.as_secs_f64());
            gauges.with_label_values(&p99).set(times.p99.as_secs_f64());
        }
        None => [median, p99].iter().for_each(|labels| drop(gauges.remove_label_values(labels))),
    }
}

impl Metrics {
    /// How a client of Kafka stands now.
    pub fn set_kafka(&self, client: &str, figures: KafkaFigures) {
        let kafka = &self.0.kafka;
        let handles = kafka.of(client);
        let set = |gauge: &IntGaugeVec, value: u64| {
            let gauge = gauge.with_label_values(&[handles.label.as_str()]);
            gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
        };
        set_times(&kafka.request, &handles.label, figures.request);
        set_times(&kafka.wait, &handles.label, figures.wait);
        set(&kafka.records, figures.records);
        set(&kafka.bytes, figures.bytes);
        set(&kafka.requests, figures.requests);
        handles.timeouts.inc_by(figures.timeouts);
        handles.disconnects.inc_by(figures.disconnects);
    }

    /// A record that was given to a client of Kafka was acknowledged, or given up, after so long.
    pub fn kafka_produced(&self, client: &str, delivered: bool, took: Duration) {
        let handles = self.0.kafka.of(client);
        let produce = if delivered { &handles.delivered } else { &handles.failed };
        produce.observe(took.as_secs_f64());
    }

    /// A client of Kafka complained.
    pub fn kafka_error(&self, client: &str, kind: &'static str) {
        let kafka = &self.0.kafka;
        kafka.errors.with_label_values(&[kafka.of(client).label.as_str(), kind]).inc();
    }

    /// A client of Kafka has ended: it stands in no way any more. What was counted stays.
    pub fn kafka_ended(&self, client: &str) {
        let kafka = &self.0.kafka;
        let label = kafka.of(client).label.clone();
        if label == OTHER {
            return;
        }
        set_times(&kafka.request, &label, None);
        set_times(&kafka.wait, &label, None);
        for gauges in [&kafka.records, &kafka.bytes, &kafka.requests] {
            // One that never told its figures has none.
            drop(gauges.remove_label_values(&[label.as_str()]));
        }
        kafka.known.forget(&label);
    }
}

#[cfg(test)]
mod tests {
    use flowmill_model::limits;

    use super::super::tests::value;
    use super::*;

    const REQUEST: &str = r#"flowmill_kafka_request_seconds{client="appends",quantile="0.99"}"#;

    fn answered(p99: u64) -> KafkaFigures {
        let request = Quantiles { median: Duration::ZERO, p99: Duration::from_millis(p99) };
        KafkaFigures { request: Some(request), ..KafkaFigures::default() }
    }

    #[test]
    fn times_of_a_window_are_shown_until_a_window_has_none() {
        let metrics = Metrics::default();
        metrics.set_kafka("appends", answered(20));
        assert_eq!(value(&metrics, REQUEST), Some(0.02));
        metrics.set_kafka("appends", KafkaFigures::default());
        assert_eq!(value(&metrics, REQUEST), None);
    }

    #[test]
    fn what_a_client_counted_outlives_it_and_how_it_stood_does_not() {
        let metrics = Metrics::default();
        let told = KafkaFigures { records: 7, timeouts: 2, disconnects: 1, ..answered(20) };
        metrics.set_kafka("appends", told);
        metrics.kafka_produced("appends", true, Duration::from_millis(3));
        metrics.kafka_error("appends", "login");
        let records = r#"flowmill_kafka_producer_records{client="appends"}"#;
        assert_eq!(value(&metrics, records), Some(7.0));
        metrics.kafka_ended("appends");
        assert_eq!((value(&metrics, records), value(&metrics, REQUEST)), (None, None));
        // The next one of the name goes on counting.
        metrics.set_kafka("appends", told);
        let check = |sample: &str, expect: f64| assert_eq!(value(&metrics, sample), Some(expect));
        check(r#"flowmill_kafka_request_timeouts_total{client="appends"}"#, 4.0);
        check(r#"flowmill_kafka_disconnects_total{client="appends"}"#, 2.0);
        check(r#"flowmill_kafka_errors_total{client="appends",kind="login"}"#, 1.0);
        let produced = "flowmill_kafka_produce_duration_seconds_count";
        check(&format!(r#"{produced}{{client="appends",outcome="delivered"}}"#), 1.0);
    }

    #[test]
    fn a_client_that_ended_makes_room_for_another() {
        let metrics = Metrics::default();
        for number in 0..limits::METRIC_LABELS {
            metrics.set_kafka(&format!("trigger-{number}"), answered(1));
        }
        metrics.kafka_ended("trigger-0");
        metrics.set_kafka("appends", answered(20));
        assert_eq!(value(&metrics, REQUEST), Some(0.02));
    }
}
