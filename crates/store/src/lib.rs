//! The store: checkpoints, histories, timers, listings and watermarks; the second of the
//! engine's two seams.
//!
//! Everything in it is derived from the log and written behind it. The [`Store`] trait's
//! documentation is its contract; [`conformance`] checks it; [`memory`] is for tests and
//! simulation, [`embedded`] for one process with a disk, `cql` (with the feature of that name)
//! for a cluster.

pub mod conformance;
pub mod contract;
#[cfg(feature = "cql")]
pub mod cql;
pub mod embedded;
pub mod memory;
pub mod row;

pub use contract::{Store, StoreError, StoreFuture};
#[cfg(feature = "cql")]
pub use cql::{CqlSettings, CqlStore};
pub use embedded::{EmbeddedStore, OpenError, Settings};
pub use memory::MemoryStore;
pub use row::{
    Checkpoint, ExecutionWrite, HistoryRow, ListPosition, ListQuery, Listing, Purge, RowVersion,
    Status, TimerKey, TimerRow, Watermark, Watermarks, Write,
};
