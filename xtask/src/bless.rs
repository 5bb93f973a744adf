//! `cargo xtask bless`: writes anew the files that are generated from code.

use clap::Args;

use crate::proofs::{GENERATED, STORED, passes, tests_of_files};
use crate::suites::{Failure, Suites, Verdict};

#[derive(Args)]
pub(crate) struct BlessArgs {
    /// Also write anew the newest version's stored bytes. Only while that version is not
    /// released: what was stored once is read for ever.
    #[arg(long)]
    stored_bytes: bool,
}

pub(crate) fn run(suites: &mut Suites, arguments: &BlessArgs) {
    suites.run("generated files", || write("FLOWMILL_BLESS", GENERATED));
    let stored = "stored bytes";
    if arguments.stored_bytes {
        suites.run(stored, || write("UPDATE_GOLDEN", STORED));
    } else {
        suites.skip(stored, Verdict::LeftOut("--stored-bytes was not given".to_owned()));
    }
}

fn write(variable: &str, names: &[&str]) -> Result<(), Failure> {
    let mut tests = tests_of_files();
    tests.env(variable, "1");
    passes(tests, names)
}
