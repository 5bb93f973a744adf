//! Callers that ask again and again while something else happens, and what they saw.

use std::sync::Arc;
use std::time::Duration;

use flowmill_runtime::spawn;
use hdrhistogram::Histogram;
use parking_lot::Mutex;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

/// The longest time that is told from longer ones, in microseconds: ten minutes.
const LONGEST: u64 = 600_000_000;

/// Times, in bounded memory.
#[derive(Clone, Debug)]
pub struct Times(Histogram<u64>);

impl Default for Times {
    /// None yet.
    fn default() -> Self {
        Self(Histogram::new_with_bounds(1, LONGEST, 3).expect("the bounds are possible"))
    }
}

impl Times {
    /// Adds one.
    pub fn record(&mut self, time: Duration) {
        self.0.saturating_record(u64::try_from(time.as_micros()).unwrap_or(u64::MAX));
    }

    /// The time in milliseconds that this part of all (0 to 1) did not exceed.
    pub fn millis(&self, part: f64) -> f64 {
        Duration::from_micros(self.0.value_at_quantile(part)).as_secs_f64() * 1e3
    }
}

/// A caller that runs.
pub struct Probe {
    seen: Arc<Mutex<Times>>,
    running: JoinHandle<()>,
}

impl Probe {
    /// Calls again and again, with a pause between two calls. Calls that fail are not counted:
    /// they are repeated at once, and the time goes on.
    pub fn start<C, F>(pause: Duration, call: C) -> Self
    where
        C: Fn() -> F + Send + Sync + 'static,
        F: Future<Output = bool> + Send + 'static,
    {
        let seen = Arc::new(Mutex::new(Times::default()));
        let times = Arc::clone(&seen);
        let running = spawn("probe", async move {
            loop {
                let begun = Instant::now();
                while !call().await {
                    sleep(Duration::from_millis(5)).await;
                }
                times.lock().record(begun.elapsed());
                sleep(pause).await;
            }
        });
        Self { seen, running }
    }

    /// What it saw since it was asked last.
    pub fn take(&self) -> Times {
        std::mem::take(&mut *self.seen.lock())
    }
}

impl Drop for Probe {
    fn drop(&mut self) {
        self.running.abort();
    }
}
