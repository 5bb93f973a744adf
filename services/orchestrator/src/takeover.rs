//! Becoming the owner of a shard: read the watermark, read history to its end, claim, read up to
//! the claim.
//!
//! Membership is only a hint that it is this node's turn. What makes it the owner is its own
//! claim, read back from the log and found valid. Nothing is guessed: an append with an unknown
//! outcome, or another claim in between, means to start again after a pause.
//!
//! **Invariant:** no row of the store is read or written here but the watermark; a shard is taken
//! over with the store slow or full of work.

mod index;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use flowmill_log::{
    AppendError, Bounds, Log, Partition, ReadError, ReadLimit, Reader, Record, Survival, Topic,
};
use flowmill_model::envelope::FrameError;
use flowmill_model::history::{Claim, HistoryRecord, InputPositions};
use flowmill_model::{Offset, ShardId};
use flowmill_runtime::{Entropy, crash};
use flowmill_store::{Store, StoreError, Watermark};
use tokio::time::Instant;

pub use index::{Index, PendingDeferral, TailBatch};

use crate::validity::{Broken, Judge, Verdict};

/// Why a shard must not be served until somebody has looked.
#[derive(Debug, thiserror::Error)]
pub enum Alarm {
    /// The history breaks the rule of validity.
    #[error(transparent)]
    Broken(#[from] Broken),
    /// A record of the history cannot be decoded, or is of a newer format.
    #[error(
        "the record at offset {offset} of {history} cannot be read by build {}: {source}",
        env!("CARGO_PKG_VERSION")
    )]
    Undecodable {
        /// The shard's history.
        history: Partition,
        /// Its offset.
        offset: Offset,
        /// What the decoder said.
        source: FrameError,
    },
    /// The history does not hold what the watermark stands on.
    #[error(
        "the watermark stands on offset {0} of the history, and that record is not there: the topic was made anew or trimmed too far"
    )]
    WatermarkMissing(Offset),
    /// There is no watermark, yet the history does not begin at its start.
    #[error("there is no watermark, and the history begins at offset {0}")]
    NoWatermark(Offset),
    /// An input topic does not hold the position that history stands at.
    #[error("history stands at offset {committed} of {partition}, which holds {} to {}: the topic was made anew or trimmed too far", bounds.start, bounds.end)]
    InputPosition {
        /// The input partition.
        partition: Partition,
        /// The position in history.
        committed: Offset,
        /// What the partition holds.
        bounds: Bounds,
    },
    /// The log is damaged or gone.
    #[error(transparent)]
    Log(ReadError),
    /// The store is damaged.
    #[error(transparent)]
    Store(StoreError),
    /// A batch resolves an input that was not deferred.
    #[error("the batch at offset {0} resolves an input that was not deferred")]
    UnknownDeferral(Offset),
}

/// Why a take-over did not succeed this time.
#[derive(Debug, thiserror::Error)]
pub enum TakeoverError {
    /// Somebody else claimed first, or the outcome of an append is unknown; try again.
    #[error("the claim did not hold: {0}")]
    Again(String),
    /// Stop the shard.
    #[error(transparent)]
    Alarm(#[from] Alarm),
}

/// A shard taken over.
#[derive(Debug)]
pub struct Takeover {
    /// Everything judged, up to and with the own claim.
    pub judge: Judge,
    /// What history holds above the margin mark.
    pub index: Index,
    /// The watermark found.
    pub watermark: Option<Watermark>,
    /// Where to read the input topics from. Where a topic did not outlive the last process, this
    /// is its new beginning, above the position in history.
    pub positions: InputPositions,
    /// How long history took to be read and indexed.
    pub replay: Duration,
}

/// What a take-over needs.
#[derive(Clone)]
pub struct Claimant {
    /// The log.
    pub log: Arc<dyn Log>,
    /// The store.
    pub store: Arc<dyn Store>,
    /// For the claim's nonce.
    pub entropy: Entropy,
    /// This node's name.
    pub node: String,
    /// The shard.
    pub shard: ShardId,
    /// How the node is broken on purpose.
    #[cfg(feature = "mutations")]
    pub mutation: Option<crate::mutations::Mutation>,
}

/// Records taken in one read of history.
const READ: ReadLimit = ReadLimit {
    records: std::num::NonZeroUsize::new(256).expect("not zero"),
    bytes: 16 * 1024 * 1024,
};

/// First and largest pause between attempts to claim.
const PAUSES: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));

