//! What every role needs to be operable: logs, metrics and traces.
//!
//! Logs go to standard error, metrics are rendered for whoever scrapes them, traces are exported
//! by OTLP where a collector is configured, and cost next to nothing where none is.

mod afresh;
pub mod fields;
pub mod message;
pub mod metrics;
pub mod names;
mod sampling;
pub mod setup;
pub mod trace;

pub use flowmill_runtime::{spawn, spawn_on};
pub use message::Message;
pub use metrics::{
    Ending, KafkaFigures, Metrics, Quantiles, ShardFigures, TriggerFigures, TriggerResult,
};
pub use setup::{SetupError, Telemetry};
