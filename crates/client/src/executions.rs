//! Executions: start, get, wait, history, list.

use std::time::Duration;

use bytes::Bytes;
use flowmill_api::{
    EventDto, ExecutionDto, ExecutionStatus, HistoryPageDto, ListPageDto, ListedDto, StartAccepted,
};
use flowmill_model::{ExecutionId, FlowName, Version, limits};
use futures::{Stream, TryStreamExt, stream};
use reqwest::Method;
use tokio::time::Instant;

use crate::call::{Answer, Call};
use crate::repeat::Harmless;
use crate::{Client, ClientError};

/// What makes a start repeatable.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum StartKey {
    /// A key that the client makes for this one start.
    #[default]
    Made,
    /// The caller's own.
    Given(String),
    /// Nothing: the start is repeated only when the server surely did not take it. A little
    /// faster, since the server need not look whether the key is known.
    Absent,
}

/// A start.
#[derive(Clone, Debug)]
pub struct StartRequest {
    /// The flow.
    pub flow: FlowName,
    /// The version; the flow's default one when `None`.
    pub version: Option<Version>,
    /// The input: the text of one JSON value.
    pub input: Bytes,
    /// What makes it repeatable.
    pub key: StartKey,
}

/// What became of a start.
#[derive(Clone, Debug)]
pub enum StartAnswer {
    /// It is durable.
    Accepted(StartAccepted),
    /// It was waited for, and the execution has ended.
    Ended(Box<ExecutionDto>),
}

/// Which executions to list.
#[derive(Clone, Debug, Default)]
pub struct ListQuery {
    /// Only this flow.
    pub flow: Option<FlowName>,
    /// Only this status.
    pub status: Option<ExecutionStatus>,
    /// Only those started since then: a time in RFC 3339, or how long ago, such as `24h`.
    pub since: Option<String>,
}

impl Client {
    /// Starts an execution. With `wait`, waits so long for its end.
    ///
    /// # Errors
    /// `not-found`, `invalid-input`, `idempotency-key-reused`, and those of every request.
    pub async fn start(
        &self,
        request: &StartRequest,
        wait: Option<Duration>,
    ) -> Result<StartAnswer, ClientError> {
        let deadline = wait.map(|wait| Instant::now() + wait);
        let (namespace, name) = (request.flow.namespace.as_str(), request.flow.name.as_str());
        let path = ["v1", "flows", namespace, name, "executions"];
        let mut call = Call::new(Method::POST, path)
            .with("version", request.version.as_ref())
            .waiting(wait.map(|wait| wait.min(limits::END_WAIT)))
            .json(request.input.clone());
        (call.key, call.harmless) = match &request.key {
            StartKey::Made => (Some(self.make_key()), Harmless::Always),
            StartKey::Given(key) => (Some(key.clone()), Harmless::Always),
            StartKey::Absent => (None, Harmless::IfNotTaken),
        };
        let answer = self.send(call).await?;
        let started = self.started(&answer)?;
        match (started, deadline) {
            (StartAnswer::Accepted(start), Some(deadline)) => self.ended(start, deadline).await,
            (started, _) => Ok(started),
        }
    }

    /// Reads a start's answer: 200 is the execution's end, 202 the start's durability.
    fn started(&self, answer: &Answer) -> Result<StartAnswer, ClientError> {
        if answer.status == 200 {
            let execution: ExecutionDto = answer.json()?;
            self.remember(execution.id, answer);
            return Ok(StartAnswer::Ended(Box::new(execution)));
        }
        let accepted: StartAccepted = answer.json()?;
        self.remember(accepted.id, answer);
        Ok(StartAnswer::Accepted(accepted))
    }

    /// Waits on for the end of an execution that did not end during its start.
    async fn ended(
        &self,
        start: StartAccepted,
        deadline: Instant,
    ) -> Result<StartAnswer, ClientError> {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(StartAnswer::Accepted(start));
        }
        let execution = self.wait(start.id, left).await?;
        if execution.status.is_ended() {
            return Ok(StartAnswer::Ended(Box::new(execution)));
        }
        Ok(StartAnswer::Accepted(StartAccepted { status: execution.status, ..start }))
    }

    /// Gets an execution.
    ///
    /// # Errors
    /// `not-found`, and those of every request.
    pub async fn get(&self, id: ExecutionId) -> Result<ExecutionDto, ClientError> {
        self.get_ended(id, None).await
    }

    /// Gets an execution once it has ended, or after `within` as it is then.
    ///
    /// # Errors
    /// As for [`Client::get`].
    pub async fn wait(
        &self,
        id: ExecutionId,
        within: Duration,
    ) -> Result<ExecutionDto, ClientError> {
        let deadline = Instant::now() + within;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let execution = self.get_ended(id, Some(left.min(limits::END_WAIT))).await?;
            if execution.status.is_ended() || Instant::now() >= deadline {
                return Ok(execution);
            }
        }
    }

    async fn get_ended(
        &self,
        id: ExecutionId,
        wait: Option<Duration>,
    ) -> Result<ExecutionDto, ClientError> {
        let name = id.to_string();
        let mut call = Call::get(["v1", "executions", &name]).waiting(wait);
        call.position = self.position_of(id);
        self.send(call).await?.json()
    }

    /// An execution's history, oldest event first, page by page as it is taken. Ends with what
    /// has happened so far.
    pub fn history(
        &self,
        id: ExecutionId,
    ) -> impl Stream<Item = Result<EventDto, ClientError>> + Send + '_ {
        let pages =
            stream::try_unfold(Some(None), move |page: Option<Option<String>>| async move {
                let Some(page) = page else { return Ok(None) };
                let name = id.to_string();
                let mut call = Call::get(["v1", "executions", &name, "history"]).with("page", page);
                call.position = self.position_of(id);
                let found: HistoryPageDto = self.send(call).await?.json()?;
                let events = stream::iter(found.events.into_iter().map(Ok));
                Ok::<_, ClientError>(Some((events, found.next.map(Some))))
            });
        pages.try_flatten()
    }

    /// Executions, newest first, page by page as they are taken.
    pub fn list(
        &self,
        query: ListQuery,
    ) -> impl Stream<Item = Result<ListedDto, ClientError>> + Send + '_ {
        let first = Some((query, None));
        let pages = stream::try_unfold(first, move |at: Option<(ListQuery, _)>| async move {
            let Some((query, page)) = at else { return Ok(None) };
            let call = Call::get(["v1", "executions"])
                .with("flow", query.flow.as_ref())
                .with("status", query.status)
                .with("since", query.since.as_ref())
                .with("page", page);
            let found: ListPageDto = self.send(call).await?.json()?;
            let executions = stream::iter(found.executions.into_iter().map(Ok));
            let next = found.next.map(|page| (query, Some(page)));
            Ok::<_, ClientError>(Some((executions, next)))
        });
        pages.try_flatten()
    }
}
