//! A script: what is done to a log, step by step.
//!
//! A step that refers to a reader or a member that is not there is passed over, so that a script
//! stays one whatever steps it loses.

use std::collections::BTreeMap;
use std::fmt;

use flowmill_log::{Bounds, Partition, Topic};
use flowmill_model::Offset;

use super::records::{Number, Shape};

/// Sessions of a script, each a process of its own.
pub(crate) const SESSIONS: usize = 3;

/// What is done, in order. Each step ends before the next one begins.
#[derive(Clone)]
pub(crate) struct Script {
    pub(crate) name: String,
    pub(crate) steps: Vec<Step>,
}

#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// Asks for a topic.
    Make {
        session: usize,
        topic: Topic,
        partitions: u16,
        compacted: bool,
    },
    /// Two sessions ask for the same topic at the same time.
    MakeTwice {
        topic: Topic,
        partitions: u16,
    },
    /// Appends, all of them before the first answer is looked at.
    Send(Vec<Send>),
    /// Appends and ends the process at once, which then starts again.
    Rebuild {
        session: usize,
        under_way: Vec<Send>,
    },
    /// Asks where a partition begins and ends.
    Bounds {
        session: usize,
        of: Partition,
    },
    Trim {
        session: usize,
        of: Partition,
        to: Spot,
    },
    /// Opens a reader, in the place of an earlier one of this number.
    Open {
        reader: usize,
        session: usize,
        of: Partition,
        from: Spot,
    },
    /// Reads so many records, or as many as there are.
    Pull {
        reader: usize,
        records: usize,
        limit: usize,
        bytes: usize,
    },
    /// Reads at the end, appends, and reads on.
    Await {
        reader: usize,
        sends: Vec<Send>,
    },
    Join {
        member: usize,
        session: usize,
        group: &'static str,
    },
    /// Leaves, with the question whether others stay, or without.
    Leave {
        member: usize,
        asks: bool,
    },
    /// Commits by whoever holds the partition.
    Commit {
        group: &'static str,
        partition: u16,
        next: u64,
    },
    /// Does something to the broker that leads a partition, in the middle of appends.
    Strike {
        fault: Fault,
        leader_of: Partition,
        sends: Vec<Send>,
    },
}

/// An append.
#[derive(Clone)]
pub(crate) struct Send {
    pub(crate) number: Number,
    pub(crate) session: usize,
    pub(crate) to: Partition,
    pub(crate) shape: Shape,
    /// Its future is dropped at once.
    pub(crate) dropped: bool,
}

/// What is done to a broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It is killed, and started again once every append has its answer.
    Kill,
    /// It is killed, and started again at once.
    KillAndRestart,
    /// It stands still until every append has its answer.
    Pause,
    /// All brokers do, so that nobody knows what became of some appends.
    PauseAll,
}

/// A place in a partition, as its bounds are at that time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Spot {
    Start,
    /// So many hundredths of the way from the start to the end.
    Within(u64),
    End,
    Beyond(u64),
    Below(u64),
}

impl Spot {
    pub(crate) fn at(self, bounds: Bounds) -> Offset {
        let (start, end) = (bounds.start.get(), bounds.end.get());
        Offset::new(match self {
            Self::Start => start,
            Self::Within(hundredths) => start + (end - start) * hundredths / 100,
            Self::End => end,
            Self::Beyond(more) => end + more,
            Self::Below(less) => start.saturating_sub(less),
        })
    }
}

/// Groups share this topic.
pub(crate) const SHARED: Topic = Topic::Results;

impl Step {
    /// The appends it names, in the order of the calls.
    pub(crate) fn sends(&self) -> &[Send] {
        match self {
            Self::Send(sends)
            | Self::Rebuild { under_way: sends, .. }
            | Self::Await { sends, .. }
            | Self::Strike { sends, .. } => sends,
            Self::Make { .. }
            | Self::MakeTwice { .. }
            | Self::Bounds { .. }
            | Self::Trim { .. }
            | Self::Open { .. }
            | Self::Pull { .. }
            | Self::Join { .. }
            | Self::Leave { .. }
            | Self::Commit { .. } => &[],
        }
    }

    /// Which sessions ask for which topic, with how many partitions.
    pub(crate) fn asks(&self) -> Option<(Vec<usize>, &Topic, u16)> {
        if let Self::Make { session, topic, partitions, .. } = self {
            return Some((vec![*session], topic, *partitions));
        }
        let Self::MakeTwice { topic, partitions } = self else { return None };
        Some((vec![0, 1], topic, *partitions))
    }

    fn sends_mut(&mut self) -> Option<&mut Vec<Send>> {
        match self {
            Self::Send(sends)
            | Self::Rebuild { under_way: sends, .. }
            | Self::Await { sends, .. }
            | Self::Strike { sends, .. } => Some(sends),
            Self::Make { .. }
            | Self::MakeTwice { .. }
            | Self::Bounds { .. }
            | Self::Trim { .. }
            | Self::Open { .. }
            | Self::Pull { .. }
            | Self::Join { .. }
            | Self::Leave { .. }
            | Self::Commit { .. } => None,
        }
    }
}

impl Script {
    /// Every append, by its number.
    pub(crate) fn sends(&self) -> BTreeMap<Number, &Send> {
        let sends = self.steps.iter().flat_map(Step::sends);
        sends.map(|send| (send.number, send)).collect()
    }

    /// The script without some of its steps.
    pub(crate) fn without(&self, gone: std::ops::Range<usize>) -> Self {
        let mut smaller = self.clone();
        smaller.steps.drain(gone);
        smaller
    }

    /// The script with half of a step's appends; none if there are too few.
    pub(crate) fn with_fewer_sends(&self, step: usize, second_half: bool) -> Option<Self> {
        let mut smaller = self.clone();
        let sends = smaller.steps.get_mut(step)?.sends_mut()?;
        if sends.len() < 2 {
            return None;
        }
        let rest = sends.split_off(sends.len() / 2);
        if second_half {
            *sends = rest;
        }
        Some(smaller)
    }
}

impl fmt::Debug for Send {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { number, session, to, shape, dropped } = self;
        let Shape { bytes, token, headers, noisy } = shape;
        write!(f, "#{number}: session {session} to {to}, {bytes} bytes, {token:?}")?;
        write!(f, ", {headers} headers, noisy: {noisy}, dropped: {dropped}")
    }
}

impl fmt::Display for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "script {}:", self.name)?;
        for (number, step) in self.steps.iter().enumerate() {
            writeln!(f, "{number:4}  {step:?}")?;
        }
        Ok(())
    }
}
