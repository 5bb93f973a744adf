//! What a node of a cluster is told: by a file, then by the environment, then by flags.
//!
//! The structs here are the file's form; their doc comments are its manual, which
//! docs/reference/configuration.md is generated from. Whoever uses a setting takes it from
//! [`Config`] once, checked, and passes it on.

mod kafka;
mod layers;
#[cfg(test)]
mod reference;
mod secret;
mod show;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use flowmill_model::limits;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub(crate) use kafka::{KafkaConfig, Mechanism, Protocol};
pub(crate) use layers::{Layers, load};
pub(crate) use secret::Secret;
pub(crate) use show::show;

/// Everything that a node of a cluster can be told.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub(crate) struct Config {
    /// The cluster's name: topics and consumer groups begin with it, and it is the keyspace's name
    /// unless that is set. `flowmill` unless set.
    pub(crate) cluster: Option<String>,
    /// This node's name, in claims, logs and traces. The machine's name and the process's id unless
    /// set.
    pub(crate) node: Option<String>,
    /// What callers of the API and other nodes must present as `Authorization: Bearer ...`. Needed
    /// where an address can be reached from other machines. All nodes of a cluster have the same.
    pub(crate) api_token: Option<Secret>,
    /// The key that signs the tokens of leased tasks: at least 32 characters, the same on every
    /// gateway. Derived from the cluster's random id unless set.
    pub(crate) task_token_key: Option<Secret>,
    /// Kafka: the log.
    pub(crate) kafka: KafkaConfig,
    /// ScyllaDB, or Cassandra: the store.
    pub(crate) cql: CqlConfig,
    /// Where the node listens.
    pub(crate) listen: ListenConfig,
    /// The gateway role.
    pub(crate) gateway: GatewayConfig,
    /// The orchestrator role.
    pub(crate) orchestrator: OrchestratorConfig,
    /// The worker role.
    pub(crate) worker: WorkerConfig,
}

/// The store.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub(crate) struct CqlConfig {
    /// Addresses of some nodes, `HOST:PORT`.
    pub(crate) nodes: Vec<String>,
    /// The keyspace. The cluster's name unless set.
    pub(crate) keyspace: Option<String>,
    /// The user.
    pub(crate) user: Option<String>,
    /// The user's password.
    pub(crate) password: Option<Secret>,
    /// A PEM file with the authorities that the servers' certificates are checked against. Turns
    /// TLS on.
    pub(crate) ca: Option<PathBuf>,
    /// The data centre whose nodes are asked. The first one found unless set.
    pub(crate) datacenter: Option<String>,
}

/// Where a node listens.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub(crate) struct ListenConfig {
    /// The address, `HOST:PORT`: of the API on a gateway, of health, metrics and other nodes'
    /// questions elsewhere. Port 0 takes a free one. `127.0.0.1:7400` on a gateway unless set,
    /// `127.0.0.1:0` elsewhere.
    pub(crate) address: Option<SocketAddr>,
    /// On a node with all roles, the address for other nodes' questions. `127.0.0.1:0` unless set.
    pub(crate) internal: Option<SocketAddr>,
    /// Where other nodes reach an orchestrator, `HOST:PORT`. The address it listens on unless set,
    /// which will not do where that is `0.0.0.0`.
    pub(crate) advertise: Option<String>,
    /// Listen where other machines can reach it without a token.
    pub(crate) insecure: bool,
}

/// The gateway role.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub(crate) struct GatewayConfig {
    /// Which of the workers that take tasks from the gateway gets the next: the one that has the
    /// fewest (`least-busy`), the one that was lent to longest ago (`round-robin`), or each in
    /// proportion to the weight that it states (`weighted`). `least-busy` unless set.
    pub(crate) balance: Balance,
}

/// How tasks are shared by workers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(with = "String")]
pub(crate) enum Balance {
    #[default]
    LeastBusy,
    RoundRobin,
    Weighted,
}

