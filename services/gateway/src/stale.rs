//! What can be said of an execution while its owner is away.

use flowmill_engine::Execution;
use flowmill_model::{ErrorCode, ExecutionId, NodeIndex};
use flowmill_routing::{ExecutionView, PendingView, Position};
use flowmill_store::{Status, StoreError, StoreFuture};

use crate::acknowledged::AcknowledgedStart;
use crate::reads::Read;
use crate::{Gateway, Refusal};

/// Reads an execution from the store, or else from the memory of acknowledged starts; refuses
/// when neither is known to have seen `after`.
pub(crate) async fn read(
    gateway: &Gateway,
    id: ExecutionId,
    after: Option<Position>,
) -> Result<Read, Refusal> {
    let start = gateway.0.acknowledged.find(id).filter(|start| has_seen(start, after));
    match load(gateway, id).await {
        Ok(Some(execution)) if start.is_some() || covers(gateway, after).await => {
            view(gateway, &execution).map(Read::Stale).ok_or_else(away)
        }
        Ok(_) => accepted(id, start).ok_or_else(away),
        Err(refusal) => accepted(id, start).ok_or(refusal),
    }
}

/// Whether a start is the write that `after` names, or a later one.
fn has_seen(start: &AcknowledgedStart, after: Option<Position>) -> bool {
    after.is_none_or(|position| position.offset <= start.offset)
}

fn accepted(id: ExecutionId, start: Option<AcknowledgedStart>) -> Option<Read> {
    start.map(|start| Read::Accepted { id, flow: start.definition.flow.clone() })
}

fn away() -> Refusal {
    Refusal::unavailable("the execution's shard is being taken over; try again")
}

async fn load(gateway: &Gateway, id: ExecutionId) -> Result<Option<Execution>, Refusal> {
    let loaded = in_time(gateway.parts().store.load(id)).await?;
    let decoded = loaded.map(|checkpoint| Execution::decode(&checkpoint.state)).transpose();
    decoded.map_err(|error| {
        tracing::error!(execution = %id, %error, "a stored execution cannot be read");
        Refusal::new(ErrorCode::Internal, "the stored execution cannot be read; please report it")
    })
}

/// Whether everything up to the position is in the store.
async fn covers(gateway: &Gateway, after: Option<Position>) -> bool {
    let Some(position) = after else { return true };
    let rows = in_time(gateway.parts().store.watermarks(position.shard)).await;
    let reached = |offset| offset > position.offset;
    rows.is_ok_and(|rows| rows.is_some_and(|rows| reached(rows.watermark.positions.commands)))
}

/// Awaits the store's answer, bounded.
pub(crate) async fn in_time<T>(answer: StoreFuture<T>) -> Result<T, Refusal> {
    let late = |_| StoreError::Unavailable("it did not answer in time".into());
    let answer = tokio::time::timeout(flowmill_model::limits::STORE_WAIT, answer).await;
    Ok(answer.map_err(late)??)
}

/// The execution as its owner would show it; `None` when it has not started.
fn view(gateway: &Gateway, execution: &Execution) -> Option<ExecutionView> {
    let (version, hash) = execution.flow()?;
    let flow = gateway.parts().catalogue.get(version, hash).map(|deployed| deployed.flow);
    let node = |index: NodeIndex| {
        let known = flow.as_ref().and_then(|flow| flow.nodes().get(index.index()));
        known.map_or_else(|| format!("#{index}"), |node| node.id.clone())
    };
    let pending = execution.pending().into_iter().map(|pending| PendingView {
        node: node(pending.node),
        reason: pending.reason.as_str().into(),
        attempt: pending.attempt.unwrap_or_default(),
        since: pending.since,
        until: pending.until,
    });
    Some(ExecutionView {
        id: execution.id(),
        flow: version.clone(),
        status: status(execution.status()),
        input: execution.input().cloned()?,
        output: execution.output().cloned(),
        error: execution.error().cloned(),
        started_at: execution.started_at()?,
        ended_at: execution.ended_at(),
        pending: pending.collect(),
    })
}

const fn status(status: flowmill_engine::Status) -> Status {
    match status {
        flowmill_engine::Status::Pending => Status::Pending,
        flowmill_engine::Status::Running => Status::Running,
        flowmill_engine::Status::Waiting => Status::Waiting,
        flowmill_engine::Status::Suspended => Status::Suspended,
        flowmill_engine::Status::Cancelled => Status::Cancelled,
        flowmill_engine::Status::Faulted => Status::Faulted,
        flowmill_engine::Status::Completed => Status::Completed,
    }
}
