//! Numbers that look random and follow from a decision's seed.

use flowmill_model::{Activation, TaskToken};

/// What a number is for, so that two uses of one seed do not give the same number.
#[derive(Clone, Copy)]
pub(crate) enum Use {
    Token = 1,
    Jitter = 2,
}

/// The fencing token of a sending of `attempt`, decided with `seed`.
pub(crate) fn token(seed: u64, activation: Activation, attempt: u32) -> TaskToken {
    TaskToken::new(derive(seed, Use::Token, activation, attempt))
}

/// 64 bits that depend on every argument.
pub(crate) fn derive(seed: u64, purpose: Use, activation: Activation, attempt: u32) -> u64 {
    let place = (u64::from(activation.node.get()) << 32) | u64::from(activation.iteration);
    [purpose as u64, place, u64::from(attempt)].into_iter().fold(seed, |bits, part| {
        mix(bits.wrapping_add(0x9e37_79b9_7f4a_7c15) ^ part.wrapping_mul(0xd6e8_feb8_6659_fd93))
    })
}

/// Spreads the bits of `number` over all 64.
const fn mix(mut number: u64) -> u64 {
    number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

#[cfg(test)]
mod tests {
    use flowmill_model::NodeIndex;

    use super::*;

    #[test]
    fn tokens_differ_by_seed_run_and_attempt_and_repeat_otherwise() {
        let at = |node, iteration| Activation::new(NodeIndex::new(node), iteration);
        let first = token(1, at(2, 0), 1);
        assert_eq!(first, token(1, at(2, 0), 1));
        for other in [
            token(2, at(2, 0), 1),
            token(1, at(3, 0), 1),
            token(1, at(2, 1), 1),
            token(1, at(2, 0), 2),
        ] {
            assert_ne!(first, other);
        }
    }
}
