//! Runs from a seed.

use flowmill_sim::run;

/// Seeds played by this test; `FLOWMILL_SIM_SEEDS` sets another number.
const SEEDS: u64 = 40;

#[test]
fn no_seed_violates_an_invariant() {
    let asked = std::env::var("FLOWMILL_SIM_SEEDS").ok();
    let seeds = asked.map_or(SEEDS, |text| text.parse().expect("FLOWMILL_SIM_SEEDS is a number"));
    let (mut skipped, mut deferred, mut transitions) = (0, 0, 0);
    for seed in 0..seeds {
        let outcome = run(seed).expect("the simulation runs");
        let report = outcome.report;
        assert!(report.violations.is_empty(), "seed {seed}: {:#?}", report.violations);
        assert!(report.executions > 0, "seed {seed} ran nothing");
        skipped += report.skipped;
        deferred += report.deferred;
        transitions += report.transitions;
    }
    // The seeds reach what they are for: zombies' records, inputs that wait, real work.
    assert!(skipped > 0 && deferred > 0 && transitions > 0, "{skipped} {deferred} {transitions}");
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
