//! What a run found, for people and for programs.

use std::time::Duration;

use serde::Serialize;

use super::disk::Fsync;
use super::load::{Loop, Measured};
use super::machine::Machine;
use super::process::Usage;
use super::target::Until;
use super::workload::Workload;
use crate::duration::show;
use crate::latency::Latencies;
use crate::table::Table;

/// What a run found.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Report {
    version: &'static str,
    workload: &'static str,
    target: String,
    /// When an append counts as done; not known of a server.
    durability: Option<&'static str>,
    load: Load,
    /// Up to where latency counts.
    until: &'static str,
    seconds: f64,
    completed: u64,
    failed: u64,
    first_failure: Option<String>,
    per_second: f64,
    latency_ms: Latency,
    /// End to end divided by the tasks in a row.
    per_hop_ms: Option<Latency>,
    /// Of the whole process, the load included; not known of a server.
    cpu_seconds_per_thousand: Option<f64>,
    peak_rss_bytes: Option<u64>,
    bytes_written_per_execution: Option<f64>,
    /// Of the disk that the data is on, taken just before.
    fsync: Option<Fsync>,
    machine: Machine,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "loop")]
enum Load {
    Closed { concurrency: u32 },
    Open { rate_per_second: u32 },
}

#[derive(Clone, Copy, Debug, Serialize)]
struct Latency {
    p50: f64,
    p95: f64,
    p99: f64,
    max: f64,
}

/// What a run was, beside its figures.
pub(crate) struct Setting {
    /// What was executed.
    pub(crate) workload: Workload,
    /// What was loaded.
    pub(crate) target: String,
    /// How.
    pub(crate) load: Loop,
    /// Up to where an execution was timed.
    pub(crate) until: Until,
    /// When an append counted as done.
    pub(crate) durability: Option<&'static str>,
    /// How fast the disk is.
    pub(crate) fsync: Option<Fsync>,
    /// What the process had used before and after; `None` when another process did the work.
    pub(crate) usage: Option<(Usage, Usage)>,
}

impl Report {
    /// Puts figures together.
    pub(crate) fn new(setting: Setting, measured: Measured) -> Self {
        let Setting { workload, target, load, until, durability, fsync, usage } = setting;
        let completed = measured.latency.count();
        let seconds = measured.elapsed.as_secs_f64();
        let latency = Latency::of(&measured.latency);
        let hops = if until == Until::Ended { f64::from(workload.hops()) } else { 0.0 };
        let used = |of: fn(&Usage) -> Option<f64>| {
            let (before, after) = usage.as_ref()?;
            Some(of(after)? - of(before)?).filter(|_| completed > 0)
        };
        let executions = to_float(completed);
        let cpu = used(|usage| usage.cpu_seconds);
        let written = used(|usage| usage.written.map(to_float));
        Self {
            version: env!("CARGO_PKG_VERSION"),
            workload: workload.as_str(),
            target,
            durability,
            load: Load::from(load),
            until: until.as_str(),
            seconds,
            completed,
            failed: measured.failed,
            first_failure: measured.first_failure,
            per_second: executions / seconds,
            latency_ms: latency,
            per_hop_ms: (hops > 0.0).then(|| latency.divided(hops)),
            cpu_seconds_per_thousand: cpu.map(|cpu| cpu / executions * 1e3),
            peak_rss_bytes: usage.and_then(|(_, after)| after.peak_rss),
            bytes_written_per_execution: written.map(|written| written / executions),
            fsync,
            machine: Machine::this(),
        }
    }

    /// Whether everything that was started completed.
    pub(crate) const fn is_whole(&self) -> bool {
        self.failed == 0 && self.completed > 0
    }

