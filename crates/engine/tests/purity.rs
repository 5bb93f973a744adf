//! The engine's dependency tree holds nothing that runs, waits, reads a clock, draws random
//! numbers or does I/O.

use std::collections::BTreeSet;
use std::process::Command;

/// Crates that must not be there, with what they would bring.
const BANNED: &[(&str, &str)] = &[
    ("async-std", "a runtime"),
    ("chrono", "a clock"),
    ("crossbeam-channel", "threads"),
    ("fastrand", "random numbers"),
    ("futures", "a runtime's traits"),
    ("hyper", "I/O"),
    ("instant", "a clock"),
    ("mio", "I/O"),
    ("oorandom", "random numbers"),
    ("ractor", "actors"),
    ("rand", "random numbers"),
    ("rand_core", "random numbers"),
    ("rayon", "threads"),
    ("rdkafka", "I/O"),
    ("redb", "I/O"),
    ("reqwest", "I/O"),
    ("rustix", "I/O"),
    ("scylla", "I/O"),
    ("smol", "a runtime"),
    ("socket2", "I/O"),
    ("tempfile", "I/O"),
    ("time", "a clock"),
    ("tokio", "a runtime"),
    ("tracing", "a subscriber"),
    ("uuid", "random numbers"),
    ("walkdir", "I/O"),
    ("web-time", "a clock"),
];

fn dependencies() -> BTreeSet<String> {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "-p", "flowmill-engine", "-e", "normal", "--prefix", "none", "--offline"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs: it runs this test");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{}", text(&output.stderr));
    let names = |line: &str| line.split_whitespace().next().map(str::to_owned);
    text(&output.stdout).lines().filter_map(names).collect()
}

#[test]
fn the_dependency_tree_is_pure() {
    let found = dependencies();
    assert!(found.contains("flowmill-flow"), "the list is that of the engine: {found:?}");
    for (name, what) in BANNED {
        assert!(!found.contains(*name), "`{name}` brings {what} into the engine");
    }
}

/// `getrandom` is there for the keys of hash maps in the schema validator. Whatever else would
/// need it, or a calendar that can read a clock, is to be looked at before it is let in.
#[test]
fn what_could_draw_random_numbers_is_used_by_one_crate_and_what_reads_a_clock_by_none() {
    let users = |name: &str| {
        let output = Command::new(env!("CARGO"))
            .args([
                "tree",
                "-p",
                "flowmill-engine",
                "-e",
                "normal",
                "--prefix",
                "none",
                "--offline",
            ])
            .args(["--depth", "1", "-i", name])
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .output()
            .expect("cargo runs: it runs this test");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let name = |line: &str| line.split_whitespace().next().map(str::to_owned);
        text.lines().skip(1).filter_map(name).collect::<BTreeSet<_>>()
    };
    assert_eq!(users("getrandom@0.3.4"), BTreeSet::from(["ahash".to_owned()]));
    assert!(!dependencies().contains("jiff"));
}
