//! Apache Kafka: one node or three, each broker and controller in one process.
//!
//! Brokers talk to each other, and the probe to them, on a listener that asks for nothing. A secured
//! cluster has one more for its clients.

mod access;
mod probe;
mod storage;

use std::ffi::OsString;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::process::Signal;
use tempfile::TempDir;

pub use self::access::KafkaAccess;
use crate::cache::Jars;
use crate::proxy::Proxy;
use crate::server::Server;
use crate::{RigError, archive, java, ports, server};

const JARS: Jars = Jars { name: "kafka-4.3.1", project: include_str!("kafka/pom.xml") };

/// What a cluster is to be like.
#[derive(Clone, Debug, Default)]
pub struct KafkaPlan {
    /// How many nodes; 0 stands for 1.
    pub nodes: usize,
    /// What it asks of its clients.
    pub security: KafkaSecurity,
    /// Ways in besides the one without a proxy: each is a listener of its own on every node, which
    /// clients are sent to through a proxy of its own. For an open cluster.
    pub ways: usize,
    /// Broker settings, over those of the rig.
    pub settings: Vec<(String, String)>,
    /// The folder in which its data is to be; that of temporary files unless said.
    pub within: Option<PathBuf>,
    /// Whether it is to run for minutes and be measured: it starts slower and gets faster, as one in
    /// production does.
    pub optimised: bool,
}

/// What a cluster asks of its clients.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum KafkaSecurity {
    /// Nothing: `PLAINTEXT`.
    #[default]
    Open,
    /// `SASL_SSL`: a user and password by `SCRAM-SHA-512` or `PLAIN`, or an unsigned token by
    /// `OAUTHBEARER`, over TLS with a certificate of an authority that only this cluster has.
    SaslTls,
    /// `SSL`, and a certificate of the client's own from the cluster's authority.
    MutualTls,
}

/// A running Kafka cluster. Gone with its data when it is dropped.
#[derive(Debug)]
pub struct Kafka {
    nodes: Vec<Node>,
    access: Option<KafkaAccess>,
    machine: Machine,
    optimised: bool,
    ways: Vec<Way>,
    /// The last to be dropped.
    folder: TempDir,
}

/// What runs Kafka's classes.
#[derive(Clone, Debug)]
struct Machine {
    java: PathBuf,
    class_path: OsString,
    /// Options that use an archive of classes, or write one.
    archive: Vec<OsString>,
}

#[derive(Debug)]
struct Node {
    /// Where brokers connect, on 127.0.0.1, and the clients of an open cluster.
    port: u16,
    /// Where controllers connect.
    controller: u16,
    /// Where clients connect.
    clients: u16,
    folder: PathBuf,
    server: Option<Server>,
}

/// A way into a cluster through a proxy before each node.
#[derive(Debug)]
pub struct Way {
    proxies: Vec<Proxy>,
    /// Where the nodes listen for who comes this way.
    ports: Vec<u16>,
}

impl Way {
    fn to(ports: Vec<u16>) -> Result<Self, RigError> {
        let proxy = |port: &u16| Proxy::to(SocketAddrV4::new(Ipv4Addr::LOCALHOST, *port));
        Ok(Self { proxies: ports.iter().map(proxy).collect::<Result<_, _>>()?, ports })
    }

    /// The addresses of all nodes this way, as clients take them.
    pub fn bootstrap(&self) -> String {
        addresses(self.proxies.iter().map(Proxy::port))
    }

    /// The proxies, one before each node.
    pub fn proxies(&self) -> &[Proxy] {
        &self.proxies
    }
}

impl Kafka {
    /// Starts a cluster and waits until it answers.
    ///
    /// # Errors
    /// Java or Maven is missing, the jars cannot be fetched, or a node does not start.
    pub fn start(plan: &KafkaPlan) -> Result<Self, RigError> {
        let mut machine =
            Machine { java: java::find()?, class_path: JARS.class_path()?, archive: vec![] };
        machine.archive = archive::of(&JARS, &machine.java, |archive| {
            let machine = Machine { archive, ..machine.clone() };
            Self::start_on(machine, &KafkaPlan::default())?.terminate(0)
        })?;
        Self::start_on(machine, plan)
    }

    fn start_on(machine: Machine, plan: &KafkaPlan) -> Result<Self, RigError> {
        let count = plan.nodes.max(1);
        let folder = server::folder("flowmill-kafka-", plan.within.as_deref())?;
        let access = match plan.security {
            KafkaSecurity::Open => None,
            KafkaSecurity::SaslTls | KafkaSecurity::MutualTls => {
                Some(KafkaAccess::make(folder.path())?)
            }
        };
        let each = if access.is_some() { 3 } else { 2 };
        let ports = ports::free((each + plan.ways) * count)?;
        let nodes = ports[..each * count].chunks(each).enumerate().map(|(index, ports)| Node {
            port: ports[0],
            controller: ports[1],
            clients: *ports.get(2).unwrap_or(&ports[0]),
            folder: folder.path().join(format!("node-{}", index + 1)),
            server: None,
        });
        let (nodes, optimised) = (nodes.collect(), plan.optimised);
        let ways = ports[each * count..].chunks(count);
        let ways = ways.map(|ports| Way::to(ports.to_vec())).collect::<Result<_, _>>()?;
        let mut kafka = Self { nodes, access, machine, optimised, ways, folder };
        kafka.format(plan)?;
        (0..count).try_for_each(|node| kafka.spawn(node))?;
        (0..count).try_for_each(|node| kafka.wait_for(node, count))?;
        Ok(kafka)
    }

