//! The worker gateway: lends tasks to workers that have no Kafka client, over gRPC and HTTP.
//!
//! Towards the log the gateway is a worker like any other, made with the worker SDK: a member of
//! the queue's group while somebody subscribes to the queue ([`feed`]), which takes a task only
//! when a worker has asked for one ([`board`]), and gives it to the one whose turn it is
//! ([`balance`]). The SDK's rules hold for what is lent: an attempt that is out of time is reported
//! as failed, signs of life go to the owner, results are repeated until they are durable. A worker
//! names its task by a signed [`token`]; what it says of it ([`answer`]) is believed if the token is
//! genuine and the attempt is pending.
//!
//! **Invariants:** no task is taken that nobody asked for; a success means that the result is
//! durable; a token that was answered is worth nothing any more. The owner of the execution has
//! the last word: the lease here only says who may still answer quickly.
//!
//! Deliberately absent: leases on disk. A gateway that ends forgets them; the tokens stay good at
//! every gateway of the cluster, and a task that nobody answers is ended by its time-out.

mod answer;
mod balance;
mod board;
mod feed;
mod grpc;
mod lent;
mod poll;
mod registry;
mod stream;
mod subscription;
mod token;

use std::sync::Arc;

use flowmill_worker_sdk::Reporter;

pub(crate) use self::answer::Answer;
pub use self::balance::Balance;
use self::board::Board;
pub use self::grpc::{WorkerServer, worker_service};
pub(crate) use self::lent::LentTask;
pub(crate) use self::poll::PollRequest;
use self::registry::Registry;
pub use self::registry::WorkerView;
pub use self::token::{TokenKey, WeakKey};
use crate::Gateway;
use crate::gateway::Parts;

/// What a gateway knows of its workers.
pub(crate) struct Workers {
    board: Arc<Board>,
    key: TokenKey,
    /// For results of tasks that this gateway has not lent, or has forgotten.
    reporter: Reporter,
}

impl Workers {
    pub(crate) fn new(parts: &Parts) -> Self {
        let cluster = parts.log.identity().cluster;
        let given = parts.settings.task_token_key.clone();
        Self {
            board: Arc::new(Board::new(parts.settings.balance)),
            key: given.unwrap_or_else(|| TokenKey::of_cluster(cluster)),
            reporter: Reporter::new(Arc::clone(&parts.log)),
        }
    }
}

impl Gateway {
    /// The workers that this gateway lends tasks to, by name.
    pub fn workers(&self) -> Vec<WorkerView> {
        self.0.workers.board.with_registry(Registry::views)
    }
}
