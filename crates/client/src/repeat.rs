//! When a request is sent again, and after how long.

use std::num::NonZeroU32;
use std::time::Duration;

use flowmill_runtime::Entropy;

/// How often and how long a request is repeated that was not answered, or answered with "later".
#[derive(Clone, Copy, Debug)]
pub struct Repeats {
    /// How often it is sent at most.
    pub attempts: NonZeroU32,
    /// The delay after the first attempt; it doubles from one to the next.
    pub delay: Duration,
    /// The longest delay. A server that asks for more is not asked again.
    pub max_delay: Duration,
}

impl Default for Repeats {
    /// Five attempts within some three seconds.
    fn default() -> Self {
        Self {
            attempts: NonZeroU32::new(5).expect("not zero"),
            delay: Duration::from_millis(200),
            max_delay: Duration::from_secs(10),
        }
    }
}

impl Repeats {
    /// Every request is sent once.
    pub fn none() -> Self {
        Self { attempts: NonZeroU32::MIN, ..Self::default() }
    }

    /// How long to wait after the `attempt`-th try (from 1); `None` when it was the last one.
    /// `asked` is what the server asked for. Up to a half is added at random, so that many
    /// clients do not come back at once.
    pub(crate) fn delay_after(
        &self,
        attempt: u32,
        asked: Option<Duration>,
        entropy: &Entropy,
    ) -> Option<Duration> {
        if attempt >= self.attempts.get() || asked.is_some_and(|asked| asked > self.max_delay) {
            return None;
        }
        let doubled = self.delay.saturating_mul(1 << (attempt - 1).min(20));
        let base = doubled.min(self.max_delay).max(asked.unwrap_or_default());
        let thousandths = u32::try_from(entropy.next() % 500).unwrap_or_default();
        Some(base + base / 1_000 * thousandths)
    }
}

/// When repeating a request is harmless.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Harmless {
    /// Always: it changes nothing, or changes the same thing once.
    Always,
    /// Only if the server surely did not take it.
    IfNotTaken,
}

impl Harmless {
    /// Whether a request may be repeated after an answer with `status`.
    pub(crate) const fn after_status(self, status: u16) -> bool {
        match self {
            Self::Always => matches!(status, 429 | 502 | 503 | 504),
            Self::IfNotTaken => status == 429,
        }
    }

    /// Whether a request may be repeated that got no answer.
    pub(crate) fn after_error(self, error: &reqwest::Error) -> bool {
        match self {
            Self::Always => !error.is_builder(),
            Self::IfNotTaken => error.is_connect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_double_up_to_the_longest_and_end_with_the_attempts() {
        let repeats = Repeats {
            attempts: NonZeroU32::new(4).unwrap(),
            delay: Duration::from_secs(1),
            max_delay: Duration::from_secs(3),
        };
        let entropy = Entropy::seeded(1);
        let check = |attempt, asked: Option<u64>, expect: Option<u64>| {
            let asked = asked.map(Duration::from_secs);
            let found = repeats.delay_after(attempt, asked, &entropy);
            match expect.map(Duration::from_secs) {
                None => assert_eq!(found, None),
                Some(expect) => {
                    let found = found.unwrap();
                    assert!(found >= expect && found < expect + expect / 2, "{found:?}");
                }
            }
        };
        check(1, None, Some(1));
        check(2, None, Some(2));
        check(3, None, Some(3));
        check(4, None, None);
        check(1, Some(3), Some(3));
        check(1, Some(4), None);
    }

    #[test]
    fn an_unkeyed_start_is_repeated_only_where_it_was_surely_not_taken() {
        let statuses = [200, 202, 400, 404, 409, 422, 429, 500, 503];
        let repeated = |harmless: Harmless| {
            statuses.into_iter().filter(|s| harmless.after_status(*s)).collect::<Vec<_>>()
        };
        assert_eq!(repeated(Harmless::Always), [429, 503]);
        assert_eq!(repeated(Harmless::IfNotTaken), [429]);
    }
}
