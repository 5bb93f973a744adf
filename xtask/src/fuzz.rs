//! `cargo xtask fuzz`: bytes that nobody vouches for, to everything that reads such bytes.
//!
//! The targets are a workspace of their own in `fuzz/`, built by a nightly compiler with the
//! address sanitizer. Each runs for some seconds in a process of its own with bounds on time and
//! memory. What a target has found worth keeping stays in the target folder, so that later runs on
//! the machine begin there; the seeds in `fuzz/seeds` are where the first one begins.

use std::num::NonZeroU64;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use clap::Args;
use clap::builder::PossibleValuesParser;

use crate::cargo::{command, root, run as run_command, shown, target as target_folder};
use crate::suites::{Failure, Suites, Verdict};
use crate::tools;

/// The targets, in the order in which they run.
const TARGETS: [&str; 9] = [
    "records",
    "damage",
    "workers",
    "fold",
    "segments",
    "cloudevents",
    "definitions",
    "expressions",
    "jq",
];

/// Bounds on one input: seconds, and megabytes in all and at once. Where others have the cores, an
/// input of a millisecond takes seconds; an endless loop takes longer. A length that a record
/// merely claims must not cost memory; the largest record has 8 MiB.
const BOUNDS: [&str; 3] = ["-timeout=60", "-rss_limit_mb=2048", "-malloc_limit_mb=64"];

/// Lines of what a target said that are shown when it fails.
const LINES: usize = 30;

#[derive(Args)]
pub(crate) struct FuzzArgs {
    /// Seconds for each target.
    #[arg(long, value_name = "N", default_value = "10")]
    seconds: NonZeroU64,
    /// One target alone.
    #[arg(long, value_name = "T", value_parser = PossibleValuesParser::new(TARGETS))]
    target: Option<String>,
    /// Try this one input, as a run that failed names it.
    #[arg(long, value_name = "FILE", requires = "target")]
    input: Option<PathBuf>,
    /// Install the tools that are missing instead of naming the command that does.
    #[arg(long)]
    install: bool,
}

impl FuzzArgs {
    fn asks_for(&self, target: &str) -> bool {
        self.target.as_deref().is_none_or(|asked| asked == target)
    }
}

pub(crate) fn run(suites: &mut Suites, arguments: &FuzzArgs) {
    let asked = || TARGETS.into_iter().filter(|target| arguments.asks_for(target));
    if let Err(why) = tools::check(tools::FUZZ, arguments.install) {
        return asked().for_each(|target| suites.skip(target, Verdict::Prevented(why.clone())));
    }
    if !suites.run("build of the targets", || build(arguments)) {
        let why = "it is not built";
        return asked().for_each(|name| suites.skip(name, Verdict::Prevented(why.to_owned())));
    }
    for target in asked() {
        suites.run(target, || match &arguments.input {
            Some(input) => run_command(again(target, input)),
            None => fuzz(target, arguments.seconds),
        });
    }
}

/// A command of cargo-fuzz, by the nightly compiler.
fn cargo_fuzz(subcommand: &str) -> Command {
    let mut fuzz = command("rustup");
    fuzz.args(["run", tools::NIGHTLY, "cargo", "fuzz", subcommand])
        .current_dir(root().join("fuzz"));
    // Both are of the compiler that builds this program.
    fuzz.env_remove("RUSTUP_TOOLCHAIN").env_remove("CARGO");
    fuzz.arg("--target-dir").arg(folder());
    fuzz
}

/// Where targets are built, and what they found is kept.
fn folder() -> PathBuf {
    target_folder().join("fuzz")
}

fn build(arguments: &FuzzArgs) -> Result<(), Failure> {
    let mut build = cargo_fuzz("build");
    build.args(&arguments.target);
    run_command(build)
}

/// The command that tries one input again.
fn again(target: &str, input: &Path) -> Command {
    let mut again = cargo_fuzz("run");
    again.arg(target).arg(std::path::absolute(input).unwrap_or_else(|_| input.to_owned()));
    again.arg("--").args(BOUNDS);
    again
}

