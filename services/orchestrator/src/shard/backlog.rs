//! How far a shard is behind its commands.
//!
//! Now and then the owner looks where the topic ends. What it has not reached of an earlier look
//! has waited since then at least. Only the owner's clock counts, and a burst that has just
//! arrived is no lag.

use std::collections::VecDeque;
use std::time::Duration;

use flowmill_model::{Offset, Timestamp};

/// Looks that are remembered: ten minutes of one a second. A shard that is further behind takes no
/// starts anyway.
const LOOKS: usize = 600;

/// What waits in a shard's commands.
#[derive(Debug, Default)]
pub(crate) struct Backlog {
    /// Where the topic ended, and when; only those that the shard has not reached.
    ends: VecDeque<(Timestamp, Offset)>,
    waiting: u64,
    lag: Duration,
}

impl Backlog {
    /// The topic ends at `end`; the shard has reached `reached`.
    pub(crate) fn looked(&mut self, now: Timestamp, end: Offset, reached: Offset) {
        while self.ends.front().is_some_and(|(_, earlier)| *earlier <= reached) {
            self.ends.pop_front();
        }
        let is_news = self.ends.back().is_none_or(|(_, last)| *last < end);
        if end > reached && is_news && self.ends.len() < LOOKS {
            self.ends.push_back((now, end));
        }
        self.waiting = end.get().saturating_sub(reached.get());
        self.lag = self.ends.front().map_or(Duration::ZERO, |(since, _)| now.since(*since));
    }

    /// Commands that were waiting at the last look.
    pub(crate) const fn waiting(&self) -> u64 {
        self.waiting
    }

    /// How long the oldest of them had waited.
    pub(crate) const fn lag(&self) -> Duration {
        self.lag
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(looks: &[(u64, u64, u64)], waiting: u64, lag_s: u64) {
        let mut backlog = Backlog::default();
        for (at, end, reached) in looks {
            let now = Timestamp::from_millis(at * 1_000);
            backlog.looked(now, Offset::new(*end), Offset::new(*reached));
        }
        assert_eq!((backlog.waiting(), backlog.lag()), (waiting, Duration::from_secs(lag_s)));
    }

    #[test]
    fn a_shard_that_keeps_up_has_no_lag_however_much_passes_through() {
        check(&[(0, 10, 10), (1, 5_000, 5_000), (2, 90_000, 90_000)], 0, 0);
    }

    #[test]
    fn a_burst_after_a_rest_is_no_lag() {
        check(&[(0, 10, 10), (3_600, 50_000, 10)], 49_990, 0);
    }

    #[test]
    fn a_shard_that_stands_still_falls_behind_by_the_second() {
        check(&[(0, 10, 10), (1, 20, 10), (2, 20, 10), (21, 500, 10)], 490, 20);
    }

    #[test]
    fn the_lag_is_that_of_the_oldest_command_not_reached() {
        check(&[(0, 20, 10), (5, 40, 10), (9, 60, 20)], 40, 4);
        check(&[(0, 20, 10), (5, 40, 10), (9, 60, 60)], 0, 0);
    }
}
