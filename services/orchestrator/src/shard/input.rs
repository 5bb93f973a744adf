//! One input of a shard, from whichever source.

use bytes::Bytes;
use flowmill_engine::{Command, Whereabouts};
use flowmill_events::{ContractError, decode_result};
use flowmill_log::Record;
use flowmill_model::command::{self, CommandRecord};
use flowmill_model::history::{Blob, Deferred, InputRef, InputTopic, Rejected};
use flowmill_model::task::ResultRecord;
use flowmill_model::{ExecutionId, ShardId, Timestamp, envelope, limits};
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
    /// The record as it was read, in case it must be kept; empty for a result, which is kept as
    /// its command says it, and for a timer, which comes again.
    pub(crate) raw: Bytes,
    /// What it takes of its topic's credits.
    pub(crate) bytes: usize,
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
    Rejected { input: InputRef, reason: String, record: Record, newer: Newer },
}

/// Whether a record that cannot be read comes from a newer build.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Newer {
    /// It does not.
    No,
    /// It may, or it is no record of ours at all.
    Perhaps,
    /// It says so: the shard must stop rather than skip it.
    Yes,
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
            bytes: 0,
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
                let record = kept(&self.command, &self.raw)?;
                Some(Deferred { input, since: self.since, record })
            }
            Source::Timer(_) => None,
        }
    }

    /// The record, for an execution that has to keep it; `None` for a timer, which comes again.
    pub(crate) fn kept(&self) -> Option<Blob> {
        kept(&self.command, &self.raw)
    }
}

/// An input as a history keeps it: a command as it was read, a result as it is stored; `None` for
/// a timer.
pub(crate) fn kept(command: &Command, raw: &Bytes) -> Option<Blob> {
    match command {
        Command::Report(result) => Some(Blob(envelope::encode(result).into())),
        Command::TimerFired { .. } => None,
        Command::Start { .. }
        | Command::Signal(_)
        | Command::Cancel(_)
        | Command::Suspend(_)
        | Command::Resume(_) => Some(Blob(raw.clone())),
    }
}

impl Parsed {
    /// Reads a record of an input topic of `shard`.
    pub(crate) fn read(shard: ShardId, input: InputRef, record: Record, now: Timestamp) -> Self {
        let bytes = record.bytes();
        let decoded = match input.topic {
            InputTopic::Results => of_result(&record),
            InputTopic::Commands => of_command(&record.value),
        };
        match decoded {
            Ok(decoded) => match Self::of(shard, input, decoded, &record.value, now) {
                Some(parsed) => parsed.with_bytes(bytes),
                None => Self::not_ours(shard, input, record),
            },
            Err(Undecodable { reason, newer }) => Self::Rejected { input, reason, record, newer },
        }
    }

    /// Reads an input that a batch has deferred.
    pub(crate) fn read_deferred(
        shard: ShardId,
        input: InputRef,
        kept: Bytes,
        since: Timestamp,
    ) -> Option<Input> {
        let bytes = kept.len();
        match Self::of(shard, input, of_kept(&kept).ok()?, &kept, since)?.with_bytes(bytes) {
            Self::Input(input) => Some(input),
            Self::Catalogue { .. } | Self::Rejected { .. } => None,
        }
    }

    /// What was decoded, if it is for this shard.
    fn of(
        shard: ShardId,
        input: InputRef,
        decoded: Decoded,
        raw: &Bytes,
        now: Timestamp,
    ) -> Option<Self> {
        match decoded {
            Decoded::Catalogue(command) if shard == ShardId::new(0) => {
                Some(Self::Catalogue { input, command, bytes: 0 })
            }
            Decoded::Execution(execution, command) if execution.shard() == shard => {
                let is_result = matches!(command, Command::Report(_));
                let raw = if is_result { Bytes::new() } else { raw.clone() };
                let (source, since, renewed) = (Source::Log(input), now, now);
                Some(Self::Input(Input {
                    source,
                    execution,
                    command,
                    raw,
                    bytes: 0,
                    since,
                    renewed,
                }))
            }
            Decoded::Catalogue(_) | Decoded::Execution(..) => None,
        }
    }

    const fn with_bytes(mut self, size: usize) -> Self {
        match &mut self {
            Self::Input(Input { bytes, .. }) | Self::Catalogue { bytes, .. } => *bytes = size,
            Self::Rejected { .. } => {}
        }
        self
    }

    fn not_ours(shard: ShardId, input: InputRef, record: Record) -> Self {
        let reason = format!("it is not for shard {shard}");
        Self::Rejected { input, reason, record, newer: Newer::No }
    }
}

