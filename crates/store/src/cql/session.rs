//! Connects to the cluster, and checks that its keyspace is what this build expects.

use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use scylla::client::execution_profile::ExecutionProfile;
use scylla::client::session::Session;
use scylla::client::session_builder::SessionBuilder;
use scylla::errors::{NewSessionError, PrepareError};
use scylla::policies::load_balancing::{DefaultPolicy, LoadBalancingPolicy};
use scylla::policies::retry::FallthroughRetryPolicy;
use scylla::statement::{Consistency, SerialConsistency};

use super::client::Client;
use super::migrations::{self, SchemaError};
use super::settings::{CqlSettings, Tls};
use super::statements::Statements;

/// How often a quiet connection is tried, and how long it may take to answer. A server that
/// stands still is noticed within the time that one request may take.
const KEEPALIVE: Duration = Duration::from_secs(3);

/// How long a connection may take to be made.
const CONNECT: Duration = Duration::from_secs(5);

/// Why no connection to the cluster was made.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// No node was named.
    #[error("no CQL node is named; give at least one as host:port")]
    NoNodes,
    /// The keyspace's name cannot be used.
    #[error(
        "`{0}` is no keyspace name; use up to 48 lower-case letters, digits and underscores, a letter first"
    )]
    Keyspace(String),
    /// The cluster does not know the user, or the password is wrong.
    #[error(
        "the CQL servers at {nodes} refuse the user or the password; check cql.user and cql.password"
    )]
    Refused {
        /// The nodes named.
        nodes: String,
    },
    /// The cluster wants to know who asks, and was not told.
    #[error("the CQL servers at {nodes} ask for a user; set cql.user and cql.password")]
    Anonymous {
        /// The nodes named.
        nodes: String,
    },
    /// The servers' certificate is not one of an authority that is trusted.
    #[error(
        "the certificate of the CQL servers at {nodes} is not trusted: {why}; check cql.ca, the \
         authorities that it is checked against"
    )]
    Untrusted {
        /// The nodes named.
        nodes: String,
        /// What the driver said.
        why: String,
    },
    /// No node answers.
    #[error("no CQL server answers at {nodes}: {why}; {advice}")]
    Unreachable {
        /// The nodes named.
        nodes: String,
        /// What the driver said.
        why: String,
        /// What may help.
        advice: &'static str,
    },
    /// The file of certificates cannot be used.
    #[error("the certificates in {file} cannot be used: {why}")]
    Certificates {
        /// The file.
        file: String,
        /// What is wrong.
        why: String,
    },
}

/// Why a [`CqlStore`](super::CqlStore) cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// No connection was made.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The keyspace is not what this build expects.
    #[error(transparent)]
    Schema(#[from] SchemaError),
    /// The tables are not what their versions say.
    #[error("keyspace `{keyspace}` cannot be used: {source}")]
    Prepare {
        /// The keyspace.
        keyspace: String,
        /// What the server said.
        source: Box<PrepareError>,
    },
}

/// Opens a client on a keyspace that has this build's schema.
pub(super) async fn open(settings: &CqlSettings) -> Result<Client, OpenError> {
    let session = connect(settings).await?;
    migrations::check(&session, settings).await?;
    let prepared = Statements::prepare(&session, &settings.keyspace).await;
    let statements = prepared.map_err(|source| OpenError::Prepare {
        keyspace: settings.keyspace.clone(),
        source: Box::new(source),
    })?;
    Ok(Client::new(session, statements, settings.tuning.in_flight))
}

/// Connects, and learns of the cluster's nodes.
pub(super) async fn connect(settings: &CqlSettings) -> Result<Session, ConnectError> {
    if settings.nodes.is_empty() {
        return Err(ConnectError::NoNodes);
    }
    check_name(&settings.keyspace)?;
    let tls = settings.tls.as_ref().map(certificates).transpose()?;
    let mut builder = SessionBuilder::new()
        .known_nodes(&settings.nodes)
        .tls_context(tls)
        .default_execution_profile_handle(profile(settings).into_handle())
        .connection_timeout(CONNECT)
        .keepalive_interval(KEEPALIVE)
        .keepalive_timeout(KEEPALIVE)
        .tcp_nodelay(true)
        .keyspaces_to_fetch([&settings.keyspace]);
    if let Some(credentials) = &settings.credentials {
        builder = builder.user(&credentials.user, &credentials.password);
    }
    if let Some(datacenter) = &settings.local_datacenter {
        builder = builder.prefer_datacenter(datacenter.clone());
    }
    builder.build().await.map_err(|error| refused(settings, &error))
}

fn check_name(keyspace: &str) -> Result<(), ConnectError> {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    let begins = keyspace.starts_with(|c: char| c.is_ascii_lowercase());
    if begins && keyspace.len() <= 48 && keyspace.chars().all(fits) {
        return Ok(());
    }
    Err(ConnectError::Keyspace(keyspace.to_owned()))
}

/// The driver repeats nothing: what an error means is decided in one place, `failure.rs`.
fn profile(settings: &CqlSettings) -> ExecutionProfile {
    let balancing: Arc<dyn LoadBalancingPolicy> = match &settings.local_datacenter {
        Some(datacenter) => {
            DefaultPolicy::builder().prefer_datacenter(datacenter.clone()).token_aware(true).build()
        }
        None => DefaultPolicy::builder().token_aware(true).build(),
    };
    ExecutionProfile::builder()
        .consistency(Consistency::LocalQuorum)
        .serial_consistency(Some(SerialConsistency::LocalSerial))
        .request_timeout(Some(settings.tuning.request_wait))
        .retry_policy(Arc::new(FallthroughRetryPolicy::new()))
        .load_balancing_policy(balancing)
        .build()
}

fn certificates(tls: &Tls) -> Result<Arc<ClientConfig>, ConnectError> {
    let broken = |why: String| ConnectError::Certificates {
        file: tls.authorities.display().to_string(),
        why,
    };
    let mut roots = RootCertStore::empty();
    let found = CertificateDer::pem_file_iter(&tls.authorities);
    for certificate in found.map_err(|error| broken(error.to_string()))? {
        let certificate = certificate.map_err(|error| broken(error.to_string()))?;
        roots.add(certificate).map_err(|error| broken(error.to_string()))?;
    }
    if roots.is_empty() {
        return Err(broken("there is none".into()));
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| broken(error.to_string()))?;
    Ok(Arc::new(config.with_root_certificates(roots).with_no_client_auth()))
}

fn refused(settings: &CqlSettings, error: &NewSessionError) -> ConnectError {
    let nodes = settings.addresses();
    // The driver wraps what the server said several times over.
    let told = format!("{error:?}");
    if told.contains("AuthenticationError") {
        return ConnectError::Refused { nodes };
    }
    if told.contains("MissingAuthentication") {
        return ConnectError::Anonymous { nodes };
    }
    let why = error.to_string();
    if told.contains("InvalidCertificate") {
        return ConnectError::Untrusted { nodes, why };
    }
    let advice = if settings.tls.is_some() {
        "check the address, that they run, and that they speak TLS, which cql.ca turns on"
    } else {
        "check the address, that they run, and that they ask for no TLS, which cql.ca turns on"
    };
    ConnectError::Unreachable { nodes, why, advice }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_keyspace_name_needs_no_quotes() {
        for name in ["flowmill", "f", "a_1", &"a".repeat(48)] {
            assert!(check_name(name).is_ok(), "{name}");
        }
        for name in ["", "_a", "1a", "Flow", "a-b", "a b", "a;", "a\"", &"a".repeat(49)] {
            assert!(check_name(name).is_err(), "{name}");
        }
    }
}
