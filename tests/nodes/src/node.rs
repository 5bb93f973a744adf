//! One process of the cluster.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Instant;

use anyhow::{Context, bail};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::usage::Usage;

/// What a node does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Owns shards.
    Orchestrator,
    /// Serves the API.
    Gateway,
    /// Runs the built-in tasks.
    Worker,
}

impl Role {
    /// Its name, which is the command's.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Orchestrator => "orchestrator",
            Self::Gateway => "gateway",
            Self::Worker => "worker",
        }
    }
}

/// A running node. Killed when this is dropped.
#[derive(Debug)]
pub struct Node {
    child: Child,
    said: File,
    /// What it does.
    pub role: Role,
    /// Where it is reached.
    pub url: String,
    /// When its process was started.
    pub begun: Instant,
}

impl Node {
    /// Starts the process and waits until it says where it is, which blocks.
    ///
    /// # Errors
    /// It ends before, with what it said.
    pub fn start(mut command: Command, role: Role) -> anyhow::Result<Self> {
        let mut said = tempfile::tempfile()?;
        command.stdout(Stdio::piped()).stderr(said.try_clone()?);
        let begun = Instant::now();
        let mut child = command.spawn().context("the program cannot be started")?;
        let stdout = child.stdout.take().context("its output was asked for")?;
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line)?;
        if line.is_empty() {
            child.wait()?;
            bail!("the {} did not start: {}", role.as_str(), whole(&mut said)?);
        }
        let told: Value = serde_json::from_str(&line)?;
        let url = told["url"].as_str().context("it does not say where it is")?.to_owned();
        Ok(Self { child, said, role, url, begun })
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What it has used so far.
    ///
    /// # Errors
    /// It has ended.
    pub fn usage(&self) -> anyhow::Result<Usage> {
        Usage::of(self.pid())
    }

    /// Whether its process is there no more.
    ///
    /// # Errors
    /// The system does not say.
    pub fn has_ended(&mut self) -> anyhow::Result<bool> {
        Ok(self.child.try_wait()?.is_some())
    }

    /// Ends it as a loss of power would.
    pub fn kill(self) {
        drop(self);
    }

    /// Stops its clock: it holds what it has and does nothing.
    ///
    /// # Errors
    /// It has ended.
    pub fn pause(&self) -> anyhow::Result<()> {
        self.signal(Signal::STOP)
    }

    /// Lets it go on.
    ///
    /// # Errors
    /// It has ended.
    pub fn resume(&self) -> anyhow::Result<()> {
        self.signal(Signal::CONT)
    }

    /// Asks it to end and waits until it has, which blocks.
    ///
    /// # Errors
    /// It had ended before.
    pub fn terminate(mut self) -> anyhow::Result<ExitStatus> {
        self.signal(Signal::TERM)?;
        Ok(self.child.wait()?)
    }

    /// What it has said on standard error.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn said(&self) -> anyhow::Result<String> {
        Ok(whole(&mut self.said.try_clone()?)?)
    }

    fn signal(&self, signal: Signal) -> anyhow::Result<()> {
        Ok(kill_process(Pid::from_child(&self.child), signal)?)
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
