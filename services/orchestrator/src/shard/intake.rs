//! Reads a shard's input topics, bounded by credits.
//!
//! Each topic has a reader of its own and credits of its own, in records and in bytes. A record
//! holds its credits from the read until its batch is committed and, when it was deferred, until
//! it is resolved. So a shard whose commands pile up stops reading commands and goes on reading
//! results: work in flight always drains.

use std::collections::{BTreeMap, VecDeque};
use std::num::NonZeroUsize;
use std::sync::Arc;

use flowmill_log::{Fetched, Log, Partition, ReadLimit, Topic};
use flowmill_model::history::{InputPositions, InputRef, InputTopic};
use flowmill_model::{Offset, ShardId, Timestamp, limits};
use flowmill_runtime::spawn;
use ractor::ActorRef;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

use super::ShardMessage;
use super::input::{Input, Newer, Parsed};
use crate::takeover::PendingDeferral;

/// Records taken in one read.
const READ: ReadLimit =
    ReadLimit { records: NonZeroUsize::new(256).expect("not zero"), bytes: 4 * 1024 * 1024 };

/// Credits for commands: one batch on its way, one waiting, and what may be deferred.
const COMMAND_CREDITS: Amount = Amount {
    records: limits::BATCH_INPUTS + limits::DEFERRED_INPUTS,
    bytes: limits::RECORD_BYTES + limits::DEFERRED_BYTES,
};

/// Credits for results.
const RESULT_CREDITS: Amount = Amount {
    records: limits::BATCH_INPUTS + limits::DEFERRED_INPUTS_HARD,
    bytes: limits::RECORD_BYTES + limits::DEFERRED_BYTES_HARD,
};

/// Bytes of raw inputs after which a batch takes no more. With the bound on what is decided it
/// keeps a record below the largest one the log takes.
const BATCH_RAW_BYTES: usize = limits::PAYLOAD_BYTES;

/// The inputs of one incarnation.
pub(crate) struct Intake {
    commands: Lane,
    results: Lane,
}

/// Records of an input topic, in number and size.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Amount {
    pub(crate) records: usize,
    pub(crate) bytes: usize,
}

impl Amount {
    /// Adds a record of `bytes` bytes.
    pub(crate) const fn add(&mut self, bytes: usize) {
        self.records += 1;
        self.bytes += bytes;
    }

    const fn without(self, held: Self) -> Self {
        Self {
            records: self.records.saturating_sub(held.records),
            bytes: self.bytes.saturating_sub(held.bytes),
        }
    }
}

/// What may still be read of an input topic.
#[derive(Clone)]
struct Credits {
    records: Arc<Semaphore>,
    bytes: Arc<Semaphore>,
}

impl Credits {
    fn new(amount: Amount) -> Self {
        let Amount { records, bytes } = amount;
        Self { records: Arc::new(Semaphore::new(records)), bytes: Arc::new(Semaphore::new(bytes)) }
    }

    /// Waits until `amount` is there and uses it up.
    async fn spend(&self, amount: Amount) {
        let parts = [(&self.records, amount.records), (&self.bytes, amount.bytes)];
        for (credits, count) in parts {
            let count = u32::try_from(count).unwrap_or(u32::MAX);
            credits.acquire_many(count).await.expect("credits are never closed").forget();
        }
    }
}

struct Lane {
    topic: InputTopic,
    waiting: VecDeque<(Parsed, usize)>,
    credits: Credits,
    /// The offset after the last record taken into a batch.
    taken: Offset,
    reader: JoinHandle<()>,
}

impl Drop for Lane {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

/// Who reads, and for whom.
#[derive(Clone)]
pub(crate) struct Pump {
    pub(crate) log: Arc<dyn Log>,
    pub(crate) shard: ShardId,
    pub(crate) me: ActorRef<ShardMessage>,
    pub(crate) incarnation: u64,
}

impl Intake {
    /// Starts to read both topics from `positions` on. What an earlier term deferred holds its
    /// credits from the beginning.
    pub(crate) fn start(
        pump: &Pump,
        positions: InputPositions,
        deferred: &BTreeMap<InputRef, PendingDeferral>,
    ) -> Self {
        let start = |topic, from, credits: Amount| {
            let mut held = Amount::default();
            let deferred = deferred.iter().filter(|(input, _)| input.topic == topic);
            deferred.for_each(|(_, pending)| held.add(pending.record.0.len()));
            Lane::start(pump, topic, from, credits.without(held))
        };
        Self {
            commands: start(InputTopic::Commands, positions.commands, COMMAND_CREDITS),
            results: start(InputTopic::Results, positions.results, RESULT_CREDITS),
        }
    }

