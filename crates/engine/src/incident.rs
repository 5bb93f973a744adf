//! What happens to an execution from the outside of its flow: quarantine and fault.
//!
//! These decisions need no flow and evaluate no expression, so they can be made when deciding is
//! what failed.

use flowmill_flow::Json;
use flowmill_model::command::Start;
use flowmill_model::event::{Event, Faulted, InputKept, Quarantined, Started};
use flowmill_model::history::Blob;
use flowmill_model::{Payload, Problem, Timestamp, TraceContext, limits};

use crate::command::Moment;
use crate::decide::Decision;
use crate::evolve::evolve;
use crate::execution::Execution;
use crate::rejection::{Rejection, Unexpected};

/// Suspends an execution whose input could not be decided (its transition panicked), and keeps
/// that input until it is resumed. An input that comes again by itself, a timer, is not kept. The
/// execution is started; for one that is not there is [`quarantine_start`].
///
/// An execution whose state cannot hold the input faults: nothing is dropped silently. One that
/// has ended stays as it is (no events).
pub fn quarantine(
    execution: &Execution,
    problem: Problem,
    input: Option<Blob>,
    moment: &Moment,
) -> Decision {
    let problem = bounded(problem);
    if input.as_ref().is_some_and(|input| !has_room(execution, input)) {
        return fault(execution, problem, moment);
    }
    fold(execution, vec![Quarantined { problem, input, at: moment.now }.into()])
}

/// Starts an execution whose start could not be decided, suspended before its first node. It
/// holds the start itself, so there is nothing to keep; resuming it runs it from its beginning.
pub fn quarantine_start(
    execution: &Execution,
    start: &Start,
    trace: Option<TraceContext>,
    sent_at: Timestamp,
    problem: Problem,
    moment: &Moment,
) -> Decision {
    let problem = bounded(problem);
    let started = started(start, recorded(start), trace, sent_at, moment).into();
    fold(execution, vec![started, Quarantined { problem, input: None, at: moment.now }.into()])
}

/// Keeps an input of a quarantined execution, as it was read, until it is resumed.
///
/// # Errors
/// [`Rejection::AlreadyEnded`]; [`Rejection::NotExpected`] of one that is not quarantined, whose
/// inputs can be decided; [`Rejection::TooManyInputs`] of one that keeps as many as it may.
pub fn keep_input(execution: &Execution, input: Blob) -> Result<Decision, Rejection> {
    if execution.is_ended() {
        return Err(Rejection::AlreadyEnded);
    }
    if !execution.is_quarantined() {
        return Err(Rejection::NotExpected(Unexpected::NotQuarantined));
    }
    let kept = execution.kept_inputs().len();
    if kept >= limits::QUARANTINED_INPUTS || !has_room(execution, &input) {
        return Err(Rejection::TooManyInputs);
    }
    Ok(fold(execution, vec![InputKept { input }.into()]))
}

/// Ends an execution by an error that is none of its nodes'. One that has ended stays as it is
/// (no events). The execution is started; for one that is not there is [`fault_start`].
pub fn fault(execution: &Execution, problem: Problem, moment: &Moment) -> Decision {
    let cleared = execution.timers.keys().copied().collect();
    let problem = bounded(problem);
    fold(execution, vec![Faulted { problem, activation: None, cleared, at: moment.now }.into()])
}

/// Starts an execution and ends it by an error at once: its start cannot be decided as it is. An
/// input that is too large or no JSON is recorded as `null`.
pub fn fault_start(
    execution: &Execution,
    start: &Start,
    trace: Option<TraceContext>,
    sent_at: Timestamp,
    problem: Problem,
    moment: &Moment,
) -> Decision {
    let mut decision =
        fold(execution, vec![started(start, recorded(start), trace, sent_at, moment).into()]);
    let faulted = fault(&decision.after, problem, moment);
    decision.events.extend(faulted.events);
    Decision { after: faulted.after, ..decision }
}

