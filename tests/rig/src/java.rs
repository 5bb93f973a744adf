//! Finds the Java that the servers run on.
//!
//! Cassandra 5.0 runs on version 17 only, Kafka 4 on 17 or later: so 17 serves both.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::RigError;

/// For servers that are needed for moments: little memory, and the first compiler alone, which
/// halves the time until one answers.
const BRIEF: &[&str] =
    &["-Xms128m", "-Xmx512m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", REPORT];

/// For servers that run for minutes and are measured: room enough that they work as they do
/// where they have a machine's memory.
const OPTIMISED: &[&str] = &["-Xms2g", "-Xmx2g", "-XX:+UseG1GC", REPORT];

/// Where a machine that crashes reports: with what it says, not in a file beside whoever started it.
const REPORT: &str = "-XX:+ErrorFileToStderr";

/// What a server's virtual machine is given.
pub(crate) const fn options(optimised: bool) -> &'static [&'static str] {
    if optimised { OPTIMISED } else { BRIEF }
}

/// Where Linux distributions put their JDKs.
const USUAL_PLACE: &str = "/usr/lib/jvm";

/// The `java` of a JDK 17.
pub(crate) fn find() -> Result<PathBuf, RigError> {
    let set = std::env::var_os("JAVA_HOME").map(PathBuf::from);
    let mut usual: Vec<PathBuf> = std::fs::read_dir(USUAL_PLACE)
        .map(|entries| entries.filter_map(Result::ok).map(|entry| entry.path()).collect())
        .unwrap_or_default();
    usual.sort();
    let homes = set.into_iter().chain(usual).map(|home| home.join("bin/java"));
    let found = homes.chain([PathBuf::from("java")]).find(|java| is_17(java));
    found.ok_or(RigError::NoJava)
}

/// What a `java` says its version is, such as `17.0.12`; nothing if it does not run.
pub(crate) fn version(java: &Path) -> String {
    let Ok(said) = Command::new(java).arg("-version").output() else { return String::new() };
    let said = String::from_utf8_lossy(&said.stderr);
    said.split('"').nth(1).unwrap_or_default().to_owned()
}

fn is_17(java: &Path) -> bool {
    version(java).starts_with("17.")
}
