//! A `flowmill dev` to talk to.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::program::{Ended, command, flowmill};

/// How long a process may take to end that was asked to.
const END_WITHIN: Duration = Duration::from_secs(15);

/// A running server. Killed when this is dropped.
pub(crate) struct Dev {
    child: Child,
    pub(crate) url: String,
    /// What it says on standard error: a file, which never waits for a reader.
    said: File,
}

impl Dev {
    /// Starts a server on a free port and waits until it says that it is ready.
    pub(crate) fn start(data: &Path) -> Self {
        Self::start_with(data, &[])
    }

    /// As [`Dev::start`], with variables in its environment.
    pub(crate) fn start_with(data: &Path, variables: &[(&str, &str)]) -> Self {
        let mut said = tempfile::tempfile().unwrap();
        let mut child = spawn(data, variables, &said);
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        if line.is_empty() {
            panic!("the server did not start: {}", whole(&mut said));
        }
        let ready: Value = serde_json::from_str(&line).unwrap();
        Self { child, url: ready["url"].as_str().unwrap().to_owned(), said }
    }

    /// Runs the program against this server.
    pub(crate) fn flowmill(&self, arguments: &[&str]) -> Ended {
        flowmill(&[arguments, &["--server", &self.url]].concat())
    }

    /// Ends the process as a loss of power would, as far as a process can see.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Asks the process to end, and gives what it said on standard error.
    pub(crate) fn terminate_and_hear(self) -> String {
        let mut said = self.said.try_clone().unwrap();
        assert_eq!(self.terminate().code(), Some(0));
        whole(&mut said)
    }

    /// Asks the process to end, and gives how it did.
    pub(crate) fn terminate(mut self) -> ExitStatus {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
        let deadline = Instant::now() + END_WITHIN;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < deadline, "the process did not end in time");
            std::thread::yield_now();
        }
    }
}

impl Drop for Dev {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Starts a server; it says on standard output when it is ready.
fn spawn(data: &Path, variables: &[(&str, &str)], said: &File) -> Child {
    let mut command = dev(data, "127.0.0.1:0");
    command.envs(variables.iter().copied());
    command.stdout(Stdio::piped()).stderr(said.try_clone().unwrap()).spawn().unwrap()
}

/// All that is in a file.
fn whole(file: &mut File) -> String {
    let mut text = String::new();
    file.rewind().unwrap();
    file.read_to_string(&mut text).unwrap();
    text
}

/// Starts a server whose standard error goes to a file. It dies at the place `dies_at`.
pub(crate) fn spawn_saying_to(
    data: &Path,
    listen: &str,
    said: &Path,
    dies_at: Option<&str>,
) -> Child {
    let said = File::create(said).unwrap();
    let mut command = dev(data, listen);
    command.envs(dies_at.map(|place| ("FLOWMILL_CRASH_AT", place)));
    command.stdout(Stdio::null()).stderr(said).spawn().unwrap()
}

fn dev(data: &Path, listen: &str) -> Command {
    let mut command = command();
    command.args(["dev", "--output", "json", "--listen", listen, "--data-dir"]).arg(data);
    command
}
