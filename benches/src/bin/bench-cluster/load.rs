//! The load: `flowmill bench` in a process of its own.

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, ensure};
use flowmill_nodes::Node;
use serde_json::Value;

use crate::cluster::Cluster;

/// A load that runs.
pub(crate) struct Load(Child);

/// What a load found.
pub(crate) struct Loaded(Value);

impl Load {
    /// Starts to load a gateway. `how` are options of `flowmill bench`.
    pub(crate) fn start(
        cluster: &Cluster<'_>,
        gateway: &Node,
        (warm_up, duration): (Duration, Duration),
        how: &[&str],
    ) -> anyhow::Result<Self> {
        let mut command: Command = cluster.program.command("bench");
        command.args(["--target", &gateway.url, "--json"]).args(how);
        command.args(["--warm-up", &format!("{}s", warm_up.as_secs())]);
        command.args(["--duration", &format!("{}s", duration.as_secs())]);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        Ok(Self(command.spawn().context("flowmill bench")?))
    }

    /// Its process.
    pub(crate) fn pid(&self) -> u32 {
        self.0.id()
    }

    /// Waits for its end.
    pub(crate) async fn end(self) -> anyhow::Result<Loaded> {
        let ended = tokio::task::spawn_blocking(|| self.0.wait_with_output()).await??;
        let report = serde_json::from_slice(&ended.stdout);
        let report: Value = report.with_context(|| format!("flowmill bench: {}", ended.status))?;
        let loaded = Loaded(report);
        let why = &loaded.0["firstFailure"];
        ensure!(loaded.count() > 0.0, "nothing was executed: {why}");
        Ok(loaded)
    }
}

impl Loaded {
    fn figure(&self, path: &str) -> f64 {
        self.0.pointer(path).and_then(Value::as_f64).unwrap_or_default()
    }

    /// Executions that came as far as they were to come.
    pub(crate) fn count(&self) -> f64 {
        self.figure("/completed")
    }

    /// Executions that did not.
    pub(crate) fn failed(&self) -> f64 {
        self.figure("/failed")
    }

    /// Executions a second.
    pub(crate) fn per_second(&self) -> f64 {
        self.figure("/perSecond")
    }

    /// A part of the latency in milliseconds: `p50`, `p95`, `p99` or `max`.
    pub(crate) fn latency(&self, part: &str) -> f64 {
        self.figure(&format!("/latencyMs/{part}"))
    }

    /// The same of a hop.
    pub(crate) fn hop(&self, part: &str) -> f64 {
        self.figure(&format!("/perHopMs/{part}"))
    }
}
