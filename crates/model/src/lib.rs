//! The vocabulary every other crate shares: ids, time, limits, error codes, events and the
//! versioned encoding of everything that is written down.
//!
//! Pure data: no runtime, no clock, no randomness, no I/O. Ids are newtypes with private fields;
//! bytes that reach a log or a store are framed by [`envelope`], so that a reader can name what
//! it does not know.

pub mod command;
pub mod envelope;
pub mod error_code;
pub mod event;
pub mod history;
pub mod ids;
pub mod limits;
pub mod name;
pub mod payload;
pub mod problem;
pub mod shard;
pub mod task;
pub mod time;
pub mod trace;

pub use error_code::ErrorCode;
pub use ids::{
    Activation, BatchNumber, BlockIndex, CommandId, ConnectionIndex, ContentHash, Epoch,
    ExecutionId, FrameId, NodeIndex, Offset, PortIndex, Sequence, ShardId, TaskId, TaskToken,
    TimerId,
};
pub use name::{FlowName, FlowVersion, InvalidName, Name, Queue, TopicName, Version};
pub use payload::Payload;
pub use problem::Problem;
pub use time::Timestamp;
pub use trace::TraceContext;
