//! The gateway: takes what callers ask, makes it durable, and answers what became of it.
//!
//! [`Gateway`] is the whole of it without HTTP; whoever embeds the engine uses that. [`serve`]
//! puts the HTTP API in front of it.
//!
//! With the feature `kafka`, [`triggers`] starts executions from the records of Kafka topics.
//!
//! Nothing is decided here. A command goes into the log, the owner of its shard decides, and the
//! gateway asks the owner for the outcome. **Invariant:** an answer of success means durable; an
//! answer of "unknown" is the owner's word.

mod acknowledged;
mod append;
mod control;
mod deploy;
mod gateway;
mod health;
mod http;
mod key;
mod list;
mod payload;
mod reads;
mod refusal;
mod resolve;
mod room;
mod settings;
mod stale;
mod start;
#[cfg(feature = "kafka")]
pub mod triggers;
mod workers;

pub use control::{Action, CommandAnswer, Envelope};
pub use deploy::{DeployRequest, DeployedVersion};
pub use gateway::{Gateway, Parts};
pub use http::{Abandoned, node_type, openapi, operations, router, serve};
pub use key::{IdempotencyKey, InvalidKey};
pub use list::ListPage;
pub use reads::Read;
pub use refusal::{Finding, Refusal};
pub use settings::{QueueFigures, Readiness, Settings};
pub use start::{StartRequest, Started};
pub use workers::{Balance, TokenKey, WeakKey, WorkerServer, WorkerView, worker_service};
