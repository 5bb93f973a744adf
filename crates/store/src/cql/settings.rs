//! What can be set for the store on CQL.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use flowmill_model::limits;

/// Where the store is and how it is reached.
#[derive(Clone, Debug)]
pub struct CqlSettings {
    /// Nodes to begin with, `host:port` each; the others are learned from them.
    pub nodes: Vec<String>,
    /// The keyspace. Lower-case letters, digits and underscores.
    pub keyspace: String,
    /// User and password; `None` where the cluster asks for none.
    pub credentials: Option<Credentials>,
    /// Encryption; `None` for plain connections.
    pub tls: Option<Tls>,
    /// The data centre whose nodes are used; `None` where there is one only.
    pub local_datacenter: Option<String>,
    /// Copies of each row; used by [`init`](super::init) when it makes the keyspace.
    pub replication: Replication,
    /// How the store uses its servers.
    pub tuning: CqlTuning,
}

impl CqlSettings {
    /// Plain settings for the cluster that these nodes, `host:port` each, belong to.
    pub fn of<N: Into<String>>(nodes: impl IntoIterator<Item = N>) -> Self {
        Self {
            nodes: nodes.into_iter().map(Into::into).collect(),
            keyspace: "flowmill".into(),
            credentials: None,
            tls: None,
            local_datacenter: None,
            replication: Replication::Everywhere(3),
            tuning: CqlTuning::default(),
        }
    }

    /// The nodes as a command line takes them.
    pub(super) fn addresses(&self) -> String {
        self.nodes.join(",")
    }
}

/// Who the store is to its servers.
#[derive(Clone)]
pub struct Credentials {
    /// The user.
    pub user: String,
    /// The password. Never shown.
    pub password: String,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("user", &self.user).finish_non_exhaustive()
    }
}

/// Encrypted connections. The servers' names are checked against their certificates.
#[derive(Clone, Debug)]
pub struct Tls {
    /// File with the certificates, in PEM, of who signed the servers' ones.
    pub authorities: PathBuf,
}

/// How many copies of each row there are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Replication {
    /// So many in every data centre.
    Everywhere(u8),
    /// By data centre.
    ByDatacenter(BTreeMap<String, u8>),
}

/// How the store uses its servers. The defaults are the limits of `limits.rs`.
#[derive(Clone, Copy, Debug)]
pub struct CqlTuning {
    /// Requests in flight. Halved when a server says that it is overloaded, and raised again.
    pub in_flight: usize,
    /// How long one request may take.
    pub request_wait: Duration,
    /// How long after its acknowledgement a row counts as safe from a crash of a server. Must be
    /// longer than the servers' commit log takes to sync.
    pub margin: Duration,
    /// How often servers are asked whether they have restarted.
    pub probe_every: Duration,
    /// Bytes of rows kept in memory until they are safe.
    pub unproven_bytes: usize,
}

impl Default for CqlTuning {
    fn default() -> Self {
        Self {
            in_flight: limits::STORE_REQUESTS,
            request_wait: limits::STORE_REQUEST_WAIT,
            margin: limits::STORE_MARGIN,
            probe_every: Duration::from_secs(1),
            unproven_bytes: limits::STORE_UNPROVEN_BYTES,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_not_shown() {
        let mut settings = CqlSettings::of(["db:9042"]);
        settings.credentials =
            Some(Credentials { user: "flowmill".into(), password: "canary".into() });
        let shown = format!("{settings:?}");
        assert!(shown.contains("flowmill") && !shown.contains("canary"), "{shown}");
    }
}
