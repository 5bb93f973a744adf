//! What a node must be told to find its cluster, and how it proves who it is.
//!
//! **Invariant:** no secret is ever printed: [`Secret`] hides itself, and errors name the setting,
//! never its value.

use std::fmt;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use flowmill_model::limits;

use crate::topic::Topic;

/// How a node reaches its cluster.
#[derive(Clone, Debug)]
pub struct KafkaSettings {
    /// Some of the brokers: `HOST:PORT`, with commas between. They name the others.
    pub brokers: String,
    /// Which cluster of this engine; several may share the brokers.
    pub cluster: ClusterName,
    /// The name of this node, for the brokers' logs and quotas. Every client adds its purpose.
    pub node: String,
    /// How the connection is protected.
    pub security: Security,
    /// For how long a group hears nothing of this node until it gives its partitions to others.
    pub session: SessionTimeout,
    /// Makes this node's membership in the group that shares the commands static.
    pub shards_member: Option<StaticMember>,
}

/// For how long a group's coordinator hears nothing of a member until it takes it for gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionTimeout(Duration);

impl SessionTimeout {
    /// Checks a time: 2 to 15 s. A member is heard of every half second, and comes back to its
    /// group's news within 15 s. Brokers take 6 s and more unless their
    /// `group.min.session.timeout.ms` says less.
    ///
    /// # Errors
    /// It is out of these bounds.
    pub fn new(time: Duration) -> Result<Self, InvalidSessionTimeout> {
        if SESSION.contains(&time) { Ok(Self(time)) } else { Err(InvalidSessionTimeout) }
    }

    /// The time.
    pub(crate) const fn get(self) -> Duration {
        self.0
    }
}

impl Default for SessionTimeout {
    /// The least that every broker takes.
    fn default() -> Self {
        Self(Duration::from_secs(6))
    }
}

/// How long a session may be silent.
const SESSION: RangeInclusive<Duration> = Duration::from_secs(2)..=Duration::from_secs(15);

/// The time is out of bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a session may be silent for 2 s to 15 s")]
pub struct InvalidSessionTimeout;

/// A member that keeps its partitions while it is away: whoever comes back in time under the same
/// name finds them unmoved. Until then they have no owner, after a clean stop, too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StaticMember {
    name: String,
    away: Duration,
}

impl StaticMember {
    /// Checks a name, which must differ between nodes, and how long it may be away. Brokers take 6 s
    /// to 30 min unless they were told otherwise.
    ///
    /// # Errors
    /// The name is none that Kafka takes, or the time is out of these bounds.
    pub fn new(name: impl Into<String>, away: Duration) -> Result<Self, InvalidStaticMember> {
        let name: String = name.into();
        let fits = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        if name.is_empty() || name.len() > MEMBER_CHARS || !name.chars().all(fits) {
            return Err(InvalidStaticMember::Name(name));
        }
        if !AWAY.contains(&away) {
            return Err(InvalidStaticMember::Away);
        }
        Ok(Self { name, away })
    }

    /// Its name.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// How long it may be away.
    pub(crate) const fn away(&self) -> Duration {
        self.away
    }
}

/// Characters of a member's name, as Kafka bounds it.
const MEMBER_CHARS: usize = 249;

/// How long a static member may be away, as brokers bound it.
const AWAY: RangeInclusive<Duration> = Duration::from_secs(6)..=Duration::from_secs(30 * 60);

/// What no static member can be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidStaticMember {
    /// The name is none.
    #[error(
        "`{0}` is no member's name: it takes 1 to {max} of a-z, A-Z, 0-9, ., _ and -",
        max = MEMBER_CHARS
    )]
    Name(String),
    /// The time is out of bounds.
    #[error("a member may be away for 6 s to 30 min")]
    Away,
}

