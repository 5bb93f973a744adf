//! Values of the model, made from a target's bytes.
//!
//! Every struct names all its fields and every enum all its variants here, so the compiler says
//! what is missing when the model changes.

mod events;

use arbitrary::{Result, Unstructured};
use bytes::Bytes;
use flowmill_model::command::{Command, CommandRecord, Control, Deploy, Signal, Start};
use flowmill_model::event::{Event, TimerSet};
use flowmill_model::history::{
    Batch, Blob, Claim, Deferred, DefinitionRecord, HistoryRecord, InputPositions, InputRef,
    InputTopic, LogIdentity, RecordedTransition, Rejected, Transition,
};
use flowmill_model::shard::ShardAnnouncement;
use flowmill_model::task::{Failure, Outcome, ResultRecord, TaskRecord};
use flowmill_model::{
    Activation, BatchNumber, BlockIndex, CommandId, ConnectionIndex, ContentHash, Epoch,
    ExecutionId, FlowName, FlowVersion, FrameId, Name, NodeIndex, Offset, Payload, PortIndex,
    Problem, Queue, Sequence, ShardId, TaskId, TaskToken, TimerId, Timestamp, TraceContext,
    Version,
};

/// A value that bytes can be turned into.
pub trait Make: Sized {
    /// The value that the next bytes stand for.
    ///
    /// # Errors
    /// When there are not enough of them.
    fn make(bytes: &mut Unstructured<'_>) -> Result<Self>;
}

/// Structs by their fields.
macro_rules! structs {
    ($($name:ident { $($field:ident),* $(,)? })*) => {
        $(impl $crate::make::Make for $name {
            fn make(bytes: &mut arbitrary::Unstructured<'_>) -> arbitrary::Result<Self> {
                Ok(Self { $($field: $crate::make::Make::make(bytes)?),* })
            }
        })*
    };
}

/// Enums by their variants, each of which holds one value.
macro_rules! enums {
    ($($name:ident { $($variant:ident),* $(,)? })*) => {
        $(impl $crate::make::Make for $name {
            fn make(bytes: &mut arbitrary::Unstructured<'_>) -> arbitrary::Result<Self> {
                type One = fn(&mut arbitrary::Unstructured<'_>) -> arbitrary::Result<$name>;
                let all: &[One] =
                    &[$(|bytes| $crate::make::Make::make(bytes).map($name::$variant)),*];
                bytes.choose(all)?(bytes)
            }
        })*
    };
}

pub(crate) use {enums, structs};

/// Newtypes of numbers.
macro_rules! numbers {
    ($($name:ident)*) => {
        $(impl Make for $name {
            fn make(bytes: &mut Unstructured<'_>) -> Result<Self> {
                bytes.arbitrary().map(Self::new)
            }
        })*
    };
}

/// What the crate `arbitrary` makes.
macro_rules! plain {
    ($($name:ty)*) => {
        $(impl Make for $name {
            fn make(bytes: &mut Unstructured<'_>) -> Result<Self> {
                bytes.arbitrary()
            }
        })*
    };
}

plain! { bool u8 u16 u32 u64 u128 String }

numbers! {
    BatchNumber BlockIndex ConnectionIndex Epoch FrameId NodeIndex Offset PortIndex Sequence ShardId TaskToken TimerId
    ContentHash
}

structs! {
    CommandRecord { sent_at, trace, command }
    Start { execution, flow, hash, input, keyed }
    Signal { execution, id, name, payload }
    Control { execution, id, reason }
    Deploy { flow, hash, source, spread }
    Claim { epoch, node, nonce, log }
    LogIdentity { cluster, generation }
    InputPositions { commands, results }
    InputRef { topic, offset }
    Batch {
        epoch, number, generation, at, positions, mark, resolved, deferred, rejected, transitions,
        definitions,
    }
    Deferred { input, since, record }
    Rejected { input, reason, build, key, headers, record }
    DefinitionRecord { flow, hash, source, placement, deployed_at, activation }
    RecordedTransition { at, transition }
    ShardAnnouncement { shard, epoch, mark_found, node, address, format }
    TaskRecord { id, token, epoch, batch, task_type, flow, input, timeout_ms, trace }
    ResultRecord { id, token, outcome, trace }
    Failure { problem, retryable, retry_after_ms }
    Problem { kind, status, title, detail, instance }
    Activation { node, iteration }
    TaskId { execution, activation, attempt }
    FlowName { namespace, name }
    FlowVersion { flow, version }
    TimerSet { id, due }
}

enums! {
    Command { Start, Signal, Cancel, Suspend, Resume, Deploy, Activate }
    HistoryRecord { Claim, Batch }
}

impl Make for InputTopic {
    fn make(bytes: &mut Unstructured<'_>) -> Result<Self> {
        Ok(*bytes.choose(&[Self::Commands, Self::Results])?)
    }
}

impl Make for Outcome {
    fn make(bytes: &mut Unstructured<'_>) -> Result<Self> {
        Ok(match bytes.int_in_range(0..=3)? {
            0 => Self::Running,
            1 => Self::Completed(Make::make(bytes)?),
            2 => Self::Failed(Make::make(bytes)?),
            _ => Self::Later(Make::make(bytes)?),
        })
    }
}

impl Make for Transition {
    /// With events in it that can be read.
    fn make(bytes: &mut Unstructured<'_>) -> Result<Self> {
        let events: Vec<Event> = Make::make(bytes)?;
        Ok(Self {
            execution: Make::make(bytes)?,
            first: Make::make(bytes)?,
            count: u32::try_from(events.len()).expect("there are few"),
            events: Blob(Event::encode_all(&events).into()),
        })
    }
}

impl Make for Timestamp {
    fn make(bytes: &mut Unstructured<'_>) -> Result<Self> {
        bytes.arbitrary().map(Self::from_millis)
    }
}

impl Make for ExecutionId {
    fn make(bytes: &mut Unstructured<'_>) -> Result<Self> {
        bytes.arbitrary().map(Self::from_bits)
    }
}

impl Make for CommandId {
    fn make(bytes: &mut Unstructured<'_>) -> Result<Self> {
        bytes.arbitrary().map(Self::from_bits)
    }
}

impl Make for TraceContext {
    fn make(bytes: &mut Unstructured<'_>) -> Result<Self> {
        let (trace, span, flags) = bytes.arbitrary()?;
        Self::new(trace, span, flags).ok_or(arbitrary::Error::IncorrectFormat)
    }
}

impl Make for Bytes {
    fn make(bytes: &mut Unstructured<'_>) -> Result<Self> {
        bytes.arbitrary::<&[u8]>().map(Self::copy_from_slice)
    }
}

impl Make for Blob {
    fn make(bytes: &mut Unstructured<'_>) -> Result<Self> {
        Make::make(bytes).map(Self)
    }
}

impl Make for Payload {
    fn make(bytes: &mut Unstructured<'_>) -> Result<Self> {
        Make::make(bytes).map(Self::new)
    }
}

/// A text of these characters, of at most so many.
fn text(bytes: &mut Unstructured<'_>, characters: &[u8], most: usize) -> Result<String> {
    let length = bytes.int_in_range(1..=most)?;
    (0..length).map(|_| bytes.choose(characters).map(|byte| char::from(*byte))).collect()
}

impl Make for Name {
    fn make(bytes: &mut Unstructured<'_>) -> Result<Self> {
        let text = text(bytes, b"abz09", 12)?;
        Ok(Self::new(&text).expect("letters and digits are a name"))
    }
}

impl Make for Queue {
    fn make(bytes: &mut Unstructured<'_>) -> Result<Self> {
        let text = text(bytes, b"aZ09_-", 12)?;
        Ok(Self::new(&text).expect("it has no dots"))
    }
}

impl Make for Version {
    fn make(bytes: &mut Unstructured<'_>) -> Result<Self> {
        let [major, minor, patch]: [u16; 3] = bytes.arbitrary()?;
        let text = format!("{major}.{minor}.{patch}");
        Ok(Self::new(&text).expect("three numbers are a version"))
    }
}

impl<T: Make> Make for Option<T> {
    fn make(bytes: &mut Unstructured<'_>) -> Result<Self> {
        if bytes.arbitrary()? { T::make(bytes).map(Some) } else { Ok(None) }
    }
}

impl<T: Make> Make for Box<T> {
    fn make(bytes: &mut Unstructured<'_>) -> Result<Self> {
        T::make(bytes).map(Self::new)
    }
}

impl<A: Make, B: Make> Make for (A, B) {
    fn make(bytes: &mut Unstructured<'_>) -> Result<Self> {
        Ok((A::make(bytes)?, B::make(bytes)?))
    }
}

impl<T: Make> Make for Vec<T> {
    /// Few, so that the bytes go into what is in it.
    fn make(bytes: &mut Unstructured<'_>) -> Result<Self> {
        let length = bytes.int_in_range(0..=4)?;
        (0..length).map(|_| T::make(bytes)).collect()
    }
}
