//! The recipes of this workspace: `cargo xtask --help`.
//!
//! A recipe is a list of suites. Each suite is one or more commands, its name, time and verdict
//! stand in the table that a recipe ends with, and a suite that fails does not keep the next ones
//! from running. Builds go where cargo is told to put them (`CARGO_TARGET_DIR`). Nothing here
//! knows about a continuous integration server: `.ci/run` calls these recipes.
#![expect(clippy::print_stdout, reason = "this program's purpose is to print")]

mod bench;
mod bless;
mod campaign;
mod cargo;
mod checks;
mod deny;
mod fuzz;
mod proofs;
mod protocol;
mod rig;
mod sim;
mod suites;
mod test;
mod tools;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::suites::Suites;

/// The recipes of this workspace.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    recipe: Recipe,
}

#[derive(Subcommand)]
enum Recipe {
    /// Everything that a change must pass: format, lints, build, all tests and proofs.
    Test(test::TestArgs),
    /// The format and the lints alone.
    Lint,
    /// Play seeds of the simulation.
    Sim(sim::SimArgs),
    /// The engine's property tests, with many cases.
    Properties(proofs::PropertiesArgs),
    /// Search the model of the shard commit protocol, and with each of its rules left out.
    Protocol(protocol::ProtocolArgs),
    /// Give bytes that nobody vouches for to everything that reads such bytes.
    Fuzz(fuzz::FuzzArgs),
    /// Kill the real server at random moments under load.
    Kills(proofs::KillsArgs),
    /// Torment a real cluster under load, and check that nothing is lost and nothing happens twice.
    Campaign(campaign::CampaignArgs),
    /// Start real Kafka and CQL servers to try things on, say where they are, end them.
    Rig(rig::RigArgs),
    /// Measure a cluster: its roles, Kafka, Cassandra and the load on this machine.
    BenchCluster(bench::BenchArgs),
    /// Write anew the files that are generated from code.
    Bless(bless::BlessArgs),
    /// Build the documentation of the code; a warning is an error.
    Docs,
    /// Check licences, bans, sources and advisories of the dependencies.
    Deny(deny::DenyArgs),
}

fn main() -> ExitCode {
    let mut suites = Suites::default();
    match Arguments::parse().recipe {
        Recipe::Test(arguments) => test::run(&mut suites, &arguments),
        Recipe::Lint => test::lint(&mut suites),
        Recipe::Sim(arguments) => sim::run(&mut suites, &arguments),
        Recipe::Properties(arguments) => proofs::properties(&mut suites, &arguments),
        Recipe::Protocol(arguments) => protocol::run(&mut suites, &arguments),
        Recipe::Fuzz(arguments) => fuzz::run(&mut suites, &arguments),
        Recipe::Kills(arguments) => proofs::kills(&mut suites, &arguments),
        Recipe::Campaign(arguments) => campaign::run(&mut suites, &arguments),
        Recipe::Rig(arguments) => rig::run(&mut suites, &arguments),
        Recipe::BenchCluster(arguments) => bench::run(&mut suites, &arguments),
        Recipe::Bless(arguments) => bless::run(&mut suites, &arguments),
        Recipe::Docs => checks::docs(&mut suites),
        Recipe::Deny(arguments) => deny::run(&mut suites, &arguments),
    }
    suites.close()
}
