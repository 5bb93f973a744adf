//! Records of the `history` topic: the only place where anything becomes true.
//!
//! One record is one commit. A [`Claim`] says who owns the shard from here on; a [`Batch`] holds
//! everything one commit decided, with the input positions it decided up to. Whether a record
//! counts is not in the record: the rule of validity says it, applied in log order.

use bincode::{Decode, Encode};
use bytes::Bytes;

use crate::envelope::{self, FrameError, Framed};
use crate::ids::{BatchNumber, ContentHash, Epoch, ExecutionId, Offset, Sequence, ShardId};
use crate::name::FlowVersion;
use crate::payload::Payload;
use crate::time::Timestamp;

/// One record of `history`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HistoryRecord {
    /// A claim of ownership.
    Claim(Claim),
    /// One commit. Boxed: it is far larger than a claim.
    Batch(Box<Batch>),
}

/// A claim of a shard's ownership.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Claim {
    /// The epoch claimed: valid iff it is one more than that of the latest valid claim.
    pub epoch: Epoch,
    /// The node that claims.
    pub node: String,
    /// Tells this claim from every other one, also of the same node.
    pub nonce: u64,
    /// The log this history belongs to.
    pub log: LogIdentity,
}

/// Which log a record was written to, so that a topic made anew is noticed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub struct LogIdentity {
    /// Random, made once when the cluster or data folder is initialised.
    pub cluster: u128,
    /// Raised when topics are made anew; below 64.
    pub generation: u8,
}

/// How far a shard has read its two input topics: the offset of the next record of each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub struct InputPositions {
    /// Next record of `commands`.
    pub commands: Offset,
    /// Next record of `results`.
    pub results: Offset,
}

/// Which of a shard's input topics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
pub enum InputTopic {
    /// `commands`.
    Commands,
    /// `results`.
    Results,
}

/// Names one input of a shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
pub struct InputRef {
    /// The topic.
    pub topic: InputTopic,
    /// The record's offset in it.
    pub offset: Offset,
}

/// Everything one commit decided.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Batch {
    /// The owner's epoch.
    pub epoch: Epoch,
    /// One more than the number of the valid batch before it.
    pub number: BatchNumber,
    /// Generation of the log.
    pub generation: u8,
    /// When it was decided, by the owner's clock.
    pub at: Timestamp,
    /// Input positions after it.
    pub positions: InputPositions,
    /// The dispatched mark: every output of every valid batch up to this one is sent or no
    /// longer needed.
    pub mark: BatchNumber,
    /// Deferred inputs that this batch decided.
    pub resolved: Vec<InputRef>,
    /// Inputs that were read and wait for a later batch.
    pub deferred: Vec<Deferred>,
    /// Inputs that cannot be decoded.
    pub rejected: Vec<Rejected>,
    /// What was decided for executions, in order; an execution may appear more than once.
    pub transitions: Vec<Transition>,
    /// What was decided for the catalogue of definitions (shard 0 only).
    pub definitions: Vec<DefinitionRecord>,
}

/// An input that was read but could not be decided yet.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Deferred {
    /// Which input.
    pub input: InputRef,
    /// When it was first deferred.
    pub since: Timestamp,
    /// The whole record.
    pub record: Blob,
}

/// An input that cannot be decoded; a copy goes to the dead letters.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Rejected {
    /// Which input.
    pub input: InputRef,
    /// What the decoder said.
    pub reason: String,
    /// The build that said it.
    pub build: String,
    /// The record's key.
    pub key: Blob,
    /// The record's headers: names and values.
    pub headers: Vec<(String, Blob)>,
    /// The record's value.
    pub record: Blob,
}

/// The events one execution gained from one input.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Transition {
    /// The execution.
    pub execution: ExecutionId,
    /// Sequence of the first event.
    pub first: Sequence,
    /// How many events there are.
    pub count: u32,
    /// The events, each in a frame of its own.
    pub events: Blob,
}

/// One record of `definitions` (key: namespace/name/version): a version every node may run.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct DefinitionRecord {
    /// The version.
    pub flow: FlowVersion,
    /// Hash of its canonical content.
    pub hash: ContentHash,
    /// Its canonical content, as JSON.
    pub source: Payload,
    /// The shards that carry executions of the flow's name; fixed at its first deploy.
    pub placement: Vec<ShardId>,
    /// When it was deployed.
    pub deployed_at: Timestamp,
    /// Counts deploys and activations of the flow's name: the version with the highest number is
    /// the default.
    pub activation: u64,
}

/// Opaque bytes. Cheap to clone.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Blob(pub Bytes);

impl std::fmt::Debug for Blob {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Blob({} bytes)", self.0.len())
    }
}

impl Encode for Blob {
    fn encode<E: bincode::enc::Encoder>(
        &self,
        encoder: &mut E,
    ) -> Result<(), bincode::error::EncodeError> {
        self.0[..].encode(encoder)
    }
}

impl<C> Decode<C> for Blob {
    fn decode<D: bincode::de::Decoder<Context = C>>(
        decoder: &mut D,
    ) -> Result<Self, bincode::error::DecodeError> {
        Vec::<u8>::decode(decoder).map(|bytes| Self(bytes.into()))
    }
}

impl<'de, C> bincode::BorrowDecode<'de, C> for Blob {
    fn borrow_decode<D: bincode::de::BorrowDecoder<'de, Context = C>>(
        decoder: &mut D,
    ) -> Result<Self, bincode::error::DecodeError> {
        <Self as Decode<C>>::decode(decoder)
    }
}

crate::framed! {
    Claim = 10, 1;
    Batch = 11, 1;
    DefinitionRecord = 12, 1;
}

impl HistoryRecord {
    /// The record's bytes.
    pub fn encode(&self) -> Vec<u8> {
        match self {
            Self::Claim(claim) => envelope::encode(claim),
            Self::Batch(batch) => envelope::encode(batch.as_ref()),
        }
    }

    /// The epoch that a claim claims; `None` for anything else, of which no more than the frame's
    /// header is read.
    pub fn claim_of(mut bytes: &[u8]) -> Option<Epoch> {
        let frame = envelope::read(&mut bytes).ok().filter(|frame| frame.kind == Claim::KIND)?;
        frame.decode::<Claim>().ok().map(|claim| claim.epoch)
    }

    /// Reads a record. An error here stops the reader: history is never skipped.
    pub fn decode(mut bytes: &[u8]) -> Result<Self, FrameError> {
        let frame = envelope::read(&mut bytes)?;
        if !bytes.is_empty() {
            return Err(FrameError::Trailing(bytes.len()));
        }
        match frame.kind {
            Claim::KIND => frame.decode().map(Self::Claim),
            Batch::KIND => frame.decode().map(|batch| Self::Batch(Box::new(batch))),
            kind => Err(FrameError::UnknownKind { kind, version: frame.version }),
        }
    }
}

/// A transition with the time it was decided at: what the store keeps of history.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct RecordedTransition {
    /// When it was decided, by the owner's clock.
    pub at: Timestamp,
    /// What was decided.
    pub transition: Transition,
}

crate::framed! { RecordedTransition = 13, 1; }
