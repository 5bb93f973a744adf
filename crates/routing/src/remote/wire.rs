//! Between the messages of `shard.proto` and what they mean.

use std::time::Duration;

use bytes::Bytes;
use flowmill_model::{
    ExecutionId, FlowName, FlowVersion, Name, Offset, Payload, Problem, Sequence, ShardId,
    Timestamp, Version,
};
use flowmill_proto::v1;
use flowmill_proto::v1::outcome_response::Outcome;
use flowmill_proto::v1::shard_status::State;
use flowmill_store::Status;

use crate::owners::{ShardState, ShardStatus};
use crate::view::{CommandOutcome, EventView, ExecutionView, HistoryPage, PendingView, Position};

/// A message that says nothing this build understands; which part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the {0} of a message between nodes cannot be read")]
pub(super) struct Unreadable(pub(super) &'static str);

pub(super) fn put_id(id: ExecutionId) -> Bytes {
    Bytes::copy_from_slice(&id.to_bits().to_be_bytes())
}

pub(super) fn id(bytes: &[u8]) -> Result<ExecutionId, Unreadable> {
    let bits = bytes.try_into().map_err(|_| Unreadable("execution id"))?;
    Ok(ExecutionId::from_bits(u128::from_be_bytes(bits)))
}

pub(super) fn put_position(position: Position) -> v1::Position {
    v1::Position { shard: position.shard.get().into(), offset: position.offset.get() }
}

pub(super) fn position(message: v1::Position) -> Result<Position, Unreadable> {
    Ok(Position { shard: shard(message.shard)?, offset: Offset::new(message.offset) })
}

fn shard(number: u32) -> Result<ShardId, Unreadable> {
    u16::try_from(number).map(ShardId::new).map_err(|_| Unreadable("shard"))
}

pub(super) fn put_status(shard: ShardId, status: ShardStatus) -> v1::ShardStatus {
    let (state, reason) = match status.state {
        ShardState::Claiming => (State::Claiming, String::new()),
        ShardState::Open => (State::Open, String::new()),
        ShardState::Full => (State::Full, String::new()),
        ShardState::Halted(why) => (State::Halted, why),
    };
    v1::ShardStatus {
        shard: shard.get().into(),
        state: state.into(),
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

pub(super) fn status(message: v1::ShardStatus) -> Result<(ShardId, ShardStatus), Unreadable> {
    let state = match message.state() {
        State::Unspecified => return Err(Unreadable("state of a shard")),
        State::Claiming => ShardState::Claiming,
        State::Open => ShardState::Open,
        State::Full => ShardState::Full,
        State::Halted => ShardState::Halted(message.reason),
    };
    let count = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    let status = ShardStatus {
        state,
        epoch: message.epoch,
        actors: count(message.actors),
        commands_waiting: message.commands_waiting,
        commands_lag: Duration::from_millis(message.commands_lag_ms),
        deferred: count(message.deferred),
        credits: count(message.credits),
        projection_lag: message.projection_lag,
        unstored_since: None,
        tasks_in_flight: count(message.tasks_in_flight),
    };
    Ok((shard(message.shard)?, status))
}

pub(super) fn put_execution(view: ExecutionView) -> v1::Execution {
    let FlowVersion { flow: FlowName { namespace, name }, version } = view.flow;
    v1::Execution {
        id: put_id(view.id),
        namespace: namespace.to_string(),
        flow: name.to_string(),
        version: version.to_string(),
        status: view.status.as_str().to_owned(),
        input: view.input.as_bytes().clone(),
        output: view.output.map(|output| output.as_bytes().clone()),
        error: view.error.map(put_problem),
        started_at_ms: view.started_at.as_millis(),
        ended_at_ms: view.ended_at.map(Timestamp::as_millis),
        pending: view.pending.into_iter().map(put_pending).collect(),
    }
}

pub(super) fn execution(message: v1::Execution) -> Result<ExecutionView, Unreadable> {
    let name = |text: &str| Name::new(text).map_err(|_| Unreadable("name of a flow"));
    let flow = FlowName { namespace: name(&message.namespace)?, name: name(&message.flow)? };
    let version = Version::new(&message.version).map_err(|_| Unreadable("version of a flow"))?;
    Ok(ExecutionView {
        id: id(&message.id)?,
        flow: FlowVersion { flow, version },
        status: Status::parse(&message.status).ok_or(Unreadable("status"))?,
        input: Payload::new(message.input),
        output: message.output.map(Payload::new),
        error: message.error.map(problem).transpose()?,
        started_at: Timestamp::from_millis(message.started_at_ms),
        ended_at: message.ended_at_ms.map(Timestamp::from_millis),
        pending: message.pending.into_iter().map(pending).collect(),
    })
}

fn put_problem(problem: Problem) -> v1::Problem {
    let Problem { kind, status, title, detail, instance } = problem;
    v1::Problem { r#type: kind, status: status.into(), title, detail, instance }
}

fn problem(message: v1::Problem) -> Result<Problem, Unreadable> {
    let v1::Problem { r#type: kind, status, title, detail, instance } = message;
    let status = u16::try_from(status).map_err(|_| Unreadable("status of a problem"))?;
    Ok(Problem { kind, status, title, detail, instance })
}

fn put_pending(view: PendingView) -> v1::Pending {
    v1::Pending {
        node: view.node,
        reason: view.reason.into_owned(),
        attempt: view.attempt,
        since_ms: view.since.as_millis(),
        until_ms: view.until.map(Timestamp::as_millis),
    }
}

fn pending(message: v1::Pending) -> PendingView {
    PendingView {
        node: message.node,
        reason: message.reason.into(),
        attempt: message.attempt,
        since: Timestamp::from_millis(message.since_ms),
        until: message.until_ms.map(Timestamp::from_millis),
    }
}

pub(super) fn put_history(page: Option<HistoryPage>) -> v1::HistoryResponse {
    let known = page.is_some();
    let HistoryPage { events, next } = page.unwrap_or(HistoryPage { events: vec![], next: None });
    v1::HistoryResponse {
        known,
        events: events.into_iter().map(put_event).collect(),
        next: next.map(Sequence::get),
    }
}

pub(super) fn history(message: v1::HistoryResponse) -> Option<HistoryPage> {
    let events = message.events.into_iter().map(event).collect();
    message.known.then(|| HistoryPage { events, next: message.next.map(Sequence::new) })
}

fn put_event(view: EventView) -> v1::Event {
    v1::Event {
        sequence: view.sequence.get(),
        at_ms: view.at.as_millis(),
        name: view.name,
        node: view.node,
        detail: view.detail.as_bytes().clone(),
    }
}

fn event(message: v1::Event) -> EventView {
    EventView {
        sequence: Sequence::new(message.sequence),
        at: Timestamp::from_millis(message.at_ms),
        name: message.name,
        node: message.node,
        detail: Payload::new(message.detail),
    }
}

pub(super) fn put_outcome(outcome: CommandOutcome) -> v1::OutcomeResponse {
    let (outcome, reason) = match outcome {
        CommandOutcome::Applied => (Outcome::Applied, String::new()),
        CommandOutcome::Exists => (Outcome::Exists, String::new()),
        CommandOutcome::KeyReused => (Outcome::KeyReused, String::new()),
        CommandOutcome::Unknown => (Outcome::Unknown, String::new()),
        CommandOutcome::Refused(why) => (Outcome::Refused, why),
        CommandOutcome::Forgotten => (Outcome::Forgotten, String::new()),
        CommandOutcome::Unchanged => (Outcome::Unchanged, String::new()),
        CommandOutcome::Conflict(why) => (Outcome::Conflict, why),
    };
    v1::OutcomeResponse { outcome: outcome.into(), reason }
}

pub(super) fn outcome(message: v1::OutcomeResponse) -> Result<CommandOutcome, Unreadable> {
    Ok(match message.outcome() {
        Outcome::Unspecified => return Err(Unreadable("outcome of a command")),
        Outcome::Applied => CommandOutcome::Applied,
        Outcome::Exists => CommandOutcome::Exists,
        Outcome::KeyReused => CommandOutcome::KeyReused,
        Outcome::Unknown => CommandOutcome::Unknown,
        Outcome::Refused => CommandOutcome::Refused(message.reason),
        Outcome::Forgotten => CommandOutcome::Forgotten,
        Outcome::Unchanged => CommandOutcome::Unchanged,
        Outcome::Conflict => CommandOutcome::Conflict(message.reason),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view() -> ExecutionView {
        ExecutionView {
            id: ExecutionId::from_bits(0x0001_0000_0000_0000_0000_0000_0000_00ff),
            flow: FlowVersion {
                flow: FlowName {
                    namespace: Name::new("shop").unwrap(),
                    name: Name::new("orders").unwrap(),
                },
                version: Version::new("1.0.0").unwrap(),
            },
            status: Status::Waiting,
            input: Payload::from("{}"),
            output: Some(Payload::from("1")),
            error: Some(Problem::new("k", 500, "t").with_detail("d").with_instance("/nodes/1")),
            started_at: Timestamp::from_millis(1),
            ended_at: Some(Timestamp::from_millis(2)),
            pending: vec![PendingView {
                node: "n".into(),
                reason: "signal".into(),
                attempt: 3,
                since: Timestamp::from_millis(4),
                until: Some(Timestamp::from_millis(5)),
            }],
        }
    }

    #[test]
    fn an_execution_survives_the_way() {
        assert_eq!(execution(put_execution(view())), Ok(view()));
        let bare =
            ExecutionView { output: None, error: None, ended_at: None, pending: vec![], ..view() };
        assert_eq!(execution(put_execution(bare.clone())), Ok(bare));
    }

    #[test]
    fn every_outcome_survives_the_way() {
        for told in [
            CommandOutcome::Applied,
            CommandOutcome::Exists,
            CommandOutcome::KeyReused,
            CommandOutcome::Unknown,
            CommandOutcome::Refused("why".into()),
            CommandOutcome::Forgotten,
            CommandOutcome::Unchanged,
            CommandOutcome::Conflict("why".into()),
        ] {
            assert_eq!(outcome(put_outcome(told.clone())), Ok(told));
        }
    }

    #[test]
    fn a_status_survives_the_way() {
        let shard = ShardId::new(7);
        for state in [
            ShardState::Claiming,
            ShardState::Open,
            ShardState::Full,
            ShardState::Halted("why".into()),
        ] {
            let told = ShardStatus {
                state,
                epoch: 1,
                actors: 2,
                commands_waiting: 3,
                commands_lag: Duration::from_millis(4),
                deferred: 5,
                credits: 6,
                projection_lag: 7,
                unstored_since: None,
                tasks_in_flight: 8,
            };
            assert_eq!(status(put_status(shard, told.clone())), Ok((shard, told)));
        }
    }

    #[test]
    fn a_history_page_survives_the_way_and_an_unknown_one_stays_unknown() {
        let page = HistoryPage {
            events: vec![EventView {
                sequence: Sequence::new(1),
                at: Timestamp::from_millis(2),
                name: "started".into(),
                node: Some("n".into()),
                detail: Payload::from("{}"),
            }],
            next: Some(Sequence::new(2)),
        };
        assert_eq!(history(put_history(Some(page.clone()))), Some(page));
        assert_eq!(history(put_history(None)), None);
    }

    #[test]
    fn what_is_absurd_is_refused() {
        assert_eq!(id(&[0; 15]), Err(Unreadable("execution id")));
        let far = v1::Position { shard: 1 << 16, offset: 0 };
        assert_eq!(position(far), Err(Unreadable("shard")));
        let mut message = put_execution(view());
        message.status = "asleep".into();
        assert_eq!(execution(message), Err(Unreadable("status")));
        assert!(outcome(v1::OutcomeResponse { outcome: 99, reason: String::new() }).is_err());
    }
}
