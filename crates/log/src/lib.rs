//! The log: append-only partitions of records, the first of the engine's two seams.
//!
//! The [`Log`] trait's documentation is its contract; [`conformance`] checks it; [`memory`] is for
//! tests and simulation, [`embedded`] for one process with a disk, `kafka` for a cluster. Nothing
//! here knows what a record means, and nothing here offers transactions: one append is the only
//! commit there is.

pub mod conformance;
pub mod contract;
pub mod embedded;
mod groups;
#[cfg(feature = "kafka")]
pub mod kafka;
pub mod memory;
pub mod topic;

pub use contract::{
    Append, AppendError, Bounds, Fetched, Header, Log, LogFuture, Member, NotWritten,
    ORCHESTRATORS, ReadError, ReadLimit, Reader, Record, task_partition, worker_group,
};
pub use embedded::EmbeddedLog;
pub use memory::MemoryLog;
pub use topic::{Partition, Retention, Survival, Topic, TopicSpec};