/// What a batch says of a record that cannot be used. Of its headers it keeps as many as an honest
/// record has: a list of millions, each of them empty, would make a batch that cannot be read.
pub(crate) fn rejected(input: InputRef, reason: String, build: &str, record: Record) -> Rejected {
    let headers = record.headers.into_iter().take(limits::RECORD_HEADERS);
    let headers = headers.map(|header| (header.name.into_owned(), Blob(header.value)));
    let (build, headers) = (build.to_owned(), headers.collect());
    Rejected { input, reason, build, key: Blob(record.key), headers, record: Blob(record.value) }
}

/// What a rejected record took of its topic's credits.
pub(crate) fn rejected_bytes(rejected: &Rejected) -> usize {
    let headers = rejected.headers.iter().map(|(name, value)| name.len() + value.0.len());
    rejected.key.0.len() + rejected.record.0.len() + headers.sum::<usize>()
}

/// The input that a kept record holds, whichever topic it came from; `None` when it holds none
/// for an execution.
pub(crate) fn command_of(kept: &[u8]) -> Option<Command> {
    match of_kept(kept).ok()? {
        Decoded::Execution(_, command) => Some(command),
        Decoded::Catalogue(_) => None,
    }
}

enum Decoded {
    Catalogue(command::Command),
    Execution(ExecutionId, Command),
}

/// Why a record is no input.
struct Undecodable {
    reason: String,
    newer: Newer,
}

impl From<ContractError> for Undecodable {
    fn from(error: ContractError) -> Self {
        let newer = if error.is_newer_format() { Newer::Yes } else { Newer::No };
        Self { reason: error.to_string(), newer }
    }
}

impl From<envelope::FrameError> for Undecodable {
    fn from(error: envelope::FrameError) -> Self {
        let newer = if error.is_newer_format() { Newer::Perhaps } else { Newer::No };
        Self { reason: error.to_string(), newer }
    }
}

fn of_result(record: &Record) -> Result<Decoded, Undecodable> {
    let result = decode_result(record)?;
    Ok(Decoded::Execution(result.id.execution, Command::Report(result)))
}

/// Reads a command, or a result as [`kept`] stores it.
fn of_kept(raw: &[u8]) -> Result<Decoded, Undecodable> {
    let kind = envelope::read(&mut &raw[..])?.kind;
    if kind == <ResultRecord as envelope::Framed>::KIND {
        let result: ResultRecord = envelope::decode(raw)?;
        return Ok(Decoded::Execution(result.id.execution, Command::Report(result)));
    }
    of_command(raw)
}

fn of_command(raw: &[u8]) -> Result<Decoded, Undecodable> {
    let CommandRecord { sent_at, trace, command } = envelope::decode(raw)?;
    let Some(execution) = command.execution() else { return Ok(Decoded::Catalogue(command)) };
    let command = match command {
        command::Command::Start(start) => Command::Start { start, trace, sent_at },
        command::Command::Signal(signal) => Command::Signal(signal),
        command::Command::Cancel(control) => Command::Cancel(control),
        command::Command::Suspend(control) => Command::Suspend(control),
        command::Command::Resume(control) => Command::Resume(control),
        catalogue @ (command::Command::Deploy(_) | command::Command::Activate(_)) => {
            return Ok(Decoded::Catalogue(catalogue));
        }
    };
    Ok(Decoded::Execution(execution, command))
}

#[cfg(test)]
mod tests {
    use flowmill_log::Header;
    use flowmill_model::history::{Batch, HistoryRecord, InputPositions};
    use flowmill_model::{BatchNumber, Epoch, Offset};

    use super::*;

    #[test]
    fn a_record_of_nothing_but_headers_does_not_make_a_batch_that_cannot_be_read() {
        let headers = vec![Header::new("", ""); 200_000];
        let record = Record { headers, ..Record::default() };
        let input = InputRef { topic: InputTopic::Commands, offset: Offset::new(1) };
        let rejected = rejected(input, "why".to_owned(), "build", record);
        let batch = HistoryRecord::Batch(Box::new(Batch {
            epoch: Epoch::new(1),
            number: BatchNumber::new(1),
            generation: 0,
            at: Timestamp::default(),
            positions: InputPositions::default(),
            mark: BatchNumber::default(),
            resolved: vec![],
            deferred: vec![],
            rejected: vec![rejected],
            transitions: vec![],
            definitions: vec![],
        }));
        assert_eq!(HistoryRecord::decode(&batch.encode()).unwrap(), batch);
    }
}
