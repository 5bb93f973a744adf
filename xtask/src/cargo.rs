//! Commands, run in the workspace's root.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::suites::Failure;

/// The workspace's root.
pub(crate) fn root() -> PathBuf {
    // Clones that share a target folder share this program, so the folder it was built in may be
    // another one's.
    let here = std::env::var_os("CARGO_MANIFEST_DIR");
    let here = here.map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
    here.parent().expect("this crate is a folder of the workspace").to_owned()
}

/// Where cargo puts what it builds.
pub(crate) fn target() -> PathBuf {
    let told = std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
    root().join(told.unwrap_or_else(|| "target".into()))
}

/// A command that runs in the workspace's root.
pub(crate) fn command(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    command.current_dir(root());
    command
}

/// The cargo that runs this program, with these arguments.
pub(crate) fn cargo<'a>(arguments: impl IntoIterator<Item = &'a str>) -> Command {
    let mut cargo = command(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(arguments);
    cargo
}

/// Runs a command that writes where this program writes.
pub(crate) fn run(mut command: Command) -> Result<(), Failure> {
    println!("$ {}", shown(&command));
    let status = command.status().map_err(|error| format!("it cannot be run: {error}"))?;
    if status.success() { Ok(()) } else { Err(status.to_string()) }
}

/// Runs a command and hands back what it wrote to standard output; `watch` sees each line as it
/// comes. Standard error goes where this program's goes.
pub(crate) fn output(mut command: Command, watch: impl Fn(&str)) -> Result<String, Failure> {
    println!("$ {}", shown(&command));
    let cannot = |error| format!("it cannot be run: {error}");
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().map_err(cannot)?;
    let stdout = child.stdout.take().expect("it was asked for");
    let mut text = String::new();
    for line in BufReader::new(stdout).lines() {
        let line = line.map_err(cannot)?;
        watch(&line);
        text.push_str(&line);
        text.push('\n');
    }
    let status = child.wait().map_err(cannot)?;
    if status.success() { Ok(text) } else { Err(status.to_string()) }
}

/// The command as a person would type it.
pub(crate) fn shown(command: &Command) -> String {
    let set = command.get_envs().filter_map(|(name, value)| {
        value.map(|value| format!("{}={}", name.display(), value.display()))
    });
    let program = Path::new(command.get_program()).file_name().unwrap_or_default();
    let words = std::iter::once(program).chain(command.get_args());
    set.chain(words.map(|word| word.display().to_string())).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_shown_as_it_would_be_typed() {
        let mut docs = Command::new("/opt/bin/cargo");
        docs.args(["doc", "--no-deps"]).env("RUSTDOCFLAGS", "--deny");
        assert_eq!(shown(&docs), "RUSTDOCFLAGS=--deny cargo doc --no-deps");
    }

    #[test]
    fn a_command_that_ends_badly_is_a_failure_that_says_how() {
        assert_eq!(run(cargo(["no-such-subcommand"])), Err("exit status: 101".to_owned()));
    }
}