/// What is recorded as the input of a start that was not decided: JSON of a size that the state
/// can hold, whatever was sent.
fn recorded(start: &Start) -> Payload {
    let input = &start.input;
    let fits = input.len() <= limits::PAYLOAD_BYTES && Json::parse(input.as_bytes()).is_ok();
    if fits { input.clone() } else { Payload::null() }
}

/// The start of an execution with this input, without a deadline.
pub(crate) fn started(
    start: &Start,
    input: Payload,
    trace: Option<TraceContext>,
    sent_at: Timestamp,
    moment: &Moment,
) -> Started {
    Started {
        flow: start.flow.clone(),
        hash: start.hash,
        input,
        trace,
        sent_at,
        at: moment.now,
        deadline: None,
    }
}

fn fold(execution: &Execution, events: Vec<Event>) -> Decision {
    let mut after = execution.clone();
    if execution.is_ended() {
        return Decision { events: Vec::new(), after };
    }
    events.iter().for_each(|event| evolve(&mut after, event));
    Decision { events, after }
}

fn has_room(execution: &Execution, input: &Blob) -> bool {
    execution.encoded_size().saturating_add(input.0.len()) <= limits::STATE_BYTES
}

/// A problem whose texts are cut to their limit: an error must not outgrow its payload.
pub(crate) fn bounded(mut problem: Problem) -> Problem {
    let texts = [Some(&mut problem.kind), Some(&mut problem.title)];
    let rest = [problem.detail.as_mut(), problem.instance.as_mut()];
    for text in texts.into_iter().chain(rest).flatten() {
        if let Some((end, _)) = text.char_indices().nth(limits::PROBLEM_DETAIL_CHARS) {
            text.truncate(end);
        }
    }
    problem
}

/// The problem as a value for expressions.
pub(crate) fn json(problem: &Problem) -> Json {
    let optional = |text: &Option<String>| text.as_ref().map_or_else(Json::null, Json::string);
    Json::object([
        ("type", Json::string(&problem.kind)),
        ("status", Json::from(u64::from(problem.status))),
        ("title", Json::string(&problem.title)),
        ("detail", optional(&problem.detail)),
        ("instance", optional(&problem.instance)),
    ])
}

#[cfg(test)]
mod tests {
    use flowmill_model::ErrorCode;
    use flowmill_model::task::Outcome;

    use super::*;
    use crate::command::{Command, Whereabouts};
    use crate::driver::{Driver, around, names, payload};
    use crate::execution::{Status, TimerKind};

    #[test]
    fn a_problem_fits_the_schema_of_error_ports() {
        let outputs = flowmill_flow::built_in_type("task").expect("a type").manifest.outputs();
        let schema = flowmill_flow::Schema::compile(&outputs[1].schema().into()).expect("a schema");
        let bare = Problem::new("about:blank", 500, "No");
        for problem in [bare.clone(), bare.with_detail("none left").with_instance("/nodes/1")] {
            assert_eq!(schema.validate(&json(&problem)), Ok(()));
        }
    }

    fn panicked() -> Problem {
        Problem::of(ErrorCode::Quarantined, "the engine panicked")
    }

    fn blob(bytes: usize) -> Blob {
        Blob(vec![7; bytes].into())
    }

    fn running() -> Driver {
        Driver::started(around("{ id: n, type: task, parameters: { type: t } }"), "1")
    }

    fn quarantined() -> Driver {
        let mut driver = running();
        let moment = driver.moment();
        driver.take(quarantine(&driver.execution.clone(), panicked(), Some(blob(3)), &moment));
        driver
    }

