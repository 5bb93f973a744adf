//! A worker in a program of its own: runs the tasks of the type `charge` that a gateway lends.
//!
//! ```sh
//! cargo run -p flowmill-worker-sdk --example charge -- http://127.0.0.1:7400
//! ```
//!
//! `examples/workers/bill.yaml` is a flow that has such tasks.

use std::error::Error;

use flowmill_worker_sdk::{RemoteBuildError, RemoteWorker, TaskContext, TaskError};
use serde::{Deserialize, Serialize};

/// What the task is given.
#[derive(Deserialize)]
struct Order {
    amount: u32,
}

/// What it gives.
#[derive(Serialize)]
struct Receipt {
    charged: u32,
    reference: String,
}

async fn charge(context: TaskContext, order: Order) -> Result<Receipt, TaskError> {
    // The same in all attempts of the task: send it along with whatever changes something.
    let reference = context.idempotency_key();
    Ok(Receipt { charged: order.amount, reference })
}

/// The worker, for the gateway at `address`.
///
/// # Errors
/// When the address is none.
pub fn worker(address: &str) -> Result<RemoteWorker, RemoteBuildError> {
    RemoteWorker::builder(address).name("rust").task("charge", charge).build()
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "http://127.0.0.1:7400".to_owned());
    let shutdown = async { drop(tokio::signal::ctrl_c().await) };
    worker(&address)?.run(shutdown).await;
    Ok(())
}
