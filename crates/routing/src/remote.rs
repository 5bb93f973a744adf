//! Questions between nodes, by gRPC: the owner's side and the asker's.
//!
//! [`ShardServer`] answers for the shards that run in this process. [`Peers`] follows the
//! announcements, keeps a connection to every owner elsewhere and enters it into [`Owners`].
//! **Invariant:** a question is passed on once: what arrives here is answered from this process or
//! not at all, so that two nodes that take each other for the owner do not ask in circles.
//!
//! [`Owners`]: crate::Owners

mod peer;
mod peers;
mod server;
mod trust;
mod wire;

pub use peer::Peer;
pub use peers::Peers;
pub use server::ShardServer;
pub use trust::{ClusterToken, InvalidToken, Trust};
