//! Latencies of many executions, in bounded memory.

use std::time::Duration;

use hdrhistogram::Histogram;

/// The longest latency that is told from longer ones, in microseconds: an hour.
const LONGEST: u64 = 3_600_000_000;

/// How long executions took, to three digits.
#[derive(Clone, Debug)]
pub(crate) struct Latencies(Histogram<u64>);

impl Latencies {
    /// None yet.
    pub(crate) fn new() -> Self {
        Self(Histogram::new_with_bounds(1, LONGEST, 3).expect("the bounds are possible"))
    }

    /// Adds one.
    pub(crate) fn record(&mut self, latency: Duration) {
        self.0.saturating_record(u64::try_from(latency.as_micros()).unwrap_or(u64::MAX));
    }

    /// How many there are.
    pub(crate) fn count(&self) -> u64 {
        self.0.len()
    }

    /// The latency that this part of all (0 to 1) did not exceed.
    pub(crate) fn quantile(&self, part: f64) -> Duration {
        Duration::from_micros(self.0.value_at_quantile(part))
    }

    /// The longest.
    pub(crate) fn max(&self) -> Duration {
        Duration::from_micros(self.0.max())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_of_all_did_not_exceed_its_quantile() {
        let mut latencies = Latencies::new();
        (1..=100).for_each(|millis| latencies.record(Duration::from_millis(millis)));
        let close = |found: Duration, millis: u64| {
            let (found, expect) = (found.as_micros(), u128::from(millis) * 1_000);
            assert!(found.abs_diff(expect) <= expect / 1_000, "{found}");
        };
        assert_eq!(latencies.count(), 100);
        close(latencies.quantile(0.5), 50);
        close(latencies.quantile(0.99), 99);
        close(latencies.max(), 100);
    }

    #[test]
    fn what_takes_longer_than_an_hour_counts_as_an_hour() {
        let mut latencies = Latencies::new();
        latencies.record(Duration::from_secs(7_200));
        assert!(latencies.max() >= Duration::from_secs(3_600));
    }
}
