//! `cargo xtask bench-cluster`: the figures of a cluster, all of it on this machine.

use std::ffi::OsString;

use clap::Args;

use crate::cargo::{cargo, command, run as run_command, target};
use crate::suites::{Failure, Suites};
use crate::tools;

#[derive(Args)]
pub(crate) struct BenchArgs {
    /// Options of the measurement; `--help` says what there is.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    options: Vec<OsString>,
}

pub(crate) fn run(suites: &mut Suites, arguments: &BenchArgs) {
    suites.run("bench of a cluster", || measure(arguments));
}

/// Measures a release build. What drives it need not be one: it hardly works.
fn measure(arguments: &BenchArgs) -> Result<(), Failure> {
    tools::check(tools::SERVERS, false)?;
    run_command(cargo(["build", "--release"]))?;
    run_command(cargo(["build", "--workspace", "--bins"]))?;
    let built = target();
    let mut driver = command(built.join("debug/bench-cluster"));
    driver.arg("--flowmill").arg(built.join("release/flowmill")).args(&arguments.options);
    run_command(driver)
}
