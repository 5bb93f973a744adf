//! One server process under a guard.
//!
//! The guard is a shell that holds one end of a pipe whose other end is here. When that end is
//! closed, by us or by the system because this process is gone, the guard kills the server.

use std::ffi::OsString;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::RigError;
use crate::error::{at, doing};

/// Starts the server, says its pid, and kills it and deletes its data once nobody holds the pipe
/// any more.
const GUARD: &str = r#"
said=$1; data=$2; shift 2
"$@" </dev/null >>"$said" 2>&1 &
echo $!
exec >/dev/null
read -r word
[ "$word" = gone ] && exit
kill -KILL $!
wait
rm -rf "$data"
"#;

/// How long a server may take to end.
const END_WITHIN: Duration = Duration::from_secs(60);

/// How long a server may take to answer for the first time.
const ANSWER_WITHIN: Duration = Duration::from_secs(180);

/// Pause between two looks.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// Bytes of a server's output that an error quotes.
const QUOTED: usize = 4_000;

/// A folder for the data of servers, gone when it is dropped; in that of temporary files unless
/// another one is said.
pub(crate) fn folder(prefix: &str, within: Option<&Path>) -> Result<TempDir, RigError> {
    let within = within.map_or_else(std::env::temp_dir, Path::to_owned);
    let made = tempfile::Builder::new().prefix(prefix).tempdir_in(within);
    made.map_err(doing("a temporary folder"))
}

/// A process that runs.
#[derive(Debug)]
pub(crate) struct Server {
    name: String,
    guard: Child,
    lifeline: Option<ChildStdin>,
    pid: Pid,
    said: PathBuf,
}

impl Server {
    /// Starts a command; what it says is added to the file `said`, and the folder `data` is deleted
    /// if this process ends without a word.
    pub(crate) fn start(
        name: &str,
        (said, data): (&Path, &Path),
        command: impl IntoIterator<Item = OsString>,
    ) -> Result<Self, RigError> {
        let mut guard = Command::new("sh");
        guard.args(["-c", GUARD, "guard"]).arg(said).arg(data).args(command);
        let mut guard = guard
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(doing("sh"))?;
        let lifeline = guard.stdin.take();
        let mut line = String::new();
        let stdout = guard.stdout.take().expect("it was asked for");
        BufReader::new(stdout).read_line(&mut line).map_err(doing("the pid of a server"))?;
        let pid = line.trim().parse().ok().and_then(Pid::from_raw).ok_or_else(|| {
            doing("the pid of a server")(std::io::Error::other(format!("`{line}` is none")))
        })?;
        Ok(Self { name: name.to_owned(), guard, lifeline, pid, said: said.to_owned() })
    }

    /// Waits until `probe` has no objection any more.
    pub(crate) fn answers(&self, probe: impl Fn() -> Result<(), String>) -> Result<(), RigError> {
        let deadline = Instant::now() + ANSWER_WITHIN;
        loop {
            let Err(why) = probe() else { return Ok(()) };
            let server = self.name.clone();
            if !self.is_running() {
                return Err(RigError::Ended { server, said: self.said_last() });
            }
            if Instant::now() >= deadline {
                return Err(RigError::Silent { server, why, said: self.said_last() });
            }
            sleep(LOOK_AGAIN);
        }
    }

    /// The process's id.
    pub(crate) fn pid(&self) -> u32 {
        self.pid.as_raw_nonzero().get().unsigned_abs()
    }

    fn is_running(&self) -> bool {
        is_running(self.pid())
    }

    /// Sends a signal.
    pub(crate) fn signal(&self, signal: Signal) -> Result<(), RigError> {
        kill_process(self.pid, signal).map_err(|error| doing(&self.name)(error.into()))
    }

    /// Ends the process at once.
    pub(crate) fn kill(mut self) -> Result<(), RigError> {
        self.end(Signal::KILL)
    }

    /// Asks the process to end, and waits until it has.
    pub(crate) fn terminate(mut self) -> Result<(), RigError> {
        self.end(Signal::TERM)
    }

    fn end(&mut self, signal: Signal) -> Result<(), RigError> {
        if self.is_running() {
            self.signal(signal)?;
            // A paused process sees nothing else until it goes on.
            self.signal(Signal::CONT)?;
        }
        let deadline = Instant::now() + END_WITHIN;
        while self.is_running() {
            if Instant::now() >= deadline {
                return Err(RigError::Endless(self.name.clone()));
            }
            sleep(LOOK_AGAIN);
        }
        if let Some(mut lifeline) = self.lifeline.take() {
            // A guard that is gone already needs no word.
            drop(lifeline.write_all(b"gone\n"));
        }
        self.guard.wait().map(drop).map_err(doing("sh"))
    }

    fn said_last(&self) -> String {
        let said = fs::read(&self.said).map_err(at(&self.said));
        let said = said.unwrap_or_else(|error| error.to_string().into_bytes());
        let from = said.len().saturating_sub(QUOTED);
        String::from_utf8_lossy(&said[from..]).trim().to_owned()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if self.lifeline.is_some() {
            // Should that fail, the guard kills it as soon as the pipe is closed.
            drop(self.end(Signal::KILL));
        }
    }
}

/// Whether a process runs: it is there, and does not only wait to be forgotten.
pub fn is_running(pid: u32) -> bool {
    let Ok(stat) = fs::read_to_string(format!("/proc/{pid}/stat")) else { return false };
    // The name in parentheses may hold anything.
    let Some((_, fields)) = stat.rsplit_once(") ") else { return false };
    let mut fields = fields.split(' ');
    let is_over = matches!(fields.next(), None | Some("Z" | "X"));
    // The first thread may be over while others still hold files and sockets.
    let threads = fields.nth(16).and_then(|count| count.parse().ok()).unwrap_or(0_u32);
    !is_over || threads > 1
}
