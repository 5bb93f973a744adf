//! `flowmill-rig`: real servers to try things on.
//!
//! `up` starts a holder in the background, which starts the servers and ends with them; `down` ends
//! the holder. What runs is in a state file.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "printing is this program's job")]

mod holder;

use std::fs;
use std::io::{BufRead, BufReader, ErrorKind};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use clap::{Parser, Subcommand};
use flowmill_rig::{Jaeger, cache_folder, is_running};
use rustix::process::{Pid, Signal, kill_process};

use crate::holder::{State, Wanted, began, hold};

/// How long servers may take to end.
const END_WITHIN: Duration = Duration::from_secs(60);

/// Real servers on loopback, to try things on.
#[derive(Parser)]
#[command(name = "flowmill-rig")]
struct Arguments {
    /// The file that says what runs.
    #[arg(long, global = true, value_name = "FILE")]
    state: Option<PathBuf>,
    #[command(subcommand)]
    command: Order,
}

#[derive(Subcommand)]
enum Order {
    /// Start servers and print where they are; they run until `down`.
    Up(Wanted),
    /// End them and delete their data.
    Down,
    /// Print what runs.
    Status,
    /// Start servers, print where they are, and hold them until this process ends.
    Hold(Wanted),
}

fn main() -> ExitCode {
    let Arguments { state, command } = Arguments::parse();
    let file = state.unwrap_or_else(|| cache_folder().join("state.json"));
    let ended = match command {
        Order::Up(wanted) => up(&file, &wanted),
        Order::Down => down(&file),
        Order::Status => status(&file),
        Order::Hold(wanted) => hold(&wanted),
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn up(file: &Path, wanted: &Wanted) -> anyhow::Result<()> {
    if let Some(state) = running(file)? {
        print(&state)?;
        bail!("servers run already; `down` ends them");
    }
    if wanted.jaeger && !Jaeger::is_built() {
        eprintln!("Jaeger is built first; that takes minutes, once");
    }
    let folder = file.parent().context("the state file has no folder")?;
    fs::create_dir_all(folder)?;
    let mut holder = Command::new(std::env::current_exe()?);
    holder.arg("hold").args(wanted.arguments());
    let said = file.with_extension("output");
    // Nothing of ours but the pipe that this process reads, and a group of its own: who waits for
    // our output does not wait for it, and what ends a terminal's programs does not end it.
    holder.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(fs::File::create(&said)?);
    holder.process_group(0);
    let mut holder = holder.spawn().context("the holder cannot be started")?;
    let stdout = holder.stdout.take().context("the holder has no output")?;
    let mut line = String::new();
    BufReader::new(stdout).read_line(&mut line)?;
    if line.is_empty() {
        let why = fs::read_to_string(&said)?;
        fs::remove_file(&said)?;
        bail!("the servers did not start: {}", why.trim());
    }
    fs::write(file, &line).with_context(|| file.display().to_string())?;
    print(&serde_json::from_str(&line)?)
}

fn down(file: &Path) -> anyhow::Result<()> {
    let Some(state) = running(file)? else {
        println!("nothing runs");
        return Ok(());
    };
    let holder = i32::try_from(state.holder).ok().and_then(Pid::from_raw);
    kill_process(holder.context("the state file names no process")?, Signal::TERM)?;
    let deadline = Instant::now() + END_WITHIN;
    while is_running(state.holder) || state.servers.iter().any(|pid| is_running(*pid)) {
        ensure!(Instant::now() < deadline, "the servers do not end");
        sleep(Duration::from_millis(20));
    }
    fs::remove_file(file)?;
    fs::remove_file(file.with_extension("output"))?;
    println!("ended");
    Ok(())
}

fn status(file: &Path) -> anyhow::Result<()> {
    match running(file)? {
        Some(state) => print(&state),
        None => {
            println!("nothing runs");
            Ok(())
        }
    }
}

/// What runs, as far as the state file is still true.
fn running(file: &Path) -> anyhow::Result<Option<State>> {
    let text = match fs::read_to_string(file) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        text => text.with_context(|| file.display().to_string())?,
    };
    let state: State = serde_json::from_str(&text)
        .with_context(|| format!("{} is damaged; delete it", file.display()))?;
    let same = is_running(state.holder) && began(state.holder) == Some(state.began);
    Ok(same.then_some(state))
}

fn print(state: &State) -> anyhow::Result<()> {
    println!("{}", serde_json::to_string_pretty(state)?);
    Ok(())
}
