//! What a client tells while it works: log lines, errors, figures, assignments; and the token it
//! asks for.

use std::error::Error;
use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use flowmill_runtime::Clock;
use parking_lot::Mutex;
use rdkafka::client::{Client, OAuthToken};
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext, Rebalance};
use rdkafka::error::KafkaError;
use rdkafka::types::RDKafkaErrorCode;
use rdkafka::{ClientContext, TopicPartitionList};

use super::homing::Homing;
use super::living::Alive;
use super::statistics::Told;
use super::{ClientFigures, Complaint, Shared, Statistics, Trouble};
use crate::kafka::settings::{Login, Security, TokenFile};

/// For how long a token that was read is taken to hold. The library asks again after four fifths
/// of it; what the brokers make of the token is between them and who issued it.
const TOKEN_LIFETIME: Duration = Duration::from_secs(5 * 60);

/// Learns what a subscribed consumer is assigned. Called on the thread that polls it, after the
/// assignment has changed: it may pause partitions there, and must not wait.
pub trait Rebalances: Send + Sync + Sized + 'static {
    /// These partitions are added.
    fn assigned(&self, _consumer: &BaseConsumer<Context<Self>>, _partitions: &TopicPartitionList) {}

    /// These partitions are taken away; some or all of them may have an owner elsewhere already,
    /// and have had one for a while if they are `lost`: the group had not heard of this member.
    fn revoked(
        &self,
        _consumer: &BaseConsumer<Context<Self>>,
        _partitions: &TopicPartitionList,
        _lost: bool,
    ) {
    }
}

impl Rebalances for () {}

/// The context of every client.
pub struct Context<R = ()> {
    shared: Arc<Shared>,
    name: String,
    rebalances: R,
    told: Told,
    measured: Measured,
    /// Whether what is being taken away is lost. The library knows it only before it is done.
    losing: AtomicBool,
    homing: Mutex<Homing>,
    _alive: Alive,
}

/// Who is told what the client of a context measures.
pub(super) struct Measured {
    purpose: String,
    sink: Option<Arc<dyn Statistics>>,
}

impl Measured {
    pub(super) fn produced(&self, delivered: bool, took: Duration) {
        if let Some(sink) = &self.sink {
            sink.produced(&self.purpose, delivered, took);
        }
    }
}

impl Drop for Measured {
    fn drop(&mut self) {
        if let Some(sink) = &self.sink {
            sink.ended(&self.purpose);
        }
    }
}

impl<R> Context<R> {
    pub(super) fn new(shared: Arc<Shared>, purpose: &str, rebalances: R) -> Self {
        let (alive, name) = (shared.living.begin(), shared.name(purpose));
        let measured = Measured { purpose: purpose.to_owned(), sink: shared.statistics.clone() };
        let (told, losing, homing) = Default::default();
        Self { shared, name, rebalances, told, measured, losing, homing, _alive: alive }
    }

    pub(super) const fn measured(&self) -> &Measured {
        &self.measured
    }

    /// Who is told of assignments.
    pub fn rebalances(&self) -> &R {
        &self.rebalances
    }

    fn token_file(&self) -> Option<&TokenFile> {
        match &self.shared.settings.security {
            Security::Sasl { login: Login::OAuthBearer(file), .. } => Some(file),
            Security::Sasl { .. } | Security::Plaintext | Security::Tls(_) => None,
        }
    }
}

impl<R: Send + Sync> Context<R> {
    /// Helps a client that has lost every broker; to be called by whoever polls it, each time.
    pub fn tend(&self, client: &Client<Self>) {
        self.homing.lock().tend(client, &self.name, &self.shared.settings.brokers);
    }
}

impl<R: Send + Sync> ClientContext for Context<R> {
    const ENABLE_REFRESH_OAUTH_TOKEN: bool = true;

