//! The orchestrator: owns shards, decides what executions do, commits it, sends it out.
//!
//! [`shard`] is the actor of one shard and its commit loop; [`execution`] the actor of one
//! execution; [`takeover`] how a shard is claimed and its state found; [`projector`] what writes
//! behind the log; [`validity`] the one rule that says which records of a history count.
//!
//! **Invariant:** nothing is sent, answered or projected before the batch that decided it is
//! committed, and only one append commits it.

/// Whether a node's settings say that it is broken in that way on purpose.
#[cfg(feature = "mutations")]
macro_rules! broken {
    ($settings:expr, $mutation:ident) => {
        $settings.mutation == Some(crate::mutations::Mutation::$mutation)
    };
}

/// Nothing is broken on purpose without the feature `mutations`.
#[cfg(not(feature = "mutations"))]
macro_rules! broken {
    ($settings:expr, $mutation:ident) => {
        false
    };
}

pub mod execution;
pub mod measure;
#[cfg(feature = "mutations")]
pub mod mutations;
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