    /// The addresses of all nodes, as clients take them: `127.0.0.1:PORT`, with commas between.
    pub fn bootstrap(&self) -> String {
        addresses(self.nodes.iter().map(|node| node.clients))
    }

    /// The ways in that were asked for.
    pub fn ways(&self) -> &[Way] {
        &self.ways
    }

    /// Where the data of all nodes is.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// What a client needs beside the addresses; nothing if the cluster is open.
    pub fn access(&self) -> Option<&KafkaAccess> {
        self.access.as_ref()
    }

    /// How many nodes there are, running or not.
    pub fn nodes(&self) -> usize {
        self.nodes.len()
    }

    /// The ids of the processes that run.
    pub fn pids(&self) -> Vec<u32> {
        self.nodes.iter().filter_map(|node| node.server.as_ref()).map(Server::pid).collect()
    }

    /// Whether a node answers now and knows of `brokers` brokers or more, itself included.
    pub fn answers(&self, node: usize, brokers: usize) -> bool {
        probe::ready(self.nodes[node].port, brokers).is_ok()
    }

    /// Ends a node as a crash would.
    ///
    /// # Errors
    /// It does not run.
    pub fn kill(&mut self, node: usize) -> Result<(), RigError> {
        self.take(node)?.kill()
    }

    /// Ends a node in good order.
    ///
    /// # Errors
    /// It does not run, or does not end.
    pub fn terminate(&mut self, node: usize) -> Result<(), RigError> {
        self.take(node)?.terminate()
    }

    /// Starts a node again that was ended, with its port and data, and waits until it answers.
    ///
    /// # Errors
    /// It runs, or does not start.
    pub fn restart(&mut self, node: usize) -> Result<(), RigError> {
        if self.nodes[node].server.is_some() {
            return Err(RigError::State { server: name(node), is: "runs already" });
        }
        self.spawn(node)?;
        let running = self.nodes.iter().filter(|node| node.server.is_some()).count();
        self.wait_for(node, running)
    }

    /// Starts every node again that was ended, side by side: one alone of several answers nobody.
    ///
    /// # Errors
    /// One does not start.
    pub fn restart_all(&mut self) -> Result<(), RigError> {
        let ended: Vec<_> =
            (0..self.nodes.len()).filter(|node| self.nodes[*node].server.is_none()).collect();
        ended.iter().try_for_each(|node| self.spawn(*node))?;
        ended.iter().try_for_each(|node| self.wait_for(*node, self.nodes.len()))
    }

    /// Stops a node's clock: it holds its connections and does nothing.
    ///
    /// # Errors
    /// It does not run.
    pub fn pause(&self, node: usize) -> Result<(), RigError> {
        self.server(node)?.signal(Signal::STOP)
    }

    /// Lets a paused node go on.
    ///
    /// # Errors
    /// It does not run.
    pub fn resume(&self, node: usize) -> Result<(), RigError> {
        self.server(node)?.signal(Signal::CONT)
    }

    /// One of Kafka's own tools, by the name of its class, such as
    /// `org.apache.kafka.tools.ConsoleProducer`. It lives as long as whoever runs it lets it.
    pub fn tool(&self, class: &str) -> Command {
        let mut tool = Command::new(&self.machine.java);
        tool.args(["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xmx256m"]);
        tool.arg(self.logging_option()).arg("-cp").arg(&self.machine.class_path).arg(class);
        tool
    }

    fn server(&self, node: usize) -> Result<&Server, RigError> {
        let server = self.nodes[node].server.as_ref();
        server.ok_or_else(|| RigError::State { server: name(node), is: "does not run" })
    }

    fn take(&mut self, node: usize) -> Result<Server, RigError> {
        let server = self.nodes[node].server.take();
        server.ok_or_else(|| RigError::State { server: name(node), is: "does not run" })
    }

    fn spawn(&mut self, index: usize) -> Result<(), RigError> {
        let node = &self.nodes[index];
        let mut command: Vec<OsString> = vec![self.machine.java.clone().into()];
        let options = java::options(self.optimised).iter();
        let options = options.chain(&["-XX:+ExitOnOutOfMemoryError"]);
        command.extend(options.map(Into::into));
        command.extend(self.machine.archive.iter().cloned());
        command.extend([self.logging_option(), "-cp".into(), self.machine.class_path.clone()]);
        command.extend(["kafka.Kafka".into(), node.settings().into()]);
        let said = node.folder.join("output");
        self.nodes[index].server =
            Some(Server::start(&name(index), (&said, self.folder.path()), command)?);
        Ok(())
    }

    fn wait_for(&self, node: usize, brokers: usize) -> Result<(), RigError> {
        let port = self.nodes[node].port;
        self.server(node)?.answers(|| probe::ready(port, brokers))
    }
}

fn addresses(ports: impl Iterator<Item = u16>) -> String {
    ports.map(|port| format!("127.0.0.1:{port}")).collect::<Vec<_>>().join(",")
}

fn name(node: usize) -> String {
    format!("Kafka node {}", node + 1)
}
