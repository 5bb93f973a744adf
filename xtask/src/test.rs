//! `cargo xtask test`: everything that a change must pass.

use clap::Args;

use crate::cargo::{cargo, run as run_command};
use crate::suites::{Failure, Suites, Verdict};
use crate::{checks, proofs, sim, tools};

#[derive(Args)]
pub(crate) struct TestArgs {
    /// Install the tools that are missing instead of naming the command that does.
    #[arg(long)]
    install: bool,
    /// Only the format, the lints and the tests beside the code.
    #[arg(long)]
    quick: bool,
}

type Suite = (&'static str, fn() -> Result<(), Failure>);

const LINTS: &[Suite] = &[("format", checks::format), ("clippy", checks::clippy)];

const QUICK: &[Suite] = &[("tests beside the code", unit_tests)];

const THOROUGH: &[Suite] = &[
    ("build", checks::build),
    ("engine is pure", proofs::purity),
    ("generated files are up to date", proofs::up_to_date),
    ("tests", all_tests),
    ("doc tests", doc_tests),
    ("a broken engine is caught", mutations),
];

/// The format and the lints alone.
pub(crate) fn lint(suites: &mut Suites) {
    run_all(suites, LINTS);
}

pub(crate) fn run(suites: &mut Suites, arguments: &TestArgs) {
    let none: &[tools::Tool] = &[];
    let (servers, jaeger) =
        if arguments.quick { (none, none) } else { (tools::SERVERS, tools::JAEGER) };
    let needed = || tools::NEEDED.iter().chain(servers).chain(jaeger);
    if !suites.run("tools", || tools::check(needed(), arguments.install)) {
        let prevented = || Verdict::Prevented("a tool is missing".to_owned());
        let all = [LINTS, THOROUGH].concat();
        return all.iter().for_each(|(name, _)| suites.skip(name, prevented()));
    }
    run_all(suites, LINTS);
    if arguments.quick {
        run_all(suites, QUICK);
        let left_out = || Verdict::LeftOut("--quick was given".to_owned());
        THOROUGH.iter().for_each(|(name, _)| suites.skip(name, left_out()));
    } else {
        run_all(suites, THOROUGH);
    }
}

fn run_all(suites: &mut Suites, all: &[Suite]) {
    for (name, suite) in all {
        suites.run(name, suite);
    }
}

fn unit_tests() -> Result<(), Failure> {
    run_command(cargo(["test", "--workspace", "--no-fail-fast", "--lib", "--bins"]))
}

fn all_tests() -> Result<(), Failure> {
    run_command(cargo([
        "test",
        "--workspace",
        "--no-fail-fast",
        "--lib",
        "--bins",
        "--tests",
        "--examples",
    ]))
}

fn doc_tests() -> Result<(), Failure> {
    run_command(cargo(["test", "--workspace", "--no-fail-fast", "--doc"]))
}

/// Breaks the engine in each of the ways that the simulation must see.
fn mutations() -> Result<(), Failure> {
    let features = ["--features", sim::MUTATIONS];
    let test = ["test", "--workspace", "--no-fail-fast", "--test", "mutations"];
    run_command(cargo(test.into_iter().chain(features)))
}