impl Claimant {
    /// Tries until the shard is owned or an alarm stops it.
    pub async fn take_over(self) -> Result<Takeover, Alarm> {
        let (mut pause, longest) = PAUSES;
        loop {
            match self.attempt().await {
                Ok(takeover) => return Ok(takeover),
                Err(TakeoverError::Alarm(alarm)) => return Err(alarm),
                Err(TakeoverError::Again(reason)) => {
                    tracing::info!(shard = %self.shard, reason, "claiming again");
                }
            }
            let jitter = self.entropy.next() % 1_000;
            tokio::time::sleep(pause.mul_f64(1.0 + jitter as f64 / 1_000.0)).await;
            pause = (pause * 2).min(longest);
        }
    }

    async fn attempt(&self) -> Result<Takeover, TakeoverError> {
        let found = self.store.watermarks(self.shard).await.map_err(store_error)?;
        let margin = found.and_then(|marks| marks.margin);
        let history = Partition::of_shard(Topic::History, self.shard);
        let bounds = self.log.bounds(&history).await.map_err(read_error)?;
        let identity = self.log.identity();
        let (mut replay, start) = Replay::start(self.shard, identity, margin, bounds.start)?;
        #[cfg(feature = "mutations")]
        replay.judge.break_by(self.mutation);
        let mut reader = self.log.reader(&history, start);
        let began = Instant::now();
        replay.read_to(reader.as_mut(), bounds.end).await?;
        let took = began.elapsed();

        let nonce = self.entropy.next();
        let claimed = self.claim(&history, &replay.judge, nonce).await?;
        let began = Instant::now();
        let valid = replay.read_to_claim(reader.as_mut(), claimed, nonce).await?;
        let took = took + began.elapsed();
        if !valid {
            return Err(TakeoverError::Again("another claim came first".into()));
        }
        let watermark = found.map(|marks| marks.watermark);
        let positions = self.input_positions(replay.judge.positions()).await?;
        let Replay { judge, index, .. } = replay;
        Ok(Takeover { judge, index, watermark, positions, replay: took })
    }

    async fn input_positions(
        &self,
        committed: InputPositions,
    ) -> Result<InputPositions, TakeoverError> {
        Ok(InputPositions {
            commands: self.input_position(Topic::Commands, committed.commands).await?,
            results: self.input_position(Topic::Results, committed.results).await?,
        })
    }

    async fn input_position(
        &self,
        topic: Topic,
        committed: Offset,
    ) -> Result<Offset, TakeoverError> {
        let survival = self.log.survival(&topic);
        let partition = Partition::of_shard(topic, self.shard);
        let bounds = self.log.bounds(&partition).await.map_err(read_error)?;
        match survival {
            Survival::Derivable => Ok(committed.max(bounds.start)),
            Survival::Durable if committed < bounds.start || committed > bounds.end => {
                Err(Alarm::InputPosition { partition, committed, bounds }.into())
            }
            Survival::Durable => Ok(committed),
        }
    }

    async fn claim(
        &self,
        history: &Partition,
        judge: &Judge,
        nonce: u64,
    ) -> Result<Offset, TakeoverError> {
        let (node, log) = (self.node.clone(), self.log.identity());
        let claim = Claim { epoch: judge.epoch().next(), node, nonce, log };
        let value = Bytes::from(HistoryRecord::Claim(claim).encode());
        let append = self.log.append(history, Record::of(value));
        let claimed = append.await;
        crash::point("claim-appended");
        claimed.map_err(|error| match error {
            AppendError::NotWritten(why) => TakeoverError::Again(why.to_string()),
            AppendError::Unknown(why) => TakeoverError::Again(why),
        })
    }
}

fn store_error(error: StoreError) -> TakeoverError {
    match error {
        StoreError::Unavailable(_) | StoreError::Full => TakeoverError::Again(error.to_string()),
        StoreError::Damaged(_) => TakeoverError::Alarm(Alarm::Store(error)),
    }
}

fn read_error(error: ReadError) -> TakeoverError {
    match error {
        ReadError::Unavailable(why) => TakeoverError::Again(why),
        ReadError::OutOfRange { .. }
        | ReadError::NoSuchPartition(_)
        | ReadError::PartitionCount { .. }
        | ReadError::Refused { .. }
        | ReadError::Damaged(_)
        | ReadError::Closed(_) => TakeoverError::Alarm(Alarm::Log(error)),
    }
}

/// Reads history in order, applies the rule and keeps what a new owner needs.
struct Replay {
    shard: ShardId,
    judge: Judge,
    index: Index,
    /// The batch that the watermark stands on, until it has been seen.
    expected: Option<Watermark>,
}

