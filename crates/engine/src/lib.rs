//! The pure core: what happens to an execution, decided and folded.
//!
//! [`decide`] turns a command into events, [`evolve`] folds an event into the state, [`effects`]
//! derives from an event what the world must do. Nothing here knows a runtime, a clock, a random
//! source or I/O: time and randomness come in as a [`Moment`], effects go out as data.
//!
//! An execution is a token net over its flow's graph. Connections hold tokens (JSON values); a
//! node takes tokens and puts out tokens. Nodes without side effects run inside `decide`, so a
//! chain of them costs no hop; tasks, waits and signals leave an activation in the state that a
//! later command ends.
//!
//! **Invariant:** `decide(..).after` equals folding its events into the state it was given, so
//! that a replay, a checkpoint and the live state are one. Only events are replayed; `decide` is
//! never run again on what it has decided.
//!
//! **Invariant:** evolving is total: an event that does not fit the state changes what it can and
//! never fails.

// Test code shared with the test programs names this crate as they do.
#[cfg(test)]
extern crate self as flowmill_engine;

mod blocks;
mod command;
mod decide;
mod draft;
mod drain;
#[cfg(test)]
mod driver;
mod effects;
mod evolve;
mod execution;
mod incident;
mod lifecycle;
mod nodes;
mod output;
mod ports;
mod rejection;
mod retry;
mod scope;
mod seed;
mod values;
mod view;

pub use command::{Command, Moment, Whereabouts};
pub use decide::{Decision, decide};
pub use effects::{Effect, effects};
pub use evolve::evolve;
pub use execution::{Execution, Pending, PendingReason, PendingTimer, Status, TaskSpec, TimerKind};
pub use incident::{fault, fault_start, keep_input, quarantine, quarantine_start};
pub use lifecycle::{Lifecycle, lifecycle};
pub use rejection::{Rejection, Unexpected};
pub use view::{EventView, view};
