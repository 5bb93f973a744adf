//! Numbers nobody can guess in advance, or, in a simulation, numbers that repeat.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::Arc;

use parking_lot::Mutex;

/// A source of 64-bit numbers. Cheap to clone; clones draw from one sequence.
#[derive(Clone, Debug)]
pub struct Entropy(Arc<Mutex<u64>>);

impl Entropy {
    /// Starts from the machine's randomness.
    pub fn system() -> Self {
        // The standard library keys each `RandomState` from the operating system.
        Self::seeded(RandomState::new().build_hasher().finish())
    }

    /// Starts from `seed`: the same seed gives the same sequence.
    pub fn seeded(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(seed)))
    }

    /// The next number (SplitMix64).
    pub fn next(&self) -> u64 {
        let mut state = self.0.lock();
        *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(*state)
    }
}

/// Spreads the bits of `number` over all 64.
const fn mix(mut number: u64) -> u64 {
    number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_repeats_its_sequence_and_clones_share_it() {
        let (one, other) = (Entropy::seeded(7), Entropy::seeded(7));
        let first = one.next();
        assert_eq!(first, other.next());
        assert_ne!(first, one.clone().next());
    }
}
