//! Runs from a seed.

use flowmill_sim::run;
use flowmill_sim::sometimes::Counts;

/// Seeds played by this test; `FLOWMILL_SIM_SEEDS` sets another number.
const SEEDS: u64 = 60;

/// The fixed set of this many seeds, or more, goes through every rare branch.
const ENOUGH: u64 = 60;

#[test]
fn no_seed_violates_an_invariant() {
    let asked = std::env::var("FLOWMILL_SIM_SEEDS").ok();
    let seeds = asked.map_or(SEEDS, |text| text.parse().expect("FLOWMILL_SIM_SEEDS is a number"));
    let mut sometimes = Counts::default();
    for seed in 0..seeds {
        let report = run(seed).expect("the simulation runs").report;
        assert!(report.violations.is_empty(), "seed {seed}: {:#?}", report.violations);
        assert!(report.executions > 0, "seed {seed} ran nothing");
        sometimes.add(&report.sometimes);
    }
    let never = sometimes.never();
    assert!(seeds < ENOUGH || never.is_empty(), "no seed reaches {never:?}: {sometimes:#?}");
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    for seed in [1, 2, 3, 5, 8] {
        let (one, other) = (run(seed).expect("runs"), run(seed).expect("runs"));
        let difference = one.trace.iter().zip(&other.trace).find(|(a, b)| a != b);
        assert_eq!(difference, None, "seed {seed}");
        assert!(one.bytes == other.bytes, "seed {seed} left other bytes behind");
    }
}
