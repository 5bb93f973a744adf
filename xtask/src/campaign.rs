//! `cargo xtask campaign`: faults on a real cluster under load.

use std::ffi::OsString;

use clap::Args;

use crate::cargo::{cargo, command, run as run_command, target};
use crate::suites::{Failure, Suites};
use crate::tools;

#[derive(Args)]
pub(crate) struct CampaignArgs {
    /// Install the tools that are missing instead of naming the command that does.
    #[arg(long)]
    install: bool,
    /// Options of the campaign: `--nemesis`, `--minutes`, `--seed`; `-- --help` says what there is.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    options: Vec<OsString>,
}

pub(crate) fn run(suites: &mut Suites, arguments: &CampaignArgs) {
    suites.run("campaign", || torment(arguments));
}

/// The program is a debug build: only that can be made to die at named places.
fn torment(arguments: &CampaignArgs) -> Result<(), Failure> {
    tools::check(tools::SERVERS, arguments.install)?;
    // With the tests, so that nothing is built that these have not built.
    run_command(cargo(["build", "--workspace", "--bins", "--tests"]))?;
    let built = target().join("debug");
    let mut campaign = command(built.join("flowmill-campaign"));
    campaign.arg("--flowmill").arg(built.join("flowmill")).args(&arguments.options);
    run_command(campaign)
}
