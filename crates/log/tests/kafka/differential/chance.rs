//! Choices drawn from a seed.

use flowmill_runtime::Entropy;

pub(crate) struct Chance(Entropy);

impl Chance {
    pub(crate) fn new(seed: u64) -> Self {
        Self(Entropy::seeded(seed))
    }

    /// A number below `bound`, which is at least 1.
    pub(crate) fn below(&self, bound: usize) -> usize {
        let bound = u64::try_from(bound.max(1)).expect("a small number");
        usize::try_from(self.0.next() % bound).expect("it is below a usize")
    }

    /// A number of a range.
    pub(crate) fn within(&self, range: std::ops::RangeInclusive<usize>) -> usize {
        range.start() + self.below(range.end() - range.start() + 1)
    }

    /// The same, for partitions.
    pub(crate) fn count(&self, range: std::ops::RangeInclusive<usize>) -> u16 {
        u16::try_from(self.within(range)).expect("a small number")
    }

    /// True once in `times`.
    pub(crate) fn once_in(&self, times: usize) -> bool {
        self.below(times) == 0
    }

    pub(crate) fn one_of<T: Clone>(&self, all: &[T]) -> T {
        all[self.below(all.len())].clone()
    }

    /// One of several, by their weights.
    pub(crate) fn weighed<T: Copy>(&self, all: &[(usize, T)]) -> T {
        let mut left = self.below(all.iter().map(|(weight, _)| weight).sum());
        for (weight, one) in all {
            if left < *weight {
                return *one;
            }
            left -= weight;
        }
        unreachable!("the weights are more than what is left")
    }
}
