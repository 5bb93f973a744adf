//! Seeds that once showed a mistake.

use flowmill_sim::run;

#[track_caller]
fn check(seed: u64) {
    let report = run(seed).expect("the simulation runs").report;
    assert!(report.violations.is_empty(), "seed {seed}: {:#?}", report.violations);
}

/// A new owner whose clock jumped forward took itself for one that knew every recent start.
#[test]
fn a_clock_that_jumps_makes_no_repeated_start_a_new_one() {
    [623, 1271].into_iter().for_each(check);
}

/// Such a timer was out of the heap and pending in the state, until the next take-over.
#[cfg(feature = "mutations")]
#[test]
fn a_timer_that_fires_as_its_execution_is_put_aside_fires_again() {
    [195, 201, 507, 1285].into_iter().for_each(check);
}