    #[test]
    fn a_quarantined_execution_stands_still_and_keeps_its_inputs() {
        let mut driver = quarantined();
        assert_eq!(driver.status(), Status::Suspended);
        assert_eq!(driver.problem(), panicked());
        let kept = keep_input(&driver.execution, blob(4)).expect("there is room");
        assert_eq!(names(&driver.take(kept)), ["input-kept"]);
        assert_eq!(driver.execution.kept_inputs(), [blob(3), blob(4)]);
        let task = driver.task("n");
        let done = Outcome::Completed(payload("1"));
        assert_eq!(driver.report(&task, done.clone()), Err(Rejection::Quarantined));
        driver.resume().expect("it is suspended");
        assert_eq!(driver.status(), Status::Running);
        assert!(driver.execution.kept_inputs().is_empty());
        assert_eq!(driver.execution.error(), None);
        driver.report(&task, done).expect("it is decided now");
        assert_eq!(driver.output(), "1");
    }

    #[test]
    fn timers_rest_in_a_quarantine() {
        let mut driver = quarantined();
        let held = driver.fire_due(TimerKind::Attempt, Whereabouts::NotSent);
        assert_eq!(names(&held), ["timer-held"]);
        driver.resume().expect("it is suspended");
        let events = driver.fire_due(TimerKind::Attempt, Whereabouts::NotSent);
        assert_eq!(names(&events), ["task-redispatched"]);
    }

    #[test]
    fn a_quarantined_execution_can_be_cancelled() {
        let mut driver = quarantined();
        driver.cancel().expect("it has not ended");
        assert_eq!(driver.status(), Status::Cancelled);
        assert_eq!(keep_input(&driver.execution, blob(1)), Err(Rejection::AlreadyEnded));
    }

    #[test]
    fn inputs_are_kept_up_to_a_number_and_a_size() {
        let mut driver = quarantined();
        while driver.execution.kept_inputs().len() < limits::QUARANTINED_INPUTS {
            let kept = keep_input(&driver.execution, blob(1)).expect("there is room");
            driver.take(kept);
        }
        assert_eq!(keep_input(&driver.execution, blob(1)), Err(Rejection::TooManyInputs));
        let large = blob(limits::STATE_BYTES);
        assert_eq!(
            keep_input(&quarantined().execution, large.clone()),
            Err(Rejection::TooManyInputs)
        );
        let mut driver = running();
        let moment = driver.moment();
        driver.take(quarantine(&driver.execution.clone(), panicked(), Some(large), &moment));
        assert_eq!(driver.status(), Status::Faulted, "an input must not be dropped silently");
    }

    #[test]
    fn an_execution_whose_start_panicked_runs_when_it_is_resumed() {
        let mut driver = Driver::new(around("{ id: n, type: map, parameters: { expression: . } }"));
        let Command::Start { start, trace, sent_at } = driver.start_command("5") else {
            unreachable!("it is a start")
        };
        let (before, moment) = (driver.execution.clone(), driver.moment());
        driver.take(quarantine_start(&before, &start, trace, sent_at, panicked(), &moment));
        assert_eq!(driver.status(), Status::Suspended);
        driver.resume().expect("it is suspended");
        assert_eq!(driver.output(), "5");
    }

    #[test]
    fn a_start_that_cannot_be_decided_is_a_faulted_execution() {
        let mut driver = Driver::new(around("{ id: n, type: map, parameters: { expression: . } }"));
        let Command::Start { start, trace, sent_at } = driver.start_command("5") else {
            unreachable!("it is a start")
        };
        let (before, moment) = (driver.execution.clone(), driver.moment());
        let expired = Problem::of(ErrorCode::DeferralExpired, "x".repeat(10_000));
        let events = driver.take(fault_start(&before, &start, trace, sent_at, expired, &moment));
        assert_eq!(names(&events), ["started", "faulted"]);
        let detail = driver.problem().detail.map(|detail| detail.len());
        assert_eq!(detail, Some(limits::PROBLEM_DETAIL_CHARS));
        let again = fault(&driver.execution, panicked(), &moment);
        assert!(again.events.is_empty(), "what has ended stays as it is");
    }
}
