//! Start: an execution comes into being and runs as far as it can.
//!
//! An input that the flow does not take makes a faulted execution, never none: the start was
//! acknowledged.

use flowmill_flow::Json;
use flowmill_model::command::Start;
use flowmill_model::{ErrorCode, Payload, Problem, Timestamp, TraceContext, limits};

use crate::draft::Draft;
use crate::nodes::too_large;
use crate::rejection::Rejection;
use crate::{incident, output};

pub(super) fn decide(
    draft: &mut Draft<'_>,
    start: &Start,
    trace: Option<TraceContext>,
    sent_at: Timestamp,
) -> Result<(), Rejection> {
    if let Some(input) = draft.state.input() {
        return Err(Rejection::AlreadyExists { same_input: *input == start.input });
    }
    if start.hash != draft.flow.hash {
        return Err(Rejection::OtherFlow);
    }
    let value = read(draft, &start.input);
    let input = if value.is_ok() { start.input.clone() } else { Payload::null() };
    let mut started = incident::started(start, input, trace, sent_at, draft.moment);
    let due = draft.flow.timeout.map(|timeout| draft.moment.now.after(timeout));
    started.deadline = due.map(|due| draft.timer(0, due));
    draft.record(started);
    match value.and_then(|value| check(draft, &value)) {
        Err(problem) => draft.fault(None, problem),
        Ok(()) => draft.drain(),
    }
    Ok(())
}

/// Looks at the input of an execution whose start was recorded and not decided.
pub(super) fn admit(draft: &mut Draft<'_>) -> Result<(), Problem> {
    let input = draft.state.input().cloned().unwrap_or_else(Payload::null);
    let value = read(draft, &input)?;
    check(draft, &value)
}

fn read(draft: &mut Draft<'_>, input: &Payload) -> Result<Json, Problem> {
    if input.len() > limits::PAYLOAD_BYTES {
        return Err(too_large(input.len()));
    }
    draft.values.parse(input).map_err(|error| {
        Problem::of(ErrorCode::InvalidInput, format!("the input is no JSON: {error}"))
    })
}

fn check(draft: &Draft<'_>, value: &Json) -> Result<(), Problem> {
    let Some(schema) = &draft.flow.input_schema else { return Ok(()) };
    output::fits(schema, value).map_err(|detail| Problem::of(ErrorCode::InvalidInput, detail))
}

#[cfg(test)]
mod tests {
    use flowmill_model::limits;

    use crate::command::Command;
    use crate::driver::{Driver, around, flow_with, names, text};
    use crate::execution::Status;
    use crate::rejection::Rejection;

    const MAP: &str = "{ id: n, type: map, parameters: { expression: . } }";

    #[test]
    fn an_execution_starts_once() {
        let mut driver = Driver::started(around(MAP), "{\"a\":1}");
        let repeat = driver.start("{\"a\":1}");
        assert_eq!(repeat, Err(Rejection::AlreadyExists { same_input: true }));
        let other = driver.start("{\"a\":2}");
        assert_eq!(other, Err(Rejection::AlreadyExists { same_input: false }));
    }

    #[test]
    fn a_chain_is_one_event_per_node() {
        let mut driver = Driver::new(around(MAP));
        let events = driver.start("1").expect("a first start");
        let node = "node-completed";
        assert_eq!(names(&events), ["started", node, node, node, "completed"]);
        assert_eq!(driver.execution.input().map(text).as_deref(), Some("1"));
    }

    #[test]
    fn an_input_that_is_not_taken_makes_a_faulted_execution() {
        let check = |input: &str, expect: &str| {
            let schema = "input: { schema: { type: object } }";
            let flow = flow_with(schema, &["{ id: n, type: start }"], &[]);
            let driver = Driver::started(flow, input);
            assert_eq!(driver.status(), Status::Faulted, "{expect}");
            assert!(driver.problem().kind.ends_with(expect), "{:?}", driver.problem());
            driver.execution.input().map(text)
        };
        let recorded = |text: &str| Some(text.to_owned());
        assert_eq!(check("5", "/invalid-input"), recorded("5"));
        assert_eq!(check("{", "/invalid-input"), recorded("null"));
        let large = format!("\"{}\"", "x".repeat(limits::PAYLOAD_BYTES));
        assert_eq!(check(&large, "/payload-too-large"), recorded("null"));
    }

    #[test]
    fn a_flow_of_other_content_is_refused() {
        let mut driver = Driver::new(around(MAP));
        let Command::Start { mut start, trace, sent_at } = driver.start_command("1") else {
            unreachable!("it is a start")
        };
        start.hash = flowmill_model::ContentHash::new([0; 32]);
        let refused = driver.apply(&Command::Start { start, trace, sent_at });
        assert_eq!(refused, Err(Rejection::OtherFlow));
    }

    #[test]
    fn nothing_else_can_be_told_to_what_is_not_started() {
        let mut driver = Driver::new(around(MAP));
        assert_eq!(driver.cancel(), Err(Rejection::Unknown));
        assert_eq!(driver.suspend(), Err(Rejection::Unknown));
        assert_eq!(driver.resume(), Err(Rejection::Unknown));
        assert_eq!(driver.signal("go", "1"), Err(Rejection::Unknown));
        assert_eq!(driver.status(), Status::Pending);
    }
}
