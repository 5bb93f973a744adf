//! A deterministic simulation: the real shard actors, commit loop, projector and timers on a log
//! and a store in memory, in one thread, on paused time, with faults drawn from a seed.
//!
//! One seed is one run, byte for byte. [`run`] plays it and has [`checker`] look at what is left:
//! the log, the store, and what callers were told. The checker reads the log by rules of its own,
//! not through the code under test.
//!
//! It does not simulate: several shards, several gateways, a network.

pub mod caller;
pub mod chance;
pub mod checker;
pub mod flows;
pub mod nemesis;
pub mod node;
pub mod worker;
pub mod world;

pub use world::{Outcome, run};
