//! What the benches measure on: a flow of the size people write, and an execution of it at every
//! point where something is decided.

use flowmill_engine::{Command, Decision, Execution, Moment, decide};
use flowmill_flow::{Flow, Format, compile};
use flowmill_model::command::Start;
use flowmill_model::event::Event;
use flowmill_model::history::{Batch, HistoryRecord, InputPositions, Transition};
use flowmill_model::task::{Outcome, ResultRecord};
use flowmill_model::{BatchNumber, Epoch, ExecutionId, Payload, ShardId, TaskId, Timestamp};

/// start, filter, map, task, map, end.
const ORDERS: &str = r#"
flowmill: 1
document: { namespace: bench, name: orders, version: 1.0.0 }
nodes:
  - { id: source, type: start }
  - { id: big, type: filter, parameters: { condition: ".total > 100" } }
  - { id: shape, type: map, parameters: { expression: "{id: .order_id, amount: .total}" } }
  - { id: charge, type: task, parameters: { type: charge, input: "${ . }" } }
  - { id: receipt, type: map, parameters: { expression: "{order: $input.order_id, receipt: .id}" } }
  - { id: done, type: end }
connections:
  - source.out -> big.in
  - big.out -> shape.in
  - shape.out -> charge.in
  - charge.out -> receipt.in
  - receipt.out -> done.in
"#;

/// An input of the size of an order.
const INPUT: &str = r#"{"order_id":"order-0001","total":180,"currency":"EUR","lines":[
{"sku":"a-1","quantity":2,"price":40},{"sku":"b-2","quantity":1,"price":100}],
"customer":{"id":"c-77","country":"DE","email":"kim@example.com"}}"#;

/// The moment of every decision here.
pub const MOMENT: Moment = Moment { now: Timestamp::from_millis(1_767_323_045_678), seed: 7 };

/// The flow.
pub fn flow() -> Flow {
    compile(ORDERS.as_bytes(), Format::Yaml).expect("the sample compiles")
}

/// The text of the input.
pub const fn input() -> &'static str {
    INPUT
}

/// An execution that is not there yet.
pub const fn nothing() -> Execution {
    Execution::new(ExecutionId::new(ShardId::new(1), 42))
}

/// Its start: filter, map and the scheduling of a task.
pub fn start(flow: &Flow) -> Command {
    let start = Start {
        execution: ExecutionId::new(ShardId::new(1), 42),
        flow: flow.document.flow_version(),
        hash: flow.hash,
        input: Payload::from(INPUT),
        keyed: false,
    };
    Command::Start { start, trace: None, sent_at: MOMENT.now }
}

/// What the start decides.
pub fn started(flow: &Flow) -> Decision {
    decide(flow, &nothing(), &start(flow), &MOMENT).expect("a start is decided")
}

/// The task's result: a map and the end.
pub fn report(execution: &Execution) -> Command {
    let task = execution.tasks().next().expect("the start scheduled a task");
    let id = TaskId {
        execution: ExecutionId::new(ShardId::new(1), 42),
        activation: task.activation,
        attempt: task.attempt,
    };
    let outcome = Outcome::Completed(Payload::from(r#"{"id":"receipt-1","state":"charged"}"#));
    Command::Report(ResultRecord { id, token: task.token, outcome, trace: None })
}

/// A commit of so many starts, as it goes into the log.
pub fn batch(flow: &Flow, transitions: usize) -> HistoryRecord {
    let decided = started(flow).events;
    let (count, events) = (decided.len(), Event::encode_all(&decided));
    let count = u32::try_from(count).expect("a start decides few events");
    let transition = |number: usize| Transition {
        execution: ExecutionId::new(ShardId::new(1), number as u128),
        first: Default::default(),
        count,
        events: flowmill_model::history::Blob(events.clone().into()),
    };
    HistoryRecord::Batch(Box::new(Batch {
        epoch: Epoch::new(1),
        number: BatchNumber::new(1),
        generation: 0,
        at: MOMENT.now,
        positions: InputPositions::default(),
        mark: BatchNumber::new(0),
        resolved: vec![],
        deferred: vec![],
        rejected: vec![],
        transitions: (0..transitions).map(transition).collect(),
        definitions: vec![],
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sample_runs_from_its_start_to_its_end() {
        let flow = flow();
        let started = started(&flow).after;
        let ended = decide(&flow, &started, &report(&started), &MOMENT).unwrap().after;
        assert!(ended.is_ended());
        assert!(ended.error().is_none());
    }

    #[test]
    fn a_commit_can_be_read_again() {
        let record = batch(&flow(), 10);
        assert_eq!(HistoryRecord::decode(&record.encode()).unwrap(), record);
    }
}
