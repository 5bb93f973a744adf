//! Plays seeds of the simulation.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "this program's purpose is to print"
)]

use clap::Parser;
#[cfg(feature = "mutations")]
use flowmill_orchestrator::mutations::Mutation;
use flowmill_sim::sometimes::Counts;

/// After how many seeds it is said how far the run is.
const TELL_EVERY: u64 = 1_000;

/// Plays seeds of the simulation and says what the checker found. Exits with 1 on a violation.
#[derive(Parser)]
struct Arguments {
    /// One seed.
    #[arg(long, conflicts_with = "seeds")]
    seed: Option<u64>,
    /// A range of seeds, such as 0..200.
    #[arg(long, value_parser = range, default_value = "0..200")]
    seeds: std::ops::Range<u64>,
    /// Print everything that happened.
    #[arg(long)]
    trace: bool,
    /// Break every node on purpose in this way, and stop at the first seed that shows it. Exits
    /// with 1 when none does.
    #[cfg(feature = "mutations")]
    #[arg(long, value_parser = mutation)]
    mutation: Option<Mutation>,
}

#[cfg(feature = "mutations")]
fn mutation(name: &str) -> Result<Mutation, String> {
    let names = Mutation::ALL.map(Mutation::name).join(", ");
    Mutation::parse(name).ok_or_else(|| format!("there are {names}"))
}

fn range(text: &str) -> Result<std::ops::Range<u64>, String> {
    let (from, to) = text.split_once("..").ok_or("write it as FROM..TO")?;
    let number = |text: &str| text.parse().map_err(|_| format!("`{text}` is no number"));
    Ok(number(from)?..number(to)?)
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    #[cfg(feature = "mutations")]
    flowmill_orchestrator::mutations::hide_panics();
    let seeds = arguments.seed.map_or(arguments.seeds, |seed| seed..seed + 1);
    #[cfg(feature = "mutations")]
    if let Some(mutation) = arguments.mutation {
        return hunt(mutation, seeds);
    }
    let mut failed = Vec::new();
    let (mut transitions, mut sometimes) = (0, Counts::default());
    for seed in seeds.clone() {
        let outcome = flowmill_sim::run(seed)?;
        if arguments.trace {
            outcome.trace.iter().for_each(|line| println!("{line}"));
        }
        let report = &outcome.report;
        transitions += report.transitions;
        sometimes.add(&report.sometimes);
        if !report.violations.is_empty() {
            println!("seed {seed}: {:?}", outcome.plan);
            report.violations.iter().take(20).for_each(|line| println!("  {line}"));
            failed.push(seed);
        } else if arguments.trace || seeds.end - seeds.start == 1 {
            println!("seed {seed}: {report:?}");
        }
        let (played, all) = (seed + 1 - seeds.start, seeds.end - seeds.start);
        if played.is_multiple_of(TELL_EVERY) && played < all {
            let failed = failed.len();
            eprintln!("{played} of {all} seeds from {}, {failed} with violations", seeds.start);
        }
    }
    sometimes.iter().for_each(|(name, count)| println!("sometimes {count} {name}"));
    let count = seeds.end - seeds.start;
    println!(
        "{count} seeds, {transitions} transitions, {} with violations: {failed:?}",
        failed.len()
    );
    if failed.is_empty() { Ok(()) } else { std::process::exit(1) }
}

/// Plays seeds with broken nodes until one shows it.
#[cfg(feature = "mutations")]
fn hunt(mutation: Mutation, seeds: std::ops::Range<u64>) -> anyhow::Result<()> {
    let name = mutation.name();
    let found = flowmill_sim::mutated::first_caught(mutation, seeds)?;
    let Some((seed, violations)) = found else {
        println!("{name}: no seed shows it");
        std::process::exit(1);
    };
    println!("{name}: seed {seed} shows it");
    violations.iter().take(5).for_each(|line| println!("  {line}"));
    Ok(())
}