    /// Takes in what a reader has read.
    ///
    /// # Errors
    /// When a record says that a newer build wrote it. Nothing may pass it over.
    pub(crate) fn add(
        &mut self,
        shard: ShardId,
        topic: InputTopic,
        records: Vec<Fetched>,
        now: Timestamp,
    ) -> Result<(), String> {
        let lane = self.lane(topic);
        for Fetched { offset, record } in records {
            let (size, input) = (record.bytes(), InputRef { topic, offset });
            let parsed = Parsed::read(shard, input, record, now);
            if let Parsed::Rejected { reason, newer: Newer::Yes, .. } = parsed {
                let (partition, build) = (partition(shard, topic), env!("CARGO_PKG_VERSION"));
                return Err(format!(
                    "the record at offset {offset} of {partition} is of a newer version than build \
                     {build} reads: {reason}; run one that reads it"
                ));
            }
            lane.waiting.push_back((parsed, size));
        }
        Ok(())
    }

    /// Takes what the next batch decides: commands, unless they must wait, then results.
    pub(crate) fn take(&mut self, commands_wait: bool) -> Vec<Parsed> {
        let mut budget = Budget { records: limits::BATCH_INPUTS / 2, bytes: BATCH_RAW_BYTES };
        let results = self.results.take(&mut budget);
        budget.records += limits::BATCH_INPUTS / 2;
        let mut taken = if commands_wait { vec![] } else { self.commands.take(&mut budget) };
        taken.extend(results);
        taken
    }

    /// Whether there is nothing to take.
    pub(crate) fn is_empty(&self, commands_wait: bool) -> bool {
        (commands_wait || self.commands.waiting.is_empty()) && self.results.waiting.is_empty()
    }

    /// How many inputs are waiting.
    pub(crate) fn count(&self) -> usize {
        self.commands.waiting.len() + self.results.waiting.len()
    }

    /// The positions after everything taken so far.
    pub(crate) fn positions(&self) -> InputPositions {
        InputPositions { commands: self.commands.taken, results: self.results.taken }
    }

    /// Returns the credits of inputs that are done with.
    pub(crate) fn release(&mut self, topic: InputTopic, done: Amount) {
        let credits = &self.lane(topic).credits;
        credits.records.add_permits(done.records);
        credits.bytes.add_permits(done.bytes);
    }

    /// Credits left for commands.
    pub(crate) fn credits(&self) -> usize {
        self.commands.credits.records.available_permits()
    }

    /// Inputs that wait for a batch and are for executions.
    pub(crate) fn waiting(&self) -> impl Iterator<Item = &Input> {
        let lanes = self.commands.waiting.iter().chain(&self.results.waiting);
        lanes.filter_map(|(parsed, _)| match parsed {
            Parsed::Input(input) => Some(input),
            Parsed::Catalogue { .. } | Parsed::Rejected { .. } => None,
        })
    }

    fn lane(&mut self, topic: InputTopic) -> &mut Lane {
        match topic {
            InputTopic::Commands => &mut self.commands,
            InputTopic::Results => &mut self.results,
        }
    }
}

/// What a batch may still take.
struct Budget {
    records: usize,
    bytes: usize,
}

impl Lane {
    fn start(pump: &Pump, topic: InputTopic, from: Offset, credits: Amount) -> Self {
        let credits = Credits::new(credits);
        let reading = read(pump.clone(), topic, from, credits.clone());
        let reader = spawn("intake", reading);
        Self { topic, waiting: VecDeque::new(), credits, taken: from, reader }
    }

    fn take(&mut self, budget: &mut Budget) -> Vec<Parsed> {
        let mut taken = Vec::new();
        while let Some((parsed, size)) = self.waiting.front() {
            let fits = budget.records > 0 && (*size <= budget.bytes || taken.is_empty());
            if !fits {
                break;
            }
            budget.records -= 1;
            budget.bytes = budget.bytes.saturating_sub(*size);
            self.taken = parsed.offset().next();
            taken.extend(self.waiting.pop_front().map(|(parsed, _)| parsed));
        }
        debug_assert!(taken.iter().all(|parsed| parsed.topic() == self.topic));
        taken
    }
}

impl Parsed {
    fn input(&self) -> InputRef {
        match self {
            Self::Input(input) => match input.source {
                super::input::Source::Log(input) => input,
                super::input::Source::Timer(_) => unreachable!("a record is no timer"),
            },
            Self::Catalogue { input, .. } | Self::Rejected { input, .. } => *input,
        }
    }

    fn offset(&self) -> Offset {
        self.input().offset
    }

    fn topic(&self) -> InputTopic {
        self.input().topic
    }
}

fn partition(shard: ShardId, topic: InputTopic) -> Partition {
    let topic = match topic {
        InputTopic::Commands => Topic::Commands,
        InputTopic::Results => Topic::Results,
    };
    Partition::of_shard(topic, shard)
}

async fn read(pump: Pump, topic: InputTopic, from: Offset, credits: Credits) {
    let mut reader = pump.log.reader(&partition(pump.shard, topic), from);
    loop {
        let message = match reader.read(READ).await {
            Ok(records) => {
                let mut amount = Amount::default();
                records.iter().for_each(|fetched| amount.add(fetched.record.bytes()));
                credits.spend(amount).await;
                ShardMessage::Fetched(pump.incarnation, topic, records)
            }
            Err(error) => ShardMessage::ReadFailed(pump.incarnation, error),
        };
        let failed = matches!(message, ShardMessage::ReadFailed(..));
        if pump.me.cast(message).is_err() || failed {
            return;
        }
    }
}
