//! The caller's idempotency key, and the ids that are made of it.
//!
//! The same key gives the same id, wherever and whenever it comes: whoever repeats a request
//! names the same execution or command. Neither the version nor the input is in the hash of a
//! start, so that a repeat after a deploy is still the same start.

use std::fmt;

use flowmill_model::{CommandId, ExecutionId, FlowName, ShardId, limits};
use sha2::{Digest, Sha256};

/// Whose keys they are. There is one tenant so far; it is in the hash so that there can be more.
const TENANT: &str = "default";

/// What a caller sends to make a request repeatable: visible ASCII characters and inner spaces.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct IdempotencyKey(String);

/// Text that is no key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "an idempotency key is 1 to {} ASCII characters, none of them a control character",
    limits::IDEMPOTENCY_KEY_CHARS
)]
pub struct InvalidKey;

impl IdempotencyKey {
    /// Checks and wraps `text`.
    ///
    /// # Errors
    /// When it is empty, too long, or holds anything but visible ASCII and spaces.
    pub fn new(text: impl Into<String>) -> Result<Self, InvalidKey> {
        let text = text.into();
        let valid = (1..=limits::IDEMPOTENCY_KEY_CHARS).contains(&text.len())
            && text.bytes().all(|byte| (0x20..=0x7e).contains(&byte));
        if valid { Ok(Self(text)) } else { Err(InvalidKey) }
    }

    /// The execution that a start of `flow` with this key names, on one of the flow's shards.
    /// `None` when the flow has none.
    pub(crate) fn execution(&self, flow: &FlowName, placement: &[ShardId]) -> Option<ExecutionId> {
        let parts = ["start", TENANT, flow.namespace.as_str(), flow.name.as_str(), &self.0];
        placed(digest(&parts), placement)
    }

    /// The key that a trigger's expression made of a record: any text, since it travels in no
    /// header. A start over HTTP with the same key is the same start.
    ///
    /// # Errors
    /// When it is empty or too long.
    #[cfg(feature = "kafka")]
    pub(crate) fn of_content(text: String) -> Result<Self, InvalidKey> {
        let valid = (1..=limits::IDEMPOTENCY_KEY_CHARS).contains(&text.chars().count());
        if valid { Ok(Self(text)) } else { Err(InvalidKey) }
    }

    /// The command that `action` on `execution` with this key names.
    pub(crate) fn command(&self, execution: ExecutionId, action: &str) -> CommandId {
        let digest = digest(&["command", TENANT, &execution.to_string(), action, &self.0]);
        CommandId::from_bits(number(&digest[..16]))
    }
}

impl fmt::Debug for IdempotencyKey {
    /// Shows the length and never the content: a key may be private.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "IdempotencyKey({} characters)", self.0.len())
    }
}

/// The execution of `flow` that a record of a topic starts: made of the record's place. The time
/// stamp tells a topic that was made anew from the old one, whose offsets come again.
#[cfg(feature = "kafka")]
pub(crate) fn execution_of_record(
    flow: &FlowName,
    placement: &[ShardId],
    place: &crate::triggers::Place,
) -> Option<ExecutionId> {
    let (partition, offset) = (place.partition.to_string(), place.offset.to_string());
    let timestamp = place.timestamp.map(|at| at.to_string()).unwrap_or_default();
    let parts = ["record", TENANT, flow.namespace.as_str(), flow.name.as_str()];
    let record = [place.topic.as_str(), &partition, &offset, &timestamp];
    placed(digest(&[parts, record].concat()), placement)
}

/// The id that a digest stands for, on one of these shards; `None` when there are none.
fn placed(digest: [u8; 32], placement: &[ShardId]) -> Option<ExecutionId> {
    let (choice, unique) = (number(&digest[..8]), number(&digest[8..22]));
    let index = choice % u128::try_from(placement.len()).ok().filter(|len| *len > 0)?;
    let shard = placement.get(usize::try_from(index).ok()?)?;
    Some(ExecutionId::new(*shard, unique))
}

/// SHA-256 of the parts, each behind its length, so that no two lists of parts are one text.
fn digest(parts: &[&str]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part.as_bytes());
    }
    hash.finalize().into()
}

/// The big-endian number in at most 16 bytes.
fn number(bytes: &[u8]) -> u128 {
    bytes.iter().fold(0, |number, byte| (number << 8) | u128::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shards(count: u16) -> Vec<ShardId> {
        (0..count).map(ShardId::new).collect()
    }

    fn key(text: &str) -> IdempotencyKey {
        IdempotencyKey::new(text).unwrap()
    }

    #[test]
    fn a_key_names_one_execution_of_one_flow_for_ever() {
        let flow: FlowName = "shop/orders".parse().unwrap();
        let id = key("k-1").execution(&flow, &shards(16)).unwrap();
        assert_eq!(id.to_string(), "00019a7310c3fcc4cd3a7373837e1573");
        assert_ne!(Some(id), key("k-2").execution(&flow, &shards(16)));
        assert_ne!(Some(id), key("k-1").execution(&"shop/other".parse().unwrap(), &shards(16)));
        assert_eq!(key("k-1").execution(&flow, &[]), None);
    }

    #[cfg(feature = "kafka")]
    #[test]
    fn a_record_names_one_execution_of_each_flow_and_a_topic_made_anew_another_one() {
        let flow: FlowName = "shop/orders".parse().unwrap();
        let topic = flowmill_model::TopicName::new("t").unwrap();
        let place = crate::triggers::Place { topic, partition: 3, offset: 7, timestamp: Some(9) };
        let of = |flow: &FlowName, place: &crate::triggers::Place| {
            execution_of_record(flow, &shards(16), place).unwrap()
        };
        let id = of(&flow, &place);
        assert_eq!(id, of(&flow, &place.clone()));
        assert_ne!(id, of(&"shop/other".parse().unwrap(), &place));
        assert_ne!(id, of(&flow, &crate::triggers::Place { offset: 8, ..place.clone() }));
        assert_ne!(id, of(&flow, &crate::triggers::Place { partition: 4, ..place.clone() }));
        assert_ne!(id, of(&flow, &crate::triggers::Place { timestamp: Some(10), ..place }));
        assert_eq!(id.to_string(), "0000f66b1f2f89fdc4d30b8c7c723341");
    }

    #[test]
    fn keys_spread_over_all_shards_of_a_placement() {
        let flow: FlowName = "shop/orders".parse().unwrap();
        let used: std::collections::BTreeSet<_> = (0..200)
            .map(|n| key(&n.to_string()).execution(&flow, &shards(8)).unwrap().shard())
            .collect();
        assert_eq!(used.len(), 8);
    }

    #[test]
    fn a_command_key_means_one_action_on_one_execution() {
        let execution = |n| ExecutionId::new(ShardId::new(1), n);
        let id = key("k").command(execution(1), "cancel");
        assert_eq!(id, key("k").command(execution(1), "cancel"));
        assert_ne!(id, key("k").command(execution(1), "suspend"));
        assert_ne!(id, key("k").command(execution(2), "cancel"));
    }

    #[test]
    fn what_is_no_key_is_refused() {
        let check = |text: &str, valid| {
            assert_eq!(IdempotencyKey::new(text).is_ok(), valid, "{text:?}");
        };
        check("a", true);
        check("order 17/b", true);
        check(&"k".repeat(limits::IDEMPOTENCY_KEY_CHARS), true);
        check(&"k".repeat(limits::IDEMPOTENCY_KEY_CHARS + 1), false);
        check("", false);
        check("a\tb", false);
        check("schlüssel", false);
    }
}
