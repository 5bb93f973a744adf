//! `cargo xtask protocol`: searches the model of the shard commit protocol.
//!
//! The model depends on nothing, so it is built by itself, optimized, in seconds.

use clap::Args;

use crate::cargo::{cargo, run as run_command};
use crate::suites::{Failure, Suites};

#[derive(Args)]
pub(crate) struct ProtocolArgs {
    /// One configuration, as it should be, instead of all of them and all mutations.
    #[arg(long, value_name = "NAME")]
    config: Option<String>,
    /// One mutation.
    #[arg(long, value_name = "NAME")]
    mutation: Option<String>,
    /// Print counterexamples step by step.
    #[arg(long)]
    trace: bool,
}

pub(crate) fn run(suites: &mut Suites, arguments: &ProtocolArgs) {
    suites.run("protocol", || search(arguments));
}

fn search(arguments: &ProtocolArgs) -> Result<(), Failure> {
    let mut search = cargo(["run", "--release", "--package", "flowmill-protocol", "--"]);
    search.args(words(arguments));
    run_command(search)
}

/// The arguments as the model's own program takes them.
fn words(arguments: &ProtocolArgs) -> Vec<&str> {
    let ProtocolArgs { config, mutation, trace } = arguments;
    let config = config.iter().flat_map(|name| ["--config", name]);
    let mutation = mutation.iter().flat_map(|name| ["--mutation", name]);
    config.chain(mutation).chain(trace.then_some("--trace")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_for_is_passed_on() {
        let check = |config: Option<&str>, mutation: Option<&str>, trace: bool, expect: &[&str]| {
            let (config, mutation) = (config.map(str::to_owned), mutation.map(str::to_owned));
            assert_eq!(words(&ProtocolArgs { config, mutation, trace }), expect);
        };
        check(None, None, false, &[]);
        check(Some("timers"), None, true, &["--config", "timers", "--trace"]);
        check(None, Some("no-gap-check"), false, &["--mutation", "no-gap-check"]);
    }
}
