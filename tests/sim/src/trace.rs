//! What happened in a run, line by line.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

/// What happened, line by line, with the simulated time. Clones are the same.
#[derive(Clone, Default)]
pub struct Trace(Arc<Mutex<Vec<String>>>, Option<Instant>);

impl Trace {
    /// A trace that begins now.
    pub fn beginning() -> Self {
        Self(Arc::default(), Some(Instant::now()))
    }

    /// Adds a line.
    pub fn note(&self, line: String) {
        let at = self.1.map_or(Duration::ZERO, |beginning| beginning.elapsed());
        self.0.lock().push(format!("{:>10.3} {line}", at.as_secs_f64()));
    }

    /// The lines so far.
    pub fn lines(&self) -> Vec<String> {
        self.0.lock().clone()
    }
}
