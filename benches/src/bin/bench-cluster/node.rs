//! One process of the cluster.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use anyhow::{Context, bail};
use serde_json::Value;

use crate::usage::Usage;

/// What a node does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// Owns shards.
    Orchestrator,
    /// Serves the API.
    Gateway,
}

impl Role {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Orchestrator => "orchestrator",
            Self::Gateway => "gateway",
        }
    }
}

/// A running node. Killed when this is dropped.
pub(crate) struct Node {
    child: Child,
    /// Where it is reached.
    pub(crate) url: String,
    /// When its process was started.
    pub(crate) begun: Instant,
}

impl Node {
    /// Starts the process and waits until it says where it is, which blocks.
    pub(crate) fn start(mut command: Command, role: Role) -> anyhow::Result<Self> {
        let mut said = tempfile::tempfile()?;
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(said.try_clone()?);
        let begun = Instant::now();
        let mut child = command.spawn().context("the program cannot be started")?;
        let stdout = child.stdout.take().context("its output was asked for")?;
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line)?;
        if line.is_empty() {
            bail!("the {} did not start: {}", role.as_str(), whole(&mut said)?);
        }
        let told: Value = serde_json::from_str(&line)?;
        let url = told["url"].as_str().context("it does not say where it is")?.to_owned();
        Ok(Self { child, url, begun })
    }

    /// Its process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What it has used so far.
    pub(crate) fn usage(&self) -> anyhow::Result<Usage> {
        Usage::of(self.pid())
    }

    /// Ends it as a loss of power would.
    pub(crate) fn kill(self) {
        drop(self);
    }

    /// Asks it to end and waits until it has, which blocks.
    pub(crate) fn terminate(mut self) -> anyhow::Result<()> {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM)?;
        self.child.wait()?;
        Ok(())
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn whole(file: &mut File) -> std::io::Result<String> {
    let mut text = String::new();
    file.rewind()?;
    file.read_to_string(&mut text)?;
    Ok(text)
}
