//! `cargo xtask rig`: real servers to try things on.

use std::ffi::OsString;

use clap::Args;

use crate::cargo::{cargo, run as run_command};
use crate::suites::{Failure, Suites};
use crate::tools;

#[derive(Args)]
pub(crate) struct RigArgs {
    /// `up`, `down` or `status`, and what it takes; `up --help` says what that is.
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
    order: Vec<OsString>,
}

pub(crate) fn run(suites: &mut Suites, arguments: &RigArgs) {
    suites.run("rig", || order(arguments));
}

fn order(arguments: &RigArgs) -> Result<(), Failure> {
    let jaeger = arguments.order.iter().any(|argument| argument == "--jaeger");
    let jaeger = if jaeger { tools::JAEGER } else { &[] };
    tools::check(tools::SERVERS.iter().chain(jaeger), false)?;
    let mut rig = cargo(["run", "--quiet", "--package", "flowmill-rig", "--"]);
    rig.args(&arguments.order);
    run_command(rig)
}
