//! Real servers for tests: Apache Kafka, Apache Cassandra, which speaks the protocol of ScyllaDB, and
//! Jaeger.
//!
//! A server listens on loopback, on ports that were free, and keeps its data in a temporary folder.
//! It is handed out once it really answers, can be killed, paused and started again with the same
//! ports and data, and is gone with its data when the handle is dropped. Its jars come from Maven
//! once, or it is built once, and stays in a cache outside the tree.
//!
//! **Invariant:** no server and no data outlive the process that started it, however that process
//! ends.
//!
//! Nothing here is a client: what a test says to a server is the test's own affair. Everything
//! blocks; there is no runtime to bring.

mod archive;
mod cache;
mod cassandra;
mod certificates;
mod error;
mod jaeger;
mod java;
mod kafka;
mod letters;
mod ports;
mod proxy;
mod server;

pub use cache::folder as cache_folder;
pub use cassandra::{Cassandra, CassandraAccess};
pub use error::RigError;
pub use jaeger::Jaeger;
pub use kafka::{Kafka, KafkaAccess, KafkaPlan, KafkaSecurity, Way};
pub use proxy::{Proxy, Tamper};
pub use server::is_running;