    fn log(&self, level: RDKafkaLogLevel, facility: &str, line: &str) {
        let client = &self.name;
        if is_repeated(facility, line) {
            tracing::debug!(client, facility, line, "librdkafka");
            return;
        }
        match level {
            RDKafkaLogLevel::Emerg | RDKafkaLogLevel::Alert | RDKafkaLogLevel::Critical => {
                tracing::error!(client, facility, line, "librdkafka");
            }
            RDKafkaLogLevel::Error | RDKafkaLogLevel::Warning => {
                tracing::warn!(client, facility, line, "librdkafka");
            }
            RDKafkaLogLevel::Notice | RDKafkaLogLevel::Info | RDKafkaLogLevel::Debug => {
                tracing::debug!(client, facility, line, "librdkafka");
            }
        }
    }

    fn stats(&self, statistics: rdkafka::Statistics) {
        let Measured { purpose, sink } = &self.measured;
        if let Some(sink) = sink {
            sink.observe(&ClientFigures::of(&self.name, purpose, &self.told, &statistics));
        }
    }

    fn error(&self, error: KafkaError, reason: &str) {
        let code = error.rdkafka_error_code().unwrap_or(RDKafkaErrorCode::Unknown);
        if is_expected(code) {
            tracing::debug!(client = self.name, ?code, reason, "a client of Kafka waits");
            return;
        }
        tracing::warn!(client = self.name, ?code, reason, "a client of Kafka has trouble");
        if let Measured { purpose, sink: Some(sink) } = &self.measured {
            sink.complained(purpose, Complaint::of(code));
        }
        self.shared.troubles.note(Trouble::of(code, reason));
    }

    fn generate_oauth_token(&self, _config: Option<&str>) -> Result<OAuthToken, Box<dyn Error>> {
        let file = self.token_file().ok_or("no token is configured")?;
        let shown = file.path.display();
        let text = fs::read_to_string(&file.path).map_err(|error| format!("{shown}: {error}"))?;
        let until = Clock::system().now().after(TOKEN_LIFETIME).as_millis();
        Ok(OAuthToken {
            lifetime_ms: i64::try_from(until)?,
            token: text.trim().to_owned(),
            principal_name: file.principal.clone(),
        })
    }
}

/// What a line warns of although it passes by itself. A broker that is asked for a producer's id for
/// the first time since its start has none to give, gets some, and is asked again. If it goes on
/// having none, the records are not sent in time, which is an error of its own.
fn is_repeated(facility: &str, line: &str) -> bool {
    facility == "GETPID" && line.ends_with("retrying")
}

/// What is no trouble: a group that has committed nothing yet, a topic that is made when the first
/// record for it comes.
fn is_expected(code: RDKafkaErrorCode) -> bool {
    matches!(code, RDKafkaErrorCode::AutoOffsetReset | RDKafkaErrorCode::UnknownTopicOrPartition)
}

impl<R: Rebalances> ConsumerContext for Context<R> {
    fn pre_rebalance(&self, consumer: &BaseConsumer<Self>, _rebalance: &Rebalance<'_>) {
        self.losing.store(consumer.assignment_lost(), Ordering::Relaxed);
    }

    fn post_rebalance(&self, consumer: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        match rebalance {
            Rebalance::Assign(partitions) => self.rebalances.assigned(consumer, partitions),
            Rebalance::Revoke(partitions) => {
                let lost = self.losing.load(Ordering::Relaxed);
                self.rebalances.revoked(consumer, partitions, lost);
            }
            Rebalance::Error(error) => {
                tracing::warn!(client = self.name, %error, "a rebalance failed");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_producers_id_that_is_asked_for_again_is_nobodys_business() {
        let line = "Failed to acquire idempotence PID from broker b:1/1: Broker: Coordinator load \
                    in progress: retrying";
        assert!(is_repeated("GETPID", line));
        assert!(!is_repeated("GETPID", "Acquired invalid PID{-1,-1}: ignoring"));
        assert!(!is_repeated("FAIL", "b:1/1: Connect to b:1 failed: retrying"));
    }
}
