//! A deterministic simulation: the real orchestrators, shard actors, commit loops, projectors and
//! timers on a log and a store in memory, in one thread, on paused time, with faults drawn from a
//! seed.
//!
//! One seed is one run, byte for byte. [`run`] plays it and has [`checker`] look at what is left:
//! the log, the store, what callers were told, and what nodes did when ([`journal`]). The checker
//! reads the log by rules of its own, not through the code under test. [`sometimes`] counts the rare
//! branches that a run went through, so that a set of seeds that no longer reaches one is seen.
//!
//! Nodes join, leave, die and stand still ([`cluster`], [`gate`]); the store is slow, full, and
//! loses what it acknowledged ([`servers`]); clocks jump; workers are at their worst ([`worker`]).
//!
//! It does not simulate: gateways, questions between nodes, a network.

pub mod caller;
pub mod chance;
pub mod checker;
pub mod cluster;
pub mod flows;
pub mod gate;
pub mod hearing;
pub mod journal;
#[cfg(feature = "mutations")]
pub mod mutated;
pub mod nemesis;
pub mod node;
pub mod servers;
pub mod sometimes;
pub mod trace;
pub mod worker;
pub mod world;

pub use world::{Outcome, run, run_with};
