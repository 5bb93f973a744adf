//! The one clock.
//!
//! Wall time at the start plus monotonic time since: a step of the machine's wall clock neither
//! fires a timer early nor holds one back. Under tokio's paused time it follows that, so a
//! simulation owns time by owning the runtime.

use flowmill_model::Timestamp;
use tokio::time::Instant;

/// Gives the time. Cheap to copy; all copies agree.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    wall: Timestamp,
    since: Instant,
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
        Self { wall, since: Instant::now() }
    }

    /// The time now.
    pub fn now(&self) -> Timestamp {
        Timestamp::from_millis(
            self.wall.as_millis().saturating_add(
                u64::try_from(self.since.elapsed().as_millis()).unwrap_or(u64::MAX),
            ),
        )
    }

    /// The instant at which [`Clock::now`] reaches `at`; now when it already has.
    pub fn instant_of(&self, at: Timestamp) -> Instant {
        self.since + at.since(self.wall)
    }
}
