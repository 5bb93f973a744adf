//! What clients last complained of, so that a time-out can name its reason.

use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use rdkafka::types::RDKafkaErrorCode;

/// For how long a complaint explains what fails.
const RECENT: Duration = Duration::from_secs(60);

/// A complaint of a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// The brokers do not accept who we are.
    Refused(String),
    /// The connection cannot be encrypted as both sides want it.
    Encryption(String),
    /// No broker can be reached, or anything else.
    Other(String),
}

impl Trouble {
    pub(super) fn of(code: RDKafkaErrorCode, reason: &str) -> Self {
        if matches!(
            code,
            RDKafkaErrorCode::Authentication | RDKafkaErrorCode::SaslAuthenticationFailed
        ) {
            return Self::Refused(reason.to_owned());
        }
        // A broker refuses a client's certificate after the handshake, where the library reads.
        if code == RDKafkaErrorCode::SSL || reason.contains("SSL routines") {
            return Self::Encryption(reason.to_owned());
        }
        Self::Other(reason.to_owned())
    }

    /// Whether it stays as it is until somebody changes settings, here or there.
    pub(crate) fn is_final(&self) -> bool {
        match self {
            Self::Refused(_) => true,
            Self::Encryption(why) => {
                why.contains("certificate verify failed") || why.contains(" alert ")
            }
            Self::Other(_) => false,
        }
    }

    fn rank(&self) -> u8 {
        match self {
            Self::Other(_) => 0,
            Self::Encryption(_) => 1,
            Self::Refused(_) => 2,
        }
    }
}

impl std::fmt::Display for Trouble {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Refused(why) => write!(f, "the brokers refuse the login: {why}"),
            Self::Encryption(why) => write!(f, "the connection cannot be encrypted: {why}"),
            Self::Other(why) => f.write_str(why),
        }
    }
}

/// The complaint that explains most. Clones share it.
#[derive(Clone, Default)]
pub(super) struct Troubles(Arc<Mutex<Option<(Instant, Trouble)>>>);

impl Troubles {
    pub(super) fn note(&self, trouble: Trouble) {
        let mut noted = self.0.lock();
        let stays = noted
            .as_ref()
            .is_some_and(|(at, noted)| at.elapsed() < RECENT && noted.rank() > trouble.rank());
        if !stays {
            *noted = Some((Instant::now(), trouble));
        }
    }

    pub(super) fn recent(&self) -> Option<Trouble> {
        let noted = self.0.lock();
        noted.as_ref().filter(|(at, _)| at.elapsed() < RECENT).map(|(_, trouble)| trouble.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_login_explains_more_than_the_broken_connection_after_it() {
        let troubles = Troubles::default();
        troubles.note(Trouble::of(RDKafkaErrorCode::BrokerTransportFailure, "down"));
        assert_eq!(troubles.recent(), Some(Trouble::Other("down".into())));
        troubles.note(Trouble::of(RDKafkaErrorCode::Authentication, "wrong password"));
        troubles.note(Trouble::of(RDKafkaErrorCode::AllBrokersDown, "1/1 are down"));
        assert_eq!(troubles.recent(), Some(Trouble::Refused("wrong password".into())));
    }

    #[test]
    fn an_alert_after_the_handshake_is_about_encryption() {
        let alert = "Receive failed: SSL routines::tlsv13 alert certificate required";
        let trouble = Trouble::of(RDKafkaErrorCode::BrokerTransportFailure, alert);
        assert_eq!(trouble, Trouble::Encryption(alert.into()));
        assert!(trouble.is_final());
        let cut = Trouble::of(RDKafkaErrorCode::SSL, "SSL handshake failed: Disconnected");
        assert!(!cut.is_final(), "a broker may be starting");
    }
}
