//! `cargo xtask deny`: licences, bans, sources and advisories of the dependencies.
//!
//! Advisories come from a database on the network. Where it cannot be fetched, that suite did
//! not run, and says so: without it nothing is known about vulnerabilities.

use clap::Args;

use crate::cargo::{cargo, run as run_command};
use crate::suites::{Failure, Suites, Verdict};
use crate::tools;

#[derive(Args)]
pub(crate) struct DenyArgs {
    /// Install cargo-deny if it is missing instead of naming the command that does.
    #[arg(long)]
    install: bool,
}

const OFFLINE: &str = "licences, bans, sources";
const ADVISORIES: &str = "advisories";

pub(crate) fn run(suites: &mut Suites, arguments: &DenyArgs) {
    if let Err(why) = tools::check(tools::DENY, arguments.install) {
        suites.skip(OFFLINE, Verdict::Prevented(why.clone()));
        return suites.skip(ADVISORIES, Verdict::Prevented(why));
    }
    suites.run(OFFLINE, offline);
    match run_command(cargo(["deny", "fetch", "db"])) {
        Ok(()) => {
            suites.run(ADVISORIES, advisories);
        }
        Err(_) => {
            let why = "the advisory database cannot be fetched from here";
            suites.skip(ADVISORIES, Verdict::LeftOut(why.to_owned()));
        }
    }
}

fn offline() -> Result<(), Failure> {
    run_command(cargo(["deny", "--workspace", "check", "licenses", "bans", "sources"]))
}

fn advisories() -> Result<(), Failure> {
    run_command(cargo(["deny", "--workspace", "check", "--disable-fetch", "advisories"]))
}
