//! The servers, and a cluster of Flowmill on them.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use anyhow::{Context, ensure};
use flowmill_client::{Client, DefinitionFormat, DeployRequest, Repeats};
use flowmill_rig::{Cassandra, Kafka, KafkaPlan};
use tokio::time::{Instant, sleep};

use crate::node::{Node, Role};

/// How long a cluster may take until it serves.
const READY_WITHIN: Duration = Duration::from_secs(60);

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

/// A cluster.
pub(crate) struct Cluster<'a> {
    pub(crate) servers: &'a Servers,
    pub(crate) name: String,
}

impl<'a> Cluster<'a> {
    /// Makes one with `flowmill init`.
    pub(crate) fn make(servers: &'a Servers, shards: u16) -> anyhow::Result<Self> {
        let name = format!("bench{}", servers.made.fetch_add(1, Ordering::Relaxed));
        let cluster = Self { servers, name };
        let mut init = cluster.command("init");
        init.args(["--single-broker", "--shards", &shards.to_string()]);
        init.args(["--cql", &servers.cql.contact()]);
        let ended = init.output().context("flowmill init")?;
        ensure!(ended.status.success(), "init: {}", String::from_utf8_lossy(&ended.stderr));
        Ok(cluster)
    }

    /// The program with what says which Kafka and which cluster.
    pub(crate) fn command(&self, subcommand: &str) -> Command {
        let mut command = Command::new(&self.servers.flowmill);
        command.arg(subcommand);
        command.args(["--kafka", &self.servers.kafka.bootstrap(), "--cluster", &self.name]);
        command
    }

    /// Starts a node and waits until it says that it is ready.
    pub(crate) async fn node(&self, role: Role) -> anyhow::Result<Node> {
        let mut command = self.command(role.as_str());
        command.args(["--cql", &self.servers.cql.contact()]);
        command.args(["--output", "json", "--listen", "127.0.0.1:0"]);
        tokio::task::spawn_blocking(move || Node::start(command, role)).await?
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

/// A patient client of a gateway, once the cluster serves.
async fn ready(gateway: &Node) -> anyhow::Result<Client> {
    let client = Client::new(gateway.url.parse()?, Repeats::default())?;
    let deadline = Instant::now() + READY_WITHIN;
    while !client.ready().await.is_ok_and(|answer| answer.ready) {
        ensure!(Instant::now() < deadline, "the cluster does not get ready");
        sleep(Duration::from_millis(20)).await;
    }
    Ok(client)
}

/// Deploys a flow.
pub(crate) async fn deploy(client: &Client, flow: &str, source: &str) -> anyhow::Result<()> {
    let (flow, source) = (flow.parse()?, source.to_owned().into());
    let request = DeployRequest { flow, source, format: DefinitionFormat::Yaml, spread: None };
    client.deploy(request).await?;
    Ok(())
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
