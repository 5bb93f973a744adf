//! From what the engine says to what the API shows.

use flowmill_api::{
    ConnectionDto, EventDto, ExecutionDto, ExecutionStatus, FlowDto, FlowVersionDto,
    HistoryPageDto, ListedDto, PendingDto, QueueDto, RawJson, ShardDto, StartAccepted, VerdictDto,
};
use flowmill_catalog::Deployed;
use flowmill_flow::{Flow, Type, Verdict};
use flowmill_model::{ExecutionId, FlowName, Payload, ShardId, Timestamp, Version};
use flowmill_routing::{
    EventView, ExecutionView, HistoryPage, PendingView, ShardState, ShardStatus,
};
use flowmill_store::{Listing, Status};

use super::problem;
use crate::{QueueFigures, Read, Started};

pub(super) const fn status(status: Status) -> ExecutionStatus {
    match status {
        Status::Pending => ExecutionStatus::Pending,
        Status::Running => ExecutionStatus::Running,
        Status::Waiting => ExecutionStatus::Waiting,
        Status::Suspended => ExecutionStatus::Suspended,
        Status::Cancelled => ExecutionStatus::Cancelled,
        Status::Faulted => ExecutionStatus::Faulted,
        Status::Completed => ExecutionStatus::Completed,
    }
}

/// A payload as it is. One that is no JSON cannot get into the engine; it would show as `null`.
pub(super) fn raw(payload: &Payload) -> Option<RawJson> {
    let raw = RawJson::from_bytes(payload.as_bytes());
    raw.inspect_err(|_| tracing::error!("a payload is no JSON")).ok()
}

fn time(at: Timestamp) -> String {
    at.to_string()
}

pub(super) fn started(started: &Started) -> StartAccepted {
    StartAccepted {
        id: started.id,
        flow: started.flow.flow.to_string(),
        version: started.flow.version.to_string(),
        status: status(started.status),
    }
}

pub(super) fn read(read: Read) -> ExecutionDto {
    match read {
        Read::Current(view) => execution(view),
        Read::Stale(view) => ExecutionDto { stale: true, ..execution(view) },
        Read::Accepted { id, flow } => ExecutionDto {
            id,
            flow: flow.flow.to_string(),
            version: flow.version.to_string(),
            status: ExecutionStatus::Pending,
            input: None,
            output: None,
            error: None,
            started_at: None,
            ended_at: None,
            stale: true,
            pending: Vec::new(),
        },
    }
}

pub(super) fn execution(view: ExecutionView) -> ExecutionDto {
    ExecutionDto {
        id: view.id,
        flow: view.flow.flow.to_string(),
        version: view.flow.version.to_string(),
        status: status(view.status),
        input: raw(&view.input),
        output: view.output.as_ref().and_then(raw),
        error: view.error.map(problem::fault),
        started_at: Some(time(view.started_at)),
        ended_at: view.ended_at.map(time),
        stale: false,
        pending: view.pending.into_iter().map(pending).collect(),
    }
}

fn pending(view: PendingView) -> PendingDto {
    PendingDto {
        node: view.node,
        reason: view.reason.into_owned(),
        attempt: (view.attempt > 0).then_some(view.attempt),
        since: time(view.since),
        until: view.until.map(time),
    }
}

pub(super) fn history(page: HistoryPage) -> HistoryPageDto {
    HistoryPageDto {
        events: page.events.into_iter().map(event).collect(),
        next: page.next.map(|next| next.to_string()),
    }
}

fn event(view: EventView) -> EventDto {
    let nothing = || RawJson::from_text("{}").expect("an empty object is JSON");
    EventDto {
        sequence: view.sequence.get(),
        at: time(view.at),
        kind: view.name,
        node: view.node,
        detail: raw(&view.detail).unwrap_or_else(nothing),
    }
}

pub(super) fn listed((id, listing): (ExecutionId, Listing)) -> ListedDto {
    ListedDto {
        id,
        flow: listing.flow.flow.to_string(),
        version: listing.flow.version.to_string(),
        status: status(listing.status),
        started_at: time(listing.started_at),
        ended_at: listing.ended_at.map(time),
    }
}

/// A flow as lists show it.
pub(super) fn flow(name: &FlowName, default: &Version, mut versions: Vec<Deployed>) -> FlowDto {
    versions.sort_by_key(|deployed| deployed.record.deployed_at);
    FlowDto {
        flow: name.to_string(),
        namespace: name.namespace.to_string(),
        name: name.name.to_string(),
        default: default.to_string(),
        versions: versions.iter().map(flow_version).collect(),
        definition: None,
        connections: Vec::new(),
    }
}

fn flow_version(deployed: &Deployed) -> FlowVersionDto {
    FlowVersionDto {
        version: deployed.record.flow.version.to_string(),
        title: deployed.flow.document.title.clone(),
        hash: deployed.record.hash.to_string(),
        deployed_at: time(deployed.record.deployed_at),
    }
}

pub(super) fn definition(deployed: &Deployed) -> Option<RawJson> {
    raw(&deployed.record.source)
}

/// The connections of a flow with their verdicts.
pub(super) fn connections(flow: &Flow) -> Vec<ConnectionDto> {
    let connections = flow.connections().iter().map(|connection| {
        let fit = &connection.fit;
        ConnectionDto {
            from: flow.source_of(connection),
            to: flow.target_of(connection),
            verdict: verdict(&fit.verdict),
            given: fit.taken.as_ref().map(|_| fit.given.describe()),
            taken: fit.taken.as_ref().map(Type::describe),
            why: fit.why(),
        }
    });
    connections.collect()
}

const fn verdict(verdict: &Verdict) -> VerdictDto {
    match verdict {
        Verdict::Exact => VerdictDto::Exact,
        Verdict::Subtype => VerdictDto::Subtype,
        Verdict::Convertible { .. } => VerdictDto::Convertible,
        Verdict::RuntimeCheck { .. } => VerdictDto::RuntimeCheck,
        Verdict::Incompatible { .. } => VerdictDto::Incompatible,
    }
}

pub(super) fn shard((shard, status): (ShardId, ShardStatus)) -> ShardDto {
    let (state, reason) = match status.state {
        ShardState::Claiming => ("claiming", None),
        ShardState::Open => ("open", None),
        ShardState::Full => ("full", None),
        ShardState::Halted(why) => ("halted", Some(why)),
    };
    ShardDto {
        shard: shard.get(),
        state: state.to_owned(),
        reason,
        epoch: status.epoch,
        actors: status.actors as u64,
        commands_waiting: status.commands_waiting,
        commands_lag_ms: u64::try_from(status.commands_lag.as_millis()).unwrap_or(u64::MAX),
        deferred: status.deferred as u64,
        credits: status.credits as u64,
        projection_lag: status.projection_lag,
        tasks_in_flight: status.tasks_in_flight as u64,
    }
}

/// A shard that no node is known to have.
pub(super) fn unowned(shard: ShardId) -> ShardDto {
    ShardDto { state: "unowned".to_owned(), ..self::shard((shard, ShardStatus::default())) }
}

pub(super) fn queue(figures: QueueFigures) -> QueueDto {
    let QueueFigures { queue, active, waiting } = figures;
    // Looked at within moments of the start; until then, none is known of.
    QueueDto { queue, active, waiting: waiting.unwrap_or_default() }
}
