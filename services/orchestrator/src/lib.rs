//! The orchestrator: owns shards, decides what executions do, commits it, sends it out.
//!
//! [`shard`] is the actor of one shard and its commit loop; [`execution`] the actor of one
//! execution; [`takeover`] how a shard is claimed and its state found; [`projector`] what writes
//! behind the log; [`validity`] the one rule that says which records of a history count.
//!
//! **Invariant:** nothing is sent, answered or projected before the batch that decided it is
//! committed, and only one append commits it.

pub mod execution;
pub mod measure;
pub mod orchestrator;
pub mod projector;
mod pulse;
pub mod settings;
pub mod shard;
pub mod takeover;
pub mod validity;
pub mod view;
mod watch;

pub use orchestrator::{Orchestrator, Parts, StartError, ensure_topics, topics};
pub use settings::{Retention, Settings};
