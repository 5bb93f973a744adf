//! Apache Cassandra, one node or three: a CQL server that stands for ScyllaDB.
//!
//! Nodes have addresses of their own, 127.0.0.1, 127.0.0.2 and 127.0.0.3, and one port, since
//! drivers take the port of the node they know for that of all.

mod access;
mod command;
mod probe;

use std::ffi::OsString;
use std::fs;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::path::{Path, PathBuf};

use rustix::process::Signal;
use tempfile::TempDir;

pub use self::access::CassandraAccess;
use crate::cache::Jars;
use crate::error::{at, doing};
use crate::proxy::Proxy;
use crate::server::Server;
use crate::{RigError, java, ports, server};

const JARS: Jars = Jars { name: "cassandra-5.0.9", project: include_str!("cassandra/pom.xml") };

const SETTINGS: &str = include_str!("cassandra/cassandra.yaml");
const LOGGING: &str = include_str!("cassandra/logback.xml");

/// Where clients are asked for nothing.
const OPEN: &str = "authenticator: AllowAllAuthenticator";

/// Where on the ring each of three nodes begins; one node begins with the first.
const TOKENS: [&str; 3] = ["-9223372036854775808", "-3074457345618258603", "3074457345618258602"];

/// A running cluster. Gone with its data when it is dropped.
#[derive(Debug)]
pub struct Cassandra {
    nodes: Vec<Node>,
    access: Option<CassandraAccess>,
    /// The last to be dropped.
    folder: TempDir,
}

#[derive(Debug)]
struct Node {
    address: SocketAddrV4,
    command: Vec<OsString>,
    said: PathBuf,
    server: Option<Server>,
}

impl Cassandra {
    /// Starts one node and waits until it answers.
    ///
    /// # Errors
    /// Java or Maven is missing, the jars cannot be fetched, or the node does not start.
    pub fn start() -> Result<Self, RigError> {
        Self::start_nodes(1, (false, false), None)
    }

    /// Starts one node whose data is in a folder of this one, and waits until it answers.
    ///
    /// # Errors
    /// Java or Maven is missing, the jars cannot be fetched, or the node does not start.
    pub fn start_within(folder: &Path) -> Result<Self, RigError> {
        Self::start_nodes(1, (false, false), Some(folder))
    }

    /// Starts one node that is to run for minutes and be measured, and waits until it answers: it
    /// starts slower and gets faster, as one in production does.
    ///
    /// # Errors
    /// Java or Maven is missing, the jars cannot be fetched, or the node does not start.
    pub fn start_optimised() -> Result<Self, RigError> {
        Self::start_nodes(1, (false, true), None)
    }

    /// Starts one node that asks its clients for TLS and a password, and waits until it answers.
    ///
    /// # Errors
    /// Java or Maven is missing, the jars cannot be fetched, or the node does not start.
    pub fn start_secured() -> Result<Self, RigError> {
        Self::start_nodes(1, (true, false), None)
    }

    /// Starts three nodes and waits until each knows of all. They begin side by side, which is
    /// safe since there is no data yet that one would have to take over.
    ///
    /// # Errors
    /// Java or Maven is missing, the jars cannot be fetched, or a node does not start.
    pub fn start_three() -> Result<Self, RigError> {
        Self::start_nodes(3, (false, false), None)
    }

    fn start_nodes(
        count: usize,
        (secured, optimised): (bool, bool),
        within: Option<&Path>,
    ) -> Result<Self, RigError> {
        let (java, class_path) = (java::find()?, JARS.class_path()?);
        let folder = server::folder("flowmill-cassandra-", within)?;
        let access = secured.then(|| CassandraAccess::make(folder.path())).transpose()?;
        let [port, storage_port] = ports::free(2)?[..] else { return Err(RigError::NoPort) };
        let mut nodes = Vec::new();
        for (index, address) in addresses(count).into_iter().enumerate() {
            let own = folder.path().join(format!("node-{}", index + 1));
            write_settings(&own, (index, count), (port, storage_port), access.as_ref())?;
            let mut command = command::command(&java, &class_path, &own, count == 1);
            command.splice(1..1, java::options(optimised).iter().map(Into::into));
            nodes.push(Node {
                address: SocketAddrV4::new(address, port),
                command,
                said: own.join("output"),
                server: None,
            });
        }
        let mut cassandra = Self { nodes, access, folder };
        (0..count).try_for_each(|node| cassandra.spawn(node))?;
        (0..count).try_for_each(|node| cassandra.wait_for(node, count))?;
        cassandra.make_user()?;
        Ok(cassandra)
    }

