//! What a log showed while a script was run on it.

use std::collections::BTreeMap;
use std::fmt;

use flowmill_log::{AppendError, NotWritten, Partition, ReadError};

use super::records::Number;

/// Everything that was visible.
#[derive(Debug, Default)]
pub(crate) struct Visible {
    /// What each step showed.
    pub(crate) steps: Vec<Seen>,
    /// What was ever found in each partition, by offset, whether it is still there or not.
    pub(crate) contents: BTreeMap<Partition, BTreeMap<u64, Found>>,
    /// What groups had committed at the end: group, partition, position.
    pub(crate) committed: BTreeMap<(&'static str, u16), Option<u64>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    /// The step referred to nothing.
    PassedOver,
    /// The answers, and how many partitions each session knows of then.
    Made(Vec<Result<(), Failure>>, Vec<Option<u16>>),
    Sent(Vec<Sent>),
    Bounds(Result<(u64, u64), Failure>),
    /// The answer, and the bounds after it.
    Trimmed(Result<(), Failure>, Result<(u64, u64), Failure>),
    /// Where the reader starts.
    Opened(u64),
    Pulled(Vec<Event>),
    /// Whether the reader, if it was at the end, had nothing before the appends; then these, and
    /// what it got.
    Awaited {
        waited: Option<bool>,
        sent: Vec<Sent>,
        got: Vec<Event>,
    },
    /// How many partitions each member of a group holds, the largest share first, and whether each
    /// partition has one owner. `others` is the answer to who asked while leaving.
    Settled {
        shares: Vec<usize>,
        whole: bool,
        others: Option<bool>,
    },
    /// The group's position after a commit.
    Committed(Option<u64>),
}

/// An append and what came of it.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Sent {
    pub(crate) number: Number,
    pub(crate) session: usize,
    pub(crate) to: Partition,
    pub(crate) outcome: Outcome,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    At(u64),
    /// Dropped; a later append of the same session to the same partition was acknowledged.
    Dropped,
    Refused(Failure),
    /// Nobody knows, or nobody was there to be told.
    Unknown,
}

/// What a reader got.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    Got(u64, Found),
    Failed(Failure),
}

/// A record that was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    /// Which one it says it is.
    pub(crate) number: Option<Number>,
    /// It is, to the byte, what was appended under that number.
    pub(crate) faithful: bool,
}

/// An error, by its kind and what the contract says it carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    TooLarge { bytes: usize, limit: usize },
    NoSuchPartition(Partition),
    Full,
    Closed,
    OutOfRange { start: u64 },
    PartitionCount { found: u16, asked: u16 },
    Refused,
    Unavailable,
    Damaged,
}

impl Sent {
    /// The offset it was acknowledged with.
    pub(crate) fn at(&self) -> Option<u64> {
        match self.outcome {
            Outcome::At(at) => Some(at),
            Outcome::Dropped | Outcome::Refused(_) | Outcome::Unknown => None,
        }
    }
}

impl fmt::Debug for Sent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { number, session, to, outcome } = self;
        write!(f, "#{number}: session {session} to {to}: {outcome:?}")
    }
}

impl From<NotWritten> for Failure {
    fn from(why: NotWritten) -> Self {
        match why {
            NotWritten::Full => Self::Full,
            NotWritten::TooLarge { bytes, limit } => Self::TooLarge { bytes, limit },
            NotWritten::NoSuchPartition(partition) => Self::NoSuchPartition(partition),
            NotWritten::Closed(_) => Self::Closed,
        }
    }
}

impl From<ReadError> for Failure {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::OutOfRange { start } => Self::OutOfRange { start: start.get() },
            ReadError::NoSuchPartition(partition) => Self::NoSuchPartition(partition),
            ReadError::PartitionCount { found, asked, .. } => Self::PartitionCount { found, asked },
            ReadError::Refused { .. } => Self::Refused,
            ReadError::Unavailable(_) => Self::Unavailable,
            ReadError::Damaged(_) => Self::Damaged,
            ReadError::Closed(_) => Self::Closed,
        }
    }
}

impl From<Result<flowmill_model::Offset, AppendError>> for Outcome {
    fn from(answer: Result<flowmill_model::Offset, AppendError>) -> Self {
        match answer {
            Ok(offset) => Self::At(offset.get()),
            Err(AppendError::NotWritten(why)) => Self::Refused(why.into()),
            Err(AppendError::Unknown(_)) => Self::Unknown,
        }
    }
}

impl Seen {
    /// The appends that the step made.
    pub(crate) fn sent(&self) -> &[Sent] {
        match self {
            Self::Sent(sent) | Self::Awaited { sent, .. } => sent,
            Self::PassedOver
            | Self::Made(..)
            | Self::Bounds(_)
            | Self::Trimmed(..)
            | Self::Opened(_)
            | Self::Pulled(_)
            | Self::Settled { .. }
            | Self::Committed(_) => &[],
        }
    }

    /// What the step had a reader get.
    pub(crate) fn got(&self) -> &[Event] {
        match self {
            Self::Pulled(got) | Self::Awaited { got, .. } => got,
            Self::PassedOver
            | Self::Made(..)
            | Self::Sent(_)
            | Self::Bounds(_)
            | Self::Trimmed(..)
            | Self::Opened(_)
            | Self::Settled { .. }
            | Self::Committed(_) => &[],
        }
    }
}
