//! The records that workers in any language read and write: tasks and results as CloudEvents.
//!
//! A task is one record of `tasks.<queue>`, a result one record of `results`, both in the binary
//! mode of the [Kafka binding] of CloudEvents 1.0: what the record is about is in headers, the
//! input, the output or the problem is the value, as JSON text. This is a published contract; what
//! a program needs to know of it is in `docs/reference/worker-protocol.md`, and [`asyncapi`]
//! describes it for machines.
//!
//! **Invariants:** the same task gives the same bytes, wherever and however often it is encoded;
//! payloads are neither parsed nor copied; what is decoded comes from strangers, so nothing here
//! panics, and what an error quotes is bounded; a record of a newer version is named as such and
//! never guessed.
//!
//! It deliberately does not check that a payload is JSON: whoever decides with it does.
//!
//! [Kafka binding]: https://github.com/cloudevents/spec/blob/main/cloudevents/bindings/kafka-protocol-binding.md

pub mod asyncapi;
pub mod attribute;
mod error;
mod headers;
mod kind;
mod result;
mod task;
mod text;

pub use error::ContractError;
pub use result::{decode_result, encode_result};
pub use task::{decode_task, encode_task};
