//! `cargo xtask sim`: plays seeds of the simulation.
//!
//! One seed runs on one thread, so a range is cut into as many parts as there are jobs, each
//! played by a process of its own. What a part printed is shown when it has ended, in the order
//! of the seeds; how often each rare branch was gone through is added up and shown at the end. The
//! default set of seeds must go through each of them.

use std::collections::BTreeMap;
use std::num::NonZeroU64;
use std::ops::Range;
use std::process::{Output, Stdio};

use clap::Args;

use crate::cargo::{cargo, command, output, run as run_command};
use crate::suites::{Failure, Suites};

/// The seeds that must go through every rare branch.
const DEFAULT_SET: &str = "0..1000";

/// What a line begins with that says how often a rare branch was gone through.
const SOMETIMES: &str = "sometimes ";

/// The simulator's feature that lets it break the engine on purpose.
pub(crate) const MUTATIONS: &str = "flowmill-sim/mutations";

#[derive(Args)]
pub(crate) struct SimArgs {
    /// One seed.
    #[arg(long, conflicts_with_all = ["seeds", "jobs"])]
    seed: Option<u64>,
    /// A range of seeds, the last one not included.
    #[arg(long, value_name = "A..B", value_parser = range, default_value = DEFAULT_SET)]
    seeds: Range<u64>,
    /// Print everything that happened.
    #[arg(long, requires = "seed")]
    trace: bool,
    /// Break the engine on purpose in this way, and stop at the first seed that shows it.
    #[arg(long, value_name = "NAME", conflicts_with_all = ["seed", "jobs"])]
    mutation: Option<String>,
    /// Play on a build that is as fast as a release: another build. For ranges that last.
    #[arg(long, conflicts_with = "mutation")]
    optimised: bool,
    /// Processes that play at the same time [default: one for each core].
    #[arg(long, value_name = "N")]
    jobs: Option<NonZeroU64>,
}

pub(crate) fn run(suites: &mut Suites, arguments: &SimArgs) {
    suites.run("simulation", || play(arguments));
}

fn play(arguments: &SimArgs) -> Result<(), Failure> {
    let simulator = build(arguments.optimised)?;
    if let Some(mutation) = &arguments.mutation {
        let Range { start, end } = arguments.seeds;
        let mut hunt = command(simulator);
        hunt.args(["--mutation", mutation, "--seeds", &format!("{start}..{end}")]);
        return run_command(hunt);
    }
    let Some(seed) = arguments.seed else {
        let parts = parts(&arguments.seeds, jobs(arguments.jobs));
        return judge(&arguments.seeds, &play_parts(&simulator, &parts)?);
    };
    let mut one = command(simulator);
    one.args(["--seed", &seed.to_string()]);
    if arguments.trace {
        one.arg("--trace");
    }
    run_command(one)
}

/// Shows how often rare branches were gone through; of the default set, none may be left out.
fn judge(seeds: &Range<u64>, sometimes: &BTreeMap<String, u64>) -> Result<(), Failure> {
    sometimes.iter().for_each(|(name, count)| println!("{count:>8} {name}"));
    let is_default = Ok(seeds) == range(DEFAULT_SET).as_ref();
    let mut never = sometimes.iter().filter(|(_, count)| is_default && **count == 0);
    match never.next() {
        None => Ok(()),
        Some((name, _)) => Err(format!("no seed of the default set reaches: {name}")),
    }
}

/// Builds the simulator as the tests do, with the features of the whole workspace, or as campaigns
/// build what they torment for long, and says where it is.
fn build(optimised: bool) -> Result<String, Failure> {
    let how = if optimised { ["--profile", "campaign"] } else { ["--features", MUTATIONS] };
    let mut build = cargo(["build", "--workspace", "--bin", "flowmill-sim"]);
    build.args(how).args(["--message-format", "json-render-diagnostics"]);
    executable(&output(build, |_| ())?)
        .ok_or_else(|| "cargo does not say where it built it".to_owned())
}

/// The executable that cargo's messages name.
fn executable(messages: &str) -> Option<String> {
    let (_, rest) = messages.split_once("\"executable\":\"")?;
    rest.split('"').next().map(str::to_owned)
}

fn jobs(asked: Option<NonZeroU64>) -> NonZeroU64 {
    let cores = std::thread::available_parallelism().map_or(1, |cores| cores.get() as u64);
    asked.or(NonZeroU64::new(cores)).unwrap_or(NonZeroU64::MIN)
}

