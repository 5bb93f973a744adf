//! A state as 128 bits, so that millions of states seen take little room.
//!
//! A state is written out as bytes and hashed twice with different beginnings. Two of ten million
//! states share all bits with a probability below 10^-24; the search takes them for one.

use std::collections::HashSet;
use std::collections::hash_map::DefaultHasher;
use std::hash::{BuildHasherDefault, Hash, Hasher};

/// What stands for a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fingerprint(u128);

/// Fingerprints of states that were seen; they need no further hashing.
pub(crate) type SeenStates = HashSet<Fingerprint, BuildHasherDefault<AsItIs>>;

/// Makes fingerprints; holds the room that a state is written to.
#[derive(Default)]
pub(crate) struct Fingerprints(Written);

impl Fingerprints {
    pub(crate) fn of(&mut self, state: &impl Hash) -> Fingerprint {
        self.0.0.clear();
        state.hash(&mut self.0);
        let half = |beginning: u8| {
            let mut hasher = DefaultHasher::new();
            hasher.write_u8(beginning);
            hasher.write(&self.0.0);
            u128::from(hasher.finish())
        };
        Fingerprint(half(0) << 64 | half(1))
    }
}

/// Writes down what is hashed. Lengths and the numbers of variants take a byte each.
#[derive(Default)]
struct Written(Vec<u8>);

impl Hasher for Written {
    fn finish(&self) -> u64 {
        unreachable!("the bytes are what is asked for")
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    fn write_u8(&mut self, byte: u8) {
        self.0.push(byte);
    }

    fn write_usize(&mut self, length: usize) {
        self.0.push(u8::try_from(length).expect("a model's lists are short"));
    }

    fn write_isize(&mut self, variant: isize) {
        self.0.push(u8::try_from(variant).expect("a model's enums are small"));
    }
}

impl Hash for Fingerprint {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        hasher.write_u128(self.0);
    }
}

/// Takes a fingerprint's own bits for its hash.
#[derive(Default)]
pub(crate) struct AsItIs(u64);

impl Hasher for AsItIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, _: &[u8]) {
        unreachable!("only fingerprints are hashed")
    }

    fn write_u128(&mut self, bits: u128) {
        self.0 = (bits >> 64) as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_has_one_fingerprint_and_another_state_another() {
        let mut fingerprints = Fingerprints::default();
        let mut of = |state: &[Option<u8>]| fingerprints.of(&state);
        assert_eq!(of(&[Some(1), None]), of(&[Some(1), None]));
        assert_ne!(of(&[Some(1), None]), of(&[None, Some(1)]));
        assert_ne!(of(&[]), of(&[None]));
    }
}