impl KafkaSettings {
    /// Brokers without protection, the default cluster, dynamic membership.
    pub fn plain(brokers: impl Into<String>) -> Self {
        Self {
            brokers: brokers.into(),
            cluster: ClusterName::default(),
            node: "flowmill".to_owned(),
            security: Security::Plaintext,
            session: SessionTimeout::default(),
            shards_member: None,
        }
    }
}

/// The name of a cluster of this engine: what its topics and groups begin with.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClusterName(String);

impl ClusterName {
    /// Checks a name: 1 to [`limits::NAME_CHARS`] of `a-z`, `0-9`, `-` and `_`, none of which at
    /// the beginning but letters and digits.
    ///
    /// # Errors
    /// The text is none.
    pub fn new(name: impl Into<String>) -> Result<Self, InvalidClusterName> {
        let name = name.into();
        let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_';
        let first = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
        let fits = name.starts_with(first) && name.chars().all(inner);
        if !fits || name.len() > limits::NAME_CHARS {
            return Err(InvalidClusterName(name));
        }
        Ok(Self(name))
    }

    /// What every topic and group of the cluster begins with.
    pub fn prefix(&self) -> String {
        format!("{}.", self.0)
    }

    /// The name a topic has in Kafka.
    pub fn topic(&self, topic: &Topic) -> String {
        format!("{}.{topic}", self.0)
    }

    /// The name of the topic that says which cluster this is.
    pub fn identity_topic(&self) -> String {
        format!("{}.cluster", self.0)
    }

    /// The name a group has in Kafka.
    pub fn group(&self, group: &str) -> String {
        format!("{}.{group}", self.0)
    }

    /// Which topic of the engine has this name in Kafka.
    pub(crate) fn topic_named(&self, name: &str) -> Option<Topic> {
        name.strip_prefix(&self.0)?.strip_prefix('.')?.parse().ok()
    }
}

impl Default for ClusterName {
    fn default() -> Self {
        Self("flowmill".to_owned())
    }
}

impl fmt::Display for ClusterName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for ClusterName {
    type Err = InvalidClusterName;

    fn from_str(text: &str) -> Result<Self, InvalidClusterName> {
        Self::new(text)
    }
}

/// Text that is no name of a cluster.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no cluster name: it takes 1 to {max} of a-z, 0-9, - and _, beginning with a letter \
     or digit",
    max = limits::NAME_CHARS
)]
pub struct InvalidClusterName(String);

/// How connections to the brokers are protected.
#[derive(Clone, Debug, Default)]
pub enum Security {
    /// Not at all.
    #[default]
    Plaintext,
    /// Encrypted; with a certificate of our own the brokers know us by it.
    Tls(Tls),
    /// With a login. Over what is to be said, since a password over plain text is everybody's.
    Sasl {
        /// Who we are.
        login: Login,
        /// What protects the login and everything after it.
        over: Transport,
    },
}

impl Security {
    /// Whether clients that make and change topics can log in with it.
    pub(crate) fn serves_admin(&self) -> bool {
        match self {
            Self::Plaintext | Self::Tls(_) => true,
            Self::Sasl { login: Login::OAuthBearer(_), .. } => false,
            Self::Sasl { .. } => true,
        }
    }
}

/// What a login travels over.
#[derive(Clone, Debug)]
pub enum Transport {
    /// An encrypted connection.
    Tls(Tls),
    /// A connection that others can read.
    Plaintext,
}

/// Files of an encrypted connection, all PEM.
#[derive(Clone, Debug, Default)]
pub struct Tls {
    /// The certificates that vouch for the brokers; the system's when there is none.
    pub ca: Option<PathBuf>,
    /// Our certificate, with the chain up to its root.
    pub certificate: Option<PathBuf>,
    /// The private key of our certificate.
    pub key: Option<PathBuf>,
    /// What the private key is encrypted with.
    pub key_password: Option<Secret>,
}

