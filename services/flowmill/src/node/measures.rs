//! What the log and the store of a cluster measure, as metrics. They do not know metrics; here is
//! what translates.

use std::time::Duration;

use flowmill_log::kafka::{self, ClientFigures, Complaint};
use flowmill_store::cql::{self, Operation, Outcome};
use flowmill_telemetry::{KafkaFigures, Metrics, Quantiles};

/// Takes figures of clients of Kafka and of calls of the store.
#[derive(Debug)]
pub(super) struct Measures(pub(super) Metrics);

impl kafka::Statistics for Measures {
    fn observe(&self, figures: &ClientFigures) {
        let told = KafkaFigures {
            request: figures.request.map(quantiles),
            wait: figures.wait.map(quantiles),
            records: figures.records_in_flight,
            bytes: figures.bytes_in_flight,
            requests: figures.requests_in_flight,
            timeouts: figures.timeouts,
            disconnects: figures.disconnects,
        };
        self.0.set_kafka(&figures.purpose, told);
    }

    fn produced(&self, purpose: &str, delivered: bool, took: Duration) {
        self.0.kafka_produced(purpose, delivered, took);
    }

    fn complained(&self, purpose: &str, complaint: Complaint) {
        let kind = match complaint {
            Complaint::Connection => "connection",
            Complaint::Login => "login",
            Complaint::Encryption => "encryption",
            Complaint::Other => "other",
        };
        self.0.kafka_error(purpose, kind);
    }

    fn ended(&self, purpose: &str) {
        self.0.kafka_ended(purpose);
    }
}

impl cql::Calls for Measures {
    fn answered(&self, operation: Operation, outcome: Outcome, took: Duration) {
        self.0.store_call(operation.as_str(), outcome.as_str(), took);
    }
}

const fn quantiles(times: kafka::Quantiles) -> Quantiles {
    Quantiles { median: times.median, p99: times.p99 }
}
