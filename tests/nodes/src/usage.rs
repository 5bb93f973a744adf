//! What a process has used, as Linux counts it.

use anyhow::Context;
use procfs::process::Process;

/// Counters of a process since it began.
#[derive(Clone, Copy, Debug)]
pub struct Usage {
    /// Seconds of processor time of all its threads.
    pub cpu_seconds: f64,
    /// Bytes of memory it holds now.
    pub rss: u64,
    /// The most it has held.
    pub peak_rss: u64,
}

impl Usage {
    /// Reads those of a process.
    ///
    /// # Errors
    /// It is gone.
    pub fn of(pid: u32) -> anyhow::Result<Self> {
        let process = Process::new(i32::try_from(pid)?).context("the process is gone")?;
        let (stat, status) = (process.stat()?, process.status()?);
        let ticks = u32::try_from(stat.utime + stat.stime)?;
        let per_second = u32::try_from(procfs::ticks_per_second())?;
        let bytes = |kilobytes: Option<u64>| kilobytes.unwrap_or_default() * 1024;
        Ok(Self {
            cpu_seconds: f64::from(ticks) / f64::from(per_second),
            rss: bytes(status.vmrss),
            peak_rss: bytes(status.vmhwm),
        })
    }
}

/// Processes by name, and what each had used when they were looked at.
pub struct Processes<'a> {
    processes: &'a [(&'a str, u32)],
    before: Vec<Usage>,
}

impl<'a> Processes<'a> {
    /// Looks at them for the first time.
    ///
    /// # Errors
    /// One is gone.
    pub fn look(processes: &'a [(&'a str, u32)]) -> anyhow::Result<Self> {
        Ok(Self { processes, before: Self::now(processes)? })
    }

    /// What each has used since then, in seconds of processor time, and what it has used now.
    ///
    /// # Errors
    /// One is gone.
    pub fn again(&self) -> anyhow::Result<Vec<(&'a str, f64, Usage)>> {
        let now = Self::now(self.processes)?;
        let pairs = self.processes.iter().zip(self.before.iter().zip(now));
        Ok(pairs
            .map(|((name, _), (before, now))| (*name, now.cpu_seconds - before.cpu_seconds, now))
            .collect())
    }

    fn now(processes: &[(&str, u32)]) -> anyhow::Result<Vec<Usage>> {
        processes.iter().map(|(_, pid)| Usage::of(*pid)).collect()
    }
}

/// A size as a number to print.
#[expect(clippy::cast_precision_loss, reason = "figures are shown with three digits")]
pub fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}
