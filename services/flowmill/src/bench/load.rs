//! The loops that load a target.
//!
//! Closed: a number of callers, each starts its next execution when the last one has ended. Open:
//! starts at fixed times, whatever became of the earlier ones; latency counts from the time a
//! start was due, so that a target that stalls cannot hide the callers it kept waiting.

use std::future::Future;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use flowmill_runtime::spawn;
use futures::future::join_all;
use parking_lot::Mutex;
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep_until};

use crate::latency::Latencies;

/// How long a caller waits after a failure, so that a target that refuses is not hammered.
const PAUSE: Duration = Duration::from_millis(10);

/// Executions in flight in the open loop. Beyond it a start waits, and its latency shows it.
const IN_FLIGHT: usize = 100_000;

/// How a target is loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Loop {
    /// So many callers.
    Closed(NonZeroU32),
    /// So many starts a second.
    Open(NonZeroU32),
}

/// What the callers saw.
#[derive(Clone, Debug)]
pub(crate) struct Measured {
    /// End-to-end latency of what completed.
    pub(crate) latency: Latencies,
    /// Executions that did not complete, or were not taken.
    pub(crate) failed: u64,
    /// Why the first of them did not.
    pub(crate) first_failure: Option<String>,
    /// From the first start to the last end.
    pub(crate) elapsed: Duration,
}

impl Measured {
    fn new() -> Self {
        Self { latency: Latencies::new(), failed: 0, first_failure: None, elapsed: Duration::ZERO }
    }

    fn record(&mut self, latency: Duration, result: Result<(), String>) {
        match result {
            Ok(()) => self.latency.record(latency),
            Err(why) => {
                self.failed += 1;
                self.first_failure.get_or_insert(why);
            }
        }
    }
}

/// Loads a target for `duration`, then waits for what is in flight. `execute` runs one execution
/// to its end.
pub(crate) async fn load<E, F>(how: Loop, duration: Duration, execute: E) -> Measured
where
    E: Fn() -> F + Send + Sync + 'static,
    F: Future<Output = Result<(), String>> + Send + 'static,
{
    let measured = Arc::new(Mutex::new(Measured::new()));
    let begun = Instant::now();
    let execute = Arc::new(execute);
    match how {
        Loop::Closed(callers) => {
            let caller = |_| {
                spawn("caller", call(begun + duration, Arc::clone(&execute), Arc::clone(&measured)))
            };
            join_all((0..callers.get()).map(caller)).await;
        }
        Loop::Open(rate) => arrive(begun, duration, rate, &execute, &measured).await,
    }
    let mut measured = measured.lock().clone();
    measured.elapsed = begun.elapsed();
    measured
}

/// One caller of the closed loop.
async fn call<E, F>(until: Instant, execute: Arc<E>, measured: Arc<Mutex<Measured>>)
where
    E: Fn() -> F,
    F: Future<Output = Result<(), String>>,
{
    while Instant::now() < until {
        let begun = Instant::now();
        let result = execute().await;
        let failed = result.is_err();
        measured.lock().record(begun.elapsed(), result);
        if failed {
            tokio::time::sleep(PAUSE).await;
        }
    }
}

/// The open loop: every start at its time.
async fn arrive<E, F>(
    begun: Instant,
    duration: Duration,
    rate: NonZeroU32,
    execute: &Arc<E>,
    measured: &Arc<Mutex<Measured>>,
) where
    E: Fn() -> F + Send + Sync + 'static,
    F: Future<Output = Result<(), String>> + Send + 'static,
{
    let room = Arc::new(Semaphore::new(IN_FLIGHT));
    let mut number = 0;
    loop {
        let due = due(number, rate);
        if due >= duration {
            break;
        }
        let due = begun + due;
        sleep_until(due).await;
        let place = Arc::clone(&room).acquire_owned().await.expect("nobody closes it");
        let (execute, measured) = (Arc::clone(execute), Arc::clone(measured));
        spawn("arrival", async move {
            let result = execute().await;
            measured.lock().record(due.elapsed(), result);
            drop(place);
        });
        number += 1;
    }
    let all = u32::try_from(IN_FLIGHT).unwrap_or(u32::MAX);
    drop(room.acquire_many(all).await.expect("nobody closes it"));
}

/// When the `number`-th start is due.
fn due(number: u64, rate: NonZeroU32) -> Duration {
    let rate = u64::from(rate.get());
    let (seconds, rest) = (number / rate, number % rate);
    Duration::from_secs(seconds) + Duration::from_nanos(rest * 1_000_000_000 / rate)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(number: u32) -> NonZeroU32 {
        NonZeroU32::new(number).unwrap()
    }

    #[test]
    fn starts_are_due_evenly() {
        let check = |at, rate, millis| {
            assert_eq!(due(at, number(rate)), Duration::from_millis(millis));
        };
        check(0, 10, 0);
        check(1, 10, 100);
        check(25, 10, 2_500);
    }

    #[tokio::test(start_paused = true)]
    async fn callers_of_the_closed_loop_wait_for_each_end() {
        let execute = || async {
            tokio::time::sleep(Duration::from_millis(100)).await;
            Ok(())
        };
        let measured = load(Loop::Closed(number(3)), Duration::from_secs(1), execute).await;
        assert_eq!((measured.latency.count(), measured.failed), (30, 0));
        assert_eq!(measured.elapsed, Duration::from_secs(1));
    }

    #[tokio::test(start_paused = true)]
    async fn a_stall_of_the_target_is_in_the_latency_of_all_who_were_due() {
        // One at a time, 100 ms each, though one is due every 50 ms.
        let one = Arc::new(Semaphore::new(1));
        let execute = move || {
            let one = Arc::clone(&one);
            async move {
                let turn = one.acquire().await;
                tokio::time::sleep(Duration::from_millis(100)).await;
                drop(turn);
                Ok(())
            }
        };
        let measured = load(Loop::Open(number(20)), Duration::from_secs(1), execute).await;
        assert_eq!(measured.latency.count(), 20);
        // The last was due at 950 ms and ended at 2 s.
        assert!(
            measured.latency.max() >= Duration::from_millis(1_049),
            "{:?}",
            measured.latency.max()
        );
    }

    #[tokio::test(start_paused = true)]
    async fn failures_are_counted_and_not_timed() {
        let execute = || async { Err("no".to_owned()) };
        let measured = load(Loop::Closed(number(1)), Duration::from_millis(95), execute).await;
        assert_eq!((measured.latency.count(), measured.failed), (0, 10));
        assert_eq!(measured.first_failure.as_deref(), Some("no"));
    }
}
