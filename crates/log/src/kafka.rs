//! The log on Apache Kafka.
//!
//! [`Clients`] makes every client there is; [`KafkaSettings`] says how they reach the brokers.

pub mod clients;
pub mod settings;

pub use clients::{
    ClientError, ClientFigures, Clients, ConsumerPlan, Context, Delivered, Outgoing, PartitionLag,
    Producer, Rebalances, SendError, SendFuture, Statistics, Trouble,
};
pub use rdkafka;
pub use settings::{
    ClusterName, Credentials, InvalidClusterName, KafkaSettings, Login, Secret, Security, Tls,
    TokenFile, Transport,
};
