//! The process that holds the servers, and what it says of them.

use std::fs;
use std::path::PathBuf;

use anyhow::Context;
use clap::Args;
use flowmill_rig::{Cassandra, Jaeger, Kafka, KafkaPlan, KafkaSecurity};
use serde::{Deserialize, Serialize};
use tokio::signal::unix::{SignalKind, signal};

#[derive(Args)]
pub(crate) struct Wanted {
    /// Nodes of the Kafka cluster; 0 for none.
    #[arg(long, value_name = "NODES", default_value_t = 1)]
    kafka: usize,
    /// Whether Kafka asks its clients for TLS and a password.
    #[arg(long)]
    secured: bool,
    /// Nodes of the CQL cluster: 0, 1 or 3.
    #[arg(long, value_name = "NODES", default_value = "1", value_parser = ["0", "1", "3"])]
    cql: String,
    /// Whether Kafka and one CQL node are to be measured: slower to start, faster later.
    #[arg(long)]
    optimised: bool,
    /// Whether Jaeger is wanted, too. The first time it is built, which takes minutes.
    #[arg(long)]
    pub(crate) jaeger: bool,
}

impl Wanted {
    /// The arguments that say the same.
    pub(crate) fn arguments(&self) -> Vec<String> {
        let mut arguments = vec![format!("--kafka={}", self.kafka), format!("--cql={}", self.cql)];
        arguments.extend(self.secured.then(|| "--secured".into()));
        arguments.extend(self.optimised.then(|| "--optimised".into()));
        arguments.extend(self.jaeger.then(|| "--jaeger".into()));
        arguments
    }
}

/// What runs.
#[derive(Serialize, Deserialize)]
pub(crate) struct State {
    /// The process that holds the servers.
    pub(crate) holder: u32,
    /// When it began, in the system's ticks: tells it from a later process with its id.
    pub(crate) began: u64,
    /// The servers' processes.
    pub(crate) servers: Vec<u32>,
    /// Kafka's bootstrap addresses.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) kafka: Option<String>,
    /// What Kafka asks its clients for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) access: Option<Access>,
    /// The CQL nodes' addresses.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) cql: Option<String>,
    /// Where Jaeger takes traces over OTLP.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) otlp: Option<String>,
    /// Where Jaeger answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) jaeger: Option<String>,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct Access {
    /// The file of the authority's certificate.
    ca: PathBuf,
    user: String,
    password: String,
}

/// The servers themselves.
struct Servers {
    kafka: Option<Kafka>,
    cassandra: Option<Cassandra>,
    jaeger: Option<Jaeger>,
}

impl Servers {
    fn start(wanted: &Wanted) -> anyhow::Result<Self> {
        let security = if wanted.secured { KafkaSecurity::SaslTls } else { KafkaSecurity::Open };
        let optimised = wanted.optimised;
        let plan = KafkaPlan { nodes: wanted.kafka, security, optimised, ..KafkaPlan::default() };
        Ok(Self {
            kafka: (wanted.kafka > 0).then(|| Kafka::start(&plan)).transpose()?,
            cassandra: match wanted.cql.as_str() {
                "0" => None,
                "3" => Some(Cassandra::start_three()?),
                _ if optimised => Some(Cassandra::start_optimised()?),
                _ => Some(Cassandra::start()?),
            },
            jaeger: wanted.jaeger.then(Jaeger::start).transpose()?,
        })
    }

    fn pids(&self) -> Vec<u32> {
        let kafka = self.kafka.iter().flat_map(Kafka::pids);
        let cassandra = self.cassandra.iter().flat_map(Cassandra::pids);
        kafka.chain(cassandra).chain(self.jaeger.iter().map(Jaeger::pid)).collect()
    }

    /// What is said of them.
    fn state(&self) -> anyhow::Result<State> {
        let holder = std::process::id();
        let access = self.kafka.as_ref().and_then(Kafka::access);
        Ok(State {
            holder,
            began: began(holder).context("/proc says nothing of this process")?,
            servers: self.pids(),
            kafka: self.kafka.as_ref().map(Kafka::bootstrap),
            access: access.map(|access| Access {
                ca: access.ca.clone(),
                user: access.user.clone(),
                password: access.password.clone(),
            }),
            cql: self.cassandra.as_ref().map(Cassandra::contact),
            otlp: self.jaeger.as_ref().map(Jaeger::otlp_grpc),
            jaeger: self.jaeger.as_ref().map(Jaeger::query),
        })
    }
}

/// Starts servers, says where they are, and holds them until this process is asked to end.
pub(crate) fn hold(wanted: &Wanted) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (mut asked, mut interrupted) = {
        let _within = runtime.enter();
        (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?)
    };
    let servers = Servers::start(wanted)?;
    println!("{}", serde_json::to_string(&servers.state()?)?);
    runtime.block_on(async {
        tokio::select! {
            biased;
            _ = asked.recv() => {}
            _ = interrupted.recv() => {}
        }
    });
    drop(servers);
    Ok(())
}

/// When a process began, in ticks since the system did.
pub(crate) fn began(pid: u32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in parentheses may hold anything; the 20th field after it is the one.
    let (_, fields) = stat.rsplit_once(") ")?;
    fields.split(' ').nth(19)?.parse().ok()
}
