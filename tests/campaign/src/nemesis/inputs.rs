//! Records that no honest sender writes: results that come again, that are forged, and poison.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use flowmill_log::{Fetched, Log, Partition, ReadLimit, Record, Topic};
use flowmill_model::{Offset, ShardId, limits};
use flowmill_runtime::Entropy;
use tokio::time::{Instant, sleep, timeout};

use super::{Strike, Torment};

/// Results of each shard that come again.
const RESULTS: u64 = 20;

/// Poison for each input topic of each shard.
const POISON: usize = 2;

/// For how long at most poison comes among the inputs.
const POISONED: Duration = Duration::from_secs(60);

/// The header that proves an attempt.
const TOKEN: &str = "ce_token";

/// How long the log may take.
const WITHIN: Duration = Duration::from_secs(60);

const READ: ReadLimit =
    ReadLimit { records: NonZeroUsize::new(256).expect("not zero"), bytes: limits::RECORD_BYTES };

/// The way into the input topics.
pub(crate) struct Inputs {
    log: Arc<dyn Log>,
    shards: u16,
}

impl Inputs {
    pub(crate) fn new(log: &Arc<dyn Log>, shards: u16) -> Self {
        Self { log: Arc::clone(log), shards }
    }

    /// Writes the latest results of every shard again, as they were and with other tokens; says how
    /// many of each.
    pub(crate) async fn repeat_and_forge(&self) -> anyhow::Result<(usize, usize)> {
        let (mut repeated, mut forged) = (0, 0);
        for shard in (0..self.shards).map(ShardId::new) {
            let results = Partition::of_shard(Topic::Results, shard);
            for fetched in self.latest(&results).await? {
                self.append(&results, fetched.record.clone()).await;
                repeated += 1;
                if let Some(record) = with_another_token(fetched.record) {
                    self.append(&results, record).await;
                    forged += 1;
                }
            }
        }
        Ok((repeated, forged))
    }

    /// Writes bytes that mean nothing into every input topic of every shard; says how many records.
    pub(crate) async fn poison(&self, entropy: &Entropy) -> anyhow::Result<usize> {
        let mut written = 0;
        for shard in (0..self.shards).map(ShardId::new) {
            for topic in [Topic::Commands, Topic::Results] {
                let inputs = Partition::of_shard(topic, shard);
                for _ in 0..POISON {
                    let length = usize::try_from(entropy.next() % 64)?;
                    let bytes: Vec<u8> =
                        (0..length).map(|_| entropy.next().to_le_bytes()[0]).collect();
                    self.append(&inputs, Record::of(bytes)).await;
                    written += 1;
                }
            }
        }
        Ok(written)
    }

    /// Writes bytes that mean nothing now and then, so many a second, each into any input topic of any
    /// shard, for a while; says how many records.
    async fn drip(&self, entropy: &Entropy, a_second: f64) -> anyhow::Result<usize> {
        let (begun, mut written) = (Instant::now(), 0);
        while begun.elapsed() < POISONED {
            let shard = ShardId::new(u16::try_from(entropy.next() % u64::from(self.shards))?);
            let topic =
                if entropy.next().is_multiple_of(2) { Topic::Commands } else { Topic::Results };
            let bytes = Record::of(entropy.next().to_le_bytes().to_vec());
            self.append(&Partition::of_shard(topic, shard), bytes).await;
            written += 1;
            sleep(Duration::from_secs_f64(1.0 / a_second)).await;
        }
        Ok(written)
    }

    /// The dead letters there are.
    pub(crate) async fn dead_letters(&self) -> anyhow::Result<u64> {
        let letters = Partition::new(Topic::DeadLetters, 0);
        let bounds = timeout(WITHIN, self.log.bounds(&letters)).await??;
        Ok(bounds.end.get() - bounds.start.get())
    }

    async fn latest(&self, of: &Partition) -> anyhow::Result<Vec<Fetched>> {
        let bounds = timeout(WITHIN, self.log.bounds(of)).await??;
        let from = bounds.start.get().max(bounds.end.get().saturating_sub(RESULTS));
        let mut reader = self.log.reader(of, Offset::new(from));
        let mut latest = Vec::new();
        while reader.position() < bounds.end {
            latest.extend(timeout(WITHIN, reader.read(READ)).await??);
        }
        latest.truncate(usize::try_from(RESULTS)?);
        Ok(latest)
    }

    /// Appends until that is acknowledged.
    async fn append(&self, to: &Partition, record: Record) {
        while self.log.append(to, record.clone()).await.is_err() {
            sleep(Duration::from_millis(200)).await;
        }
    }
}

impl Torment<'_> {
    pub(super) async fn results_are_forged(&mut self) -> anyhow::Result<Strike> {
        let (repeated, forged) = self.inputs.repeat_and_forge().await?;
        Ok(Strike::of(format!("{repeated} results come again, {forged} with forged tokens")))
    }

    pub(super) async fn poison(&mut self) -> anyhow::Result<Strike> {
        let entropy = &self.world.entropy;
        if self.large {
            // Of each start there are a command and at most a result; one input in a hundred.
            let poison = self.inputs.drip(entropy, f64::from(self.rate) * 2.0 / 100.0).await?;
            let what =
                format!("{poison} records that are no inputs, one in a hundred for a minute");
            return Ok(Strike { poison, ..Strike::of(what).everywhere() });
        }
        let poison = self.inputs.poison(entropy).await?;
        let what = format!("{poison} records that are no commands and no results");
        Ok(Strike { poison, ..Strike::of(what) })
    }
}

/// The same result of an attempt that there is not; nothing if it names none.
fn with_another_token(mut record: Record) -> Option<Record> {
    let token = record.headers.iter_mut().find(|header| header.name == TOKEN)?;
    let text = std::str::from_utf8(&token.value).ok()?;
    let number: u64 = text.parse().ok()?;
    token.value = Bytes::from(number.wrapping_add(1).to_string());
    Some(record)
}
