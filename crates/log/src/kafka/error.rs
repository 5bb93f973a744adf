//! Why a cluster cannot be used, in words that say what to do.

use std::fmt;

use flowmill_model::Offset;
use rdkafka::error::KafkaError;
use rdkafka::types::RDKafkaErrorCode;

use super::clients::{ClientError, Clients, Trouble};
use super::settings::{Security, Transport};

/// Why a cluster cannot be opened or made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClusterError {
    /// A client cannot be made.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The brokers refuse the login.
    #[error("the brokers {brokers} refuse the login: {why}; check user, password and mechanism")]
    LoginRefused {
        /// The brokers asked.
        brokers: String,
        /// What they say.
        why: String,
    },
    /// The connection cannot be encrypted as both sides want it.
    #[error("the connection to the brokers {brokers} cannot be encrypted: {why}; {advice}")]
    NotEncrypted {
        /// The brokers asked.
        brokers: String,
        /// What the client last complained of.
        why: String,
        /// What may help.
        advice: &'static str,
    },
    /// The brokers do not answer.
    #[error("the brokers {brokers} do not answer: {why}; check the address and that they run")]
    Unreachable {
        /// The brokers asked.
        brokers: String,
        /// What the client last complained of.
        why: String,
    },
    /// There is no such cluster.
    #[error(
        "there is no cluster `{cluster}` on {brokers}; `flowmill init --kafka {brokers} \
         --cluster {cluster}` makes it"
    )]
    NotInitialised {
        /// The cluster asked for.
        cluster: String,
        /// The brokers asked.
        brokers: String,
    },
    /// Topics are not as they must be.
    #[error("the topics do not fit:\n{0}\nchange them as it says, then try again")]
    Unfit(Differences),
    /// There are fewer brokers than replicas are wanted.
    #[error(
        "{wanted} replicas are wanted and there are {brokers} brokers; start more, or say \
         --single-broker for a cluster whose records are on one broker only"
    )]
    TooFewBrokers {
        /// Replicas wanted.
        wanted: u16,
        /// Brokers there are.
        brokers: usize,
    },
    /// The plan asks for what cannot be.
    #[error("{0}")]
    Plan(String),
    /// The brokers refuse a change.
    #[error("the brokers refuse to {what}: {why}")]
    Refused {
        /// What was asked.
        what: String,
        /// What they say.
        why: String,
    },
    /// The record that says which cluster this is cannot be read.
    #[error("record {offset} of {topic} is none that this version reads: {why}")]
    Damaged {
        /// The topic.
        topic: String,
        /// The record's offset.
        offset: Offset,
        /// What is wrong with it.
        why: String,
    },
}

impl ClusterError {
    /// What an error of a client means, given what the clients complained of.
    pub(crate) fn brokers(clients: &Clients, error: &KafkaError) -> Self {
        let brokers = clients.settings().brokers.clone();
        match clients.trouble() {
            Some(Trouble::Refused(why)) => Self::LoginRefused { brokers, why },
            Some(Trouble::Encryption(why)) => {
                let advice = advice(&clients.settings().security, &why);
                Self::NotEncrypted { brokers, why, advice }
            }
            Some(Trouble::Other(why)) => Self::Unreachable { brokers, why },
            None => Self::Unreachable { brokers, why: error.to_string() },
        }
    }

    pub(crate) fn refused(what: impl Into<String>, why: impl fmt::Display) -> Self {
        Self::Refused { what: what.into(), why: why.to_string() }
    }
}

/// What may help against a failed encryption.
fn advice(security: &Security, why: &str) -> &'static str {
    let tls = match security {
        Security::Tls(tls) | Security::Sasl { over: Transport::Tls(tls), .. } => Some(tls),
        Security::Sasl { over: Transport::Plaintext, .. } | Security::Plaintext => None,
    };
    let is_known = tls.is_some_and(|tls| tls.certificate.is_some());
    if why.contains("certificate verify failed") {
        "check kafka.ca, the authorities that the brokers' certificates are checked against"
    } else if why.contains(" alert ") && !is_known {
        "if the brokers ask for a certificate, set kafka.certificate and kafka.key"
    } else {
        "check kafka.protocol, kafka.ca, kafka.certificate and kafka.key"
    }
}

/// What is not as it must be, in the order of the table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Differences(pub Vec<Difference>);

/// One thing that is not as it must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The topic, as Kafka knows it.
    pub topic: String,
    /// What of it.
    pub what: &'static str,
    /// What it is.
    pub found: String,
    /// What it must be.
    pub wanted: String,
}

impl fmt::Display for Differences {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, difference) in self.0.iter().enumerate() {
            let separator = if at == 0 { "" } else { "\n" };
            write!(f, "{separator}  {difference}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { topic, what, found, wanted } = self;
        write!(f, "{topic}: {what} is {found}, must be {wanted}")
    }
}

/// Whether an error says that there is no such topic or partition.
pub(crate) fn is_unknown_topic(error: &KafkaError) -> bool {
    matches!(
        error.rdkafka_error_code(),
        Some(
            RDKafkaErrorCode::UnknownTopic
                | RDKafkaErrorCode::UnknownPartition
                | RDKafkaErrorCode::UnknownTopicOrPartition
        )
    )
}

/// Whether an error says that the broker that was asked does not lead the partition, or that nobody
/// does: it passes.
pub(crate) fn knows_no_leader(error: &KafkaError) -> bool {
    matches!(
        error.rdkafka_error_code(),
        Some(RDKafkaErrorCode::NotLeaderForPartition | RDKafkaErrorCode::LeaderNotAvailable)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_partition_between_two_leaders_is_asked_again_and_a_missing_one_is_not() {
        let of = |code| KafkaError::MetadataFetch(code);
        assert!(knows_no_leader(&of(RDKafkaErrorCode::NotLeaderForPartition)));
        assert!(knows_no_leader(&of(RDKafkaErrorCode::LeaderNotAvailable)));
        for code in [RDKafkaErrorCode::UnknownTopic, RDKafkaErrorCode::OperationTimedOut] {
            assert!(!knows_no_leader(&of(code)), "{code:?}");
        }
        assert!(is_unknown_topic(&of(RDKafkaErrorCode::UnknownTopicOrPartition)));
    }
}