    /// The report as a table.
    pub(crate) fn table(&self) -> Table {
        let mut table = Table::plain();
        let mut row = |name: &str, value: String| table.row([name, &value]);
        row("workload", format!("{}, {}, for {:.1} s", self.workload, self.load, self.seconds));
        row("target", self.target.clone());
        row(self.until, format!("{} ({:.0}/s)", self.completed, self.per_second));
        if let Some(why) = &self.first_failure {
            row("failed", format!("{}, the first because: {why}", self.failed));
        }
        row("latency", self.latency_ms.to_string());
        let optional = [
            ("per hop", self.per_hop_ms.map(|latency| latency.to_string())),
            ("cpu", self.cpu_seconds_per_thousand.map(|s| format!("{s:.3} s per thousand"))),
            (
                "memory",
                self.peak_rss_bytes.map(|bytes| format!("{} MB at most", bytes / 1_000_000)),
            ),
            (
                "written",
                self.bytes_written_per_execution.map(|b| format!("{b:.0} bytes per execution")),
            ),
            ("fsync", self.fsync.map(|fsync| fsync.to_string())),
            ("durability", self.durability.map(str::to_owned)),
        ];
        for (name, value) in optional {
            if let Some(value) = value {
                row(name, value);
            }
        }
        row("machine", self.machine.to_string());
        table
    }
}

impl From<Loop> for Load {
    fn from(load: Loop) -> Self {
        match load {
            Loop::Closed(concurrency) => Self::Closed { concurrency: concurrency.get() },
            Loop::Open(rate) => Self::Open { rate_per_second: rate.get() },
        }
    }
}

impl std::fmt::Display for Load {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Closed { concurrency } => write!(f, "{concurrency} in flight"),
            Self::Open { rate_per_second } => write!(f, "{rate_per_second} starts a second"),
        }
    }
}

impl Latency {
    fn of(latencies: &Latencies) -> Self {
        let millis = |latency: Duration| latency.as_secs_f64() * 1e3;
        let at = |part| millis(latencies.quantile(part));
        Self { p50: at(0.5), p95: at(0.95), p99: at(0.99), max: millis(latencies.max()) }
    }

    fn divided(self, by: f64) -> Self {
        let Self { p50, p95, p99, max } = self;
        Self { p50: p50 / by, p95: p95 / by, p99: p99 / by, max: max / by }
    }
}

impl std::fmt::Display for Latency {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text = |millis: f64| show(Duration::from_secs_f64(millis / 1e3));
        let Self { p50, p95, p99, max } = *self;
        write!(f, "p50 {}, p95 {}, p99 {}, max {}", text(p50), text(p95), text(p99), text(max))
    }
}

impl std::fmt::Display for Fsync {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "p50 {:.3} ms, max {:.3} ms", self.p50_ms, self.max_ms)
    }
}

impl std::fmt::Display for Machine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let cpu = self.cpu.as_deref().unwrap_or("unknown processor");
        write!(f, "{cpu}, {} cores", self.cores)?;
        if let Some(bytes) = self.memory_bytes {
            write!(f, ", {} GB", bytes / 1_000_000_000)?;
        }
        write!(f, ", {}", self.os)
    }
}

/// A count as a number to calculate with.
#[expect(clippy::cast_precision_loss, reason = "figures are shown with three digits")]
const fn to_float(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use super::*;

    #[test]
    fn figures_are_per_execution_and_per_hop() {
        let mut latency = Latencies::new();
        (0..1_000).for_each(|_| latency.record(Duration::from_millis(6)));
        let measured =
            Measured { latency, failed: 0, first_failure: None, elapsed: Duration::from_secs(2) };
        let usage = |cpu, written| Usage {
            cpu_seconds: Some(cpu),
            written: Some(written),
            ..Usage::default()
        };
        let setting = Setting {
            workload: Workload::ThreeTasks,
            target: "embedded".into(),
            load: Loop::Closed(NonZeroU32::MIN),
            until: Until::Ended,
            durability: Some("fsync"),
            fsync: None,
            usage: Some((usage(1.0, 0), usage(2.5, 5_000))),
        };
        let report = Report::new(setting, measured);
        assert_eq!((report.per_second, report.cpu_seconds_per_thousand), (500.0, Some(1.5)));
        assert_eq!(report.bytes_written_per_execution, Some(5.0));
        assert!((report.per_hop_ms.unwrap().p50 - 2.0).abs() < 0.01);
        assert!(report.is_whole());
        let json = serde_json::to_value(&report).unwrap();
        assert_eq!(json["load"]["concurrency"], 1);
    }
}
