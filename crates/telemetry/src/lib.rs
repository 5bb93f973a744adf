//! What every role needs to be operable: logs, metrics, traces, health.

pub use flowmill_runtime::{spawn, spawn_on};

/// Figures.
#[derive(Clone, Debug, Default)]
pub struct Metrics;
