//! The worker SDK: what a program links to run tasks of flows.
//!
//! ```no_run
//! # use std::sync::Arc;
//! # use flowmill_worker_sdk::{TaskContext, TaskError, Worker};
//! # #[derive(serde::Deserialize)] struct Order { amount: u32 }
//! # #[derive(serde::Serialize)] struct Receipt { charged: u32 }
//! # async fn example(log: Arc<dyn flowmill_log::Log>) -> Result<(), Box<dyn std::error::Error>> {
//! let worker = Worker::builder(log)
//!     .task("charge", |_: TaskContext, order: Order| async move {
//!         Ok::<_, TaskError>(Receipt { charged: order.amount })
//!     })
//!     .build()?;
//! worker.run(async { drop(tokio::signal::ctrl_c().await) }).await?;
//! # Ok(())
//! # }
//! ```
//!
//! A program that cannot hold the log takes its tasks from a gateway instead, with the same
//! handlers: see [`RemoteWorker`].
//!
//! A [`Worker`] is a member of one group per queue. It reads the partitions that are assigned to
//! it, runs each task in a slot of its own, and writes what came of it to the results of the
//! execution's shard. A task runs at least once: the owner of its execution counts one result of
//! an attempt and ignores the others, and [`TaskContext::idempotency_key`] lets the outside world
//! do the same.
//!
//! **Invariants:** a position is committed only when everything below it was picked up, so that
//! the owner can tell tasks that wait from tasks that run, and, where the topic outlives the
//! worker, only when everything below it has ended or has run for longer than
//! [`TOPIC_GUARDS_TASK`](flowmill_model::limits::TOPIC_GUARDS_TASK); a reader never sleeps on a task's
//! behalf, whoever wants to wait hands the task back ([`TaskError::later`]); nothing here spawns
//! threads, draws numbers or reads a clock of its own, so a simulation can own a worker.

mod attempt;
mod builder;
mod context;
mod error;
mod figures;
mod handler;
mod memory;
mod outcome;
mod partition;
mod progress;
mod queue;
mod remote;
mod reporter;
mod slots;
mod span;
mod worker;

pub use builder::{BuildError, WorkerBuilder};
pub use context::TaskContext;
pub use error::TaskError;
pub use figures::{Figures, QueueFigures};
pub use remote::{RemoteBuildError, RemoteBuilder, RemoteWorker};
pub use reporter::{Reporter, Unwritten};
pub use worker::{Drained, Queues, Worker, WorkerError};
