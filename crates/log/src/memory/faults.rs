//! What a simulator can do to an append.

use std::time::Duration;

use crate::contract::{NotWritten, Record};
use crate::topic::Partition;

/// Decides what becomes of each append of one session. Whoever supplies it owns the seed.
///
/// A closure `FnMut(&Partition, &Record) -> Fate` is one.
pub trait Faults: Send {
    /// What becomes of this append.
    fn fate(&mut self, to: &Partition, record: &Record) -> Fate;

    /// How many offsets to leave out before this append's record.
    fn gap(&mut self, _to: &Partition) -> u64 {
        0
    }
}

impl<F: FnMut(&Partition, &Record) -> Fate + Send> Faults for F {
    fn fate(&mut self, to: &Partition, record: &Record) -> Fate {
        self(to, record)
    }
}

/// What becomes of an append. Times count from the call, unless they say otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// The record is written and acknowledged.
    Written {
        /// When it is in the log. A later record of the same session and partition with this
        /// fate waits for it; records of others overtake it.
        lands: Duration,
        /// How long after that the acknowledgement arrives.
        acknowledged: Duration,
        /// When further copies of it land. No log should do this; some do.
        repeats: Vec<Duration>,
    },
    /// The record is not written, and the caller is told so.
    Refused {
        /// When the caller is told.
        told: Duration,
        /// The reason.
        why: NotWritten,
    },
    /// The caller is told that nobody knows.
    Unknown {
        /// When the caller is told.
        told: Duration,
        /// When a copy lands, before or after that, in any order with other records; none for a
        /// lost record.
        lands: Vec<Duration>,
    },
    /// The caller is told nothing, ever.
    Silent {
        /// When a copy lands; none for a lost record.
        lands: Vec<Duration>,
    },
}

impl Fate {
    /// Written and acknowledged at once.
    pub const AT_ONCE: Self =
        Self::Written { lands: Duration::ZERO, acknowledged: Duration::ZERO, repeats: Vec::new() };

    /// Refused at once because there is no room.
    pub const FULL: Self = Self::Refused { told: Duration::ZERO, why: NotWritten::Full };
}

/// What becomes of the appends a session had under way when it crashed and whose fate was
/// [`Fate::Written`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InFlight {
    /// They land when they would have landed: a late write of a dead process.
    Lands,
    /// They are lost.
    Lost,
}
