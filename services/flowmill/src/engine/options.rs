//! What a node is told: its roles and how each of them works.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use flowmill_gateway::{Balance, Readiness, TokenKey};
use flowmill_log::kafka::Clients;
use flowmill_orchestrator::{Retention, Settings};
use flowmill_routing::{ClusterToken, Trust};
use flowmill_telemetry::Metrics;
use flowmill_worker::{KafkaAccess, OutgoingPolicy};

/// What a node does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Roles {
    /// Answers the API.
    pub(crate) gateway: bool,
    /// Owns shards.
    pub(crate) orchestrator: bool,
    /// Runs the built-in tasks.
    pub(crate) worker: bool,
}

impl Roles {
    /// Everything.
    pub(crate) const ALL: Self = Self { gateway: true, orchestrator: true, worker: true };

    /// The API alone.
    pub(crate) const GATEWAY: Self = Self { gateway: true, ..Self::NONE };

    /// Shards alone.
    pub(crate) const ORCHESTRATOR: Self = Self { orchestrator: true, ..Self::NONE };

    /// Tasks alone.
    pub(crate) const WORKER: Self = Self { worker: true, ..Self::NONE };

    const NONE: Self = Self { gateway: false, orchestrator: false, worker: false };

    /// When a node with these roles is ready.
    pub(crate) const fn readiness(self) -> Readiness {
        match (self.gateway, self.orchestrator) {
            (true, _) => Readiness::EveryShard,
            (false, true) => Readiness::OwnShards,
            (false, false) => Readiness::Definitions,
        }
    }

    /// Their names.
    pub(crate) fn names(self) -> Vec<String> {
        let Self { gateway, orchestrator, worker } = self;
        let roles = [(gateway, "gateway"), (orchestrator, "orchestrator"), (worker, "worker")];
        roles.into_iter().filter(|(is, _)| *is).map(|(_, name)| name.to_owned()).collect()
    }
}

/// How the worker role works.
#[derive(Clone, Debug)]
pub(crate) struct WorkerOptions {
    /// Which addresses calls may reach.
    pub(crate) outgoing: OutgoingPolicy,
    /// Calls at the same time, unless the worker's own number will do.
    pub(crate) slots: Option<NonZeroUsize>,
    /// A folder with a file for each secret.
    pub(crate) secrets_folder: Option<PathBuf>,
    /// Where the records of flows go.
    pub(crate) kafka: KafkaAccess,
}

/// What a node is told.
#[derive(Clone)]
pub(crate) struct NodeOptions {
    /// What it does.
    pub(crate) roles: Roles,
    /// The orchestrator's settings; its shards and its name also where it has no such role.
    pub(crate) orchestrator: Settings,
    /// The worker's settings.
    pub(crate) worker: WorkerOptions,
    /// How other nodes and this one know each other.
    pub(crate) trust: Trust,
    /// What callers of the API must present.
    pub(crate) token: Option<ClusterToken>,
    /// Makes the consumers of triggers, on a gateway of a cluster.
    pub(crate) triggers: Option<Clients>,
    /// What task tokens are signed with; made from the cluster's id if none.
    pub(crate) task_token_key: Option<TokenKey>,
    /// By which rule the gateway shares tasks among its workers.
    pub(crate) balance: Balance,
    /// Where figures are kept.
    pub(crate) metrics: Metrics,
}

/// The variable that names a folder with a file for each secret.
const SECRETS_FOLDER: &str = "FLOWMILL_SECRETS_FOLDER";

impl NodeOptions {
    /// Everything in one process, on a developer's own machine: calls may reach private addresses.
    pub(crate) fn embedded(retention: Duration) -> Self {
        let folder = std::env::var_os(SECRETS_FOLDER).filter(|folder| !folder.is_empty());
        Self {
            roles: Roles::ALL,
            orchestrator: Settings { retention: Retention::of(retention), ..Settings::default() },
            worker: WorkerOptions {
                outgoing: OutgoingPolicy::allow_private(),
                slots: None,
                secrets_folder: folder.map(PathBuf::from),
                kafka: KafkaAccess::default(),
            },
            trust: Trust::default(),
            token: None,
            triggers: None,
            task_token_key: None,
            balance: Balance::default(),
            metrics: Metrics::default(),
        }
    }
}
