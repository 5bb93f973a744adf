//! What the figures were taken on.

use std::fs;
use std::thread::available_parallelism;

use serde::Serialize;

use super::process::field;

/// A machine, in the words of its operating system. What is not known is left out.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Machine {
    /// The processor's name.
    pub(crate) cpu: Option<String>,
    /// Cores that this process may use.
    pub(crate) cores: usize,
    /// Bytes of memory.
    pub(crate) memory_bytes: Option<u64>,
    /// The operating system and its version.
    pub(crate) os: String,
}

impl Machine {
    /// This one.
    pub(crate) fn this() -> Self {
        let cpu = fs::read_to_string("/proc/cpuinfo").ok();
        let memory = fs::read_to_string("/proc/meminfo").ok();
        let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        Self {
            cpu: cpu.as_deref().and_then(cpu_name),
            cores: available_parallelism().map_or(1, usize::from),
            memory_bytes: memory.and_then(|text| field(&text, "MemTotal:")).map(|kb| kb * 1024),
            os: format!("{} {}", std::env::consts::OS, release.trim()).trim_end().to_owned(),
        }
    }
}

fn cpu_name(cpuinfo: &str) -> Option<String> {
    let line = cpuinfo.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}
