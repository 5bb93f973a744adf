//! What a deterministic run must own: the clock, the spawning of tasks, and randomness.
//!
//! **Invariant:** nothing else in the workspace reads a clock, spawns a task without a name, or
//! asks the machine for entropy while executions are decided.

pub mod clock;
pub mod crash;
pub mod entropy;
pub mod spawn;

pub use clock::{Clock, ClockError};
pub use entropy::Entropy;
pub use spawn::{spawn, spawn_on};
