//! `cargo xtask campaign`: faults on a real cluster under load.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Args;

use crate::cargo::{cargo, command, run as run_command, target};
use crate::suites::{Failure, Suites};
use crate::tools;

#[derive(Args)]
pub(crate) struct CampaignArgs {
    /// Install the tools that are missing instead of naming the command that does.
    #[arg(long)]
    install: bool,
    /// Torment a program that is as fast as a release: another build. For campaigns that last.
    #[arg(long)]
    optimised: bool,
    /// Options of the campaign: `--nemesis`, `--minutes`, `--seed`; `-- --help` says what there is.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    options: Vec<OsString>,
}

pub(crate) fn run(suites: &mut Suites, arguments: &CampaignArgs) {
    suites.run("campaign", || torment(arguments));
}

/// The program is a build with debug assertions: only that can be made to die at named places.
fn torment(arguments: &CampaignArgs) -> Result<(), Failure> {
    tools::check(tools::SERVERS, arguments.install)?;
    let built = if arguments.optimised { optimised()? } else { as_tested()? };
    let mut campaign = command(built.join("flowmill-campaign"));
    campaign.arg("--flowmill").arg(built.join("flowmill")).args(&arguments.options);
    run_command(campaign)
}

/// With the tests, so that nothing is built that these have not built.
fn as_tested() -> Result<PathBuf, Failure> {
    run_command(cargo(["build", "--workspace", "--bins", "--tests"]))?;
    Ok(target().join("debug"))
}

fn optimised() -> Result<PathBuf, Failure> {
    let bins = ["--bin", "flowmill", "--bin", "flowmill-campaign"];
    let build = ["build", "--workspace", "--profile", "campaign"];
    run_command(cargo(build.into_iter().chain(bins)))?;
    Ok(target().join("campaign"))
}
