//! The built-in worker: runs the tasks of `http.request` and `kafka.produce` nodes.
//!
//! A request is what `flowmill_flow::RequestTemplate` made of the node's parameters, with places
//! for secrets that are filled in here and nowhere else. The answer is
//! `{"status": 200, "headers": {...}, "body": ...}`.
//!
//! **Invariants**
//! * No address is connected to that the [`OutgoingPolicy`] has not vetted, after resolution, on
//!   every redirect.
//! * The value of a secret leaves this crate in a request to the host it was meant for and in no
//!   other way: not in a result, an error, a log line, a span or a `Debug` form. What a server
//!   answers with is the flow's business.
//! * No call waits in a slot for another one: what a host may not have now is handed back.

mod answer;
mod body;
mod call;
mod client;
mod connect;
mod failure;
mod hosts;
mod http_worker;
mod kafka_produce;
mod policy;
mod redirect;
mod request;
mod resolver;
mod secrets;

pub use http_worker::{HTTP_QUEUE, HTTP_TASK, Settings, StartError, http_worker};
pub use kafka_produce::{KAFKA_QUEUE, KAFKA_TASK, KafkaAccess};
pub use policy::{InvalidAllow, OutgoingPolicy, Refused};
pub use resolver::{Addresses, Lookup};
pub use secrets::Secrets;