    fn make_user(&self) -> Result<(), RigError> {
        let Some(access) = &self.access else { return Ok(()) };
        probe::make_user(self.nodes[0].address, access).map_err(doing("the user of a CQL server"))
    }

    /// What a client needs beside the address; nothing if the cluster is open.
    pub fn access(&self) -> Option<&CassandraAccess> {
        self.access.as_ref()
    }

    /// Where clients connect: `127.0.0.1:PORT` and the other nodes, with commas between.
    pub fn contact(&self) -> String {
        let addresses = self.nodes.iter().map(|node| node.address.to_string());
        addresses.collect::<Vec<_>>().join(",")
    }

    /// A way to all nodes: a proxy before each, at the node's address and a port that is the same for
    /// all.
    ///
    /// # Errors
    /// There is no such port.
    pub fn way(&self) -> Result<Vec<Proxy>, RigError> {
        let (first, others) = self.nodes.split_first().ok_or(RigError::NoPort)?;
        let begin = |node: &Node, port| {
            Proxy::at(SocketAddrV4::new(*node.address.ip(), port), node.address)
        };
        let first = begin(first, 0)?;
        let port = first.port();
        let others = others.iter().map(|node| begin(node, port));
        std::iter::once(Ok(first)).chain(others).collect()
    }

    /// Where the data of all nodes is, each in a folder of its own.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// How many nodes there are, running or not.
    pub fn nodes(&self) -> usize {
        self.nodes.len()
    }

    /// The ids of the processes that run.
    pub fn pids(&self) -> Vec<u32> {
        self.nodes.iter().filter_map(|node| node.server.as_ref()).map(Server::pid).collect()
    }

    /// Whether a node answers a query now and knows of so many nodes or more that are part of the
    /// cluster, running or not, itself included.
    pub fn answers(&self, node: usize, nodes: usize) -> bool {
        probe::ready(self.nodes[node].address, self.access.as_ref(), nodes).is_ok()
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

    /// Starts a node again that was ended, with its address and data, and waits until it answers.
    ///
    /// # Errors
    /// It runs, or does not start.
    pub fn restart(&mut self, index: usize) -> Result<(), RigError> {
        if self.nodes[index].server.is_some() {
            return Err(state(index, "runs already"));
        }
        self.spawn(index)?;
        self.wait_for(index, 1)
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

    fn spawn(&mut self, index: usize) -> Result<(), RigError> {
        let node = &mut self.nodes[index];
        let files = (node.said.as_path(), self.folder.path());
        node.server = Some(Server::start(&name(index), files, node.command.iter().cloned())?);
        Ok(())
    }

    fn wait_for(&self, node: usize, nodes: usize) -> Result<(), RigError> {
        let address = self.nodes[node].address;
        let access = self.access.as_ref();
        self.server(node)?.answers(|| probe::ready(address, access, nodes))
    }

    fn server(&self, node: usize) -> Result<&Server, RigError> {
        self.nodes[node].server.as_ref().ok_or_else(|| state(node, "does not run"))
    }

    fn take(&mut self, node: usize) -> Result<Server, RigError> {
        self.nodes[node].server.take().ok_or_else(|| state(node, "does not run"))
    }
}

fn name(node: usize) -> String {
    format!("Cassandra node {}", node + 1)
}

fn state(node: usize, is: &'static str) -> RigError {
    RigError::State { server: name(node), is }
}

/// The addresses of so many nodes.
fn addresses(count: usize) -> Vec<Ipv4Addr> {
    (1..=3).take(count).map(|last| Ipv4Addr::new(127, 0, 0, last)).collect()
}

/// Makes a node's folder, with its settings in it.
fn write_settings(
    folder: &Path,
    (index, count): (usize, usize),
    (port, storage_port): (u16, u16),
    access: Option<&CassandraAccess>,
) -> Result<(), RigError> {
    let addresses: Vec<String> = addresses(count).iter().map(Ipv4Addr::to_string).collect();
    let access = access.map(CassandraAccess::settings);
    let settings = SETTINGS
        .replace("@ACCESS@", access.as_deref().unwrap_or(OPEN))
        .replace("@TOKEN@", TOKENS[index])
        .replace("@ADDRESS@", &addresses[index])
        .replace("@SEEDS@", &addresses.join(","))
        .replace("@PORT@", &port.to_string())
        .replace("@STORAGE_PORT@", &storage_port.to_string())
        .replace("@DATA@", &folder.display().to_string());
    fs::create_dir_all(folder).map_err(at(folder))?;
    for (name, text) in [("cassandra.yaml", settings.as_str()), ("logback.xml", LOGGING)] {
        let file = folder.join(name);
        fs::write(&file, text).map_err(at(&file))?;
    }
    Ok(())
}
