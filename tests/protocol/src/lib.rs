//! The shard commit protocol as a small model, searched exhaustively.
//!
//! The protocol says who owns a shard, what counts in its history, when outputs are sent, and where
//! a recovery starts (`docs/explanation/protocol.md`). Here it is written down once more, without
//! executions, bytes or clocks, and everything that can happen to it in small bounds is tried:
//! appends that are late, lost, repeated or acknowledged without an offset; crashes and pauses
//! anywhere; a store that loses what it acknowledged.
//!
//! A [`Config`] is a model of one concern, small enough for its whole state space to be searched. A
//! [`Mutation`] leaves out one rule; the configuration that it belongs to must then find a
//! counterexample. So every rule is shown to be needed, and the models to be able to fail. A model
//! also names states that it must reach, since one that gets nowhere breaks nothing.
//!
//! **Invariant:** nothing of the workspace is used here. A model that shared code with the engine
//! would share its mistakes.
//!
//! **Deliberately absent:** reads, lifecycle events, definitions, the compaction of announcements,
//! the expiry of deferrals, reads from several replicas, several appends on their way. A liveness
//! property is only looked at where nobody owes a step: what goes round in circles for ever is not
//! found.

mod config;
mod deferrals;
mod fingerprint;
mod history;
mod ids;
mod mutation;
mod outputs;
mod ownership;
mod projection;
mod property;
mod search;
mod term;
mod timers;

pub use config::Config;
pub use mutation::Mutation;
pub use property::{Broken, Property};
pub use search::{Counterexample, End, Found};