/// Who we are, to the brokers.
#[derive(Clone, Debug)]
pub enum Login {
    /// SASL PLAIN: the password itself is sent.
    Plain(Credentials),
    /// SCRAM-SHA-256.
    ScramSha256(Credentials),
    /// SCRAM-SHA-512.
    ScramSha512(Credentials),
    /// OAUTHBEARER with a token that something else keeps fresh in a file. A node that has it
    /// appends, reads and joins groups, but neither checks the settings of topics nor makes or
    /// trims them: the client library has no way to give a token to a client of that kind.
    OAuthBearer(TokenFile),
}

/// A user and a password.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// The user.
    pub user: String,
    /// The password.
    pub password: Secret,
}

/// A file that holds a bearer token. It is read again every four minutes, so what it holds must be
/// good for five.
#[derive(Clone, Debug)]
pub struct TokenFile {
    /// The file.
    pub path: PathBuf,
    /// The name the brokers' logs know us by.
    pub principal: String,
}

/// Text that nobody may read in a log, an error or a debugger's output.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Hides a text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text, for the one who needs it.
    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

#[cfg(test)]
mod tests {
    use flowmill_model::Queue;

    use super::*;

    #[test]
    fn a_cluster_names_its_topics_and_knows_them_again() {
        let cluster = ClusterName::new("orders-eu").expect("a name");
        let tasks = Topic::Tasks(Queue::new("http").expect("a queue"));
        for (topic, name) in
            [(Topic::History, "orders-eu.history"), (tasks, "orders-eu.tasks.http")]
        {
            assert_eq!(cluster.topic(&topic), name);
            assert_eq!(cluster.topic_named(name), Some(topic));
        }
        for other in ["orders.history", "orders-euhistory", "orders-eu.cluster", "history"] {
            assert_eq!(cluster.topic_named(other), None, "{other}");
        }
    }

    #[test]
    fn a_cluster_name_is_short_and_plain() {
        for fits in ["a", "flowmill", "9-x_y"] {
            assert!(ClusterName::new(fits).is_ok(), "{fits}");
        }
        for not in ["", "-a", "_a", "A", "a.b", "a b", &"a".repeat(64)] {
            assert_eq!(ClusterName::new(not), Err(InvalidClusterName(not.to_owned())));
        }
    }

    #[test]
    fn a_static_member_has_a_plain_name_and_a_bound() {
        let made = |name: &str, seconds| StaticMember::new(name, Duration::from_secs(seconds));
        assert!(made("orchestrator-0.eu_1", 6).is_ok() && made("A", 1_800).is_ok());
        for name in ["", "a b", "a/b", &"a".repeat(250)] {
            assert_eq!(made(name, 30), Err(InvalidStaticMember::Name(name.to_owned())));
        }
        for seconds in [0, 5, 1_801] {
            assert_eq!(made("a", seconds), Err(InvalidStaticMember::Away));
        }
    }

    #[test]
    fn a_session_may_be_silent_for_longer_than_a_heartbeat_and_shorter_than_a_poll() {
        for seconds in [2, 15] {
            let time = Duration::from_secs(seconds);
            assert_eq!(SessionTimeout::new(time).map(SessionTimeout::get), Ok(time));
        }
        for millis in [0, 1_999, 15_001] {
            let time = Duration::from_millis(millis);
            assert_eq!(SessionTimeout::new(time), Err(InvalidSessionTimeout));
        }
    }

    #[test]
    fn no_secret_is_printed() {
        let password = Secret::new("hunter2");
        let credentials = Credentials { user: "u".to_owned(), password: password.clone() };
        let tls = Tls { key_password: Some(password), ..Tls::default() };
        for login in [Login::Plain(credentials.clone()), Login::ScramSha512(credentials)] {
            let security = Security::Sasl { login, over: Transport::Tls(tls.clone()) };
            let settings = KafkaSettings { security, ..KafkaSettings::plain("b:1") };
            assert!(!format!("{settings:?}").contains("hunter2"));
        }
    }
}
