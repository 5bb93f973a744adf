//! Writes results to the shards that wait for them.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use flowmill_events::encode_result;
use flowmill_log::{AppendError, Log, NotWritten, Partition, Record, Topic};
use flowmill_model::task::{Outcome, ResultRecord, TaskRecord};
use flowmill_model::{ShardId, limits};
use tokio::time::{sleep, timeout};

/// Pause before the first repeat of an append; each next one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(10);

/// The longest pause between repeats.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// Writes results to the shards that wait for them.
pub struct Reporter {
    log: Arc<dyn Log>,
}

/// A result that could not be written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unwritten {
    /// Another try would end the same way.
    #[error(transparent)]
    Refused(AppendError),
    /// Time is up.
    #[error("it was not acknowledged within {} s", limits::RESULT_REPEATS.as_secs())]
    OutOfTime,
}

/// The record that says `outcome` of a sending of a task.
pub(crate) fn record(task: &TaskRecord, outcome: Outcome) -> Record {
    let TaskRecord { id, token, trace, .. } = *task;
    encode_result(&ResultRecord { id, token, outcome, trace })
}

impl Reporter {
    /// Writes to `log`.
    pub const fn new(log: Arc<dyn Log>) -> Self {
        Self { log }
    }

    /// The log that results are written to.
    pub(crate) const fn log(&self) -> &Arc<dyn Log> {
        &self.log
    }

    /// Writes a result, again and again until it is acknowledged, at most for
    /// [`limits::RESULT_REPEATS`]. Repeats are harmless: a result counts once.
    pub async fn report(&self, result: &ResultRecord) -> Result<(), Unwritten> {
        self.write(result.id.execution.shard(), encode_result(result)).await
    }

    /// Says that an attempt still runs. Not waited for: another sign follows.
    pub(crate) fn still_running(&self, task: &TaskRecord) {
        let sign = record(task, Outcome::Running);
        drop(self.append(task.id.execution.shard(), sign));
    }

    /// Writes a result, again and again until it is acknowledged. Repeats are harmless: a result
    /// counts once.
    pub(crate) async fn write(&self, shard: ShardId, result: Record) -> Result<(), Unwritten> {
        let written = timeout(limits::RESULT_REPEATS, self.write_until_known(shard, result));
        written.await.unwrap_or(Err(Unwritten::OutOfTime))
    }

    async fn write_until_known(&self, shard: ShardId, result: Record) -> Result<(), Unwritten> {
        let mut pause = FIRST_PAUSE;
        loop {
            let Err(error) = self.append(shard, result.clone()).await else {
                flowmill_runtime::crash::point("result-appended");
                return Ok(());
            };
            if is_hopeless(&error) {
                return Err(Unwritten::Refused(error));
            }
            tracing::debug!(%error, %shard, "a result is not written yet");
            sleep(pause).await;
            pause = LONGEST_PAUSE.min(pause * 2);
        }
    }

    fn append(&self, shard: ShardId, result: Record) -> flowmill_log::Append {
        self.log.append(&Partition::of_shard(Topic::Results, shard), result)
    }
}

impl fmt::Debug for Reporter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reporter").finish_non_exhaustive()
    }
}

const fn is_hopeless(error: &AppendError) -> bool {
    match error {
        AppendError::NotWritten(NotWritten::TooLarge { .. } | NotWritten::Closed(_)) => true,
        AppendError::NotWritten(NotWritten::Full | NotWritten::NoSuchPartition(_))
        | AppendError::Unknown(_) => false,
    }
}
