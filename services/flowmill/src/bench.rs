//! Measuring: workloads, loops that load a target with them, and what the process used.
//!
//! The load comes from the same process as the embedded engine and shares its cores; so its cost
//! is in every figure. Latency is measured by the caller, from the time a start was meant to be
//! sent to the moment the caller knows the outcome.

pub(crate) mod disk;
pub(crate) mod load;
pub(crate) mod machine;
pub(crate) mod open;
pub(crate) mod process;
pub(crate) mod report;
pub(crate) mod target;
pub(crate) mod worker;
pub(crate) mod workload;
