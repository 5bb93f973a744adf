//! Task tokens: what a worker shows to prove that a task was lent to it.
//!
//! A token holds which attempt of what it is, and the attempt's fencing token, signed with
//! HMAC-SHA256 by a key that all gateways of a cluster share. So any of them can take the answer,
//! also after a restart, and nobody can make up a token or change one. Workers treat it as
//! opaque. It says nothing of time: whether the attempt is still pending is the owner's to say.
//!
//! Written as hexadecimal digits: a byte of version, the fields in big-endian order, and the first
//! half of the signature.

use std::fmt;

use flowmill_model::{Activation, ExecutionId, NodeIndex, TaskId, TaskToken};
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// The layout that is written and read.
const VERSION: u8 = 1;

/// Bytes of the fields: version, execution, node, iteration, attempt, token.
const FIELDS: usize = 1 + 16 + 2 + 4 + 4 + 8;

/// Bytes of the signature that are kept: 128 bits are beyond guessing.
const SIGNATURE: usize = 16;

/// The key that signs task tokens.
#[derive(Clone)]
pub struct TokenKey([u8; 32]);

/// Characters a key's text must have: 16 random bytes in hexadecimal digits.
const KEY_CHARS: usize = 32;

/// A text that is too short to be a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a key for task tokens has at least {KEY_CHARS} characters; make one with `openssl rand -hex 32`"
)]
pub struct WeakKey;

impl TokenKey {
    /// The key of a text that somebody keeps secret.
    ///
    /// # Errors
    /// When it is too short.
    pub fn new(secret: &str) -> Result<Self, WeakKey> {
        let long_enough = secret.trim().chars().count() >= KEY_CHARS;
        let key = || Self::derived(b"flowmill task tokens, by secret", secret.trim().as_bytes());
        if long_enough { Ok(key()) } else { Err(WeakKey) }
    }

    /// The key of a cluster that was told none, and has a token for its API, which is a secret of
    /// all its gateways.
    pub fn of_api_token(token: &str) -> Self {
        Self::derived(b"flowmill task tokens, by api token", token.as_bytes())
    }

    /// The key of a cluster that was told neither: from its random id, which is as well kept as the
    /// log it is in. Who can read the log can write results anyway.
    pub(crate) fn of_cluster(cluster: u128) -> Self {
        Self::derived(b"flowmill task tokens, by cluster", &cluster.to_be_bytes())
    }

    fn derived(purpose: &[u8], secret: &[u8]) -> Self {
        let mut hash = Sha256::new();
        hash.update(purpose);
        hash.update([0]);
        hash.update(secret);
        Self(hash.finalize().into())
    }

    /// The token of an attempt.
    pub(crate) fn sign(&self, key: AttemptKey) -> String {
        let fields = key.to_bytes();
        let signature = self.signature(&fields);
        let mut text = String::with_capacity(2 * (FIELDS + SIGNATURE));
        for byte in fields.iter().chain(&signature) {
            text.push(char::from(HEX[usize::from(byte >> 4)]));
            text.push(char::from(HEX[usize::from(byte & 15)]));
        }
        text
    }

    /// The attempt that a token names; `None` when this key has not signed it.
    pub(crate) fn verify(&self, token: &str) -> Option<AttemptKey> {
        let bytes: [u8; FIELDS + SIGNATURE] = from_hex(token)?;
        let (fields, signature) = bytes.split_at(FIELDS);
        let genuine = bool::from(self.signature(fields).ct_eq(signature));
        if genuine { AttemptKey::from_bytes(fields) } else { None }
    }

    fn signature(&self, fields: &[u8]) -> [u8; SIGNATURE] {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("any key length will do");
        mac.update(fields);
        let whole: [u8; 32] = mac.finalize().into_bytes().into();
        *whole.first_chunk().expect("it is longer")
    }
}

impl fmt::Debug for TokenKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenKey(..)")
    }
}

const HEX: &[u8; 16] = b"0123456789abcdef";

