//! Checks that run no test: format, lints, documentation, build.

use crate::cargo::{cargo, run};
use crate::suites::{Failure, Suites};

pub(crate) fn format() -> Result<(), Failure> {
    run(cargo(["fmt", "--all", "--check"]))?;
    run(cargo(["fmt", "--manifest-path", "fuzz/Cargo.toml", "--check"]))
}

pub(crate) fn clippy() -> Result<(), Failure> {
    run(cargo([
        "clippy",
        "--workspace",
        "--all-targets",
        "--keep-going",
        "--",
        "--deny",
        "warnings",
    ]))
}

/// Builds everything that the tests need, so that a build that fails is told from a test that
/// does.
pub(crate) fn build() -> Result<(), Failure> {
    run(cargo(["test", "--workspace", "--no-run"]))
}

/// Builds the documentation of the workspace's own crates.
pub(crate) fn docs(suites: &mut Suites) {
    let mut docs = cargo(["doc", "--workspace", "--no-deps", "--keep-going"]);
    docs.env("RUSTDOCFLAGS", "--deny warnings");
    suites.run("docs", || run(docs));
}
