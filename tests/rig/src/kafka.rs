//! Apache Kafka: one node or three, each broker and controller in one process.

mod probe;

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::process::Signal;
use tempfile::TempDir;

use crate::cache::Jars;
use crate::error::{at, doing};
use crate::server::Server;
use crate::{RigError, java, ports};

const JARS: Jars = Jars { name: "kafka-4.3.1", project: include_str!("kafka/pom.xml") };

const LOGGING: &str = include_str!("kafka/log4j2.properties");

/// Characters of a cluster's id but the last.
const ID_CHARS: usize = 21;

/// What a cluster is to be like.
#[derive(Clone, Debug, Default)]
pub struct KafkaPlan {
    /// How many nodes; 0 stands for 1.
    pub nodes: usize,
    /// Broker settings, over those of the rig.
    pub settings: Vec<(String, String)>,
}

/// A running Kafka cluster. Gone with its data when it is dropped.
#[derive(Debug)]
pub struct Kafka {
    nodes: Vec<Node>,
    java: PathBuf,
    class_path: OsString,
    /// The last to be dropped.
    folder: TempDir,
}

#[derive(Debug)]
struct Node {
    /// Where clients connect, on 127.0.0.1.
    port: u16,
    /// Where controllers connect.
    controller: u16,
    folder: PathBuf,
    server: Option<Server>,
}

impl Kafka {
    /// Starts a cluster and waits until it answers.
    ///
    /// # Errors
    /// Java or Maven is missing, the jars cannot be fetched, or a node does not start.
    pub fn start(plan: &KafkaPlan) -> Result<Self, RigError> {
        let count = plan.nodes.max(1);
        let (java, class_path) = (java::find()?, JARS.class_path()?);
        let folder = tempfile::Builder::new().prefix("flowmill-kafka-").tempdir();
        let folder = folder.map_err(doing("a temporary folder"))?;
        let ports = ports::free(2 * count)?;
        let nodes = ports.chunks(2).enumerate().map(|(index, ports)| Node {
            port: ports[0],
            controller: ports[1],
            folder: folder.path().join(format!("node-{}", index + 1)),
            server: None,
        });
        let mut kafka = Self { nodes: nodes.collect(), java, class_path, folder };
        kafka.format(plan)?;
        (0..count).try_for_each(|node| kafka.spawn(node))?;
        (0..count).try_for_each(|node| kafka.wait_for(node, count))?;
        Ok(kafka)
    }

    /// The addresses of all nodes, as clients take them: `127.0.0.1:PORT`, with commas between.
    pub fn bootstrap(&self) -> String {
        let addresses = self.nodes.iter().map(|node| format!("127.0.0.1:{}", node.port));
        addresses.collect::<Vec<_>>().join(",")
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
        let mut tool = Command::new(&self.java);
        tool.args(["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xmx256m"]);
        tool.arg(self.logging_option()).arg("-cp").arg(&self.class_path).arg(class);
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

    /// Writes each node's settings and formats its storage.
    fn format(&self, plan: &KafkaPlan) -> Result<(), RigError> {
        let logging = self.logging();
        fs::write(&logging, LOGGING).map_err(at(&logging))?;
        let id = cluster_id();
        for (index, node) in self.nodes.iter().enumerate() {
            fs::create_dir_all(&node.folder).map_err(at(&node.folder))?;
            let settings = node.settings();
            fs::write(&settings, self.properties(index, plan)).map_err(at(&settings))?;
            let mut tool = self.tool("kafka.tools.StorageTool");
            tool.args(["format", "-t", &id, "-c"]).arg(&settings);
            let ended = tool.output().map_err(at(&self.java))?;
            if !ended.status.success() {
                let said = [ended.stdout, ended.stderr].concat();
                let said = String::from_utf8_lossy(&said).trim().to_owned();
                return Err(RigError::Ended { server: "the storage tool".into(), said });
            }
        }
        Ok(())
    }

    fn spawn(&mut self, index: usize) -> Result<(), RigError> {
        let node = &self.nodes[index];
        let mut command: Vec<OsString> = vec![self.java.clone().into()];
        let options = ["-Xms128m", "-Xmx512m", "-XX:+UseSerialGC", "-XX:+ExitOnOutOfMemoryError"];
        // The first compiler alone halves the time until a broker answers.
        command.extend(options.into_iter().chain(["-XX:TieredStopAtLevel=1"]).map(Into::into));
        command.extend([self.logging_option(), "-cp".into(), self.class_path.clone()]);
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

    fn logging(&self) -> PathBuf {
        self.folder.path().join("log4j2.properties")
    }

    fn logging_option(&self) -> OsString {
        let mut option = OsString::from("-Dlog4j2.configurationFile=");
        option.push(self.logging());
        option
    }

    fn properties(&self, index: usize, plan: &KafkaPlan) -> String {
        let node = &self.nodes[index];
        let voters = self.nodes.iter().enumerate();
        let voters = voters.map(|(id, n)| format!("{}@127.0.0.1:{}", id + 1, n.controller));
        let voters = voters.collect::<Vec<_>>().join(",");
        let (port, controller) = (node.port, node.controller);
        let replicas = self.nodes.len().min(3).to_string();
        let in_sync = if self.nodes.len() >= 3 { "2" } else { "1" };
        let mut properties = include_str!("kafka/server.properties")
            .replace("@ID@", &(index + 1).to_string())
            .replace("@VOTERS@", &voters)
            .replace("@PORT@", &port.to_string())
            .replace("@CONTROLLER@", &controller.to_string())
            .replace("@DATA@", &node.folder.join("data").display().to_string())
            .replace("@REPLICAS@", &replicas)
            .replace("@IN_SYNC@", in_sync);
        // Of two settings with one name the later counts.
        for (name, value) in &plan.settings {
            properties.push_str(&format!("{name}={value}\n"));
        }
        properties
    }
}

impl Node {
    fn settings(&self) -> PathBuf {
        Path::new(&self.folder).join("server.properties")
    }
}

fn name(node: usize) -> String {
    format!("Kafka node {}", node + 1)
}

/// 16 random bytes in Kafka's base64. The last character holds two bits only.
fn cluster_id() -> String {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    let mut random = [0; ID_CHARS];
    getrandom::fill(&mut random).expect("the system has random numbers");
    let letter = |byte: &u8| char::from(ALPHABET[usize::from(*byte) % ALPHABET.len()]);
    random.iter().map(letter).chain(['A']).collect()
}
