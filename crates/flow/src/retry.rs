//! When a failed attempt is tried again.

use std::time::Duration;

use flowmill_model::limits;

/// How often and when a task is tried again.
#[derive(Clone, Debug, PartialEq)]
pub struct RetryPolicy {
    /// Attempts in all, the first included; at least 1.
    pub attempts: u32,
    /// The delay before the second attempt.
    pub delay: Duration,
    /// How the delay grows from attempt to attempt.
    pub backoff: Backoff,
    /// The largest delay, jitter aside.
    pub max_delay: Duration,
    /// What is added to every delay; nothing unless asked for.
    pub jitter: Option<Jitter>,
    /// The time from the first attempt's start after which no further one starts.
    pub limit: Option<Duration>,
}

/// How a delay grows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Backoff {
    /// It stays the same.
    Constant,
    /// It grows by itself each time: 1, 2, 3, ... times the first one.
    Linear,
    /// It is multiplied each time.
    Exponential {
        /// By how much; at least 1.
        multiplier: f64,
    },
}

/// A random time between two bounds that is added to a delay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Jitter {
    /// The least that is added.
    pub from: Duration,
    /// The most that is added; not less than `from`.
    pub to: Duration,
}

impl RetryPolicy {
    /// One attempt and no other: the policy of nodes that call nobody.
    pub const fn never() -> Self {
        Self { attempts: 1, ..Self::standard() }
    }

    /// The policy of a task without a `retry` of its own.
    pub const fn standard() -> Self {
        Self {
            attempts: limits::DEFAULT_ATTEMPTS,
            delay: limits::DEFAULT_RETRY_DELAY,
            backoff: Backoff::Exponential { multiplier: 2.0 },
            max_delay: limits::DEFAULT_RETRY_MAX_DELAY,
            jitter: None,
            limit: None,
        }
    }

    /// The delay before attempt `next_attempt` (the second is 2). The same `seed` gives the same
    /// delay; it matters only when there is a jitter.
    pub fn delay_before(&self, next_attempt: u32, seed: u64) -> Duration {
        let repeats = next_attempt.saturating_sub(2);
        let grown = match self.backoff {
            Backoff::Constant => self.delay,
            Backoff::Linear => self.delay.saturating_mul(repeats.saturating_add(1)),
            Backoff::Exponential { multiplier } => {
                let factor = multiplier.powf(f64::from(repeats));
                Duration::try_from_secs_f64(self.delay.as_secs_f64() * factor)
                    .unwrap_or(limits::DURATION)
            }
        };
        let added = self.jitter.map_or(Duration::ZERO, |jitter| jitter.pick(seed, next_attempt));
        grown.min(self.max_delay).saturating_add(added)
    }
}

impl Jitter {
    fn pick(&self, seed: u64, attempt: u32) -> Duration {
        let span = u64::try_from(self.to.saturating_sub(self.from).as_millis()).unwrap_or(u64::MAX);
        let random = scramble(seed ^ u64::from(attempt).rotate_left(32));
        let part = random.checked_rem(span.saturating_add(1)).unwrap_or_default();
        self.from.saturating_add(Duration::from_millis(part))
    }
}

/// Spreads the bits of a number (the finalizer of SplitMix64).
const fn scramble(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(policy: &RetryPolicy, expect: [u64; 5]) {
        let delays = [2, 3, 4, 5, 6].map(|attempt| policy.delay_before(attempt, 7).as_millis());
        assert_eq!(delays, expect.map(u128::from), "{policy:?}");
    }

    #[test]
    fn delays_grow_as_the_backoff_says_up_to_the_largest() {
        let standard = RetryPolicy::standard();
        check(&standard, [3_000, 6_000, 12_000, 24_000, 48_000]);
        let max_delay = Duration::from_secs(7);
        check(&RetryPolicy { max_delay, ..standard.clone() }, [3_000, 6_000, 7_000, 7_000, 7_000]);
        check(
            &RetryPolicy { backoff: Backoff::Constant, ..standard.clone() },
            [3_000, 3_000, 3_000, 3_000, 3_000],
        );
        check(
            &RetryPolicy { backoff: Backoff::Linear, ..standard },
            [3_000, 6_000, 9_000, 12_000, 15_000],
        );
    }

    #[test]
    fn no_attempt_number_overflows() {
        for backoff in
            [Backoff::Constant, Backoff::Linear, Backoff::Exponential { multiplier: 1_000.0 }]
        {
            let policy = RetryPolicy { backoff, ..RetryPolicy::standard() };
            for attempt in [0, 1, u32::MAX] {
                assert!(policy.delay_before(attempt, u64::MAX) <= policy.max_delay);
            }
        }
    }

    #[test]
    fn jitter_stays_within_its_bounds_and_repeats_with_its_seed() {
        let (from, to) = (Duration::from_millis(100), Duration::from_millis(200));
        let policy = RetryPolicy {
            backoff: Backoff::Constant,
            jitter: Some(Jitter { from, to }),
            ..RetryPolicy::standard()
        };
        let added = |seed| policy.delay_before(2, seed) - policy.delay;
        let all: Vec<_> = (0..1_000).map(added).collect();
        assert!(all.iter().all(|added| (from..=to).contains(added)));
        assert!(all.iter().any(|added| *added != all[0]), "seeds make a difference");
        assert_eq!(added(5), added(5));
    }
}
