//! Plays seeds of the simulation.
#![expect(clippy::print_stdout, reason = "this program's purpose is to print")]

use clap::Parser;

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
}

fn range(text: &str) -> Result<std::ops::Range<u64>, String> {
    let (from, to) = text.split_once("..").ok_or("write it as FROM..TO")?;
    let number = |text: &str| text.parse().map_err(|_| format!("`{text}` is no number"));
    Ok(number(from)?..number(to)?)
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let seeds = arguments.seed.map_or(arguments.seeds, |seed| seed..seed + 1);
    if arguments.trace {
        let filter = tracing_subscriber::EnvFilter::from_env("FLOWMILL_LOG");
        let logs = tracing_subscriber::fmt().without_time().with_env_filter(filter);
        logs.with_writer(std::io::stderr).init();
    }
    let mut failed = Vec::new();
    let mut transitions = 0;
    for seed in seeds.clone() {
        let outcome = flowmill_sim::run(seed)?;
        if arguments.trace {
            outcome.trace.iter().for_each(|line| println!("{line}"));
        }
        let report = &outcome.report;
        transitions += report.transitions;
        if !report.violations.is_empty() {
            println!("seed {seed}: {:?}", outcome.plan);
            report.violations.iter().take(20).for_each(|line| println!("  {line}"));
            failed.push(seed);
        } else if arguments.trace || seeds.end - seeds.start == 1 {
            println!("seed {seed}: {report:?}");
        }
    }
    let count = seeds.end - seeds.start;
    println!(
        "{count} seeds, {transitions} transitions, {} with violations: {failed:?}",
        failed.len()
    );
    if failed.is_empty() { Ok(()) } else { std::process::exit(1) }
}
