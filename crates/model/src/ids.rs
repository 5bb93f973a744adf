//! Identifiers and positions, one newtype each, so that two numbers of different meaning cannot
//! be mixed up.
//!
//! All of them are plain data with a total order and a short `Display`. None is made from a
//! random source here: whoever makes an id passes the bits in.

use std::fmt;
use std::str::FromStr;

use bincode::{Decode, Encode};
use serde::{Deserialize, Serialize};

macro_rules! number {
    ($(#[$doc:meta])* $name:ident($inner:ty)) => {
        $(#[$doc])*
        #[derive(
            Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode,
            Serialize, Deserialize,
        )]
        #[serde(transparent)]
        pub struct $name($inner);

        impl $name {
            /// Wraps a raw number.
            pub const fn new(raw: $inner) -> Self {
                Self(raw)
            }

            /// The raw number.
            pub const fn get(self) -> $inner {
                self.0
            }

            /// The number after this one; stays at the maximum.
            #[must_use]
            pub const fn next(self) -> Self {
                Self(self.0.saturating_add(1))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}", self.0)
            }
        }
    };
}

number! {
    /// A shard: one partition of commands, results and history, and the executions in it.
    ShardId(u16)
}
number! {
    /// The ownership epoch of a shard; each valid claim raises it by one. 0 means never claimed.
    Epoch(u64)
}
number! {
    /// The number of a batch within a shard's history; valid batches are contiguous from 1.
    BatchNumber(u64)
}
number! {
    /// A record's position in one partition of the log, counted from 0.
    Offset(u64)
}
number! {
    /// An event's position in one execution's history, contiguous from 0.
    Sequence(u64)
}
number! {
    /// A timer of one execution, numbered by the execution itself.
    TimerId(u32)
}
number! {
    /// The fencing token of one attempt: a result counts only when it carries it.
    TaskToken(u64)
}
number! {
    /// A node's place in its flow's list of nodes.
    NodeIndex(u16)
}
number! {
    /// A connection's place in its flow's list of connections.
    ConnectionIndex(u16)
}
number! {
    /// An output port's place in its node's list of ports.
    PortIndex(u8)
}
number! {
    /// A block's place in its flow's list of blocks; the first is the flow itself.
    BlockIndex(u16)
}
number! {
    /// A run of a block within one execution, numbered by the execution itself; 0 is that of the
    /// flow itself.
    FrameId(u32)
}

impl BlockIndex {
    /// The flow itself.
    pub const ROOT: Self = Self(0);

    /// The same number, for indexing a slice.
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

impl FrameId {
    /// The run of the flow itself.
    pub const ROOT: Self = Self(0);
}

impl NodeIndex {
    /// The same number, for indexing a slice.
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

impl ConnectionIndex {
    /// The same number, for indexing a slice.
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

impl PortIndex {
    /// The same number, for indexing a slice.
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// A string that is not 32 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an id is 32 hexadecimal digits")]
pub struct InvalidId;

fn parse_hex_128(text: &str) -> Result<u128, InvalidId> {
    let well_formed = text.len() == 32 && text.bytes().all(|b| b.is_ascii_hexdigit());
    if !well_formed {
        return Err(InvalidId);
    }
    u128::from_str_radix(text, 16).map_err(|_| InvalidId)
}

macro_rules! id_128 {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(
            Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode, Serialize,
            Deserialize,
        )]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(u128);

        impl $name {
            /// Wraps 128 raw bits.
            pub const fn from_bits(bits: u128) -> Self {
                Self(bits)
            }

            /// The 128 raw bits.
            pub const fn to_bits(self) -> u128 {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:032x}", self.0)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                parse_hex_128(text).map(Self)
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;

            fn try_from(text: String) -> Result<Self, InvalidId> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.to_string()
            }
        }
    };
}

id_128! {
    /// An execution: 16 bits of shard, then 112 bits that are unique in it. Shown as 32
    /// hexadecimal digits, the first four of which are the shard.
    ExecutionId
}
id_128! {
    /// A command that is not a start (signal, cancel, suspend, resume), for its deduplication.
    CommandId
}

/// The low 112 bits of an execution id.
const UNIQUE_MASK: u128 = (1 << 112) - 1;

impl ExecutionId {
    /// Makes an id of `shard` from the low 112 bits of `unique`.
    pub const fn new(shard: ShardId, unique: u128) -> Self {
        Self(((shard.get() as u128) << 112) | (unique & UNIQUE_MASK))
    }

