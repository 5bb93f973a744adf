//! The log of one process: the conformance suite, and what is its own.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on must fail")]

mod conformance;
mod damage;
mod derivable;
mod disk;
mod kill;
mod model;
mod opening;
mod retention;
mod scratch;
