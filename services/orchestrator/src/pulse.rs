//! Whether a shard's loop turns.
//!
//! It is asked to once in a while. What counts is how often in a row it was asked in vain, not how
//! much time went by: a process that was held up as a whole was asked nothing meanwhile, and its
//! loops answer when it goes on.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use flowmill_model::limits;

/// How often a loop is asked to turn.
pub(crate) const EVERY: Duration = Duration::from_secs(1);

/// One loop's pulse. Clones are the same.
#[derive(Clone, Debug, Default)]
pub struct Pulse {
    /// How often in a row the loop was asked in vain.
    in_vain: Arc<AtomicU64>,
}

/// What is known of a loop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Beat {
    /// It turns.
    Turns,
    /// It has not turned for [`limits::PROGRESS_SILENCE`]: it is to be stopped.
    Stuck,
    /// It had [`limits::STUCK_SHARD_STOPS`] more to stop.
    Lost,
}

impl Pulse {
    /// The loop turns.
    pub(crate) fn beat(&self) {
        self.in_vain.store(0, Ordering::Relaxed);
    }

    /// The loop is about to be asked again; says what is known of it by now.
    pub(crate) fn ask(&self) -> Beat {
        let silent = EVERY.as_millis() * u128::from(self.in_vain.fetch_add(1, Ordering::Relaxed));
        let (stuck, stops) = (limits::PROGRESS_SILENCE, limits::STUCK_SHARD_STOPS);
        if silent <= stuck.as_millis() {
            Beat::Turns
        } else if silent <= (stuck + stops).as_millis() {
            Beat::Stuck
        } else {
            Beat::Lost
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Asks as often as `within` has room for; gives what was known then.
    fn asked(pulse: &Pulse, within: Duration) -> Beat {
        let times = within.as_millis() / EVERY.as_millis();
        (0..times).fold(Beat::Turns, |_, _| pulse.ask())
    }

    #[test]
    fn a_loop_is_stuck_when_it_was_asked_in_vain_for_too_long_and_lost_when_it_does_not_stop() {
        let pulse = Pulse::default();
        assert_eq!(asked(&pulse, limits::PROGRESS_SILENCE + EVERY), Beat::Turns);
        assert_eq!(asked(&pulse, limits::STUCK_SHARD_STOPS), Beat::Stuck);
        assert_eq!(pulse.ask(), Beat::Lost);
    }

    #[test]
    fn a_loop_that_turned_late_turns() {
        let pulse = Pulse::default();
        assert_eq!(asked(&pulse, limits::PROGRESS_SILENCE + EVERY * 2), Beat::Stuck);
        pulse.clone().beat();
        assert_eq!(pulse.ask(), Beat::Turns);
    }
}
