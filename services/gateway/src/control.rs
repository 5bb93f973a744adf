//! Commands to executions: cancel, suspend, resume, signal.
//!
//! A command goes through the log like a start; its id makes it repeatable. The caller waits for
//! the decision, and is told where the command stands when there is none in time.

use bytes::Bytes;
use flowmill_model::command::{Command, Control, Signal};
use flowmill_model::{CommandId, ErrorCode, ExecutionId, Payload, Queue, TraceContext, limits};
use flowmill_routing::{CommandOutcome, Position};

use crate::gateway::no_such_execution;
use crate::key::IdempotencyKey;
use crate::reads::Read;
use crate::{Gateway, Refusal, payload};

/// What to do with an execution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// End it now.
    Cancel,
    /// Start nothing more.
    Suspend,
    /// Go on.
    Resume,
}

impl Action {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Cancel => "cancel",
            Self::Suspend => "suspend",
            Self::Resume => "resume",
        }
    }

    const fn command(self, control: Control) -> Command {
        match self {
            Self::Cancel => Command::Cancel(control),
            Self::Suspend => Command::Suspend(control),
            Self::Resume => Command::Resume(control),
        }
    }
}

/// What is sent with a command, whatever it is.
#[derive(Clone, Debug, Default)]
pub struct Envelope {
    /// Makes the command repeatable.
    pub key: Option<IdempotencyKey>,
    /// The trace it continues.
    pub trace: Option<TraceContext>,
}

/// A command that was taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandAnswer {
    /// Where it stands.
    pub position: Position,
    /// The execution with the command applied; `None` when it is not decided yet.
    pub execution: Option<Read>,
}

impl Gateway {
    /// Cancels, suspends or resumes an execution.
    ///
    /// # Errors
    /// `not-found`, `conflict` when it does not apply to the execution's state, and the retryable
    /// ones when the command was not taken.
    pub async fn control(
        &self,
        id: ExecutionId,
        action: Action,
        reason: Option<String>,
        envelope: Envelope,
    ) -> Result<CommandAnswer, Refusal> {
        let too_long = |reason: &String| reason.chars().nth(limits::REASON_CHARS).is_some();
        if reason.as_ref().is_some_and(too_long) {
            let detail = format!("a reason has at most {} characters", limits::REASON_CHARS);
            return Err(Refusal::bad_request(detail));
        }
        let command_id = self.command_id(id, action.as_str(), envelope.key.as_ref());
        let command = action.command(Control { execution: id, id: command_id, reason });
        self.command(id, command, envelope.trace).await
    }

    /// Sends a signal to an execution; `payload` is one JSON value as text, `null` when empty.
    ///
    /// # Errors
    /// As for [`Gateway::control`], and `bad-request` or `payload-too-large` for the payload.
    pub async fn signal(
        &self,
        id: ExecutionId,
        name: Queue,
        payload: Bytes,
        envelope: Envelope,
    ) -> Result<CommandAnswer, Refusal> {
        let payload = self.read_payload(payload).await?;
        let action = format!("signal/{name}");
        let command_id = self.command_id(id, &action, envelope.key.as_ref());
        let signal = Signal { execution: id, id: command_id, name, payload };
        self.command(id, Command::Signal(signal), envelope.trace).await
    }

    fn command_id(
        &self,
        execution: ExecutionId,
        action: &str,
        key: Option<&IdempotencyKey>,
    ) -> CommandId {
        let entropy = &self.parts().entropy;
        let random = || (u128::from(entropy.next()) << 64) | u128::from(entropy.next());
        key.map_or_else(|| CommandId::from_bits(random()), |key| key.command(execution, action))
    }

    async fn command(
        &self,
        id: ExecutionId,
        command: Command,
        trace: Option<TraceContext>,
    ) -> Result<CommandAnswer, Refusal> {
        let shard = self.check_shard(id)?;
        let (position, outcome) = self.decide(shard, command, trace).await?;
        match outcome {
            None | Some(CommandOutcome::Forgotten) => {
                Ok(CommandAnswer { position, execution: None })
            }
            Some(CommandOutcome::Applied | CommandOutcome::Exists | CommandOutcome::Unchanged) => {
                let execution = self.read(id, Some(position)).await.ok();
                Ok(CommandAnswer { position, execution })
            }
            Some(CommandOutcome::Unknown) => Err(no_such_execution(id)),
            Some(CommandOutcome::Refused(why) | CommandOutcome::Conflict(why)) => {
                Err(Refusal::new(ErrorCode::Conflict, why))
            }
            Some(CommandOutcome::KeyReused) => {
                let detail = "the idempotency key was used with another command";
                Err(Refusal::new(ErrorCode::IdempotencyKeyReused, detail))
            }
        }
    }

    async fn read_payload(&self, text: Bytes) -> Result<Payload, Refusal> {
        if text.is_empty() {
            return Ok(Payload::null());
        }
        let bytes = text.len();
        let read = move || payload::read("the payload", &text).map(|(_, payload)| payload);
        self.compute(bytes, read).await?
    }
}
