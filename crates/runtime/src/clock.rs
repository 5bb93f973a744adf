//! The one clock.
//!
//! Wall time at the start plus monotonic time since: a step of the machine's wall clock neither
//! fires a timer early nor holds one back. Under tokio's paused time it follows that, so a
//! simulation owns time by owning the runtime.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use flowmill_model::Timestamp;
use tokio::time::Instant;

/// Gives the time. Cheap to copy; all copies agree.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    wall: Timestamp,
    since: Instant,
    /// How wrong it goes. Nothing but a simulation sets it.
    error: Option<&'static ClockError>,
}

/// By how much a clock of a simulation is wrong; it may change at any moment, so that the clock
/// jumps.
#[derive(Debug, Default)]
pub struct ClockError(AtomicI64);

impl ClockError {
    /// Sets it, in milliseconds; below zero the clock is slow.
    pub fn set(&self, millis: i64) {
        self.0.store(millis, Ordering::Relaxed);
    }

    /// By how many milliseconds the clock is wrong.
    pub fn millis(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Clock {
    /// Starts from the machine's wall clock.
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads it")]
    pub fn system() -> Self {
        let wall = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX));
        Self::starting_at(Timestamp::from_millis(wall))
    }

    /// Starts from `wall`. Must be called within a tokio runtime whose time is to be followed.
    pub fn starting_at(wall: Timestamp) -> Self {
        Self { wall, since: Instant::now(), error: None }
    }

    /// The same clock, but as wrong as `error` says at any time. For simulation: a clock of a
    /// process that does not jump needs none.
    #[must_use]
    pub const fn wrong_by(self, error: &'static ClockError) -> Self {
        Self { error: Some(error), ..self }
    }

    /// The time now.
    pub fn now(&self) -> Timestamp {
        let elapsed = u64::try_from(self.since.elapsed().as_millis()).unwrap_or(u64::MAX);
        let right = self.wall.as_millis().saturating_add(elapsed);
        let error = self.error.map_or(0, ClockError::millis);
        Timestamp::from_millis(right.saturating_add_signed(error))
    }

    /// The instant at which [`Clock::now`] reaches `at`; now when it already has.
    pub fn instant_of(&self, at: Timestamp) -> Instant {
        let error = self.error.map_or(0, ClockError::millis);
        let right = at.as_millis().saturating_add_signed(error.saturating_neg());
        self.since + Duration::from_millis(right.saturating_sub(self.wall.as_millis()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_clock_that_jumps_agrees_with_itself() {
        let wall = Timestamp::from_millis(1_000_000);
        let right = Clock::starting_at(wall);
        let error: &'static ClockError = Box::leak(Box::default());
        let wrong = right.wrong_by(error);
        assert_eq!(wrong.now(), right.now());
        for millis in [300_000, -300_000] {
            error.set(millis);
            assert_eq!(wrong.now().as_millis(), 1_000_000_u64.saturating_add_signed(millis));
            let soon = Timestamp::from_millis(wrong.now().as_millis() + 7);
            assert_eq!(wrong.instant_of(soon) - Instant::now(), Duration::from_millis(7));
        }
    }
}
