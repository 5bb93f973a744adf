//! One process of a cluster.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::servers::Cluster;
use crate::program::command;

/// How long a process may take to end that was asked to.
const END_WITHIN: Duration = Duration::from_secs(30);

/// What a node does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    Server,
    Gateway,
    Orchestrator,
    Worker,
}

impl Role {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Server => "server",
            Self::Gateway => "gateway",
            Self::Orchestrator => "orchestrator",
            Self::Worker => "worker",
        }
    }
}

/// A running node. Killed when this is dropped.
pub(crate) struct Node {
    child: Child,
    /// Where it is reached.
    pub(crate) url: String,
    said: File,
}

impl Node {
    /// Starts a node that listens there, with variables of its own, and waits until it says that
    /// it is ready.
    pub(super) fn start(
        cluster: &Cluster,
        role: Role,
        listen: &str,
        variables: &[(&str, &str)],
    ) -> Self {
        let mut said = tempfile::tempfile().unwrap();
        let mut command = node(cluster, role, listen, variables);
        command.stdout(Stdio::piped()).stderr(said.try_clone().unwrap());
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        if line.is_empty() {
            panic!("the {} did not start: {}", role.as_str(), whole(&mut said));
        }
        let ready: Value = serde_json::from_str(&line).unwrap();
        Self { child, url: ready["url"].as_str().unwrap().to_owned(), said }
    }

    /// Its process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// `HOST:PORT` of where it is reached.
    pub(crate) fn address(&self) -> String {
        self.url.trim_start_matches("http://").to_owned()
    }

    /// Ends the process as a loss of power would.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Sends a signal, by its name.
    pub(crate) fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args([name, &id]).status().unwrap().success());
    }

    /// Asks the process to end; gives how it did and what it had said on standard error.
    pub(crate) fn terminate(self) -> (ExitStatus, String) {
        self.signal("-TERM");
        self.ended()
    }

    /// Waits until the process has ended; gives how it did and what it had said on standard error.
    pub(crate) fn ended(mut self) -> (ExitStatus, String) {
        let deadline = Instant::now() + END_WITHIN;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return (status, whole(&mut self.said));
            }
            assert!(Instant::now() < deadline, "the process did not end in time");
            std::thread::yield_now();
        }
    }

    /// What it has said on standard error.
    pub(crate) fn said(&self) -> String {
        whole(&mut self.said.try_clone().unwrap())
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
        if std::thread::panicking() {
            println!("{} said:\n{}", self.url, self.said());
        }
    }
}

/// What starts a node; it says on standard output when it is ready.
pub(super) fn node(
    cluster: &Cluster,
    role: Role,
    listen: &str,
    variables: &[(&str, &str)],
) -> Command {
    let mut command = command();
    command.args([role.as_str(), "--output", "json", "--listen", listen]);
    command.args(["--kafka", &cluster.kafka, "--cql", &cluster.cql]);
    command.args(["--cluster", &cluster.name, "--outgoing-allow", "loopback"]);
    command.envs(cluster.variables.iter().map(|(name, value)| (name, value)));
    command.envs(variables.iter().copied());
    command
}

/// All that is in a file.
pub(super) fn whole(file: &mut File) -> String {
    let mut text = String::new();
    file.rewind().unwrap();
    file.read_to_string(&mut text).unwrap();
    text
}
