//! Whether a start is accepted and a status can be read, in every second of the campaign.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use flowmill_model::ExecutionId;
use flowmill_runtime::spawn;
use parking_lot::Mutex;
use tokio::task::JoinHandle;
use tokio::time::{Instant, interval, sleep, timeout};

use crate::callers::{AGAIN, Callers};

/// The length of a window.
const WINDOW: Duration = Duration::from_secs(1);

/// How long a caller tries in each.
const WITHIN: Duration = Duration::from_secs(3);

/// The probe, as long as it is there.
pub(crate) struct Availability {
    seen: Arc<Mutex<Vec<Window>>>,
    running: JoinHandle<()>,
}

/// One window.
#[derive(Clone, Copy, Debug)]
struct Window {
    at: Instant,
    start: bool,
    read: bool,
}

/// How many windows there were, and in how many both succeeded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Windows {
    pub(crate) all: u64,
    pub(crate) starts: u64,
    pub(crate) reads: u64,
    pub(crate) both: u64,
}

impl Availability {
    /// Begins; `known` is an execution to be read.
    pub(crate) fn watch(callers: &Callers, known: ExecutionId) -> Self {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (callers, windows) = (callers.clone(), Arc::clone(&seen));
        let running = spawn("availability", async move {
            let mut turns = interval(WINDOW);
            loop {
                let at = turns.tick().await;
                let (callers, windows) = (callers.clone(), Arc::clone(&windows));
                spawn("window", async move {
                    let (start, read) = tokio::join!(starts(&callers), reads(&callers, known));
                    windows.lock().push(Window { at, start, read });
                });
            }
        });
        Self { seen, running }
    }

    /// What was seen in the windows that began in one of these times.
    pub(crate) fn during(&self, times: &[Range<Instant>]) -> Windows {
        self.windows(|at| times.iter().any(|time| time.contains(&at)))
    }

    /// What was seen in those that began at a time that is asked for.
    pub(crate) fn windows(&self, which: impl Fn(Instant) -> bool) -> Windows {
        let mut windows = Windows::default();
        let seen = self.seen.lock();
        let seen = seen.iter().filter(|window| which(window.at));
        seen.for_each(|window| windows.add(window.start, window.read));
        windows
    }
}

impl Drop for Availability {
    fn drop(&mut self) {
        self.running.abort();
    }
}

impl Windows {
    fn add(&mut self, start: bool, read: bool) {
        self.all += 1;
        self.starts += u64::from(start);
        self.reads += u64::from(read);
        self.both += u64::from(start && read);
    }

    /// The share in which both succeeded, in percent.
    #[expect(clippy::cast_precision_loss, reason = "windows are few")]
    pub(crate) fn percent(self) -> f64 {
        if self.all == 0 { 0.0 } else { self.both as f64 * 100.0 / self.all as f64 }
    }
}

/// Whether a start is accepted in time, at whatever gateway. It has no key, so any shard will do.
async fn starts(callers: &Callers) -> bool {
    let trying = async {
        let mut turn = 0;
        while !callers.start_without_key(turn).await {
            turn += 1;
            sleep(AGAIN).await;
        }
    };
    timeout(WITHIN, trying).await.is_ok()
}

/// Whether a status is read in time, at whatever gateway.
async fn reads(callers: &Callers, known: ExecutionId) -> bool {
    let trying = async {
        let mut turn = 0;
        while callers.ways.at(turn).get(known).await.is_err() {
            turn += 1;
            sleep(AGAIN).await;
        }
    };
    timeout(WITHIN, trying).await.is_ok()
}