/// The orchestrator role.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub(crate) struct OrchestratorConfig {
    /// How long ended executions are kept, such as `7d` or `12h`.
    pub(crate) retention: Period,
    /// The same for executions of single namespaces, such as `{ audit = "90d" }`.
    pub(crate) namespace_retention: BTreeMap<String, Period>,
    /// Whether steps in executions' lives are told on the `lifecycle` topic.
    pub(crate) lifecycle: bool,
    /// How many partitions a task queue gets when it is made.
    pub(crate) task_partitions: u16,
    /// Makes the node a static member: for how long its shards wait for it when it is away, such as
    /// `30s`. Back in time under the same `node`, which must be set, it has its shards back and none
    /// has moved. Until then they have no owner, after a clean stop, too. Unless set, others take
    /// them over at once after a clean stop and within seconds after a crash.
    pub(crate) static_member: Option<Period>,
}

impl Default for OrchestratorConfig {
    fn default() -> Self {
        Self {
            retention: Period(limits::RETENTION),
            namespace_retention: BTreeMap::new(),
            lifecycle: true,
            task_partitions: 12,
            static_member: None,
        }
    }
}

/// The worker role.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub(crate) struct WorkerConfig {
    /// Calls at the same time; one host may have a quarter of them. 256 unless set.
    pub(crate) slots: Option<NonZeroUsize>,
    /// Private addresses that calls may reach: addresses, networks such as `10.0.0.0/8`, hosts by
    /// their exact names, or `loopback`.
    pub(crate) outgoing_allow: Vec<String>,
    /// A folder with a file for each secret, named as the secret is. Secrets are also taken from
    /// the variables `FLOWMILL_SECRET_...`.
    pub(crate) secrets_folder: Option<PathBuf>,
}

/// A duration as a file has it: `7d`, `1h30m`, `500ms`, `PT30S`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub(crate) struct Period(pub(crate) Duration);

impl TryFrom<String> for Period {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let days = text.strip_suffix('d').and_then(|days| days.parse::<u32>().ok());
        match days {
            Some(days) => Ok(Self(Duration::from_secs(u64::from(days) * 86_400))),
            None => crate::duration::parse(&text).map(Self),
        }
    }
}

impl From<Period> for String {
    fn from(period: Period) -> Self {
        let seconds = period.0.as_secs();
        match period.0.subsec_millis() {
            0 if seconds > 0 && seconds.is_multiple_of(86_400) => format!("{}d", seconds / 86_400),
            0 => format!("{seconds}s"),
            _ => format!("{}ms", period.0.as_millis()),
        }
    }
}

impl Config {
    /// The cluster's name.
    pub(crate) fn cluster_name(&self) -> &str {
        self.cluster.as_deref().unwrap_or("flowmill")
    }

    /// The keyspace's name.
    pub(crate) fn keyspace(&self) -> String {
        let name = self.cql.keyspace.clone();
        name.unwrap_or_else(|| self.cluster_name().replace(['-', '.'], "_"))
    }

    /// This node's name.
    pub(crate) fn node_name(&self) -> String {
        self.node.clone().unwrap_or_else(|| {
            let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
            format!("{host}-{}", std::process::id())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_period_survives_its_text() {
        for text in ["7d", "90s", "1500ms", "0s"] {
            let period = Period::try_from(text.to_owned()).unwrap();
            assert_eq!(String::from(period), text);
        }
        let hours = Period::try_from("12h".to_owned()).unwrap();
        assert_eq!(hours.0, Duration::from_secs(43_200));
        assert!(Period::try_from("soon".to_owned()).is_err());
    }

    #[test]
    fn a_keyspace_has_a_name_that_cql_takes() {
        let config = Config { cluster: Some("my-shop.eu".into()), ..Config::default() };
        assert_eq!(config.keyspace(), "my_shop_eu");
    }
}
