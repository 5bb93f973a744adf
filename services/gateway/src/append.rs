//! Makes a command durable.
//!
//! An append whose outcome is unknown is repeated with the same record: the same execution or
//! command id, so that a record that landed after all is a harmless repeat.

use std::time::Duration;

use bytes::Bytes;
use flowmill_log::{AppendError, NotWritten, Partition, Record, Topic};
use flowmill_model::command::{Command, CommandRecord};
use flowmill_model::{ErrorCode, ShardId, TraceContext, envelope, limits};
use flowmill_routing::{AskError, CommandOutcome, Position};
use flowmill_runtime::crash;
use flowmill_telemetry::{Message, fields, trace};
use tracing::field;

use crate::gateway::ask;
use crate::{Gateway, Refusal};

/// How long an append of unknown outcome waits before it is repeated.
const REPEAT_DELAY: Duration = Duration::from_millis(100);

impl Gateway {
    /// Appends a command to its shard; answers once it is durable.
    pub(crate) async fn append(
        &self,
        shard: ShardId,
        command: Command,
        parent: Option<TraceContext>,
    ) -> Result<Position, Refusal> {
        let (sent_at, from) = (self.parts().clock.now(), trace::now());
        let execution = command.execution();
        let value =
            Bytes::from(envelope::encode(&CommandRecord { sent_at, trace: parent, command }));
        if value.len() > limits::RECORD_BYTES {
            return Err(Refusal::too_large("the command", value.len(), limits::RECORD_BYTES));
        }
        let to = Partition::of_shard(Topic::Commands, shard);
        let record = Record::of(value);
        let repeated = self.append_until_known(&to, record);
        let offset = tokio::time::timeout(limits::START_REPEATS, repeated).await;
        let offset = offset.map_err(|_| {
            let detail = "it is unknown whether the request was taken; \
                          repeat it with an idempotency key to be sure";
            Refusal::unavailable(detail)
        })??;
        if let Some(execution) = execution {
            tracing::Span::current().record(fields::CONVERSATION, field::display(execution));
        }
        if let Some(parent) = parent.filter(trace::records) {
            let log = &self.parts().log;
            let message = Message {
                system: log.system(),
                destination: log.name_of(&to.topic),
                partition: to.number,
                offset: Some(offset),
                execution,
            };
            message.sent("send", from, &parent, []);
        }
        Ok(Position { shard, offset })
    }

    async fn append_until_known(
        &self,
        to: &Partition,
        record: Record,
    ) -> Result<flowmill_model::Offset, Refusal> {
        loop {
            match self.parts().log.append(to, record.clone()).await {
                Ok(offset) => {
                    crash::point("command-appended");
                    self.0.room.found();
                    return Ok(offset);
                }
                Err(AppendError::NotWritten(why)) => {
                    if matches!(why, NotWritten::Full) {
                        self.0.room.missing(self.parts().clock.now());
                    }
                    return Err(not_written(&why));
                }
                Err(AppendError::Unknown(why)) => {
                    tracing::warn!(partition = %to, why, "the outcome of an append is unknown");
                    tokio::time::sleep(REPEAT_DELAY).await;
                }
            }
        }
    }

    /// Makes a command durable and waits for what becomes of it; no outcome when that is not known
    /// in time.
    ///
    /// A command whose outcome its owner has forgotten is sent once more. It has the same id, so
    /// the repeat changes nothing and is told what the first one came to.
    pub(crate) async fn decide(
        &self,
        shard: ShardId,
        command: Command,
        trace: Option<TraceContext>,
    ) -> Result<(Position, Option<CommandOutcome>), Refusal> {
        let position = self.append(shard, command.clone(), trace).await?;
        let outcome = self.decided_or_repeated(position, command, trace).await;
        Ok((position, outcome))
    }

    /// As [`Gateway::decide`], for a command that is durable at `position`. A repeat takes no longer
    /// than the caller waits anyway.
    pub(crate) async fn decided_or_repeated(
        &self,
        position: Position,
        command: Command,
        trace: Option<TraceContext>,
    ) -> Option<CommandOutcome> {
        let decided = async {
            match self.decided(position).await {
                Some(CommandOutcome::Forgotten) => {
                    let repeated = self.append(position.shard, command, trace).await.ok()?;
                    self.decided(repeated).await
                }
                outcome => outcome,
            }
        };
        let outcome = tokio::time::timeout(limits::COMMAND_WAIT, decided).await.ok()?;
        outcome.filter(|outcome| *outcome != CommandOutcome::Forgotten)
    }

    /// What became of a command; `None` when that is not known in time.
    async fn decided(&self, of: Position) -> Option<CommandOutcome> {
        let owners = &self.parts().owners;
        let again = |error| match error {
            AskError::NoOwner(_) | AskError::Moved(_) | AskError::Busy(_) => true,
            AskError::TimedOut(_) => false,
        };
        ask(limits::COMMAND_WAIT, again, |left| owners.outcome(of, left)).await.ok()
    }
}

fn not_written(why: &NotWritten) -> Refusal {
    match why {
        NotWritten::Full => Refusal::new(
            ErrorCode::StorageFull,
            "the disk that holds the log is full; nothing was taken, try again when there is room",
        ),
        NotWritten::TooLarge { bytes, limit } => Refusal::too_large("the command", *bytes, *limit),
        NotWritten::NoSuchPartition(_) | NotWritten::Closed(_) => {
            tracing::error!(%why, "the log takes no commands");
            Refusal::unavailable("the log takes nothing for now; nothing was taken, try again")
        }
    }
}
