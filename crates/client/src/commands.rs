//! Commands to executions: cancel, suspend, resume, signal.

use bytes::Bytes;
use flowmill_api::{CommandPending, ControlRequest, ExecutionDto};
use flowmill_model::ExecutionId;
use reqwest::Method;

use crate::call::Call;
use crate::{Client, ClientError};

/// What to do with an execution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Control {
    /// End it now.
    Cancel,
    /// Start nothing more.
    Suspend,
    /// Go on.
    Resume,
}

impl Control {
    /// The command as the API names it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Cancel => "cancel",
            Self::Suspend => "suspend",
            Self::Resume => "resume",
        }
    }
}

/// What became of a command.
#[derive(Clone, Debug)]
pub enum CommandAnswer {
    /// It was applied; the execution after it.
    Applied(Box<ExecutionDto>),
    /// It is durable and not decided yet.
    Pending(CommandPending),
}

impl Client {
    /// Cancels, suspends or resumes an execution. `key` makes it repeatable; without one, the
    /// client makes one for this call.
    ///
    /// # Errors
    /// `not-found`, `conflict` when it does not apply now, and those of every request.
    pub async fn control(
        &self,
        id: ExecutionId,
        control: Control,
        reason: Option<String>,
        key: Option<String>,
    ) -> Result<CommandAnswer, ClientError> {
        let name = id.to_string();
        let call = Call::new(Method::POST, ["v1", "executions", &name, control.as_str()]);
        let body = serde_json::to_vec(&ControlRequest { reason });
        let body = body.expect("a text always has a JSON form");
        self.command(id, call.json(body.into()), key).await
    }

    /// Sends a signal to an execution; `payload` is the text of one JSON value. `key` as for
    /// [`Client::control`].
    ///
    /// # Errors
    /// As for [`Client::control`].
    pub async fn signal(
        &self,
        id: ExecutionId,
        signal: &str,
        payload: Bytes,
        key: Option<String>,
    ) -> Result<CommandAnswer, ClientError> {
        let name = id.to_string();
        let call = Call::new(Method::POST, ["v1", "executions", &name, "signals", signal]);
        self.command(id, call.json(payload), key).await
    }

    async fn command(
        &self,
        id: ExecutionId,
        mut call: Call<'_>,
        key: Option<String>,
    ) -> Result<CommandAnswer, ClientError> {
        call.key = Some(key.unwrap_or_else(|| self.make_key()));
        let answer = self.send(call).await?;
        self.remember(id, &answer);
        if answer.status == 200 {
            return Ok(CommandAnswer::Applied(Box::new(answer.json()?)));
        }
        answer.json().map(CommandAnswer::Pending)
    }
}
