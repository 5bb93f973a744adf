//! What this process has used so far, as the operating system counts it. Linux only; elsewhere
//! the figures are left out.

use std::fs;

/// Ticks of `/proc/self/stat` in a second; Linux shows 100 to programs whatever it uses itself.
const TICKS: f64 = 100.0;

/// Counters of this process since it began.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Usage {
    /// CPU seconds of all its threads, in user and kernel mode.
    pub(crate) cpu_seconds: Option<f64>,
    /// The most memory it has held, in bytes.
    pub(crate) peak_rss: Option<u64>,
    /// The memory it holds now, in bytes.
    pub(crate) rss: Option<u64>,
    /// Bytes it gave to write calls: to files above all, also to sockets and pipes. The kernel's
    /// count of bytes written to storage is no use here: it counts whole pages, however large.
    pub(crate) written: Option<u64>,
}

impl Usage {
    /// Reads the counters.
    pub(crate) fn now() -> Self {
        let status = read("status");
        let kilobytes =
            |name| status.as_deref().and_then(|text| field(text, name)).map(|kb| kb * 1024);
        Self {
            cpu_seconds: read("stat").as_deref().and_then(cpu_seconds),
            peak_rss: kilobytes("VmHWM:"),
            rss: kilobytes("VmRSS:"),
            written: read("io").as_deref().and_then(|text| field(text, "wchar:")),
        }
    }
}

fn read(name: &str) -> Option<String> {
    fs::read_to_string(format!("/proc/self/{name}")).ok()
}

/// The number after `name` at the beginning of a line.
pub(crate) fn field(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}

/// User and kernel time: fields 14 and 15. The name before them may hold spaces and brackets.
fn cpu_seconds(stat: &str) -> Option<f64> {
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_whitespace().skip(11);
    let user: u32 = fields.next()?.parse().ok()?;
    let kernel: u32 = fields.next()?.parse().ok()?;
    Some((f64::from(user) + f64::from(kernel)) / TICKS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_are_found_in_the_kernels_texts() {
        let stat = "4711 (a (b) c) S 1 2 3 4 5 6 7 8 9 10 250 50 13 14 20 0 3";
        assert_eq!(cpu_seconds(stat), Some(3.0));
        let status = "Name:\tflowmill\nVmHWM:\t  2048 kB\nVmRSS:\t  1024 kB\n";
        assert_eq!(field(status, "VmHWM:"), Some(2048));
        assert_eq!(field(status, "VmSwap:"), None);
    }
}