    /// Makes a time-ordered id: 48 bits of milliseconds, then 64 random bits.
    pub const fn time_ordered(shard: ShardId, at: crate::Timestamp, random: u64) -> Self {
        let millis = (at.as_millis() as u128) & ((1 << 48) - 1);
        Self::new(shard, (millis << 64) | random as u128)
    }

    /// The shard that owns the execution for ever.
    pub const fn shard(self) -> ShardId {
        ShardId::new((self.0 >> 112) as u16)
    }
}

/// SHA-256 of a flow version's canonical content.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode, Serialize, Deserialize,
)]
#[serde(into = "String")]
pub struct ContentHash([u8; 32]);

impl ContentHash {
    /// Wraps a digest.
    pub const fn new(digest: [u8; 32]) -> Self {
        Self(digest)
    }

    /// The digest.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ContentHash({self})")
    }
}

impl From<ContentHash> for String {
    fn from(hash: ContentHash) -> String {
        hash.to_string()
    }
}

/// One run of a node within an execution: the node and which of its runs, counted from 0.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode, Serialize, Deserialize,
)]
pub struct Activation {
    /// The node.
    pub node: NodeIndex,
    /// Which of the node's runs in this execution, counted from 0.
    pub iteration: u32,
}

impl Activation {
    /// Names the `iteration`-th run of `node`.
    pub const fn new(node: NodeIndex, iteration: u32) -> Self {
        Self { node, iteration }
    }
}

impl fmt::Display for Activation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.node, self.iteration)
    }
}

/// One attempt at one activation of a task node. Deterministic: the same attempt has the same id
/// wherever and however often it is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
pub struct TaskId {
    /// The execution the task belongs to.
    pub execution: ExecutionId,
    /// The run of the node.
    pub activation: Activation,
    /// The attempt, counted from 1.
    pub attempt: u32,
}

impl fmt::Display for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.execution, self.activation, self.attempt)
    }
}

/// Text that is no task id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a task id is EXECUTION/NODE.RUN/ATTEMPT")]
pub struct InvalidTaskId;

/// A number as its `Display` writes it, and in no other way.
fn plain_number<T: FromStr + fmt::Display>(text: &str) -> Option<T> {
    let plain =
        text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    text.parse().ok().filter(|_| plain)
}

impl FromStr for TaskId {
    type Err = InvalidTaskId;

    fn from_str(text: &str) -> Result<Self, InvalidTaskId> {
        let read = || {
            let (execution, rest) = text.split_once('/')?;
            let lower = execution.bytes().all(|byte| !byte.is_ascii_uppercase());
            let (activation, attempt) = rest.split_once('/')?;
            let (node, iteration) = activation.split_once('.')?;
            let node = NodeIndex::new(plain_number(node)?);
            Some(Self {
                execution: execution.parse().ok().filter(|_| lower)?,
                activation: Activation::new(node, plain_number(iteration)?),
                attempt: plain_number(attempt).filter(|attempt| *attempt > 0)?,
            })
        };
        read().ok_or(InvalidTaskId)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Timestamp;

    #[test]
    fn a_task_id_has_one_text_form() {
        let execution = ExecutionId::from_bits(0xab);
        let activation = Activation::new(NodeIndex::new(3), 70_000);
        let id = TaskId { execution, activation, attempt: 2 };
        let text = "000000000000000000000000000000ab/3.70000/2";
        assert_eq!((id.to_string().as_str(), text.parse()), (text, Ok(id)));
        for (from, to) in
            [("/2", "/0"), ("/2", "/02"), ("/2", ""), ("/3", "/+3"), ("/3", "/99999"), ("ab", "AB")]
        {
            let text = text.replace(from, to);
            assert_eq!(text.parse::<TaskId>(), Err(InvalidTaskId), "{text}");
        }
    }

    #[test]
    fn an_execution_id_keeps_its_shard_and_survives_its_text_form() {
        let id = ExecutionId::new(ShardId::new(0xab), u128::MAX);
        assert_eq!(id.shard(), ShardId::new(0xab));
        assert_eq!(id.to_string().parse(), Ok(id));
        assert!(id.to_string().starts_with("00ab"));
    }

    #[test]
    fn time_ordered_ids_of_one_shard_sort_by_time() {
        let id = |ms, random| {
            ExecutionId::time_ordered(ShardId::new(3), Timestamp::from_millis(ms), random)
        };
        assert!(id(1_000, u64::MAX) < id(1_001, 0));
    }

    #[test]
    fn text_that_is_no_id_is_refused() {
        for text in ["", "12", "+2345678901234567890123456789012", &"g".repeat(32), &"a".repeat(33)]
        {
            assert_eq!(text.parse::<ExecutionId>(), Err(InvalidId), "{text}");
        }
    }
}