impl Replay {
    fn start(
        shard: ShardId,
        log: flowmill_model::history::LogIdentity,
        margin: Option<Watermark>,
        first_kept: Offset,
    ) -> Result<(Self, Offset), Alarm> {
        match margin {
            None if first_kept > Offset::new(0) => Err(Alarm::NoWatermark(first_kept)),
            None => {
                let index = Index::default();
                let judge = Judge::new(log);
                Ok((Self { shard, judge, index, expected: None }, Offset::new(0)))
            }
            Some(mark) if first_kept > mark.offset || mark.log != log => {
                Err(Alarm::WatermarkMissing(mark.offset))
            }
            Some(mark) => {
                let (judge, index) = (Judge::after(&mark), Index::from_mark(mark.batch));
                Ok((Self { shard, judge, index, expected: Some(mark) }, mark.offset))
            }
        }
    }

    /// Reads everything below `end`.
    async fn read_to(&mut self, reader: &mut dyn Reader, end: Offset) -> Result<(), TakeoverError> {
        if let Some(mark) = self.expected
            && end <= mark.offset
        {
            return Err(Alarm::WatermarkMissing(mark.offset).into());
        }
        while reader.position() < end {
            for fetched in reader.read(READ).await.map_err(read_error)? {
                let record = decode(self.shard, fetched.offset, &fetched.record.value)?;
                self.take(fetched.offset, record)?;
            }
        }
        Ok(())
    }

    /// Reads up to and with the record at `claimed`; says whether it is the claim with `nonce`
    /// and valid.
    async fn read_to_claim(
        &mut self,
        reader: &mut dyn Reader,
        claimed: Offset,
        nonce: u64,
    ) -> Result<bool, TakeoverError> {
        let mut owned = false;
        while self.judge.next() <= claimed {
            for fetched in reader.read(READ).await.map_err(read_error)? {
                let record = decode(self.shard, fetched.offset, &fetched.record.value)?;
                let ours = matches!(&record, HistoryRecord::Claim(c) if c.nonce == nonce);
                let verdict = self.take(fetched.offset, record)?;
                owned = match verdict {
                    Verdict::Claimed => ours && fetched.offset == claimed,
                    Verdict::Counts | Verdict::Skipped => owned,
                };
            }
        }
        Ok(owned)
    }

    fn take(&mut self, offset: Offset, record: HistoryRecord) -> Result<Verdict, Alarm> {
        if let Some(mark) = self.expected.take() {
            return stands_on(&mark, offset, &record).map(|()| Verdict::Skipped);
        }
        let verdict = self.judge.judge(offset, &record)?;
        if let (Verdict::Counts, HistoryRecord::Batch(batch)) = (verdict, record) {
            self.index.add(offset, *batch)?;
        }
        Ok(verdict)
    }
}

/// Checks that the record at a watermark is the batch it names.
fn stands_on(mark: &Watermark, offset: Offset, record: &HistoryRecord) -> Result<(), Alarm> {
    let same = match record {
        HistoryRecord::Claim(_) => false,
        HistoryRecord::Batch(batch) => {
            offset == mark.offset
                && batch.epoch == mark.epoch
                && batch.number == mark.batch
                && batch.generation == mark.log.generation
        }
    };
    if same { Ok(()) } else { Err(Alarm::WatermarkMissing(mark.offset)) }
}

/// Decodes a record of a shard's history; an error stops the reader.
pub fn decode(shard: ShardId, offset: Offset, bytes: &[u8]) -> Result<HistoryRecord, Alarm> {
    HistoryRecord::decode(bytes).map_err(|source| {
        let history = Partition::of_shard(Topic::History, shard);
        Alarm::Undecodable { history, offset, source }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_of_history_that_cannot_be_read_is_named_with_its_place_and_the_build() {
        let build = env!("CARGO_PKG_VERSION");
        let check = |bytes: &[u8], why: &str| {
            let alarm = decode(ShardId::new(3), Offset::new(7), bytes).unwrap_err();
            let place = "the record at offset 7 of history[3] cannot be read by build";
            assert_eq!(alarm.to_string(), format!("{place} {build}: {why}"));
        };
        check(&[10], "the bytes end in the middle of a frame");
        check(&[10, 2, 0], "kind 10 has version 2, this build reads up to 1");
        check(&[99, 1, 0], "unknown kind 99 (version 1)");
    }
}
