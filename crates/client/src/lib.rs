//! A typed client of the HTTP API: what the command line and tests use, and anybody's program
//! may.
//!
//! [`Client`] sends one request per method, and repeats it where that is harmless: reads always,
//! writes under one idempotency key. It remembers where its writes stand, so that its reads see
//! them, whichever node answers. An error carries the server's problem details.
//!
//! It deliberately keeps no queue and no cache: what it returned as an error is not sent later.

mod call;
mod client;
mod commands;
mod error;
mod executions;
mod flows;
mod operations;
mod positions;
mod repeat;
mod server;
mod shards;
mod workers;

pub use client::{ApiToken, Client};
pub use commands::{CommandAnswer, Control};
pub use error::ClientError;
pub use executions::{ListQuery, StartAnswer, StartKey, StartRequest};
pub use flows::{DefinitionFormat, DeployRequest};
pub use repeat::Repeats;
pub use server::{InvalidServer, Server};
