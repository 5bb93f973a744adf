//! Tests that stand for a promise of their own, so that it shows by name that they ran.
//!
//! They are among the tests that `cargo test` runs; here each is named and must have passed, so
//! one that was renamed or deleted is a failure.

use std::process::Command;

use clap::Args;

use crate::cargo::{cargo, output};
use crate::suites::{Failure, Suites};

/// The engine's dependency tree has no runtime, clock, random numbers or I/O.
const PURITY: &[&str] = &[
    "the_dependency_tree_is_pure",
    "what_could_draw_random_numbers_is_used_by_one_crate_and_what_reads_a_clock_by_none",
];

/// Files of the documentation that are generated from code.
pub(crate) const GENERATED: &[&str] = &[
    "description::the_description_in_the_documentation_is_the_generated_one",
    "config::reference::the_manual_says_what_the_configuration_takes",
    "topics_page::the_page_of_the_topics_is_made_from_the_table",
    "manifests::reference::the_reference_of_the_node_types_is_made_from_their_manifests",
    "document_schema::tests::the_published_schema_is_the_one_that_the_format_has",
    "reference::the_manual_says_what_the_command_line_takes",
    "the_reference_of_the_metrics_is_up_to_date",
    "cql::reference::the_reference_of_the_tables_is_the_one_that_the_migrations_make",
    "the_published_document_is_up_to_date",
];

/// Bytes as a version stored them.
pub(crate) const STORED: &[&str] = &[
    "every_kind_is_stored_as_it_was_in_each_version",
    "execution::encoding::tests::a_state_stored_in_any_version_is_read_and_written_the_same",
    "the_records_are_those_that_were_published",
];

/// What must hold for every flow and every order of events.
const PROPERTIES: &[&str] = &[
    "any_interleaving_reaches_a_legal_end",
    "every_order_of_results_gives_what_the_reference_says",
];

/// What must hold whenever the process dies.
const KILLS: &[&str] = &[
    "kill::kills_at_random_moments_lose_nothing_and_repeat_nothing",
    "kill::a_death_at_any_named_place_loses_nothing_and_repeats_nothing",
    "kill::a_call_in_flight_is_made_again_after_a_kill_with_the_same_key",
];

#[derive(Args)]
pub(crate) struct PropertiesArgs {
    /// Cases for each property.
    #[arg(long, default_value_t = 10_000)]
    cases: u32,
}

#[derive(Args)]
pub(crate) struct KillsArgs {
    /// How often the server is killed.
    #[arg(long, default_value_t = 50)]
    count: u32,
}

/// The engine's property tests, with so many cases.
pub(crate) fn properties(suites: &mut Suites, arguments: &PropertiesArgs) {
    let mut tests = cargo(["test", "--workspace", "--test", "properties", "--test", "joins"]);
    tests.arg("--").env("PROPTEST_CASES", arguments.cases.to_string());
    suites.run("properties", || passes(tests, PROPERTIES));
}

/// Kills the real server so often, under load.
pub(crate) fn kills(suites: &mut Suites, arguments: &KillsArgs) {
    let mut tests = cargo(["test", "--workspace", "--test", "cli", "--", "--show-output"]);
    tests.env("FLOWMILL_KILLS", arguments.count.to_string());
    suites.run("kills", || passes(tests, KILLS));
}

pub(crate) fn purity() -> Result<(), Failure> {
    passes(cargo(["test", "--workspace", "--test", "purity", "--"]), PURITY)
}

pub(crate) fn up_to_date() -> Result<(), Failure> {
    passes(tests_of_files(), &[GENERATED, STORED].concat())
}

/// The test programs that hold the tests of generated and stored files. Whole programs are named
/// rather than packages, since a package by itself is built with other features.
pub(crate) fn tests_of_files() -> Command {
    cargo([
        "test",
        "--workspace",
        // The table of topics is with the log on Kafka.
        "--features",
        "flowmill-log/kafka",
        "--lib",
        "--bins",
        "--test",
        "gateway",
        "--test",
        "events",
        "--test",
        "asyncapi",
        "--test",
        "contract",
        "--test",
        "reference",
        "--test",
        "kafka",
        "--",
    ])
}

/// Runs these tests of a test command; each must be found and pass.
pub(crate) fn passes(mut command: Command, names: &[&str]) -> Result<(), Failure> {
    command.arg("--exact").args(names);
    let output = output(command, |line| println!("{line}"))?;
    let missing: Vec<_> = names.iter().filter(|name| !has_passed(&output, name)).collect();
    if missing.is_empty() { Ok(()) } else { Err(format!("there is no test {missing:?}")) }
}

fn has_passed(output: &str, name: &str) -> bool {
    output.lines().any(|line| {
        line.strip_prefix("test ").and_then(|line| line.strip_suffix(" ... ok")) == Some(name)
    })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::cargo::root;

    #[test]
    fn a_test_has_passed_if_its_line_says_so() {
        let output = "running 2 tests\ntest a::b ... ok\ntest a::c ... FAILED\n";
        let check = |name: &str, expect: bool| assert_eq!(has_passed(output, name), expect);
        check("a::b", true);
        check("a::c", false);
        check("b", false);
    }

    fn occurrences(folder: &Path, text: &str) -> usize {
        let entries = std::fs::read_dir(folder).expect("a folder").map(|entry| entry.unwrap());
        let count = |path: &Path| match path.extension() {
            _ if path.is_dir() => occurrences(path, text),
            Some(extension) if extension == "rs" => {
                std::fs::read_to_string(path).unwrap().matches(text).count()
            }
            Some(_) | None => 0,
        };
        entries.map(|entry| count(&entry.path())).sum()
    }

    #[test]
    fn every_test_that_can_write_its_file_anew_is_named_here() {
        let check = |variable: &str, names: &[&str]| {
            let text = format!("var_os(\"{variable}\")");
            let folders = ["crates", "services", "tests"].map(|name| root().join(name));
            let found: usize = folders.iter().map(|folder| occurrences(folder, &text)).sum();
            assert_eq!(found, names.len(), "tests that read {variable}");
        };
        check("FLOWMILL_BLESS", GENERATED);
        check("UPDATE_GOLDEN", STORED);
    }
}
