//! A cluster, made by `flowmill init`, and where its nodes are started.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, ensure};
use flowmill_client::{Client, DefinitionFormat, DeployRequest, Repeats};
use tokio::time::{Instant, sleep};

use crate::node::{Node, Role};

/// How long a cluster may take until it serves.
const READY_WITHIN: Duration = Duration::from_secs(60);

/// A free port of this machine.
const ANYWHERE: &str = "127.0.0.1:0";

/// A cluster.
#[derive(Clone, Debug)]
pub struct Cluster {
    /// The program.
    pub flowmill: PathBuf,
    /// Where Kafka is.
    pub kafka: String,
    /// Where the store is.
    pub cql: String,
    /// Its name.
    pub name: String,
}

/// How a node is started.
#[derive(Clone, Debug)]
pub struct Place {
    /// What it does.
    pub role: Role,
    /// Where it listens, `HOST:PORT`; at a free port unless said.
    pub listen: Option<String>,
    /// Further options.
    pub options: Vec<String>,
    /// Variables of its own.
    pub variables: Vec<(String, String)>,
    /// Another way to Kafka than the cluster's.
    pub kafka: Option<String>,
    /// Another way to the store than the cluster's.
    pub cql: Option<String>,
    /// Another build of the program.
    pub flowmill: Option<PathBuf>,
}

impl Place {
    /// A node at a free port, with nothing special.
    pub fn of(role: Role) -> Self {
        let (options, variables) = (Vec::new(), Vec::new());
        Self { role, listen: None, options, variables, kafka: None, cql: None, flowmill: None }
    }
}

impl Cluster {
    /// Makes it on one broker and one node of the store.
    ///
    /// # Errors
    /// What `flowmill init` says.
    pub fn init(&self, shards: u16) -> anyhow::Result<()> {
        self.init_with(shards, &["--single-broker"])
    }

    /// Makes it on three brokers and three nodes of the store.
    ///
    /// # Errors
    /// What `flowmill init` says.
    pub fn init_on_three(&self, shards: u16) -> anyhow::Result<()> {
        self.init_with(shards, &[])
    }

    fn init_with(&self, shards: u16, options: &[&str]) -> anyhow::Result<()> {
        let mut init = self.command("init");
        init.args(["--shards", &shards.to_string(), "--cql", &self.cql]).args(options);
        let ended = init.output().context("flowmill init")?;
        ensure!(ended.status.success(), "init: {}", String::from_utf8_lossy(&ended.stderr));
        Ok(())
    }

    /// The program with what says which Kafka and which cluster.
    pub fn command(&self, subcommand: &str) -> Command {
        let mut command = Command::new(&self.flowmill);
        command.args([subcommand, "--kafka", &self.kafka, "--cluster", &self.name]);
        command.stdin(Stdio::null());
        command
    }

    /// Starts a node and waits until it says that it is ready.
    ///
    /// # Errors
    /// What it says.
    pub async fn node(&self, place: &Place) -> anyhow::Result<Node> {
        let Place { role, listen, options, variables, kafka, cql, flowmill } = place.clone();
        let mut cluster = self.clone();
        cluster.kafka = kafka.unwrap_or(cluster.kafka);
        cluster.flowmill = flowmill.unwrap_or(cluster.flowmill);
        let mut command = cluster.command(role.as_str());
        command.args(["--cql", cql.as_ref().unwrap_or(&self.cql), "--output", "json"]);
        command.args(["--listen", listen.as_deref().unwrap_or(ANYWHERE)]).args(options);
        command.envs(variables);
        tokio::task::spawn_blocking(move || Node::start(command, role)).await?
    }
}

/// A patient client of a gateway, once the cluster serves.
///
/// # Errors
/// It does not serve in time.
pub async fn ready(gateway: &Node) -> anyhow::Result<Client> {
    let client = Client::new(gateway.url.parse()?, Repeats::default())?;
    let deadline = Instant::now() + READY_WITHIN;
    while !client.ready().await.is_ok_and(|answer| answer.ready) {
        ensure!(Instant::now() < deadline, "the cluster does not get ready");
        sleep(Duration::from_millis(20)).await;
    }
    Ok(client)
}

/// Deploys a flow.
///
/// # Errors
/// What the gateway says.
pub async fn deploy(client: &Client, flow: &str, source: &str) -> anyhow::Result<()> {
    let (flow, source) = (flow.parse()?, source.to_owned().into());
    let request = DeployRequest { flow, source, format: DefinitionFormat::Yaml, spread: None };
    client.deploy(request).await?;
    Ok(())
}