/// Lets a target run; says how much it did and, if it failed, how to see that again.
fn fuzz(target: &str, seconds: NonZeroU64) -> Result<(), Failure> {
    let (passed, said) = told(running(target, seconds)?)?;
    let done = executions(&said).unwrap_or(0);
    println!("{done} executions in {seconds} s");
    if passed {
        return Ok(());
    }
    let (shown, input) = failure(&said);
    println!("{shown}");
    Err(match input {
        Some(input) => format!("see it again: cargo xtask fuzz --target {target} --input {input}"),
        None => "it ended badly, and names no input".to_owned(),
    })
}

/// The command that lets a target run.
fn running(target: &str, seconds: NonZeroU64) -> Result<Command, Failure> {
    let found = folder().join("corpus").join(target);
    let failures = folder().join("failures");
    for folder in [&found, &failures] {
        let made = std::fs::create_dir_all(folder);
        made.map_err(|error| format!("{} cannot be made: {error}", folder.display()))?;
    }
    let mut run = cargo_fuzz("run");
    run.arg(target).arg(found).args(seeds(target)).arg("--").args(BOUNDS);
    run.arg(format!("-artifact_prefix={}-", failures.join(target).display()));
    run.args([&format!("-max_total_time={seconds}"), "-print_final_stats=1"]);
    Ok(run)
}

/// Runs a command; whether it passed, and what it wrote to standard error.
fn told(mut command: Command) -> Result<(bool, String), Failure> {
    println!("$ {}", shown(&command));
    let cannot = |error| format!("it cannot be run: {error}");
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    let Output { status, stderr, .. } =
        command.spawn().and_then(Child::wait_with_output).map_err(cannot)?;
    Ok((status.success(), String::from_utf8_lossy(&stderr).into_owned()))
}

/// The folders that a target's first run begins with: those that are there.
fn seeds(target: &str) -> Vec<PathBuf> {
    let mut folders = vec![root().join("fuzz/seeds").join(target)];
    if target == "definitions" {
        folders.push(root().join("examples"));
    }
    folders.retain(|folder| folder.is_dir());
    folders
}

/// How often a target was run, as it says at its end.
fn executions(said: &str) -> Option<u64> {
    const COUNT: &str = "stat::number_of_executed_units:";
    said.lines().find_map(|line| line.strip_prefix(COUNT)?.trim().parse().ok())
}

/// What a target said from its first complaint on, and the file that holds the input.
fn failure(said: &str) -> (String, Option<String>) {
    let lines: Vec<_> = said.lines().collect();
    let complains =
        |line: &&str| ["panicked at", "ERROR:", "error"].iter().any(|word| line.contains(word));
    let first = lines.iter().position(complains).unwrap_or(lines.len().saturating_sub(LINES));
    let shown = lines[first..].iter().take(LINES).copied().collect::<Vec<_>>().join("\n");
    let input = lines.iter().find_map(|line| line.split_once("Test unit written to "));
    (shown, input.map(|(_, file)| file.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_target_that_is_there_is_run() {
        let files = std::fs::read_dir(root().join("fuzz/fuzz_targets")).unwrap();
        let name = |file: std::fs::DirEntry| file.path().file_stem().unwrap().to_owned();
        let mut found: Vec<_> = files.map(|file| name(file.unwrap())).collect();
        let mut known = TARGETS;
        found.sort();
        known.sort_unstable();
        assert_eq!(found, known);
    }

    #[test]
    fn the_folder_of_the_targets_names_the_compiler_that_is_used() {
        let file = std::fs::read_to_string(root().join("fuzz/rust-toolchain.toml")).unwrap();
        assert!(file.contains(&format!("channel = \"{}\"", tools::NIGHTLY)), "{file}");
    }

    #[test]
    fn what_a_target_says_is_understood() {
        let said = "#2 INITED\nthread panicked at src/x.rs:1:2:\nno\n==1== ERROR: libFuzzer\n\
                    artifact_prefix='f/a-'; Test unit written to f/a-crash-1\n\
                    stat::number_of_executed_units: 39851";
        assert_eq!(executions(said), Some(39851));
        let (shown, input) = failure(said);
        assert!(shown.starts_with("thread panicked") && shown.contains("\nno\n"), "{shown}");
        assert_eq!(input.as_deref(), Some("f/a-crash-1"));
        assert_eq!(executions("error: could not compile"), None);
    }
}
