//! How the rest of a cluster talks to the owner of a shard: reads, waits and the outcome of
//! commands.
//!
//! A gateway asks [`Owners`]; the owner of the shard answers from its [`Inbox`]. Commands
//! themselves do not come this way: they go through the log, and the caller learns here what was
//! decided. No answer is ever a guess: an owner that lost its shard says [`AskError::Moved`].

mod owners;
mod view;

pub use owners::{AskError, Inbox, Owners, Request, ShardState, ShardStatus};
pub use view::{CommandOutcome, EventView, ExecutionView, HistoryPage, PendingView, Position};
