//! How the rest of a cluster talks to the owner of a shard: reads, waits and the outcome of
//! commands.
//!
//! A gateway asks [`Owners`]; the owner of the shard answers from its [`Inbox`]. Commands
//! themselves do not come this way: they go through the log, and the caller learns here what was
//! decided. The owner may be in this process or in another one, which [`Directory`] tells and
//! [`Peers`] keeps in touch with. No answer is ever a guess: an owner that lost its shard says [`AskError::Moved`].

mod directory;
mod owners;
mod remote;
mod view;

pub use directory::{Announced, Directory};
pub use owners::{AskError, Inbox, Owners, Request, ShardState, ShardStatus};
pub use remote::{ClusterToken, InvalidToken, Peer, Peers, ShardServer, Trust};
pub use view::{CommandOutcome, EventView, ExecutionView, HistoryPage, PendingView, Position};
