//! The servers, and a cluster of Flowmill on them.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use flowmill_client::Client;
use flowmill_nodes::{Node, Place, Role, ready};
use flowmill_rig::{Cassandra, Kafka, KafkaPlan};

/// A broker, a store, and the program that is measured on them.
pub(crate) struct Servers {
    pub(crate) kafka: Kafka,
    pub(crate) cql: Cassandra,
    pub(crate) flowmill: PathBuf,
    made: AtomicU32,
}

impl Servers {
    /// Starts them, which blocks.
    pub(crate) fn start() -> anyhow::Result<Self> {
        let kafka = Kafka::start(&KafkaPlan { optimised: true, ..KafkaPlan::default() })?;
        let cql = Cassandra::start_optimised()?;
        Ok(Self { kafka, cql, flowmill: PathBuf::new(), made: AtomicU32::new(0) })
    }
}

/// A cluster on the servers.
pub(crate) struct Cluster<'a> {
    pub(crate) servers: &'a Servers,
    pub(crate) program: flowmill_nodes::Cluster,
}

impl<'a> Cluster<'a> {
    /// Makes one with `flowmill init`.
    pub(crate) fn make(servers: &'a Servers, shards: u16) -> anyhow::Result<Self> {
        let program = flowmill_nodes::Cluster {
            flowmill: servers.flowmill.clone(),
            kafka: servers.kafka.bootstrap(),
            cql: servers.cql.contact(),
            name: format!("bench{}", servers.made.fetch_add(1, Ordering::Relaxed)),
        };
        program.init(shards)?;
        Ok(Self { servers, program })
    }

    /// Starts a node and waits until it says that it is ready.
    pub(crate) async fn node(&self, role: Role) -> anyhow::Result<Node> {
        self.program.node(&Place::of(role)).await
    }

    /// Starts an orchestrator and a gateway, and waits until they serve.
    pub(crate) async fn nodes(&self) -> anyhow::Result<(Node, Node, Client)> {
        let orchestrator = self.node(Role::Orchestrator).await?;
        let gateway = self.node(Role::Gateway).await?;
        let client = ready(&gateway).await?;
        Ok((orchestrator, gateway, client))
    }

    /// The one process of a server, for its processor time.
    pub(crate) fn kafka_pid(&self) -> u32 {
        self.servers.kafka.pids()[0]
    }

    /// The same of the store.
    pub(crate) fn cql_pid(&self) -> u32 {
        self.servers.cql.pids()[0]
    }
}

/// Bytes of the files below a folder whose names end so.
pub(crate) fn bytes_below(folder: &Path, ending: &str) -> std::io::Result<u64> {
    let mut bytes = 0;
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            bytes += bytes_below(&entry.path(), ending)?;
        } else if entry.file_name().to_string_lossy().ends_with(ending) {
            bytes += entry.metadata()?.len();
        }
    }
    Ok(bytes)
}
