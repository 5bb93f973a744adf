//! Starts executions.
//!
//! A start is done when it is durable in its shard's commands. With an idempotency key the id is
//! made of the key, and the owner's decision is waited for, since only the owner knows whether
//! the key came with another input before.

use bytes::Bytes;
use flowmill_catalog::Deployed;
use flowmill_model::command::{Command, Start};
use flowmill_model::{
    ErrorCode, ExecutionId, FlowName, FlowVersion, Payload, ShardId, TraceContext, Version, limits,
};
use flowmill_routing::{CommandOutcome, Position, ShardState, ShardStatus};
use flowmill_store::Status;

use crate::acknowledged::AcknowledgedStart;
use crate::gateway::{ask, has_moved};
use crate::key::IdempotencyKey;
use crate::{Gateway, Refusal, payload};

/// A start, as a caller asks for it.
#[derive(Clone, Debug)]
pub struct StartRequest {
    /// The flow.
    pub flow: FlowName,
    /// The version; the flow's default when `None`.
    pub version: Option<Version>,
    /// The input: one JSON value as text.
    pub input: Bytes,
    /// Makes the start repeatable.
    pub key: Option<IdempotencyKey>,
    /// The trace it continues.
    pub trace: Option<TraceContext>,
}

/// A start that is durable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Started {
    /// The execution's id.
    pub id: ExecutionId,
    /// The version it runs.
    pub flow: FlowVersion,
    /// Where the start stands; a read that carries it sees the start.
    pub position: Position,
    /// The status, as far as it is known: that of an earlier start with the same key, else
    /// pending.
    pub status: Status,
}

impl Gateway {
    /// Starts an execution; answers once the start is durable.
    ///
    /// # Errors
    /// `not-found` for a flow or version that is not deployed, `bad-request`, `invalid-input` or
    /// `payload-too-large` for the input, `idempotency-key-reused`, and the retryable ones when
    /// the start was not taken.
    pub async fn start(&self, request: StartRequest) -> Result<Started, Refusal> {
        let StartRequest { flow, version, input, key, trace } = request;
        let deployed = self.resolve(&flow, version.as_ref()).await?;
        match key {
            None => self.start_new(&deployed, input, trace).await,
            Some(key) => self.start_keyed(&deployed, input, &key, trace).await,
        }
    }

    async fn start_new(
        &self,
        deployed: &Deployed,
        input: Bytes,
        trace: Option<TraceContext>,
    ) -> Result<Started, Refusal> {
        let input = self.read_input(input, deployed).await?.fitting()?;
        let shard = self.choose_shard(&deployed.record.placement)?;
        let (now, random) = (self.parts().clock.now(), self.parts().entropy.next());
        let id = ExecutionId::time_ordered(shard, now, random);
        self.append_start(deployed, start(id, deployed, input, false), trace).await
    }

    async fn start_keyed(
        &self,
        deployed: &Deployed,
        input: Bytes,
        key: &IdempotencyKey,
        trace: Option<TraceContext>,
    ) -> Result<Started, Refusal> {
        let id = key.execution(&deployed.record.flow.flow, &deployed.record.placement);
        let id = id.ok_or_else(no_shard)?;
        let input = self.read_input(input, deployed).await?;
        // A repeat of a start is one also when a later version would not take its input.
        let input = if input.misfit.is_some() && self.is_known(id).await {
            input.payload
        } else {
            input.fitting()?
        };
        check_open(id.shard(), self.status_of(id.shard()))?;
        let start = start(id, deployed, input, true);
        let started = self.append_start(deployed, start.clone(), trace).await?;
        let command = Command::Start(start);
        match self.decided_or_repeated(started.position, command, trace).await {
            None | Some(CommandOutcome::Applied | CommandOutcome::Forgotten) => Ok(started),
            Some(CommandOutcome::Exists) => Ok(self.as_it_is(started).await),
            Some(CommandOutcome::KeyReused) => Err(Refusal::new(
                ErrorCode::IdempotencyKeyReused,
                "the idempotency key started an execution of this flow with another input before; \
                 use a new key for a new start",
            )),
            Some(CommandOutcome::Refused(why) | CommandOutcome::Conflict(why)) => {
                Err(Refusal::new(ErrorCode::Conflict, why))
            }
            Some(CommandOutcome::Unknown | CommandOutcome::Unchanged) => {
                Err(Refusal::new(ErrorCode::Internal, "the start got another command's answer"))
            }
        }
    }

    pub(crate) async fn append_start(
        &self,
        deployed: &Deployed,
        start: Start,
        trace: Option<TraceContext>,
    ) -> Result<Started, Refusal> {
        let (id, flow) = (start.execution, start.flow.clone());
        let position = self.append(id.shard(), Command::Start(start), trace).await?;
        let definition = deployed.record.clone();
        let acknowledged = AcknowledgedStart { definition, offset: position.offset };
        self.0.acknowledged.remember(id, acknowledged);
        Ok(Started { id, flow, position, status: Status::Pending })
    }

