//! The servers that a cluster stands on.

use std::sync::{LazyLock, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use flowmill_rig::{Cassandra, Kafka, KafkaPlan, KafkaSecurity};
use flowmill_runtime::Entropy;
use scylla::client::session_builder::SessionBuilder;
use tempfile::tempfile;

use super::node::{Node, Role, whole};
use crate::load::ENDED_WITHIN;
use crate::program::{Ended, command};

/// Shared by all tests of this program that leave them in peace.
static SERVERS: LazyLock<Mutex<Servers>> = LazyLock::new(|| Mutex::new(Servers::start()));

/// A broker and a store.
pub(crate) struct Servers {
    pub(crate) kafka: Kafka,
    pub(crate) cql: Cassandra,
}

impl Servers {
    pub(crate) fn start() -> Self {
        let kafka = std::thread::spawn(|| Kafka::start(&KafkaPlan::default()).unwrap());
        let cql = Cassandra::start().unwrap();
        Self { kafka: kafka.join().unwrap(), cql }
    }

    /// A broker that asks for a client's certificate, and a store that asks for a password, both
    /// over TLS.
    pub(crate) fn start_secured() -> Self {
        let plan = KafkaPlan { security: KafkaSecurity::MutualTls, ..KafkaPlan::default() };
        let kafka = std::thread::spawn(move || Kafka::start(&plan).unwrap());
        let cql = Cassandra::start_secured().unwrap();
        Self { kafka: kafka.join().unwrap(), cql }
    }

    fn shared() -> MutexGuard<'static, Self> {
        SERVERS.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// A cluster of Flowmill, made with `flowmill init`.
pub(crate) struct Cluster {
    pub(crate) kafka: String,
    pub(crate) cql: String,
    pub(crate) name: String,
    /// Variables that every node gets.
    pub(crate) variables: Vec<(&'static str, String)>,
}

impl Cluster {
    /// A new cluster on the shared servers.
    pub(crate) fn new(shards: u16) -> Self {
        let servers = Servers::shared();
        let cluster = Self::on(&servers);
        drop(servers);
        cluster.init(&["--shards", &shards.to_string()]).with_code(0);
        cluster
    }

    /// A name of its own on servers, where nothing is made yet.
    pub(crate) fn on(servers: &Servers) -> Self {
        Self {
            kafka: servers.kafka.bootstrap(),
            cql: servers.cql.contact(),
            name: format!("test{:08x}", Entropy::system().next() >> 32),
            variables: vec![],
        }
    }

    /// A name of its own on the shared servers, where nothing is made yet.
    pub(crate) fn unmade() -> Self {
        Self::on(&Servers::shared())
    }

    /// Runs `flowmill init`.
    pub(crate) fn init(&self, arguments: &[&str]) -> Ended {
        self.flowmill(&[&["init", "--single-broker"], arguments].concat())
    }

    /// Runs the program with this cluster's addresses.
    pub(crate) fn flowmill(&self, arguments: &[&str]) -> Ended {
        let places = ["--kafka", &self.kafka, "--cql", &self.cql, "--cluster", &self.name];
        let mut command = command();
        command.args([arguments, &places].concat());
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        // Files, which nobody has to read for the process to go on.
        let (mut stdout, mut stderr) = (tempfile().unwrap(), tempfile().unwrap());
        command.stdout(stdout.try_clone().unwrap()).stderr(stderr.try_clone().unwrap());
        let mut child = command.spawn().unwrap();
        let deadline = Instant::now() + ENDED_WITHIN;
        let status = loop {
            if let Some(status) = child.try_wait().unwrap() {
                break status;
            }
            if Instant::now() >= deadline {
                child.kill().unwrap();
                panic!("it does not end: {}", whole(&mut stderr));
            }
            std::thread::sleep(Duration::from_millis(5));
        };
        Ended { code: status.code(), stdout: whole(&mut stdout), stderr: whole(&mut stderr) }
    }

    /// Runs a statement on the store.
    pub(crate) async fn cql(&self, statement: &str) {
        let session = SessionBuilder::new().known_node(&self.cql).build().await.unwrap();
        session.query_unpaged(statement, ()).await.unwrap();
    }

    /// Starts a node and waits until it says that it is ready.
    pub(crate) fn node(&self, role: Role) -> Node {
        self.node_with(role, &[])
    }

    /// As [`Cluster::node`], with variables of its own.
    pub(crate) fn node_with(&self, role: Role, variables: &[(&str, &str)]) -> Node {
        Node::start(self, role, "127.0.0.1:0", variables)
    }

    /// As [`Cluster::node`], at an address that it has again when it is started again.
    pub(crate) fn node_at(&self, role: Role, listen: &str) -> Node {
        Node::start(self, role, listen, &[])
    }
}

/// How long a whole cluster may take to be as expected.
pub(crate) const SOON: Duration = Duration::from_secs(60);