fn from_hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    if text.len() != 2 * N {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, digits) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        let digit = |at: usize| HEX.iter().position(|hex| *hex == digits[at]);
        *byte = u8::try_from(digit(0)? << 4 | digit(1)?).ok()?;
    }
    Some(bytes)
}

/// One sending of one attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct AttemptKey {
    pub(crate) id: TaskId,
    pub(crate) token: TaskToken,
}

impl AttemptKey {
    fn to_bytes(self) -> [u8; FIELDS] {
        let mut bytes = [VERSION; FIELDS];
        let Self { id: TaskId { execution, activation, attempt }, token } = self;
        bytes[1..17].copy_from_slice(&execution.to_bits().to_be_bytes());
        bytes[17..19].copy_from_slice(&activation.node.get().to_be_bytes());
        bytes[19..23].copy_from_slice(&activation.iteration.to_be_bytes());
        bytes[23..27].copy_from_slice(&attempt.to_be_bytes());
        bytes[27..35].copy_from_slice(&token.get().to_be_bytes());
        bytes
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (&version, rest) = bytes.split_first()?;
        let (execution, rest) = rest.split_first_chunk()?;
        let (node, rest) = rest.split_first_chunk()?;
        let (iteration, rest) = rest.split_first_chunk()?;
        let (attempt, rest) = rest.split_first_chunk()?;
        let (token, _) = rest.split_first_chunk()?;
        let node = NodeIndex::new(u16::from_be_bytes(*node));
        let id = TaskId {
            execution: ExecutionId::from_bits(u128::from_be_bytes(*execution)),
            activation: Activation::new(node, u32::from_be_bytes(*iteration)),
            attempt: u32::from_be_bytes(*attempt),
        };
        let token = TaskToken::new(u64::from_be_bytes(*token));
        (version == VERSION).then_some(Self { id, token })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attempt() -> AttemptKey {
        let activation = Activation::new(NodeIndex::new(0x0102), 0x0304_0506);
        let execution = ExecutionId::from_bits(0x0011_2233_4455_6677_8899_aabb_ccdd_eeff);
        AttemptKey {
            id: TaskId { execution, activation, attempt: 7 },
            token: TaskToken::new(u64::MAX),
        }
    }

    #[test]
    fn a_token_names_its_attempt_to_whoever_has_the_key() {
        let token = TokenKey::of_cluster(1).sign(attempt());
        assert_eq!(TokenKey::of_cluster(1).verify(&token), Some(attempt()));
        assert_eq!(TokenKey::of_cluster(2).verify(&token), None);
        assert!(token.starts_with("01001122"), "{token}");
    }

    #[test]
    fn a_token_that_was_changed_anywhere_is_none() {
        let key = TokenKey::new("a secret that is long enough to be one").expect("a key");
        let token = key.sign(attempt());
        for at in 0..token.len() {
            let mut changed = token.clone().into_bytes();
            changed[at] = if changed[at] == b'0' { b'1' } else { b'0' };
            let changed = String::from_utf8(changed).expect("it is ASCII");
            assert_eq!(key.verify(&changed), None, "at {at}");
        }
        for end in 0..token.len() {
            assert_eq!(key.verify(&token[..end]), None);
        }
        assert_eq!(key.verify(&token.to_uppercase()), None);
        assert_eq!(key.verify(&"é".repeat(token.len() / 2)), None);
    }

    #[test]
    fn a_short_secret_is_no_key() {
        let secret = "0123456789abcdef0123456789abcdef";
        assert_eq!(TokenKey::new(&secret[1..]).map(|_| ()), Err(WeakKey));
        assert_eq!(TokenKey::new(&format!("{} ", &secret[1..])).map(|_| ()), Err(WeakKey));
        assert!(TokenKey::new(secret).is_ok());
        assert_eq!(format!("{:?}", TokenKey::of_cluster(7)), "TokenKey(..)");
    }
}