/// Plays the parts; says how often they went through each rare branch.
fn play_parts(simulator: &str, parts: &[Range<u64>]) -> Result<BTreeMap<String, u64>, Failure> {
    let cannot = |error| format!("the simulator cannot be started: {error}");
    let start = |part: &Range<u64>| {
        let mut part_alone = command(simulator);
        part_alone.args(["--seeds", &format!("{}..{}", part.start, part.end)]);
        part_alone.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn()
    };
    let started: Vec<_> = parts.iter().map(start).collect::<Result<_, _>>().map_err(cannot)?;
    let (mut failed, mut sometimes) = (0, BTreeMap::new());
    // A part whose output nobody reads yet waits once its pipe is full; it goes on when its turn
    // has come.
    for child in started {
        let Output { status, stdout, .. } = child.wait_with_output().map_err(cannot)?;
        for line in String::from_utf8_lossy(&stdout).lines() {
            match counted(line) {
                Some((name, count)) => *sometimes.entry(name.to_owned()).or_default() += count,
                None => println!("{line}"),
            }
        }
        failed += usize::from(!status.success());
    }
    if failed == 0 {
        Ok(sometimes)
    } else {
        Err("violations; play one alone with --seed N --trace".into())
    }
}

/// The name and the count in a line that says how often a rare branch was gone through.
fn counted(line: &str) -> Option<(&str, u64)> {
    let (count, name) = line.strip_prefix(SOMETIMES)?.split_once(' ')?;
    Some((name, count.parse().ok()?))
}

/// Cuts a range into at most `count` parts of about one length; none is empty.
fn parts(seeds: &Range<u64>, count: NonZeroU64) -> Vec<Range<u64>> {
    let length = (seeds.end - seeds.start).div_ceil(count.get()).max(1);
    let starts = (0..count.get()).map(|part| seeds.start + part * length);
    let part = |start| start..seeds.end.min(start + length);
    starts.take_while(|start| *start < seeds.end).map(part).collect()
}

fn range(text: &str) -> Result<Range<u64>, String> {
    let (from, to) = text.split_once("..").ok_or("write it as A..B, for example 0..200")?;
    let number =
        |text: &str| text.parse::<u64>().map_err(|_| format!("`{text}` is not a seed's number"));
    let seeds = number(from)?..number(to)?;
    if seeds.is_empty() { Err("the range is empty".to_owned()) } else { Ok(seeds) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_of_seeds_is_cut_into_parts_that_hold_each_seed_once() {
        let check = |seeds: Range<u64>, count: u64, expect: &[Range<u64>]| {
            assert_eq!(parts(&seeds, NonZeroU64::new(count).unwrap()), expect);
        };
        check(0..200, 2, &[0..100, 100..200]);
        check(3..10, 3, &[3..6, 6..9, 9..10]);
        check(0..2, 8, &[0..1, 1..2]);
        check(7..9, 2, &[7..8, 8..9]);
    }

    #[test]
    fn the_executable_is_the_one_that_cargo_names() {
        let messages = r#"{"reason":"compiler-artifact","executable":null}
{"reason":"compiler-artifact","executable":"/target/debug/flowmill-sim","fresh":true}"#;
        assert_eq!(executable(messages).as_deref(), Some("/target/debug/flowmill-sim"));
        assert_eq!(executable(r#"{"executable":null}"#), None);
    }

    #[test]
    fn a_line_of_the_simulator_says_how_often_a_branch_was_gone_through() {
        assert_eq!(counted("sometimes 12 an owner is fenced"), Some(("an owner is fenced", 12)));
        assert_eq!(counted("12 seeds, 3 transitions"), None);
    }

    #[test]
    fn the_default_set_must_go_through_every_branch_and_others_need_not() {
        let sometimes = BTreeMap::from([("fenced".to_owned(), 0), ("swept".to_owned(), 3)]);
        assert_eq!(judge(&(0..10), &sometimes), Ok(()));
        let failure = judge(&range(DEFAULT_SET).unwrap(), &sometimes).unwrap_err();
        assert!(failure.contains("fenced"), "{failure}");
    }

    #[test]
    fn a_range_is_written_with_two_dots_and_holds_a_seed() {
        assert_eq!(range("3..10"), Ok(3..10));
        assert!(range("3").unwrap_err().contains("A..B"));
        assert!(range("3..x").unwrap_err().contains("`x`"));
        assert!(range("3..3").unwrap_err().contains("empty"));
    }
}
