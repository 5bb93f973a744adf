//! One input of a shard, from whichever source.

use bytes::Bytes;
use flowmill_engine::{Command, Whereabouts};
use flowmill_model::command::{self, CommandRecord};
use flowmill_model::history::{Blob, Deferred, InputRef, InputTopic};
use flowmill_model::task::ResultRecord;
use flowmill_model::{ExecutionId, ShardId, Timestamp, envelope};
use flowmill_store::TimerKey;

/// Where an input comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Source {
    /// A record of an input topic.
    Log(InputRef),
    /// A timer that is due.
    Timer(TimerKey),
}

/// An input for one execution.
#[derive(Debug)]
pub(crate) struct Input {
    pub(crate) source: Source,
    pub(crate) execution: ExecutionId,
    pub(crate) command: Command,
    /// The record as it was read, in case it must be deferred; empty for a timer.
    pub(crate) raw: Bytes,
    /// When it was first deferred, or read.
    pub(crate) since: Timestamp,
    /// When it was last deferred, or read.
    pub(crate) renewed: Timestamp,
}

/// What a record of an input topic turned out to be.
#[derive(Debug)]
pub(crate) enum Parsed {
    /// An input for an execution.
    Input(Input),
    /// A change of the catalogue of flows.
    Catalogue {
        input: InputRef,
        command: command::Command,
        /// The record's size.
        bytes: usize,
    },
    /// Nothing this shard can use.
    Rejected {
        input: InputRef,
        reason: String,
        raw: Bytes,
        /// Written by a newer build: the shard must stop rather than skip it.
        newer: bool,
    },
}

impl Input {
    /// An input for a timer that is due. Where its task is, is found out when it is decided.
    pub(crate) fn timer(key: TimerKey, now: Timestamp) -> Self {
        let whereabouts = Whereabouts::NotATask;
        Self {
            source: Source::Timer(key),
            execution: key.execution,
            command: Command::TimerFired { timer: key.timer, whereabouts },
            raw: Bytes::new(),
            since: now,
            renewed: now,
        }
    }

    /// When an unkeyed start was accepted; `None` for every other input.
    pub(crate) const fn unkeyed_start(&self) -> Option<Timestamp> {
        match &self.command {
            Command::Start { start, sent_at, .. } if !start.keyed => Some(*sent_at),
            Command::Start { .. }
            | Command::Signal(_)
            | Command::Cancel(_)
            | Command::Suspend(_)
            | Command::Resume(_)
            | Command::Report(_)
            | Command::TimerFired { .. } => None,
        }
    }

    /// What a batch says of it when it must wait for a later one; `None` for a timer, which is
    /// never deferred.
    pub(crate) fn deferred(&self) -> Option<Deferred> {
        match self.source {
            Source::Log(input) => {
                Some(Deferred { input, since: self.since, record: Blob(self.raw.clone()) })
            }
            Source::Timer(_) => None,
        }
    }

    /// The record, for an execution that has to keep it; `None` for a timer, which comes again.
    pub(crate) fn kept(&self) -> Option<Blob> {
        Some(Blob(self.raw.clone())).filter(|blob| !blob.0.is_empty())
    }
}

impl Parsed {
    /// Reads a record of an input topic of `shard`.
    pub(crate) fn read(shard: ShardId, input: InputRef, raw: Bytes, now: Timestamp) -> Self {
        match decode(input, &raw) {
            Err(error) => {
                let (reason, newer) = (error.to_string(), error.is_newer_format());
                Self::Rejected { input, reason, raw, newer }
            }
            Ok(Record::Catalogue(command)) if shard == ShardId::new(0) => {
                Self::Catalogue { input, command, bytes: raw.len() }
            }
            Ok(Record::Execution(execution, command)) if execution.shard() == shard => {
                let source = Source::Log(input);
                Self::Input(Input { source, execution, command, raw, since: now, renewed: now })
            }
            Ok(Record::Catalogue(_) | Record::Execution(..)) => {
                let reason = format!("it is not for shard {shard}");
                Self::Rejected { input, reason, raw, newer: false }
            }
        }
    }
}

/// The input that a kept record holds, whichever topic it came from; `None` when it holds none
/// for an execution.
pub(crate) fn command_of(mut raw: &[u8]) -> Option<Command> {
    let whole = raw;
    let topic = match envelope::read(&mut raw).ok()?.kind {
        <ResultRecord as envelope::Framed>::KIND => InputTopic::Results,
        _ => InputTopic::Commands,
    };
    let offset = flowmill_model::Offset::default();
    match decode(InputRef { topic, offset }, whole).ok()? {
        Record::Execution(_, command) => Some(command),
        Record::Catalogue(_) => None,
    }
}

enum Record {
    Catalogue(command::Command),
    Execution(ExecutionId, Command),
}

fn decode(input: InputRef, raw: &[u8]) -> Result<Record, envelope::FrameError> {
    match input.topic {
        InputTopic::Results => {
            let record: ResultRecord = envelope::decode(raw)?;
            Ok(Record::Execution(record.id.execution, Command::Report(record)))
        }
        InputTopic::Commands => envelope::decode(raw).map(of_command),
    }
}

fn of_command(record: CommandRecord) -> Record {
    let CommandRecord { sent_at, trace, command } = record;
    let Some(execution) = command.execution() else { return Record::Catalogue(command) };
    let command = match command {
        command::Command::Start(start) => Command::Start { start, trace, sent_at },
        command::Command::Signal(signal) => Command::Signal(signal),
        command::Command::Cancel(control) => Command::Cancel(control),
        command::Command::Suspend(control) => Command::Suspend(control),
        command::Command::Resume(control) => Command::Resume(control),
        catalogue @ (command::Command::Deploy(_) | command::Command::Activate(_)) => {
            return Record::Catalogue(catalogue);
        }
    };
    Record::Execution(execution, command)
}
