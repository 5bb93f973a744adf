//! Runs the test cases of a flow on the pure engine: what would happen, without anything happening.
//!
//! [`run`] plays everybody that an execution deals with, as the case says: the worker, whoever
//! sends signals, and the clock. The clock is virtual. It begins at [`BEGINNING`] and jumps to
//! whatever is due next, so that a wait of three days takes no time, and the order of events is
//! that of their times.
//!
//! **Invariant:** equal flows and cases give equal reports. No runtime, no clock, no randomness, no
//! I/O; the seed of each decision is its number.
//!
//! **Invariant:** a case ends, after [`limits::CASE_STEPS`](flowmill_model::limits::CASE_STEPS) at
//! the latest.

mod difference;
mod judge;
mod run;

use flowmill_flow::{Case, Flow, Json};
use flowmill_model::Timestamp;

use self::run::World;

/// The time at which every case begins: 2030-01-01T00:00:00Z.
pub const BEGINNING: Timestamp = Timestamp::from_millis(1_893_456_000_000);

/// What came of a case.
#[derive(Clone, Debug, PartialEq)]
pub struct CaseReport {
    /// The case's name.
    pub name: String,
    /// In which ways it did not come as expected; empty if the case passed.
    pub failures: Vec<Failure>,
    /// What happened.
    pub found: Found,
}

/// What happened to an execution.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Found {
    /// Where it ended up.
    pub status: &'static str,
    /// Its output, if it is completed.
    pub output: Option<Json>,
    /// Its error, if it is faulted or refused.
    pub error: Option<Json>,
    /// The nodes that ran, in order; one that ran twice is there twice.
    pub path: Vec<String>,
}

/// One way in which a case did not come as expected.
#[derive(Clone, Debug, PartialEq)]
pub struct Failure {
    /// What differs, such as `output at /price`, or what is wrong.
    pub what: String,
    /// What is expected there, if that is a value.
    pub expected: Option<Json>,
    /// What is there, if that is a value.
    pub found: Option<Json>,
    /// What to do; empty if that is for the reader to decide.
    pub help: String,
}

impl CaseReport {
    /// Whether all came as expected.
    pub fn passed(&self) -> bool {
        self.failures.is_empty()
    }
}

/// Runs a case of `flow`, which must be the flow that the case was read for.
pub fn run(flow: &Flow, case: &Case) -> CaseReport {
    let mut world = World::new(flow, case);
    let mut failures = Vec::new();
    match world.run() {
        Ok(()) => judge::judge(&world, case, &mut failures),
        Err(failure) => failures.push(failure),
    }
    CaseReport { name: case.name.clone(), failures, found: world.found() }
}

#[cfg(test)]
mod tests;
