//! Searches the configurations of the protocol's model, and shows what each mutation breaks.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "this program's purpose is to print"
)]

mod arguments;

use std::process::ExitCode;

use flowmill_protocol::{Config, End, Found, Mutation};

use arguments::{Arguments, USAGE};

fn main() -> ExitCode {
    let arguments = match Arguments::parse(std::env::args().skip(1)) {
        Ok(arguments) => arguments,
        Err(why) => {
            eprintln!("{why}\n\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    if run(&arguments) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Does what is asked for; whether everything ended as it must.
fn run(arguments: &Arguments) -> bool {
    match arguments {
        Arguments::Help => {
            println!("{USAGE}");
            true
        }
        Arguments::Config { config, trace } => search(*config, *trace),
        Arguments::Mutation { mutation, trace } => mutate(*mutation, *trace),
        Arguments::Everything { trace } => everything(*trace),
    }
}

fn everything(trace: bool) -> bool {
    println!("Configurations\n");
    let held = Config::ALL.iter().filter(|config| search(**config, trace)).count();
    println!("\nMutations\n");
    let caught = Mutation::ALL.iter().filter(|mutation| mutate(**mutation, trace)).count();
    let (configs, mutations) = (Config::ALL.len(), Mutation::ALL.len());
    println!(
        "\n{held} of {configs} configurations hold, {caught} of {mutations} mutations are caught"
    );
    (held, caught) == (configs, mutations)
}

fn search(config: Config, trace: bool) -> bool {
    let Found { states, steps, depth, took, end } = config.search();
    let checks: Vec<_> = config.checks().iter().map(ToString::to_string).collect();
    let (name, checks, took) = (config.name(), checks.join(" "), took.as_secs_f64());
    let verdict = end.must_hold();
    let said = verdict.as_ref().map_or_else(|why| why.as_str(), |()| "holds");
    let (states, steps) = (format!("{states} states"), format!("{steps} steps"));
    println!("{name:11} {checks:9} {states:>15} {steps:>15}  depth {depth:3} {took:7.1} s  {said}");
    println!("            {}", config.bounds());
    show(&end, trace);
    verdict.is_ok()
}

fn mutate(mutation: Mutation, trace: bool) -> bool {
    let Found { states, took, end, .. } = mutation.search();
    let (name, config, took) = (mutation.name(), mutation.config().name(), took.as_secs_f64());
    let (steps, said) = match &end {
        End::Broken(shown) => (shown.steps.len(), shown.broken.to_string()),
        End::Holds | End::Vacuous(_) | End::TooLarge => (0, "NOT CAUGHT".to_owned()),
    };
    println!("{name:25} {config:10} {steps:3} steps {states:9} states {took:7.1} s  {said}");
    if trace {
        println!("    {}", mutation.text());
    }
    show(&end, trace);
    end.must_break().is_ok()
}

/// Prints a counterexample step by step.
fn show(end: &End, trace: bool) {
    let End::Broken(shown) = end else { return };
    if !trace {
        return;
    }
    for (number, step) in (1..).zip(&shown.steps) {
        println!("    {number:3}. {step}");
    }
    println!("         {}", shown.broken);
}
