//! Choices drawn from a seed.

use std::time::Duration;

use flowmill_runtime::Entropy;

/// A source of choices. Clones share it.
#[derive(Clone, Debug)]
pub struct Chance(Entropy);

impl Chance {
    /// The choices of `seed`; `stream` tells several sources of one run apart.
    pub fn new(seed: u64, stream: u64) -> Self {
        let mixed = Entropy::seeded(seed ^ stream.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        Self(Entropy::seeded(mixed.next()))
    }

    /// A number below `bound`, which is at least 1.
    pub fn below(&self, bound: u64) -> u64 {
        self.0.next() % bound.max(1)
    }

    /// A place in something of `length` elements.
    pub fn index(&self, length: usize) -> usize {
        let length = u64::try_from(length).unwrap_or(u64::MAX);
        usize::try_from(self.below(length)).unwrap_or(0)
    }

    /// True in `percent` of a hundred cases.
    pub fn percent(&self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// A duration of less than `millis` milliseconds.
    pub fn millis(&self, millis: u64) -> Duration {
        Duration::from_millis(self.below(millis))
    }

    /// Any number.
    pub fn bits(&self) -> u64 {
        self.0.next()
    }
}
