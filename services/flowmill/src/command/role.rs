//! `flowmill orchestrator|gateway|worker|server`: a node of a cluster.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;
use serde_json::json;
use toml::Value;

use crate::cli::OutputFormat;
use crate::config::{Config, Layers, load};
use crate::engine::Roles;
use crate::exit::{Failure, Outcome};
use crate::{node, terminal};

/// Where the settings of a program that uses a cluster's log come from. Every other one is in the
/// file or the environment.
#[derive(Debug, Args)]
pub(crate) struct LogArgs {
    /// A file with settings, in TOML; see docs/reference/configuration.md.
    #[arg(long, env = "FLOWMILL_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// Addresses of some Kafka brokers, with commas between.
    #[arg(long, value_name = "HOST:PORT", value_delimiter = ',')]
    kafka: Vec<String>,
    /// The cluster's name, when it is not `flowmill`.
    #[arg(long, value_name = "NAME")]
    cluster: Option<String>,
}

/// Where a node's settings come from. Every other one is in the file or the environment.
#[derive(Debug, Args)]
pub(crate) struct SettingsArgs {
    #[command(flatten)]
    log: LogArgs,
    /// Addresses of some ScyllaDB or Cassandra nodes, with commas between.
    #[arg(long, value_name = "HOST:PORT", value_delimiter = ',')]
    cql: Vec<String>,
}

/// What a node is told on the command line.
#[derive(Debug, Args)]
pub(crate) struct RoleArgs {
    #[command(flatten)]
    settings: SettingsArgs,
    /// The address to listen on, for the API on a gateway, for health elsewhere; port 0 takes a free
    /// one.
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<SocketAddr>,
    /// Where other nodes reach an orchestrator, when that is not the address it listens on.
    #[arg(long, value_name = "HOST:PORT")]
    advertise: Option<String>,
    /// This node's name.
    #[arg(long, value_name = "NAME")]
    node: Option<String>,
    /// A private address that workers may call: an address, a network, a host's name, or
    /// `loopback`. May be given more than once.
    #[arg(long, value_name = "ADDRESS")]
    outgoing_allow: Vec<String>,
    /// Listen on an address that other machines can reach without asking for a token.
    #[arg(long)]
    insecure: bool,
}

impl LogArgs {
    /// The settings in force.
    ///
    /// # Errors
    /// When a layer of them cannot be used.
    pub(crate) fn load(&self) -> Result<Config, Failure> {
        self.load_with([])
    }

    fn load_with(
        &self,
        more: impl IntoIterator<Item = (&'static str, Value)>,
    ) -> Result<Config, Failure> {
        let cluster = self.cluster.clone().map(|name| ("cluster", Value::String(name)));
        let kafka = list("kafka.brokers", &self.kafka);
        let flags = [cluster, kafka].into_iter().flatten().chain(more).collect();
        let layers =
            Layers { file: self.config.clone(), environment: std::env::vars().collect(), flags };
        load(&layers).map_err(|error| Failure::wrong(error.to_string()))
    }
}

impl SettingsArgs {
    /// The settings in force.
    ///
    /// # Errors
    /// When a layer of them cannot be used.
    pub(crate) fn load(&self) -> Result<Config, Failure> {
        self.load_with([])
    }

    fn load_with(
        &self,
        more: impl IntoIterator<Item = (&'static str, Value)>,
    ) -> Result<Config, Failure> {
        self.log.load_with(list("cql.nodes", &self.cql).into_iter().chain(more))
    }
}

impl RoleArgs {
    fn load(&self) -> Result<Config, Failure> {
        let text = |path, text: Option<String>| text.map(|text| (path, Value::String(text)));
        let more = [
            text("listen.address", self.listen.map(|address| address.to_string())),
            text("listen.advertise", self.advertise.clone()),
            text("node", self.node.clone()),
            list("worker.outgoing-allow", &self.outgoing_allow),
            self.insecure.then_some(("listen.insecure", Value::Boolean(true))),
        ];
        self.settings.load_with(more.into_iter().flatten())
    }
}

fn list(path: &'static str, entries: &[String]) -> Option<(&'static str, Value)> {
    let values = entries.iter().cloned().map(Value::String).collect();
    (!entries.is_empty()).then_some((path, Value::Array(values)))
}

/// Runs the roles until the process is asked to end.
///
/// # Errors
/// When the settings cannot be used, or Kafka or the store refuse the node.
pub(crate) async fn execute(
    args: &RoleArgs,
    roles: Roles,
    output: OutputFormat,
) -> Result<Outcome, Failure> {
    let config = args.load()?;
    node::run(config, roles, |told| announce(told, output)).await?;
    Ok(Outcome::Done)
}

/// Says where the node is, once it can serve.
fn announce(told: &node::Announcement, output: OutputFormat) {
    let node::Announcement { roles, url, cluster, node } = told;
    let text = match output {
        OutputFormat::Json => {
            json!({ "url": url, "roles": roles, "cluster": cluster, "node": node }).to_string()
        }
        OutputFormat::Table => format!(
            "flowmill {} {} of {cluster} is ready at {url}",
            env!("CARGO_PKG_VERSION"),
            roles.join(", "),
        ),
    };
    // Whoever closed the output does not want to know.
    drop(terminal::print(&text));
}