    /// Whether the owner knows the execution.
    pub(crate) async fn is_known(&self, id: ExecutionId) -> bool {
        let owners = &self.parts().owners;
        let read = ask(limits::READ_WAIT, has_moved, |left| owners.read(id, None, left)).await;
        matches!(read, Ok(Some(_)))
    }

    /// The start as it was the first time: its version and how far it is.
    async fn as_it_is(&self, started: Started) -> Started {
        let (owners, after) = (&self.parts().owners, Some(started.position));
        let id = started.id;
        match ask(limits::READ_WAIT, has_moved, |left| owners.read(id, after, left)).await {
            Ok(Some(view)) => Started { flow: view.flow, status: view.status, ..started },
            Ok(None) | Err(_) => started,
        }
    }

    /// A shard for a new execution: any open one, from a random place on; else one that at least
    /// takes unkeyed starts.
    fn choose_shard(&self, placement: &[ShardId]) -> Result<ShardId, Refusal> {
        let random = usize::try_from(self.parts().entropy.next() >> 1).unwrap_or_default();
        let first = random.checked_rem(placement.len()).ok_or_else(no_shard)?;
        let (before, from) = placement.split_at(first);
        let (mut fallback, mut behind) = (None, None);
        for shard in from.iter().chain(before).copied() {
            let Some(status) = self.status_of(shard) else { continue };
            match status.state {
                ShardState::Open | ShardState::Full if is_behind(&status) => behind = Some(shard),
                ShardState::Open => return Ok(shard),
                ShardState::Full => fallback = fallback.or(Some(shard)),
                ShardState::Claiming | ShardState::Halted(_) => {}
            }
        }
        fallback.ok_or_else(|| match behind {
            Some(shard) => too_far_behind(shard),
            None => Refusal::unavailable("no shard of the flow takes starts for now; try again"),
        })
    }

    pub(crate) fn status_of(&self, shard: ShardId) -> Option<ShardStatus> {
        self.parts().owners.status(shard)
    }

    async fn read_input(&self, input: Bytes, deployed: &Deployed) -> Result<Input, Refusal> {
        let flow = deployed.flow.clone();
        let checked = self.compute(input.len(), move || {
            let (value, payload) = payload::read("the input", &input)?;
            let violations = match &flow.input_schema {
                Some(schema) => schema.validate(&value).err(),
                None => None,
            };
            Ok(Input { payload, misfit: violations.map(Refusal::misfit) })
        });
        checked.await?
    }
}

/// An input that is JSON, in compact form, and why it does not fit its flow's schema if so.
struct Input {
    payload: Payload,
    misfit: Option<Refusal>,
}

impl Input {
    fn fitting(self) -> Result<Payload, Refusal> {
        self.misfit.map_or(Ok(self.payload), Err)
    }
}

pub(crate) fn start(id: ExecutionId, deployed: &Deployed, input: Payload, keyed: bool) -> Start {
    let (flow, hash) = (deployed.record.flow.clone(), deployed.record.hash);
    Start { execution: id, flow, hash, input, keyed }
}

/// Refuses a keyed start that its shard does not take now.
pub(crate) fn check_open(shard: ShardId, status: Option<ShardStatus>) -> Result<(), Refusal> {
    match status {
        Some(status) if is_behind(&status) => Err(too_far_behind(shard)),
        Some(ShardStatus { state: ShardState::Open, .. }) => Ok(()),
        Some(ShardStatus { state: ShardState::Full, .. }) => Err(Refusal::new(
            ErrorCode::Overloaded,
            format!("shard {shard} takes no more starts with a key for now; try again"),
        )),
        Some(ShardStatus { state: ShardState::Halted(_), .. }) => {
            Err(Refusal::unavailable(format!("shard {shard} is halted; see /healthz")))
        }
        Some(ShardStatus { state: ShardState::Claiming, .. }) | None => {
            Err(Refusal::unavailable(format!("shard {shard} is being taken over; try again")))
        }
    }
}

/// Whether a shard has more commands waiting than it can decide in a short time.
fn is_behind(status: &ShardStatus) -> bool {
    status.commands_lag > limits::COMMANDS_LAG
}

fn too_far_behind(shard: ShardId) -> Refusal {
    let seconds = limits::COMMANDS_LAG.as_secs();
    let detail = format!("shard {shard} is more than {seconds} s behind its commands; try again");
    Refusal::new(ErrorCode::Overloaded, detail)
}

pub(crate) fn no_shard() -> Refusal {
    tracing::error!("a flow has no shards");
    Refusal::new(ErrorCode::Internal, "the flow has no shards; please report it")
}
