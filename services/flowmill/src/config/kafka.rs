//! How Kafka is reached.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Period, Secret};

/// The log.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub(crate) struct KafkaConfig {
    /// Addresses of some brokers, `HOST:PORT`.
    pub(crate) brokers: Vec<String>,
    /// How connections are protected: `plaintext`, `tls`, `sasl-plaintext` or `sasl-tls`.
    /// `plaintext` unless set.
    pub(crate) protocol: Protocol,
    /// How the user is proved: `plain`, `scram-sha-256`, `scram-sha-512` or `oauthbearer`, with which
    /// no topic can be made, changed or trimmed.
    pub(crate) mechanism: Option<Mechanism>,
    /// The user.
    pub(crate) user: Option<String>,
    /// The user's password.
    pub(crate) password: Option<Secret>,
    /// For `oauthbearer`, a file with the present token. It is read again before the token expires.
    pub(crate) token_file: Option<PathBuf>,
    /// A PEM file with the authorities that the brokers' certificates are checked against. Those of
    /// the machine unless set.
    pub(crate) ca: Option<PathBuf>,
    /// A PEM file with this node's own certificate, where brokers ask for one.
    pub(crate) certificate: Option<PathBuf>,
    /// A PEM file with the certificate's key.
    pub(crate) key: Option<PathBuf>,
    /// For how long nothing is heard of a node until others take its shards and its tasks over, `2s`
    /// to `15s`. Less than `6s` needs brokers whose `group.min.session.timeout.ms` allows it. `6s`
    /// unless set.
    pub(crate) session_timeout: Option<Period>,
}

/// How connections are protected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(with = "String")]
pub(crate) enum Protocol {
    #[default]
    Plaintext,
    Tls,
    SaslPlaintext,
    SaslTls,
}

/// How a user is proved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(with = "String")]
pub(crate) enum Mechanism {
    Plain,
    #[serde(rename = "scram-sha-256")]
    ScramSha256,
    #[serde(rename = "scram-sha-512")]
    ScramSha512,
    Oauthbearer,
}
